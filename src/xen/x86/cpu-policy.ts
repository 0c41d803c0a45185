import { XEN_CPUID_FIRST_LEAF, XEN_CPUID_MAX_NUM_LEAVES } from '../../abi/arch-x86/cpuid.ts';
import { EINVAL, EOVERFLOW, ERANGE } from '../../abi/errno.ts';
import type { CpuidTable } from './cpuid.ts';
import { limitSvm } from './hvm/nested-svm.ts';
import { MSR_INTEL_PLATFORM_INFO, PLATFORM_INFO_CPUID_FAULTING } from './hvm/msr-numbers.ts';

/** Leaves Xen keeps of each range: what lies beyond is not part of a policy. */
const BASIC_LEAVES = 0xe;
const EXTENDED_LEAVES = 0x22;
const FIRST_EXTENDED = 0x80000000;
const HYPERVISOR_LEAVES = [XEN_CPUID_FIRST_LEAF, XEN_CPUID_FIRST_LEAF + 0x100] as const;
/** Leaves with subleaves, and how many Xen keeps. */
const SUBLEAVES: ReadonlyMap<number, number> = new Map([
  [4, 6],
  [7, 3],
  [0xb, 2],
  [0xd, 63],
]);
export const XEN_CPUID_NO_SUBLEAF = 0xffffffff;
const MSR_ARCH_CAPABILITIES = 0x10a;

const ECX_X2APIC = 1 << 21;
const ECX_TSC_DEADLINE = 1 << 24;
const ECX_HYPERVISOR = 0x80000000;
/** MCE, APIC, MTRR, MCA: what the platform around a processor gives it. */
const EDX_PLATFORM = (1 << 7) | (1 << 9) | (1 << 12) | (1 << 14);

/** Words of features in Xen's order (cpufeatureset.h): leaf, subleaf, register. */
const FEATURE_WORDS: readonly (readonly [leaf: number, subleaf: number, register: number] | undefined)[] = [
  [1, 0, 3],
  [1, 0, 2],
  [0x80000001, 0, 3],
  [0x80000001, 0, 2],
  [0xd, 1, 0],
  [7, 0, 1],
  [7, 0, 2],
  [0x80000007, 0, 3],
  [0x80000008, 0, 1],
  [7, 0, 3],
  [7, 1, 0],
  [0x80000021, 0, 0],
  [7, 1, 1],
  [7, 2, 3],
  [7, 1, 2],
  [7, 1, 3],
  undefined, // MSR_ARCH_CAPABILITIES, both halves
  undefined,
  [0x80000021, 0, 2],
];

/** A leaf as toolstacks pass it. */
export interface PolicyLeaf {
  readonly leaf: number;
  /** XEN_CPUID_NO_SUBLEAF where it has none. */
  readonly subleaf: number;
  readonly values: readonly number[];
}

export interface PolicyMsr {
  readonly index: number;
  readonly value: bigint;
}

/** What a policy cannot take: an errno, and where. */
export interface PolicyError {
  readonly errno: number;
  readonly leaf?: number;
  readonly subleaf?: number;
  readonly msr?: number;
}

/** The most an HVM guest may be shown (Xen's hvm_max_cpu_policy): the processor, and what Xen adds to it. */
export class HvmMaxPolicy implements CpuidTable {
  readonly #host: CpuidTable;
  readonly #isNested: boolean;

  /** `isNested`: of a guest that may run guests of its own. */
  constructor(host: CpuidTable, isNested: boolean) {
    this.#host = host;
    this.#isNested = isNested;
  }

  leaf(leaf: number, subleaf: number, out: Uint32Array): void {
    this.#host.leaf(leaf, subleaf, out);
    limitSvm(this.#host, this.#isNested, leaf, out);
    if (leaf !== 1) return;
    out[2] = (out[2] as number) | ECX_X2APIC | ECX_TSC_DEADLINE | ECX_HYPERVISOR;
    out[3] = (out[3] as number) | EDX_PLATFORM;
  }
}

/** What one domain's processors say of themselves: the most there may be, with what its toolstack has changed. */
export class CpuPolicy implements CpuidTable {
  readonly #most: CpuidTable;
  readonly #own = new Map<string, Uint32Array>();
  /** MSR_INTEL_PLATFORM_INFO says that CPUID can fault. */
  cpuidFaulting = true;

  constructor(most: CpuidTable) {
    this.#most = most;
  }

  leaf(leaf: number, subleaf: number, out: Uint32Array): void {
    if (leaf > this.#maximum(leaf)) {
      out.fill(0);
      return;
    }
    const own = this.#own.size === 0 ? undefined : this.#own.get(key(leaf, SUBLEAVES.has(leaf) ? subleaf : 0));
    if (own === undefined) this.#most.leaf(leaf, subleaf, out);
    else out.set(own);
    limitSvm(this, true, leaf, out);
  }

  /** All leaves, in order. */
  leaves(): PolicyLeaf[] {
    const rows: PolicyLeaf[] = [];
    const out = new Uint32Array(4);
    const add = (leaf: number, subleaf: number) => {
      this.leaf(leaf, subleaf === XEN_CPUID_NO_SUBLEAF ? 0 : subleaf, out);
      if (leaf === 1) out[1] = (out[1] as number) & 0xffff; // the rest differs between vCPUs
      rows.push({ leaf, subleaf, values: [...out] });
      return out;
    };
    for (let leaf = 0; leaf <= Math.min(this.#maximum(0), BASIC_LEAVES - 1); leaf++) {
      const subleaves = SUBLEAVES.get(leaf);
      if (subleaves === undefined) add(leaf, XEN_CPUID_NO_SUBLEAF);
      else this.#addSubleaves(leaf, subleaves, add);
    }
    rows.push({
      leaf: HYPERVISOR_LEAVES[0],
      subleaf: XEN_CPUID_NO_SUBLEAF,
      values: [XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES, 0, 0, 0],
    });
    rows.push({ leaf: HYPERVISOR_LEAVES[1], subleaf: XEN_CPUID_NO_SUBLEAF, values: [0, 0, 0, 0] });
    const last = Math.min(this.#maximum(FIRST_EXTENDED) & 0xffff, EXTENDED_LEAVES - 1);
    for (let leaf = 0; leaf <= last; leaf++) add(FIRST_EXTENDED + leaf, XEN_CPUID_NO_SUBLEAF);
    return rows;
  }

  msrs(): PolicyMsr[] {
    return [
      { index: MSR_INTEL_PLATFORM_INFO, value: this.cpuidFaulting ? BigInt(PLATFORM_INFO_CPUID_FAULTING) : 0n },
      { index: MSR_ARCH_CAPABILITIES, value: 0n },
    ];
  }

  /** Xen's words of features. */
  featureWords(): number[] {
    const out = new Uint32Array(4);
    return FEATURE_WORDS.map((word) => {
      if (word === undefined) return 0;
      this.leaf(word[0], word[1], out);
      return out[word[2]] as number;
    });
  }

  /** A policy with changes, or why there is none. Features beyond the most are dropped without a word, as by Xen. */
  changed(leaves: readonly PolicyLeaf[], msrs: readonly PolicyMsr[]): CpuPolicy | PolicyError {
    const next = new CpuPolicy(this.#most);
    next.cpuidFaulting = this.cpuidFaulting;
    for (const [name, values] of this.#own) next.#own.set(name, values);
    for (const row of leaves) {
      if (!isInRange(row)) return { errno: ERANGE, leaf: row.leaf, subleaf: row.subleaf };
      if ((HYPERVISOR_LEAVES as readonly number[]).includes(row.leaf)) continue;
      next.#take(row);
    }
    for (const { index, value } of msrs) {
      const errno = next.#takeMsr(index, value);
      if (errno !== 0) return { errno, msr: index };
    }
    return next.#refusal() ?? next;
  }

  #take({ leaf, subleaf, values }: PolicyLeaf): void {
    const at = subleaf === XEN_CPUID_NO_SUBLEAF ? 0 : subleaf;
    const own = Uint32Array.from(values);
    const most = new Uint32Array(4);
    this.#most.leaf(leaf, at, most);
    for (const word of FEATURE_WORDS) {
      if (word === undefined || word[0] !== leaf || word[1] !== at) continue;
      own[word[2]] = (own[word[2]] as number) & (most[word[2]] as number);
    }
    this.#own.set(key(leaf, at), own);
  }

  #takeMsr(index: number, value: bigint): number {
    switch (index) {
      case MSR_INTEL_PLATFORM_INFO:
        if (value >> 32n !== 0n) return EOVERFLOW;
        if ((value & ~BigInt(PLATFORM_INFO_CPUID_FAULTING)) !== 0n) return EINVAL;
        this.cpuidFaulting = value !== 0n;
        return 0;
      case MSR_ARCH_CAPABILITIES:
        return value === 0n ? 0 : EINVAL;
      default:
        return ERANGE;
    }
  }

  /** More leaves than there are cannot be made up (Xen's x86_cpu_policies_are_compatible). */
  #refusal(): PolicyError | undefined {
    const [mine, most] = [new Uint32Array(4), new Uint32Array(4)];
    for (const [leaf, subleaf] of [
      [0, XEN_CPUID_NO_SUBLEAF],
      [7, 0],
      [FIRST_EXTENDED, XEN_CPUID_NO_SUBLEAF],
    ] as const) {
      this.leaf(leaf, 0, mine);
      this.#most.leaf(leaf, 0, most);
      if ((mine[0] as number) > (most[0] as number)) return { errno: EINVAL, leaf, subleaf };
    }
    return undefined;
  }

  #maximum(leaf: number): number {
    const first = leaf >= FIRST_EXTENDED ? FIRST_EXTENDED : 0;
    const own = this.#own.get(key(first, 0));
    if (own !== undefined) return own[0] as number;
    if (this.#own.size === 0 && leaf !== first) return Number.POSITIVE_INFINITY;
    const out = new Uint32Array(4);
    this.#most.leaf(first, 0, out);
    return out[0] as number;
  }

  #addSubleaves(leaf: number, count: number, add: (leaf: number, subleaf: number) => Uint32Array): void {
    for (let subleaf = 0; subleaf < count; subleaf++) {
      const out = add(leaf, subleaf);
      if (leaf === 4 && ((out[0] as number) & 0x1f) === 0) return;
      if (leaf === 7 && subleaf >= this.#subleavesOf7()) return;
      if (leaf === 0xb && ((out[2] as number) & 0xff00) === 0) return;
      if (leaf === 0xd && subleaf >= 1 && subleaf >= this.#lastState()) return;
    }
  }

  #subleavesOf7(): number {
    const out = new Uint32Array(4);
    this.leaf(7, 0, out);
    return out[0] as number;
  }

  /** The highest component of extended state. */
  #lastState(): number {
    const out = new Uint32Array(4);
    this.leaf(0xd, 0, out);
    return 31 - Math.clz32(out[0] as number);
  }
}

function isInRange({ leaf, subleaf }: PolicyLeaf): boolean {
  if ((HYPERVISOR_LEAVES as readonly number[]).includes(leaf)) return subleaf === XEN_CPUID_NO_SUBLEAF;
  if (leaf >= FIRST_EXTENDED) return leaf < FIRST_EXTENDED + EXTENDED_LEAVES && subleaf === XEN_CPUID_NO_SUBLEAF;
  if (leaf >= BASIC_LEAVES) return false;
  const subleaves = SUBLEAVES.get(leaf);
  return subleaves === undefined ? subleaf === XEN_CPUID_NO_SUBLEAF : subleaf < subleaves;
}

function key(leaf: number, subleaf: number): string {
  return `${leaf}.${subleaf}`;
}
