/**
 * Our own test kernel: greets on its console, reads its name and number from XenStore, counts five timer ticks and
 * powers off. It needs nothing from outside, and shows on a few pages what a PVH guest does with Xen.
 */
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { pvhElf } from '../lib/elf.ts';
import { PARAMS } from '../lib/params.ts';
import { START64, START64_PAGES } from '../lib/start64.ts';
import { CONSOLE } from './console.ts';
import { START } from './start.ts';
import { SYMBOLS } from './symbols.ts';
import { TIMER } from './timer.ts';
import { XENSTORE } from './xenstore.ts';

/** Where it is loaded and runs: 1 MiB, with all addresses the same as physical ones. */
const ADDRESS = 0x100000;

/** The kernel as an ELF file, assembled now. */
export function helloKernel(): Uint8Array {
  const source = [START64, PARAMS, START, CONSOLE, XENSTORE, TIMER, START64_PAGES].join('\n');
  const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble(source, {
    origin: ADDRESS,
    width: 32,
    symbols: SYMBOLS,
  });
  return pvhElf(bytes, ADDRESS, Number(symbols.get('entry')));
}
