/**
 * Nested paging of SVM (APM vol. 2, 15.25): what a guest's guest takes for physical addresses goes through tables of the
 * guest's own, in the format of the guest's paging, as accesses of user mode.
 */
import { NESTED_EXECUTE, NESTED_READ, NESTED_REFUSED, NESTED_SCALE, NESTED_WRITE } from '../engine.ts';
import type { NestedPaging, RefusedAccess } from '../engine.ts';
import type { CodeWatch } from '../mmu/bus.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type OuterStage,
  PRIVILEGE_USER,
  WALK_OK,
  WALK_REFUSED,
  Walker,
} from '../mmu/walk.ts';
import * as state from '../state.ts';
import type { PhysicalMemory } from './physical-memory.ts';

const PAGE = 4096;
/** Outside of long mode nested tables translate 32 bits. */
const LEGACY_FRAMES = 2 ** 20;

export class NestedPages implements NestedPaging, OuterStage {
  /** The registers that the tables are walked by. */
  readonly #registers = new state.VcpuState(new ArrayBuffer(state.VCPU_STATE_SIZE), 0);
  readonly #memory: PhysicalMemory;
  readonly #walker: Walker;
  /** Error code of the page fault that the last refusal was; undefined where the p2m behind refused. */
  errorCode: number | undefined;

  /** `nested` is what the guest's own physical addresses go through. */
  constructor(machine: MachineMemory, nested: NestedPaging, memory: PhysicalMemory, code: CodeWatch) {
    this.#memory = memory;
    this.#walker = new Walker(this.#registers, machine, nested, code);
    this.#walker.reservesGlobal = true;
  }

  /** What the p2m behind refused, if that is what the last refusal was. */
  get refusedBehind(): RefusedAccess | undefined {
    return this.errorCode === undefined ? this.#walker.refused : undefined;
  }

  /** Sets the tables, and by the guest's own CR4 and EFER their format. */
  use(nCr3: bigint, cr4: number, efer: number): void {
    const registers = this.#registers;
    registers.setU32(state.OFFSET_CR0, (state.CR0_PG | state.CR0_PE | state.CR0_WP) >>> 0);
    registers.setU64(state.OFFSET_CR3, nCr3);
    registers.setU32(state.OFFSET_CR4, cr4 & (state.CR4_PAE | state.CR4_PSE | state.CR4_SMEP));
    registers.setU32(state.OFFSET_EFER, efer & (state.EFER_LMA | state.EFER_NXE));
    if (!this.#isLong() && (cr4 & state.CR4_PAE) !== 0) this.#loadPdptes(Number(nCr3 & 0xffffffe0n));
  }

  lookup(gfn: number, intent = NESTED_READ): number {
    const walker = this.#walker;
    const access = intent === NESTED_WRITE ? ACCESS_WRITE : intent === NESTED_EXECUTE ? ACCESS_EXECUTE : ACCESS_READ;
    if (!this.#isLong() && gfn >= LEGACY_FRAMES) return this.#refuse(0);
    const result = walker.translate((gfn << 12) >>> 0, gfn >>> 20, access, PRIVILEGE_USER);
    if (result === WALK_REFUSED) return this.#refuse(undefined);
    if (result !== WALK_OK) return this.#refuse(walker.errorCode);
    if (walker.machine < 0) return 0;
    return (walker.machine / PAGE) * NESTED_SCALE + (NESTED_READ | intent | (walker.writable ? NESTED_WRITE : 0));
  }

  deviceAddress(gpa: number): number {
    const { gpa: page } = this.#walker;
    return page - (page % PAGE) + (gpa % PAGE);
  }

  #isLong(): boolean {
    return (this.#registers.u32(state.OFFSET_EFER) & state.EFER_LMA) !== 0;
  }

  #loadPdptes(table: number): void {
    const page = this.#memory.page(table, false);
    for (let index = 0; index < 4; index++) {
      const entry = page?.getBigUint64((table % PAGE) + index * 8, true) ?? 0n;
      this.#registers.setU64(state.OFFSET_PDPTE + index * 8, entry);
    }
  }

  #refuse(errorCode: number | undefined): number {
    this.errorCode = errorCode;
    return NESTED_REFUSED;
  }
}
