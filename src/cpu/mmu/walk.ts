/**
 * Translation of linear addresses: the guest's page tables (SDM vol. 3A, chapter 4), each step of them and the result
 * through nested paging. Sets accessed and dirty bits. No allocation: results are fields.
 */
import { NESTED_EXECUTE, NESTED_READ, NESTED_SCALE, NESTED_WRITE, type RefusedAccess } from '../engine.ts';
import * as state from '../state.ts';
import type { CodeWatch } from './bus.ts';
import type { MachineMemory } from './machine-memory.ts';
import type { NestedCache } from './nested-cache.ts';

export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXECUTE = 2;
export type AccessKind = 0 | 1 | 2;

/** Who asks: explicit supervisor accesses respect AC, implicit ones (descriptor tables) do not. */
export const PRIVILEGE_SUPERVISOR = 0;
export const PRIVILEGE_SUPERVISOR_AC = 1;
export const PRIVILEGE_USER = 2;
export type Privilege = 0 | 1 | 2;

// Page-fault error code (SDM vol. 3A, 4.7)
export const PF_P = 1;
export const PF_W = 2;
export const PF_U = 4;
export const PF_RSVD = 8;
export const PF_I = 16;

// Paging-structure entries
const P = 1;
export const RW = 2;
export const US = 4;
const A = 1 << 5;
const D = 1 << 6;
const PS = 1 << 7;
const G = 1 << 8;
const XD_HI = 0x80000000;

/** MAXPHYADDR; CPUID leaf 0x80000008 says so too. */
export const PHYSICAL_BITS = 40;
const RESERVED_HI = 0x000fffff & ~((1 << (PHYSICAL_BITS - 32)) - 1);
/** Of a PDPTE of PAE paging (SDM vol. 3A, table 4-8). */
const PDPTE_RESERVED = 0x1e6;
const PDPTE_RESERVED_HI = -1 << (PHYSICAL_BITS - 32);

export const WALK_OK = 0;
export const WALK_PAGE_FAULT = 1;
export const WALK_NOT_CANONICAL = 2;
/** Nested paging refused: `Walker.refused` says what. */
export const WALK_REFUSED = 3;
export type WalkResult = 0 | 1 | 2 | 3;

/** Sizes of pages. One of 4 MiB counts as PAGE_1G: what is kept by size is then the more cautious. */
export const PAGE_4K = 0;
export const PAGE_2M = 1;
export const PAGE_1G = 2;
export type PageKind = 0 | 1 | 2;

/** Guest-physical addresses are translated twice: a guest of the guest's runs. */
export interface OuterStage {
  /** The guest's physical address for one of its guest's, which was looked up last. */
  deviceAddress(gpa: number): number;
}

export class Walker {
  readonly #state: state.VcpuState;
  readonly #memory: MachineMemory;
  readonly #nested: Pick<NestedCache, 'lookup'>;
  readonly #code: CodeWatch;

  /** Guest-physical address of the byte that was asked for. */
  gpa = 0;
  /** Machine address of it, or -1 where nothing backs it: MMIO. */
  machine = -1;
  /** A write may follow without another walk: permitted, and the dirty bit is set. */
  writable = false;
  /** Nested paging lets it be read. */
  readable = true;
  kind: PageKind = PAGE_4K;
  /** The page is the same in every address space (SDM vol. 3A, 4.10.2.4). */
  isGlobal = false;
  errorCode = 0;
  refused: RefusedAccess | undefined;
  /** Bit 8 of PML4Es, and of PDPEs that lead to tables, must be zero, as AMD has it (APM vol. 2, 5.3). */
  reservesGlobal = false;
  /** Where another second stage is in between: what it makes of an address that no memory is behind. */
  outer: OuterStage | undefined;

  constructor(cpu: state.VcpuState, memory: MachineMemory, nested: Pick<NestedCache, 'lookup'>, code: CodeWatch) {
    this.#state = cpu;
    this.#memory = memory;
    this.#nested = nested;
    this.#code = code;
  }

  translate(lo: number, hi: number, access: AccessKind, privilege: Privilege): WalkResult {
    const cpu = this.#state;
    this.kind = PAGE_4K;
    this.isGlobal = false;
    this.refused = undefined;
    const cr0 = cpu.u32(state.OFFSET_CR0);
    let result: WalkResult = WALK_OK;
    if ((cr0 & state.CR0_PG) === 0) {
      this.gpa = lo >>> 0;
      this.writable = true;
    } else if ((cpu.u32(state.OFFSET_EFER) & state.EFER_LMA) !== 0) {
      if (hi >>> 0 !== ((hi << 16) >> 16) >>> 0) return WALK_NOT_CANONICAL;
      result = this.#walkLong(lo, hi, access, privilege);
    } else if ((cpu.u32(state.OFFSET_CR4) & state.CR4_PAE) !== 0) {
      result = this.#walkPae(lo, access, privilege);
    } else {
      result = this.#walk32(lo, access, privilege);
    }
    if (result === WALK_OK && !this.#isRefused) result = this.#nest(access);
    if (!this.#isRefused) return result;
    this.#refusedOnTheWayTo(lo, hi);
    return WALK_REFUSED;
  }

  // What backs the guest-physical page. A read-only frame written to is as MMIO: Xen's handler discards it.
  #nest(access: AccessKind): WalkResult {
    const needed = access === ACCESS_WRITE ? NESTED_WRITE : access === ACCESS_READ ? NESTED_READ : NESTED_EXECUTE;
    const entry = this.#nested.lookup(Math.floor(this.gpa / 4096), needed);
    if (entry < 0) return this.#refuse(this.gpa, needed, false);
    const permissions = entry % NESTED_SCALE;
    if ((permissions & NESTED_WRITE) === 0) this.writable = false;
    this.readable = (permissions & NESTED_READ) !== 0;
    if ((permissions & needed) !== 0) {
      this.machine = ((entry - permissions) / NESTED_SCALE) * 4096 + (this.gpa % 4096);
      return WALK_OK;
    }
    this.machine = -1;
    if (this.outer !== undefined) this.gpa = this.outer.deviceAddress(this.gpa);
    return WALK_OK;
  }

  get #isRefused(): boolean {
    return this.refused !== undefined;
  }

  // Index in `u32` of an entry of a paging structure, or -1 where no memory backs it.
  #entryIndex(tableGpa: number, index: number, entrySize: number): number {
    // An outer stage takes the walk for a write, whatever it does (APM vol. 2, 15.25.5).
    const intent = this.outer === undefined ? NESTED_READ : NESTED_WRITE;
    const entry = this.#nested.lookup(Math.floor(tableGpa / 4096), intent);
    if (entry < 0) this.#refuse(tableGpa + index * entrySize, intent, true);
    if (entry < 0 || ((entry % NESTED_SCALE) & NESTED_READ) === 0) return -1;
    return (Math.floor(entry / NESTED_SCALE) * 4096 + index * entrySize) / 4;
  }

  #walkLong(lo: number, hi: number, access: AccessKind, privilege: Privilege): WalkResult {
    const cr3 = tableOf(this.#state.u32(state.OFFSET_CR3), this.#state.u32(state.OFFSET_CR3 + 4));
    const index4 = (hi >>> 7) & 0x1ff;
    const index3 = ((hi << 2) | (lo >>> 30)) & 0x1ff;
    return this.#walkFrom(cr3, 4, index4, index3, lo, access, privilege, RW | US);
  }

  #walkPae(lo: number, access: AccessKind, privilege: Privilege): WalkResult {
    if (this.outer !== undefined) return this.#walkPdpte(lo, access, privilege);
    const at = state.OFFSET_PDPTE + (lo >>> 30) * 8;
    return this.#walkDirectory(this.#state.u32(at), this.#state.u32(at + 4), lo, access, privilege);
  }

  // Under nested paging of AMD the four entries are no registers (APM vol. 2, 15.25.10).
  #walkPdpte(lo: number, access: AccessKind, privilege: Privilege): WalkResult {
    const cr3 = this.#state.u32(state.OFFSET_CR3);
    const at = this.#entryIndex((cr3 & 0xfffff000) >>> 0, ((cr3 & 0xfe0) >>> 3) + (lo >>> 30), 8);
    if (at < 0) return this.#fault(access, privilege, 0);
    const pdpteLo = this.#memory.u32[at] as number;
    const pdpteHi = this.#memory.u32[at + 1] as number;
    const isReserved = (pdpteLo & PDPTE_RESERVED) !== 0 || (pdpteHi & PDPTE_RESERVED_HI) !== 0;
    if ((pdpteLo & P) !== 0 && isReserved) return this.#fault(access, privilege, PF_P | PF_RSVD);
    return this.#walkDirectory(pdpteLo, pdpteHi, lo, access, privilege);
  }

  #walkDirectory(pdpteLo: number, pdpteHi: number, lo: number, access: AccessKind, privilege: Privilege): WalkResult {
    if ((pdpteLo & P) === 0) return this.#fault(access, privilege, 0);
    return this.#walkFrom(tableOf(pdpteLo, pdpteHi), 2, 0, 0, lo, access, privilege, RW | US);
  }

  // 8-byte entries, from `level` (4: PML4, 2: page directory) down.
  #walkFrom(
    top: number,
    level: number,
    index4: number,
    index3: number,
    lo: number,
    access: AccessKind,
    privilege: Privilege,
    allowed: number,
  ): WalkResult {
    const { u32 } = this.#memory;
    let table = top;
    let rights = allowed;
    let noExecute = 0;
    for (let depth = level; ; depth--) {
      const index =
        depth === 4 ? index4 : depth === 3 ? index3 : depth === 2 ? (lo >>> 21) & 0x1ff : (lo >>> 12) & 0x1ff;
      const at = this.#entryIndex(table, index, 8);
      if (at < 0) return this.#fault(access, privilege, 0);
      const entryLo = u32[at] as number;
      const entryHi = u32[at + 1] as number;
      if ((entryLo & P) === 0) return this.#fault(access, privilege, 0);
      const isLeaf = depth === 1 || ((entryLo & PS) !== 0 && depth < 4);
      if (this.#hasReserved(entryLo, entryHi, depth, isLeaf)) return this.#fault(access, privilege, PF_P | PF_RSVD);
      rights &= entryLo;
      noExecute |= entryHi & XD_HI;
      if (!isLeaf) {
        if ((entryLo & A) === 0) this.#mark(table, at, entryLo | A);
        table = tableOf(entryLo, entryHi);
        continue;
      }
      if (!this.#permits(rights, noExecute !== 0, access, privilege)) return this.#fault(access, privilege, PF_P);
      this.#finishLeaf(table, at, entryLo, access, rights, privilege);
      const size = depth === 1 ? 0x1000 : depth === 2 ? 0x200000 : 0x40000000;
      this.kind = depth === 1 ? PAGE_4K : depth === 2 ? PAGE_2M : PAGE_1G;
      const base = tableOf(entryLo, entryHi);
      this.gpa = base - (base % size) + (lo & (size - 1));
      return WALK_OK;
    }
  }

  #walk32(lo: number, access: AccessKind, privilege: Privilege): WalkResult {
    const { u32 } = this.#memory;
    const cr3 = (this.#state.u32(state.OFFSET_CR3) & 0xfffff000) >>> 0;
    const at2 = this.#entryIndex(cr3, lo >>> 22, 4);
    if (at2 < 0) return this.#fault(access, privilege, 0);
    const pde = u32[at2] as number;
    if ((pde & P) === 0) return this.#fault(access, privilege, 0);
    if ((pde & PS) !== 0 && (this.#state.u32(state.OFFSET_CR4) & state.CR4_PSE) !== 0) {
      // Bits 20:13 are bits 39:32 of the address (PSE-36); bit 21 is reserved.
      if ((pde & (1 << 21)) !== 0) return this.#fault(access, privilege, PF_P | PF_RSVD);
      if (!this.#permits(pde, false, access, privilege)) return this.#fault(access, privilege, PF_P);
      this.#finishLeaf(cr3, at2, pde, access, pde, privilege);
      this.kind = PAGE_1G;
      this.gpa = ((pde >>> 13) & 0xff) * 0x100000000 + ((pde & 0xffc00000) >>> 0) + (lo & 0x3fffff);
      return WALK_OK;
    }
    if ((pde & A) === 0) this.#mark(cr3, at2, pde | A);
    const table = (pde & 0xfffff000) >>> 0;
    const at1 = this.#entryIndex(table, (lo >>> 12) & 0x3ff, 4);
    if (at1 < 0) return this.#fault(access, privilege, 0);
    const pte = u32[at1] as number;
    if ((pte & P) === 0) return this.#fault(access, privilege, 0);
    if (!this.#permits(pde & pte, false, access, privilege)) return this.#fault(access, privilege, PF_P);
    this.#finishLeaf(table, at1, pte, access, pde & pte, privilege);
    this.gpa = ((pte & 0xfffff000) >>> 0) + (lo & 0xfff);
    return WALK_OK;
  }

  #hasReserved(lo: number, hi: number, depth: number, isLeaf: boolean): boolean {
    if ((hi & RESERVED_HI) !== 0) return true;
    if ((hi & XD_HI) !== 0 && (this.#state.u32(state.OFFSET_EFER) & state.EFER_NXE) === 0) return true;
    if (this.reservesGlobal && !isLeaf && depth >= 3 && (lo & G) !== 0) return true;
    if (depth === 4) return (lo & PS) !== 0;
    if (!isLeaf || depth === 1) return false;
    // Address bits below the page size, above PAT at bit 12.
    return (lo & (depth === 2 ? 0x1fe000 : 0x3fffe000)) !== 0;
  }

  /** SDM vol. 3A, 4.6.1 */
  #permits(rights: number, noExecute: boolean, access: AccessKind, privilege: Privilege): boolean {
    const isUserPage = (rights & US) !== 0;
    if (privilege === PRIVILEGE_USER) {
      if (!isUserPage) return false;
      if (access === ACCESS_WRITE) return (rights & RW) !== 0;
      return access === ACCESS_READ || !noExecute;
    }
    const cr4 = this.#state.u32(state.OFFSET_CR4);
    if (access === ACCESS_EXECUTE) {
      if (noExecute) return false;
      return !isUserPage || (cr4 & state.CR4_SMEP) === 0;
    }
    if (isUserPage && (cr4 & state.CR4_SMAP) !== 0 && privilege !== PRIVILEGE_SUPERVISOR_AC) return false;
    if (access === ACCESS_READ) return true;
    return (rights & RW) !== 0 || (this.#state.u32(state.OFFSET_CR0) & state.CR0_WP) === 0;
  }

  #finishLeaf(
    table: number,
    at: number,
    entry: number,
    access: AccessKind,
    rights: number,
    privilege: Privilege,
  ): void {
    const marks = access === ACCESS_WRITE ? A | D : A;
    if ((entry & marks) !== marks) this.#mark(table, at, entry | marks);
    this.writable = ((entry | marks) & D) !== 0 && this.#permits(rights, false, ACCESS_WRITE, privilege);
    this.isGlobal = (entry & G) !== 0 && (this.#state.u32(state.OFFSET_CR4) & state.CR4_PGE) !== 0;
  }

  // Sets accessed and dirty bits: a write to the table, which a guest may not be allowed (another's, mapped read-only).
  #mark(table: number, at: number, entry: number): void {
    const nested = this.#nested.lookup(Math.floor(table / 4096), NESTED_WRITE);
    if (nested < 0) this.#refuse(table + ((at * 4) & 0xfff), NESTED_WRITE, true);
    if (nested < 0 || (nested & NESTED_WRITE) === 0) return;
    if (this.#code.holdsCode(at >>> 10)) this.#code.written(at * 4, 4);
    this.#memory.u32[at] = entry;
  }

  // The first that is refused counts: what came after it on the way was not to be done.
  #refuse(gpa: number, intent: number, inTables: boolean): WalkResult {
    this.refused ??= { gpa, intent, linearLo: 0, linearHi: 0, inTables };
    return WALK_REFUSED;
  }

  #refusedOnTheWayTo(lo: number, hi: number): void {
    if (this.refused !== undefined) this.refused = { ...this.refused, linearLo: lo >>> 0, linearHi: hi >>> 0 };
  }

  #fault(access: AccessKind, privilege: Privilege, code: number): WalkResult {
    let errorCode = code;
    if (access === ACCESS_WRITE) errorCode |= PF_W;
    if (privilege === PRIVILEGE_USER) errorCode |= PF_U;
    const cpu = this.#state;
    const cr4 = cpu.u32(state.OFFSET_CR4);
    const noExecute = (cr4 & state.CR4_PAE) !== 0 && (cpu.u32(state.OFFSET_EFER) & state.EFER_NXE) !== 0;
    if (access === ACCESS_EXECUTE && (noExecute || (cr4 & state.CR4_SMEP) !== 0)) errorCode |= PF_I;
    this.errorCode = errorCode;
    return WALK_PAGE_FAULT;
  }
}

/** Address of the next structure or page: bits 51:12 of an entry. */
function tableOf(lo: number, hi: number): number {
  return (hi & 0x000fffff) * 0x100000000 + ((lo & 0xfffff000) >>> 0);
}
