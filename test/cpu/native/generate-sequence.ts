/**
 * Short runs of instructions: what one leaves, the next one finds. Lazy flags and handlers that serve two instructions
 * at once show only here.
 */
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI } from '../../../src/cpu/state.ts';
import { hostVendor } from './allowances.ts';
import {
  chooseFields,
  encodeAt,
  fillRegisters,
  fillWindow,
  type RegisterPlan,
  randomFlags,
  touchesFx,
} from './generate.ts';
import { randomFx } from './generate-fx.ts';
import { addressOf, type Case, CODE_LIMIT, WINDOW, WINDOW_BYTES } from './protocol.ts';
import type { Random } from './random.ts';
import type { Variant } from './variants.ts';

const PLAN: RegisterPlan = {
  // Without REX, RDI's number is BH's.
  operands: [RAX, RCX, RDX, RBX, RSI, RDI, 8, 9, 10, 11],
  bases: [RBP, 12, 13],
  indexes: [14, 15],
};

/** What compilers make most code of: three in four of a sequence. */
export const COMMON =
  /^(MOV|MOVZX|MOVSX|MOVSXD|LEA|ADD|SUB|ADC|SBB|AND|OR|XOR|CMP|TEST|INC|DEC|NEG|NOT|SHL|SHR|SAR|IMUL|PUSH|POP|J[A-Z]+|SET[A-Z]+|CMOV[A-Z]+|CALL|RET|NOP|BT|BTS|BTR|MOVD|MOVQ|XCHG)$/;

/** Not in sequences: registers that the plan keeps are changed, or the outcome is not all defined. */
const LEFT_OUT =
  /^(ENTER|LEAVE|POPA|MOVS|STOS|LODS|SCAS|CMPS|XLAT|F[A-Z0-9]+|WAIT|RCP.S|RSQRT.S|SHLD|SHRD|CMPXCHG8B|CMPXCHG16B|MASKMOV.*|LDMXCSR|BSWAP|MUL|DIV|IDIV|LOOP.*|JRCXZ|POPF|PUSHF|LAHF|SAHF|CLFLUSH|UD.|BSF|BSR)$/;
const LEAVES = /^(JMP|CALL|RET)$/;

/** Flags an instruction reads, by mnemonic. */
export function reads(mnemonic: string): readonly string[] {
  const condition = /^(?:J|SET|CMOV)N?([A-Z]+)$/.exec(mnemonic)?.[1];
  if (/^(ADC|SBB|RCL|RCR|CMC|SALC)$/.test(mnemonic)) return ['CF'];
  if (/^(AAA|AAS|DAA|DAS)$/.test(mnemonic)) return ['AF', 'CF'];
  if (condition === undefined || mnemonic === 'JMP') return [];
  return ['CF', 'ZF', 'SF', 'OF', 'PF'];
}

/** They define all flags that the others leave undefined, AF for some of them aside. */
export const DEFINE_ALL = /^(ADD|SUB|ADC|SBB|CMP|NEG|AND|OR|XOR|TEST|XADD|CMPXCHG)$/;

export function definesAllButCarry(mnemonic: string): boolean {
  return mnemonic === 'INC' || mnemonic === 'DEC';
}

export interface Sequence {
  readonly one: Case;
  readonly variants: readonly Variant[];
  /** Flags that are undefined at the end, by name. */
  readonly undefinedFlags: ReadonlySet<string>;
}

export class SequenceGenerator {
  readonly #all: readonly Variant[];
  readonly #common: readonly Variant[];

  constructor(variants: readonly Variant[]) {
    this.#all = variants.filter((variant) => variant.width === 64 && isUsable(variant));
    this.#common = this.#all.filter(({ entry }) => COMMON.test(entry.instruction.mnemonic));
  }

  generate(slot: number, random: Random): Sequence {
    const gpr = new BigUint64Array(16);
    const window = new Uint8Array(WINDOW_BYTES);
    fillRegisters(gpr, random);
    fillWindow(window, random);
    for (const base of PLAN.bases) gpr[base] = BigInt(WINDOW + random.below(WINDOW_BYTES));
    for (const index of PLAN.indexes) gpr[index] = BigInt(random.below(8));
    const chosen: Variant[] = [];
    const code: number[] = [];
    let unknown = new Set<string>();
    const length = 2 + random.below(3);
    while (chosen.length < length) {
      const variant = random.pick(random.oneIn(4) ? this.#all : this.#common);
      const { mnemonic, undefinedFlags = [] } = variant.entry.instruction;
      if (reads(mnemonic).some((flag) => unknown.has(flag))) continue;
      const at = addressOf({ slot }) + code.length;
      const fields = chooseFields({ variant, slot, at, plan: PLAN, random, gpr, window, fixed: new Set() });
      const bytes = encodeAt(variant, fields, at);
      if (code.length + bytes.length > CODE_LIMIT) break;
      code.push(...bytes);
      chosen.push(variant);
      unknown = DEFINE_ALL.test(mnemonic) ? new Set() : unknown;
      if (definesAllButCarry(mnemonic)) for (const flag of ['PF', 'AF', 'ZF', 'SF', 'OF']) unknown.delete(flag);
      for (const rule of undefinedFlags) unknown.add(rule.split(' ')[0] as string);
      if (LEAVES.test(mnemonic)) break;
    }
    const fx = chosen.some(touchesFx) ? randomFx(random) : undefined;
    const one: Case = { width: 64, code: Uint8Array.from(code), slot, rflags: randomFlags(random), gpr, window, fx };
    return { one, variants: chosen, undefinedFlags: unknown };
  }
}

export function isUsable({ entry, shape, operandSize }: Variant): boolean {
  const { instruction } = entry;
  if (LEFT_OUT.test(instruction.mnemonic)) return false;
  if (instruction.undefinedFlags?.some((rule) => rule.startsWith('all'))) return false;
  // See allowances.ts.
  if (instruction.mnemonic === 'NOP' && entry.encoding.opcode === 0x0d) return false;
  if (instruction.mnemonic === 'CMPXCHG' && operandSize === 32 && shape === 'register')
    return hostVendor !== 'AuthenticAMD';
  // A bit offset in a register reaches far.
  if (/^BT/.test(instruction.mnemonic) && shape === 'memory' && entry.encoding.digit < 0) return false;
  return true;
}
