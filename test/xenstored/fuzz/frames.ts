import { REQUESTS } from '../../../src/dom0/xenstored/requests/table.ts';
import { bytesOf, formatMessage } from '../../../src/libs/store/wire.ts';
import type { Random } from '../../cpu/native/random.ts';

const TYPES = [...REQUESTS.values()].map((row) => row.type);
const NAMES = ['a', 'b', 'c', 'device', '0', 'x'.repeat(40), 'y'.repeat(700)];
/** What is in the tree, what is not, and what is no path. */
const PATHS = ['', '/', '//', '/fuzz/', 'fuzz', '@introduceDomain', '@releaseDomain', '@fuzz/3', '/\xff', '/fuzz/a b'];
const WORDS = [
  '',
  'T',
  'F',
  '0',
  '1',
  '-1',
  '4294967296',
  '99999999999999999999',
  'tok',
  'n0',
  'b20',
  'r32757',
  '\x01',
  'help',
  'check',
];

/** Requests that dom0 may use to take away what is not the fuzzer's: its processes send them for these domains alone. */
const ABOUT_DOMAINS: ReadonlySet<string> = new Set([
  'RELEASE',
  'INTRODUCE',
  'SET_TARGET',
  'SET_FEATURE',
  'SET_QUOTA',
  'RESUME',
]);
const NOT_FOR_PROCESSES: ReadonlySet<string> = new Set(['CONTROL']);
export const FUZZ_DOMIDS = [20, 21, 22, 23, 24] as const;

/** One message as bytes: a request that may be right, one with something wrong, or no message at all. */
export function randomFrame(random: Random, isGuest: boolean): Uint8Array {
  switch (random.below(10)) {
    case 0:
      return noise(random, random.below(200));
    case 1:
      return header(
        random.pick([...TYPES, 15, 16, 20, 27, 99, 0xffff, 0xffff_ffff]),
        random.pick([0, 1, 16, 4096]),
        random,
      );
    case 2: {
      // A length beyond what a payload may have, or beyond what follows.
      const frame = request(random, isGuest);
      frame.set([random.u32(), random.u32(), random.pick([0, 0, 0, 1, 0xff]), random.pick([0, 0, 0xff])], 12);
      return random.oneIn(4) ? frame : request(random, isGuest);
    }
    case 3: {
      const frame = request(random, isGuest);
      // Not the type: a guest's request must not become one that a process may not send.
      for (let i = random.below(4); i >= 0; i--) frame[4 + random.below(Math.min(8, frame.length - 4))] = random.u32();
      return frame;
    }
    default:
      return request(random, isGuest);
  }
}

function request(random: Random, isGuest: boolean): Uint8Array {
  for (;;) {
    const row = [...REQUESTS.values()][random.below(REQUESTS.size)];
    if (row === undefined || (!isGuest && NOT_FOR_PROCESSES.has(row.name))) continue;
    const strings = ABOUT_DOMAINS.has(row.name) ? aboutDomain(random) : ordinary(random);
    const text = strings.join('\0') + (random.oneIn(6) ? '' : '\0');
    const payload = bytesOf(random.oneIn(10) ? text + 'v'.repeat(random.below(3000)) : text).subarray(0, 4096);
    return formatMessage({
      type: row.type,
      reqId: random.u32(),
      txId: random.pick([0, 0, 0, 1, 2, 3, random.u32()]),
      payload,
    });
  }
}

function ordinary(random: Random): string[] {
  const count = random.pick([0, 1, 1, 2, 2, 2, 3, 4]);
  return Array.from({ length: count }, (_, i) => (i === 0 ? path(random) : word(random)));
}

function aboutDomain(random: Random): string[] {
  return [
    `${random.pick(FUZZ_DOMIDS)}`,
    ...Array.from({ length: random.below(3) }, () => `${random.pick([...FUZZ_DOMIDS, 0, 3, 7])}`),
  ];
}

function path(random: Random): string {
  if (random.oneIn(8)) return random.pick(PATHS);
  const names = Array.from({ length: 1 + random.below(4) }, () => random.pick(NAMES));
  return `${random.pick(['/fuzz', '/fuzz', `/local/domain/${random.pick(FUZZ_DOMIDS)}`])}/${names.join('/')}`;
}

function word(random: Random): string {
  if (random.oneIn(20)) return 'w'.repeat(random.below(4096));
  return random.oneIn(3)
    ? `${random.pick(['n', 'r', 'w', 'b', 'x'])}${random.pick([0, ...FUZZ_DOMIDS, 99999])}`
    : random.pick(WORDS);
}

function header(type: number, length: number, random: Random): Uint8Array {
  const bytes = formatMessage({ type, reqId: random.u32(), txId: random.below(4), payload: new Uint8Array(0) });
  new DataView(bytes.buffer).setUint32(12, length, true);
  return bytes;
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.u32());
}
