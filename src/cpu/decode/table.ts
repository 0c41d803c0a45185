/** Which forms a byte sequence may be: an index from opcode map, opcode and ModRM to candidates. */
import type { Form, Instruction } from '../instructions/define.ts';
import type { Encoding } from './encoding.ts';

/** A row the decoder can choose. */
export interface Candidate {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly encoding: Encoding;
}

/** Candidates by opcode; within an opcode by ModRM.reg, with 8 added where ModRM.mod is 3. */
export class OpcodeTable<C extends Candidate> {
  readonly #candidates: (readonly C[])[] = [];
  readonly #hasModRm = new Uint8Array(4 * 256);

  constructor(candidates: readonly C[]) {
    const lists: C[][] = Array.from({ length: 4 * 256 * 16 }, () => []);
    for (const candidate of candidates) this.#place(candidate, lists);
    for (const list of lists) {
      list.sort((a, b) => specificity(b) - specificity(a));
      this.#candidates.push(list);
    }
  }

  hasModRm(map: number, opcode: number): boolean {
    return this.#hasModRm[map * 256 + opcode] === 1;
  }

  /** Most specific first. `modRm` is 0 where the opcode has none. */
  candidates(map: number, opcode: number, modRm: number): readonly C[] {
    const place = (modRm >>> 6 === 3 ? 8 : 0) + ((modRm >>> 3) & 7);
    return this.#candidates[(map * 256 + opcode) * 16 + place] as readonly C[];
  }

  #place(candidate: C, lists: C[][]): void {
    const { encoding } = candidate;
    for (let register = 0; register < (encoding.plusRegister ? 8 : 1); register++) {
      const opcode = encoding.map * 256 + encoding.opcode + register;
      if (encoding.hasModRm) this.#hasModRm[opcode] = 1;
      for (let place = 0; place < 16; place++) {
        if (fits(candidate, place)) (lists[opcode * 16 + place] as C[]).push(candidate);
      }
    }
  }
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

function specificity({ form, encoding }: Candidate): number {
  let score = 0;
  if (encoding.modRm >= 0) score += 8;
  if (encoding.prefix !== '') score += 4;
  if (encoding.w >= 0) score += 2;
  if (form.noRexB) score += 1;
  return score;
}
