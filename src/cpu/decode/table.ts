/** Which forms a byte sequence may be: an index from opcode map, opcode and ModRM to candidates. */
import type { Form, Instruction } from '../instructions/define.ts';
import type { Encoding, ImmediateSize } from './encoding.ts';

/** A row the decoder can choose. */
export interface Candidate {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly encoding: Encoding;
}

/** What a candidate asks of an instruction, as numbers: the decoder compares them for each that it meets. */
export interface Rule<C extends Candidate> {
  readonly candidate: C;
  /** RULE_* */
  readonly flags: number;
  /** PREFIX_* */
  readonly prefix: number;
  /** As in Encoding. */
  readonly modRm: number;
  readonly w: number;
  /** Sizes of the immediates, 0 where there is none. */
  readonly immediate: ImmediateSize | 0;
  readonly immediate2: ImmediateSize | 0;
}

export const RULE_NO64 = 1;
export const RULE_ONLY64 = 2;
export const RULE_NO_REX_B = 4;
export const RULE_IGNORES_MOD = 8;
export const RULE_FORCE64 = 16;
export const RULE_DEFAULT64 = 32;
export const RULE_LOCK = 64;

export const PREFIX_ANY = 0;
export const PREFIX_NONE = 1;
export const PREFIX_66 = 2;
export const PREFIX_F3 = 3;
export const PREFIX_F2 = 4;

/** Rules by opcode; within an opcode by ModRM.reg, with 8 added where ModRM.mod is 3. */
export class OpcodeTable<C extends Candidate> {
  readonly #rules: (readonly Rule<C>[])[];
  readonly #hasModRm = new Uint8Array(4 * 256);

  constructor(candidates: readonly C[]) {
    const lists = new Array<Rule<C>[] | undefined>(4 * 256 * 16).fill(undefined);
    for (const candidate of candidates) this.#place(candidate, lists);
    const none: readonly Rule<C>[] = [];
    this.#rules = lists.map((list) => list?.sort((a, b) => specificity(b) - specificity(a)) ?? none);
  }

  hasModRm(map: number, opcode: number): boolean {
    return this.#hasModRm[map * 256 + opcode] === 1;
  }

  /** Most specific first. `modRm` is 0 where the opcode has none. */
  rules(map: number, opcode: number, modRm: number): readonly Rule<C>[] {
    const place = (modRm >>> 6 === 3 ? 8 : 0) + ((modRm >>> 3) & 7);
    return this.#rules[(map * 256 + opcode) * 16 + place] as readonly Rule<C>[];
  }

  #place(candidate: C, lists: (Rule<C>[] | undefined)[]): void {
    const { encoding } = candidate;
    const rule = ruleOf(candidate);
    for (let register = 0; register < (encoding.plusRegister ? 8 : 1); register++) {
      const opcode = encoding.map * 256 + encoding.opcode + register;
      if (encoding.hasModRm) this.#hasModRm[opcode] = 1;
      for (let place = 0; place < 16; place++) {
        if (!fits(candidate, place)) continue;
        const list = lists[opcode * 16 + place];
        if (list === undefined) lists[opcode * 16 + place] = [rule];
        else list.push(rule);
      }
    }
  }
}

const PREFIXES = { '': PREFIX_ANY, NP: PREFIX_NONE, '66': PREFIX_66, F3: PREFIX_F3, F2: PREFIX_F2 } as const;

function ruleOf<C extends Candidate>(candidate: C): Rule<C> {
  const { form, encoding } = candidate;
  let flags = 0;
  if (form.no64) flags |= RULE_NO64;
  if (form.only64) flags |= RULE_ONLY64;
  if (form.noRexB) flags |= RULE_NO_REX_B;
  if (form.ignoresMod) flags |= RULE_IGNORES_MOD;
  if (form.force64) flags |= RULE_FORCE64;
  if (form.default64) flags |= RULE_DEFAULT64;
  if (form.lock) flags |= RULE_LOCK;
  return {
    candidate,
    flags,
    prefix: PREFIXES[encoding.prefix],
    modRm: encoding.modRm,
    w: encoding.w,
    immediate: encoding.immediates[0] ?? 0,
    immediate2: encoding.immediates[1] ?? 0,
  };
}

function fits({ form, encoding }: Candidate, place: number): boolean {
  if (!encoding.hasModRm) return true;
  const isRegister = place >= 8 || form.ignoresMod === true;
  if (encoding.modRm >= 0)
    return isRegister === encoding.modRm >>> 6 > 2 && (place & 7) === ((encoding.modRm >>> 3) & 7);
  if (encoding.digit >= 0 && encoding.digit !== (place & 7)) return false;
  const modRmOperand = form.operands.find(({ kind }) => kind.field === 'rm');
  if (modRmOperand === undefined || modRmOperand.kind.place === 'either') return true;
  return (modRmOperand.kind.place === 'register') === isRegister;
}

function specificity({ candidate }: Rule<Candidate>): number {
  const { form, encoding } = candidate;
  let score = 0;
  if (encoding.modRm >= 0) score += 8;
  if (encoding.prefix !== '') score += 4;
  if (encoding.w >= 0) score += 2;
  if (form.noRexB) score += 1;
  return score;
}
