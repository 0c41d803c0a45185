// Memory type range registers (SDM vol. 3A, 11.11). Memory has one type here, so that they only hold what is written.

export const MSR_MTRRcap = 0xfe;
export const MSR_MTRR_PHYSBASE0 = 0x200;
export const MSR_MTRRfix64K_00000 = 0x250;
export const MSR_MTRRfix16K_80000 = 0x258;
const MSR_MTRRfix16K_A0000 = 0x259;
export const MSR_MTRRfix4K_C0000 = 0x268;
const MSR_MTRRfix4K_F8000 = 0x26f;
export const MSR_MTRRdefType = 0x2ff;

const VARIABLE = 8;
const FIXED = 11;
const CAP_WC = 1 << 10;
const CAP_FIXED = 1 << 8;
/** Default type, fixed ranges enabled, enabled. */
const DEF_TYPE_VALID = 0xcff;
const PHYSMASK_VALID = 1n << 11n;

/** The MTRRs of one vCPU: 8 variable ranges, the fixed ranges, write combining, as Xen gives HVM guests. */
export class Mtrr {
  defType = 0;
  readonly variable = new BigUint64Array(VARIABLE * 2);
  readonly fixed = new BigUint64Array(FIXED);
  readonly cap = CAP_WC | CAP_FIXED | VARIABLE;

  /** RDMSR; undefined where the index is none of these registers. */
  read(msr: number): bigint | undefined {
    if (msr === MSR_MTRRcap) return BigInt(this.cap);
    if (msr === MSR_MTRRdefType) return BigInt(this.defType);
    const variable = variableIndex(msr);
    if (variable >= 0) return this.variable[variable];
    const fixed = fixedIndex(msr);
    return fixed >= 0 ? this.fixed[fixed] : undefined;
  }

  /** WRMSR; false where the index is none of these, or the value has bits or memory types there are not. */
  write(msr: number, value: bigint): boolean {
    if (msr === MSR_MTRRdefType) {
      if ((value & ~BigInt(DEF_TYPE_VALID)) !== 0n || !isMemoryType(Number(value & 0xffn))) return false;
      this.defType = Number(value);
      return true;
    }
    const variable = variableIndex(msr);
    if (variable >= 0) return this.#writeVariable(variable, value);
    const fixed = fixedIndex(msr);
    if (fixed < 0) return false;
    for (let range = 0n; range < 8n; range++) {
      if (!isMemoryType(Number((value >> (range * 8n)) & 0xffn))) return false;
    }
    this.fixed[fixed] = value;
    return true;
  }

  #writeVariable(index: number, value: bigint): boolean {
    const isBase = index % 2 === 0;
    if (isBase && ((value & 0xf00n) !== 0n || !isMemoryType(Number(value & 0xffn)))) return false;
    if (!isBase && (value & 0x7ffn) !== 0n) return false;
    this.variable[index] = isBase ? value : value & ~(0xfffn & ~PHYSMASK_VALID);
    return true;
  }
}

function variableIndex(msr: number): number {
  const index = msr - MSR_MTRR_PHYSBASE0;
  return index >= 0 && index < VARIABLE * 2 ? index : -1;
}

function fixedIndex(msr: number): number {
  if (msr === MSR_MTRRfix64K_00000) return 0;
  if (msr === MSR_MTRRfix16K_80000) return 1;
  if (msr === MSR_MTRRfix16K_A0000) return 2;
  return msr >= MSR_MTRRfix4K_C0000 && msr <= MSR_MTRRfix4K_F8000 ? 3 + msr - MSR_MTRRfix4K_C0000 : -1;
}

/** UC, WC, WT, WP, WB (SDM vol. 3A, table 11-8). */
function isMemoryType(type: number): boolean {
  return type === 0 || type === 1 || (type >= 4 && type <= 6);
}
