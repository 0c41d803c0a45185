import { LONGEST_MATCH, LzmaDecoder } from './lzma-decoder.ts';
import type { Output } from './output.ts';

/**
 * Unpacks an LZMA2 stream: chunks of LZMA or plain bytes, each with its sizes (xz file format 1.1, 5.3.1).
 *
 * @param dictionarySize in bytes
 * @returns the index after the end marker, or what is wrong with the data
 */
export function lzma2(input: Uint8Array, start: number, output: Output, dictionarySize: number): number | string {
  const decoder = new LzmaDecoder(input, output, dictionarySize);
  let dictionaryKnown = false;
  let propertiesKnown = false;
  let at = start;
  for (;;) {
    const control = input[at++];
    if (control === undefined) return TRUNCATED;
    if (control === 0) return at;

    if (control >= 0xe0 || control === 1) {
      decoder.resetDictionary();
      dictionaryKnown = true;
    }
    if (!dictionaryKnown) return 'the first chunk does not reset the dictionary';
    if (control < 0x80) {
      if (control > 2) return `chunk type ${control}, known are 0, 1, 2 and 128 to 255`;
      const size = big16(input, at) + 1;
      at += 2;
      if (at + size > input.length) return TRUNCATED;
      output.reserve(size);
      output.bytes.set(input.subarray(at, at + size), output.length);
      output.length += size;
      at += size;
      continue;
    }

    const unpacked = (((control & 0x1f) << 16) | big16(input, at)) + 1;
    const packed = big16(input, at + 2) + 1;
    at += 4;
    if (control >= 0xc0) {
      if (!decoder.setProperties(input[at++] ?? 255)) return 'impossible LZMA properties';
      propertiesKnown = true;
    } else if (!propertiesKnown) {
      return 'a chunk without LZMA properties comes first';
    } else if (control >= 0xa0) {
      decoder.resetState();
    }
    if (at + packed > input.length) return TRUNCATED;
    output.reserve(unpacked + LONGEST_MATCH);
    const limit = output.length + unpacked;
    if (!decoder.start(at) || decoder.run(limit) !== 'limit' || output.length !== limit) return DAMAGED;
    at += packed;
    if (decoder.at !== at || !decoder.drained) return DAMAGED;
  }
}

/** What `lzma2` returns for a stream that stops in the middle. */
export const TRUNCATED = 'the data ends in the middle of a chunk';

const DAMAGED = 'a damaged chunk';

function big16(input: Uint8Array, at: number): number {
  return ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
}
