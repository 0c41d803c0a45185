/** From bytes to a record: decodes an instruction, or writes what raises the exception that it is. */
import { type Decoder, DECODED, INCOMPLETE, TOO_LONG } from '../decode/decoder.ts';
import { EVENT_HAS_ERROR } from '../mmu/mmu.ts';
import { MODE_EM, MODE_MP, MODE_NO_SSE, MODE_TS } from '../mode.ts';
import { EXCEPTION_GP, EXCEPTION_NM, EXCEPTION_UD } from '../state.ts';
import type { FormEntry } from './handlers.ts';
import { HANDLER_RAISE } from './record.ts';
import type { RecordWriter } from './record-writer.ts';

/** What `decode` says in place of a length: the record raises an exception; the bytes end before the instruction does. */
export const RAISES = 0;
export const INCOMPLETE_LENGTH = -1;
/** Of an instruction, and by which it is found to be none. */
export const MOST_BYTES = 15;

export class InstructionDecoder {
  readonly #decoder: Decoder<FormEntry>;
  readonly #writer: RecordWriter;

  constructor(decoder: Decoder<FormEntry>, writer: RecordWriter) {
    this.#decoder = decoder;
    this.#writer = writer;
  }

  /** What was decoded last; undefined where that is no instruction. */
  get last(): FormEntry | undefined {
    return this.#decoder.result.candidate;
  }

  /**
   * Decodes the instruction at `at` in `bytes`, which end at `end`, into the record `pc`; `offset` is its own in its
   * page. Returns its length, RAISES, or INCOMPLETE_LENGTH, with no record then.
   */
  decode(pc: number, bytes: Uint8Array, at: number, end: number, mode: number, offset: number): number {
    const status = this.#decoder.decode(bytes, at, end, mode);
    if (status === INCOMPLETE) return INCOMPLETE_LENGTH;
    const { result } = this.#decoder;
    let exception = -1;
    if (status === DECODED) exception = unitException(result.candidate as FormEntry, mode);
    else exception = status === TOO_LONG ? EXCEPTION_GP : EXCEPTION_UD;
    if (exception < 0 && !this.#writer.write(pc, result, mode, offset)) exception = EXCEPTION_UD;
    if (exception < 0) return result.length;
    const event = (exception + 1) | (exception === EXCEPTION_GP ? EVENT_HAS_ERROR : 0);
    this.#writer.pseudo(pc, HANDLER_RAISE, offset, 0, event);
    return RAISES;
  }
}

/** What an x87, MMX or SSE instruction faults with in this mode, or -1 (SDM vol. 3A, 2.5 and tables 13-1, 2-4). */
function unitException({ unit, instruction }: FormEntry, mode: number): number {
  switch (unit) {
    case 'sse':
      if ((mode & (MODE_EM | MODE_NO_SSE)) !== 0) return EXCEPTION_UD;
      return (mode & MODE_TS) !== 0 ? EXCEPTION_NM : -1;
    case 'mmx':
      if ((mode & MODE_EM) !== 0) return EXCEPTION_UD;
      return (mode & MODE_TS) !== 0 ? EXCEPTION_NM : -1;
    case 'x87':
      if (instruction.mnemonic === 'WAIT')
        return (mode & (MODE_TS | MODE_MP)) === (MODE_TS | MODE_MP) ? EXCEPTION_NM : -1;
      return (mode & (MODE_TS | MODE_EM)) !== 0 ? EXCEPTION_NM : -1;
    default:
      return -1;
  }
}
