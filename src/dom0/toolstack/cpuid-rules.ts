/** A register of CPUID's answer. */
export type CpuidRegister = 'eax' | 'ebx' | 'ecx' | 'edx';

/**
 * What a domain is to see in one register of one leaf: 32 characters, bit 31 first. `0` and `1` are bits as such, `x`
 * leaves what domains see by default, `k` and `s` take what the processor itself has (libxl's cpuid_policy).
 */
export interface CpuidRule {
  readonly leaf: number;
  /** Undefined for a leaf that has no subleaves. */
  readonly subleaf: number | undefined;
  readonly register: CpuidRegister;
  readonly bits: string;
}

/** A row of a CPUID policy, as Xen's arrays have them (struct xen_cpuid_leaf). */
export interface CpuidRow {
  readonly leaf: number;
  /** XEN_CPUID_NO_SUBLEAF where the leaf has none. */
  readonly subleaf: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

export const XEN_CPUID_NO_SUBLEAF = 0xffffffff;

const FIELD = { eax: 'a', ebx: 'b', ecx: 'c', edx: 'd' } as const;

/** The rows of a domain's policy that the rules change, changed. `host` is what the processor itself has. */
export function changedRows(
  rules: readonly CpuidRule[],
  now: readonly CpuidRow[],
  host: readonly CpuidRow[],
): CpuidRow[] {
  const changed = new Map<string, CpuidRow>();
  for (const { leaf, subleaf, register, bits } of rules) {
    const wanted = subleaf ?? XEN_CPUID_NO_SUBLEAF;
    const key = `${leaf}/${wanted}`;
    const at = (rows: readonly CpuidRow[]) => rows.find((row) => row.leaf === leaf && sameSubleaf(row.subleaf, wanted));
    const row = changed.get(key) ?? at(now) ?? { leaf, subleaf: wanted, a: 0, b: 0, c: 0, d: 0 };
    const field = FIELD[register];
    changed.set(key, { ...row, [field]: apply(bits, row[field], at(host)?.[field] ?? 0) });
  }
  return [...changed.values()];
}

/** A rule without a subleaf is about subleaf 0 where the leaf has some after all. */
function sameSubleaf(has: number, wanted: number): boolean {
  return (
    has === wanted || (wanted === XEN_CPUID_NO_SUBLEAF && has === 0) || (wanted === 0 && has === XEN_CPUID_NO_SUBLEAF)
  );
}

function apply(bits: string, now: number, host: number): number {
  let value = 0;
  for (const [index, letter] of [...bits].entries()) {
    const bit = 31 - index;
    const from = letter === 'x' ? now : letter === '1' ? 0xffffffff : letter === '0' ? 0 : host;
    value |= from & (1 << bit);
  }
  return value >>> 0;
}
