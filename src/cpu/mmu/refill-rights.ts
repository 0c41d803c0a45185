/** What generated code must know to walk page tables by itself (emit/tlb-refill.ts): where they are, and who may what. */
import { TLB_NONE, TLB_SUPERVISOR, TLB_SUPERVISOR_AC, TLB_USER } from '../emit/tlb-layout.ts';
import { NESTED_READ, NESTED_SCALE } from '../engine.ts';
import * as state from '../state.ts';
import type { NestedCache } from './nested-cache.ts';
import { RW, US } from './walk.ts';

/** Generated code asks TypeScript: what `allowRefill` looked at is about to change, or did. */
export function forbidRefill(cpu: state.VcpuState): void {
  cpu.setU32(state.OFFSET_WALK_ROOT, 0);
}

/** Lets generated code walk the tables of CR3, if they are those of long mode, with XD in use. */
export function allowRefill(cpu: state.VcpuState, nested: NestedCache): void {
  if (cpu.u32(state.OFFSET_WALK_ROOT) !== 0) return;
  const efer = cpu.u32(state.OFFSET_EFER);
  const cr0 = cpu.u32(state.OFFSET_CR0);
  if ((cr0 & state.CR0_PG) === 0 || (efer & LONG_MODE_WITH_XD) !== LONG_MODE_WITH_XD) return;
  const cr4 = cpu.u32(state.OFFSET_CR4);
  const kernel = (cr4 & state.CR4_SMAP) !== 0 ? US : 0;
  const write = (cr0 & state.CR0_WP) !== 0 ? RW : 0;
  setRights(cpu, TLB_SUPERVISOR, kernel, write, 0);
  setRights(cpu, TLB_SUPERVISOR_AC, 0, write, 0);
  setRights(cpu, TLB_USER, US, RW, US);
  setRights(cpu, TLB_NONE, 0, 0, US);
  cpu.setU32(state.OFFSET_WALK_GLOBAL, (cr4 & state.CR4_PGE) !== 0 ? 1 : 0);
  setRoot(cpu, nested);
}

/** CR3 changed: where generated code walked the tables before, it walks the new ones. */
export function moveRefill(cpu: state.VcpuState, nested: NestedCache): void {
  if (cpu.u32(state.OFFSET_WALK_ROOT) !== 0) setRoot(cpu, nested);
}

const LONG_MODE_WITH_XD = state.EFER_LMA | state.EFER_NXE;

function setRoot(cpu: state.VcpuState, nested: NestedCache): void {
  const gfn = (cpu.u32(state.OFFSET_CR3 + 4) & 0xfffff) * 0x100000 + (cpu.u32(state.OFFSET_CR3) >>> 12);
  const root = nested.lookup(gfn, NESTED_READ);
  cpu.setU32(
    state.OFFSET_WALK_ROOT,
    root < 0 || (root & NESTED_READ) === 0 ? 0 : Math.floor(root / NESTED_SCALE) * 4096,
  );
}

// What of an entry's bits matters to everybody, what to writes besides, and what the former must be.
function setRights(cpu: state.VcpuState, tlb: number, mask: number, write: number, wanted: number): void {
  const at = state.OFFSET_WALK_RIGHTS + tlb * state.WALK_RIGHTS_SIZE;
  cpu.setU16(at + state.WALK_RIGHTS_READ, mask | (wanted << 8));
  cpu.setU16(at + state.WALK_RIGHTS_WRITE, mask | write | ((wanted | write) << 8));
}
