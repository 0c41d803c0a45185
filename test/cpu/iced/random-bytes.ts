/** Bytes that are instructions often enough: prefixes and opcodes at random, with whatever follows. */
import type { Random } from '../native/random.ts';

/** The longest instruction has 15 bytes; one more shows that nothing past it is looked at. */
export const SLOT_BYTES = 16;

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

export function randomInstruction(random: Random, bits: 16 | 32 | 64, into: Uint8Array): void {
  for (let i = 0; i < SLOT_BYTES; i += 4) new DataView(into.buffer, into.byteOffset).setUint32(i, random.u32(), true);
  if (random.oneIn(8)) return;
  let at = 0;
  while (at < 4 && random.oneIn(3)) into[at++] = random.pick(PREFIXES);
  if (bits === 64 && random.oneIn(2)) into[at++] = 0x40 | random.below(16);
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      into[at++] = 0x0f;
      return;
    case 3:
      into[at++] = 0x0f;
      into[at++] = random.pick([0x38, 0x3a]);
      return;
    default:
      return;
  }
}
