import { MODE_EM, MODE_MP, MODE_NO_SSE, MODE_TS } from '../mode.ts';
import { EXCEPTION_NM, EXCEPTION_UD } from '../state.ts';
import type { FormEntry } from './handlers.ts';

/** What an x87, MMX or SSE instruction faults with in this mode, or -1 (SDM vol. 3A, 2.5 and tables 13-1, 2-4). */
export function unitException({ instruction }: FormEntry, mode: number): number {
  switch (instruction.unit) {
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
