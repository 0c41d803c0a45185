import { fail } from 'node:assert/strict';
import { guestConfig } from '../../../src/dom0/xl/cfg/guest-config.ts';
import { KEYS } from '../../../src/dom0/xl/cfg/keys.ts';
import { parseConfig } from '../../../src/dom0/xl/cfg/parser.ts';
import { XenolithError } from '../../../src/lib/errors.ts';
import { Random } from '../../cpu/native/random.ts';

const VALUES = [
  '"x"',
  "'y'",
  '1',
  '-1',
  '0x10',
  '99999999999999999999',
  '[',
  ']',
  '[ "a", "b" ]',
  '[ [ ] ]',
  '"',
  "'",
  '""',
  '',
];
const NO_RANDOMNESS = { fill: () => {} };
const SIGNS = ['=', '=', '=', '+=', '==', '', ',', ';', '#', '\\', '\0', '\xff', '\n'];

/**
 * Puts together files that are nearly xl.cfg, and sees that each is taken or refused with a XenolithError that says
 * where.
 */
export function fuzzConfigs(count: number, seed: number): void {
  const random = new Random(seed);
  const names = [...Object.keys(KEYS), 'nonsense', '', '9', 'a-b'];
  for (let i = 0; i < count; i++) {
    const lines = Array.from({ length: random.below(8) }, () => {
      const line = `${random.pick(names)}${random.pick(SIGNS)}${random.pick(VALUES)}${random.pick(['', '', ';', ',', ' x'])}`;
      return random.oneIn(10) ? line.slice(random.below(line.length + 1)) : line;
    });
    const text = lines.join(random.oneIn(20) ? ' ' : '\n');
    try {
      guestConfig('fuzz.cfg', parseConfig('fuzz.cfg', text), NO_RANDOMNESS, () => {}, { nowMs: 0 });
    } catch (error) {
      const isTold = error instanceof XenolithError && /^fuzz\.cfg(:[1-9][0-9]*)?: ./.test(error.message);
      if (!isTold) fail(`seed ${seed}, config ${i}: ${error}\n${text}`);
    }
  }
}
