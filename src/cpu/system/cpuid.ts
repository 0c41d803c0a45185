/**
 * CPUID as this processor would answer on bare metal (SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E). What belongs to the
 * platform is not here, for whoever has it to add: APIC, x2APIC and TSC deadline, MTRR, MCE and MCA, topology, the
 * hypervisor bit and leaves.
 *
 * Vendor and family are chosen for what kernels make of them. No instruction is executed here before its turn, and
 * Linux lists family 4 of any vendor as not speculating (arch/x86/kernel/cpu/common.c, cpu_vuln_whitelist), so that it
 * uses neither page table isolation nor retpolines. AMD of that family has no set-up code on 64-bit kernels
 * (arch/x86/kernel/cpu/amd.c): families from 0FH on read MSRs and PCI configuration for errata of real chips, from 06H
 * on the K7 performance counters. VMMCALL, and SYSCALL from compatibility mode, come with the vendor.
 */
import { XSAVE_BYTES } from '../fpu/xsave.ts';
import { PHYSICAL_BITS } from '../mmu/walk.ts';
import * as state from '../state.ts';
import { WATCH_GO } from '../engine.ts';
import { SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import type { SystemCpu } from './system-cpu.ts';

export const MAXIMUM_LEAF = 0x16;
export const MAXIMUM_EXTENDED_LEAF = 0x80000021;
/** Family 4, model 6, stepping 3. */
export const SIGNATURE = 0x463;
export const TSC_HZ = 1_000_000_000;

const BUS_MHZ = 100;
const LINEAR_BITS = 48;
const BRAND = 'Xenolith Virtual CPU';

// Leaf 1
const SSE3 = 1 << 0;
const SSSE3 = 1 << 9;
const CMPXCHG16B = 1 << 13;
const PCID = 1 << 17;
const SSE4_1 = 1 << 19;
const SSE4_2 = 1 << 20;
const POPCNT = 1 << 23;
const XSAVE = 1 << 26;
const OSXSAVE = 1 << 27;
const FPU = 1 << 0;
const DE = 1 << 2;
const PSE = 1 << 3;
const TSC = 1 << 4;
const MSR = 1 << 5;
const PAE = 1 << 6;
const CX8 = 1 << 8;
const SEP = 1 << 11;
const PGE = 1 << 13;
const CMOV = 1 << 15;
const PAT = 1 << 16;
const PSE36 = 1 << 17;
const CLFSH = 1 << 19;
const MMX = 1 << 23;
const FXSR = 1 << 24;
const SSE = 1 << 25;
const SSE2 = 1 << 26;
/** Of leaf 1 EDX what AMD repeats in leaf 80000001H. */
const COMMON = FPU | DE | PSE | TSC | MSR | PAE | CX8 | PGE | CMOV | PAT | PSE36 | MMX | FXSR;
/** In units of 8 bytes, in EBX of leaf 1. */
const CLFLUSH_LINE = 8 << 8;

// Leaf 7
const FSGSBASE = 1 << 0;
const SMEP = 1 << 7;
const ERMS = 1 << 9;
const INVPCID = 1 << 10;
const SMAP = 1 << 20;
const UMIP = 1 << 2;
const FSRM = 1 << 4;

// Leaf 0DH, 1
const XSAVEOPT = 1 << 0;
const XGETBV_1 = 1 << 2;

// Leaf 80000001H
const LAHF_SAHF = 1 << 0;
const SVM = 1 << 2;
const PREFETCHW = 1 << 8;
const SYSCALL = 1 << 11;
const NX = 1 << 20;
const PAGE_1GB = 1 << 26;
const RDTSCP = 1 << 27;
const LM = 1 << 29;

const INVARIANT_TSC = 1 << 8;
// Leaf 80000008H EBX: error pointers are always saved; nothing bypasses stores or confuses branches.
const XSAVE_ERROR_POINTERS = 1 << 2;
const SSB_NO = 1 << 26;
const BTC_NO = 1 << 29;
// Leaf 8000000AH. Of the state in a VMCB nothing is kept, so that any of its clean bits may be set.
const SVM_REVISION = 1;
const ADDRESS_SPACES = 64;
const NESTED_PAGING = 1 << 0;
const NEXT_RIP_SAVED = 1 << 3;
const CLEAN_BITS = 1 << 5;
// Leaf 80000021H EAX
const NO_NESTED_DATA_BREAKPOINT = 1 << 0;
const LFENCE_SERIALIZING = 1 << 2;
const NULL_SELECTOR_CLEARS_BASE = 1 << 6;
const SRSO_NO = 1 << 29;

/** Caches that software may size its loops by: type (1 data, 2 code, 3 both), level, KiB, ways. Lines are 64 bytes. */
const CACHES: readonly (readonly [type: number, level: number, kib: number, ways: number])[] = [
  [1, 1, 32, 8],
  [2, 1, 32, 8],
  [3, 2, 512, 8],
  [3, 3, 4096, 16],
];
const LINE = 64;

export class ProcessorCpuid {
  readonly #tscHz: number;
  readonly #brand: Uint32Array;

  /** `tscHz`: how fast the TSC counts. */
  constructor(tscHz = TSC_HZ) {
    this.#tscHz = tscHz;
    const bytes = new Uint8Array(48);
    for (let i = 0; i < BRAND.length; i++) bytes[i] = BRAND.charCodeAt(i);
    this.#brand = new Uint32Array(bytes.buffer);
  }

  /** Fills `out` with EAX, EBX, ECX, EDX. Leaves that are not there are zero, as AMD has it. */
  leaf(leaf: number, subleaf: number, out: Uint32Array): void {
    out.fill(0);
    if (leaf >>> 0 >= 0x80000000) this.#extended(leaf >>> 0, subleaf, out);
    else this.#basic(leaf, subleaf, out);
  }

  #basic(leaf: number, subleaf: number, out: Uint32Array): void {
    switch (leaf) {
      case 0:
        vendor(out, MAXIMUM_LEAF);
        return;
      case 1:
        out[0] = SIGNATURE;
        out[1] = CLFLUSH_LINE;
        out[2] = SSE3 | SSSE3 | CMPXCHG16B | PCID | SSE4_1 | SSE4_2 | POPCNT | XSAVE;
        out[3] = COMMON | SEP | CLFSH | SSE | SSE2;
        return;
      case 7:
        if (subleaf !== 0) return;
        out[1] = FSGSBASE | SMEP | ERMS | INVPCID | SMAP;
        out[2] = UMIP;
        out[3] = FSRM;
        return;
      case 0xd:
        extendedState(subleaf, out);
        return;
      case 0x15:
        // TSC = ECX * EBX / EAX, which software computes with 32 bits.
        out[0] = 1;
        out[1] = 1;
        out[2] = this.#tscHz;
        return;
      case 0x16:
        out[0] = Math.round(this.#tscHz / 1e6);
        out[1] = Math.round(this.#tscHz / 1e6);
        out[2] = BUS_MHZ;
        return;
      default:
    }
  }

  #extended(leaf: number, subleaf: number, out: Uint32Array): void {
    switch (leaf) {
      case 0x80000000:
        vendor(out, MAXIMUM_EXTENDED_LEAF);
        return;
      case 0x80000001:
        out[0] = SIGNATURE;
        out[2] = LAHF_SAHF | SVM | PREFETCHW;
        out[3] = COMMON | SYSCALL | NX | PAGE_1GB | RDTSCP | LM;
        return;
      case 0x80000002:
      case 0x80000003:
      case 0x80000004:
        out.set(this.#brand.subarray((leaf - 0x80000002) * 4, (leaf - 0x80000002) * 4 + 4));
        return;
      case 0x80000005:
        firstLevelCaches(out);
        return;
      case 0x80000006:
        furtherCaches(out);
        return;
      case 0x80000007:
        out[3] = INVARIANT_TSC;
        return;
      case 0x80000008:
        out[0] = PHYSICAL_BITS | (LINEAR_BITS << 8);
        out[1] = XSAVE_ERROR_POINTERS | SSB_NO | BTC_NO;
        return;
      case 0x8000000a:
        out[0] = SVM_REVISION;
        out[1] = ADDRESS_SPACES;
        out[3] = NESTED_PAGING | NEXT_RIP_SAVED | CLEAN_BITS;
        return;
      case 0x8000001d:
        cacheProperties(subleaf, out);
        return;
      case 0x80000021:
        out[0] = NO_NESTED_DATA_BREAKPOINT | LFENCE_SERIALIZING | NULL_SELECTOR_CLEARS_BASE | SRSO_NO;
        return;
      default:
    }
  }
}

/** CPUID: what the platform answers, with the bit that follows CR4. */
export function cpuid(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const { state: registers, words } = cpu;
  const leaf = registers.gprLo(state.RAX);
  const subleaf = registers.gprLo(state.RCX);
  if (!cpu.intercepts.cpuid(leaf, subleaf, words)) return cpu.generalProtection();
  if (leaf === 1) {
    const enabled = (words[2] as number) & XSAVE && registers.u32(state.OFFSET_CR4) & state.CR4_OSXSAVE;
    words[2] = enabled ? (words[2] as number) | OSXSAVE : (words[2] as number) & ~OSXSAVE;
  }
  const left = cpu.watched(cpu.watch?.cpuid(leaf, subleaf, operands.length, words) ?? WATCH_GO);
  if (left !== undefined) return left;
  registers.setGprHalves(state.RAX, words[0] as number, 0);
  registers.setGprHalves(state.RBX, words[1] as number, 0);
  registers.setGprHalves(state.RCX, words[2] as number, 0);
  registers.setGprHalves(state.RDX, words[3] as number, 0);
  return SYSTEM_NEXT;
}

// 'AuthenticAMD' in EBX, EDX, ECX
function vendor(out: Uint32Array, maximum: number): void {
  out[0] = maximum;
  out[1] = 0x68747541;
  out[2] = 0x444d4163;
  out[3] = 0x69746e65;
}

function extendedState(subleaf: number, out: Uint32Array): void {
  if (subleaf === 0) {
    out[0] = 3;
    out[1] = XSAVE_BYTES;
    out[2] = XSAVE_BYTES;
  } else if (subleaf === 1) {
    out[0] = XSAVEOPT | XGETBV_1;
  }
}

// APM vol. 3, E.4.4: 64 fully associative entries in each TLB; caches as size, ways, 1, line.
function firstLevelCaches(out: Uint32Array): void {
  const cache = ([, , kib, ways]: (typeof CACHES)[number]): number => (kib << 24) | (ways << 16) | (1 << 8) | LINE;
  out[0] = 0xff40ff40;
  out[1] = 0xff40ff40;
  out[2] = cache(CACHES[0] as (typeof CACHES)[number]);
  out[3] = cache(CACHES[1] as (typeof CACHES)[number]);
}

// APM vol. 3, E.4.5. Ways are a code of four bits; the third level counts in 512 KiB.
function furtherCaches(out: Uint32Array): void {
  const waysCode: Readonly<Record<number, number>> = { 8: 6, 16: 8 };
  const [, , kib2, ways2] = CACHES[2] as (typeof CACHES)[number];
  const [, , kib3, ways3] = CACHES[3] as (typeof CACHES)[number];
  out[1] = 0x42004200;
  out[2] = (kib2 << 16) | ((waysCode[ways2] as number) << 12) | (1 << 8) | LINE;
  out[3] = ((kib3 / 512) << 18) | ((waysCode[ways3] as number) << 12) | (1 << 8) | LINE;
}

// APM vol. 3, E.4.15: each cache belongs to one processor.
function cacheProperties(subleaf: number, out: Uint32Array): void {
  const cache = CACHES[subleaf];
  if (cache === undefined) return;
  const [type, level, kib, ways] = cache;
  const selfInitializing = 1 << 8;
  out[0] = type | (level << 5) | selfInitializing;
  out[1] = (LINE - 1) | ((ways - 1) << 22);
  out[2] = (kib * 1024) / LINE / ways - 1;
}
