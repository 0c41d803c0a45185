import { builderError } from '../errors.ts';
import { LONGEST_MATCH, LzmaDecoder } from './lzma-decoder.ts';
import { Output } from './output.ts';

/**
 * Unpacks a .lzma file ("LZMA alone": properties, dictionary size, size, stream).
 *
 * @param file whose data it is, for the error
 * @param guess the size to expect, in bytes, where the header does not tell it
 * @throws XenolithError KERNEL_CORRUPT, KERNEL_TRUNCATED
 */
export function unlzma(file: string, packed: Uint8Array, guess: number): Uint8Array {
  if (packed.length < HEADER + 5) {
    throw builderError('KERNEL_TRUNCATED', file, `an lzma stream of ${packed.length} bytes, its header alone has 13`);
  }
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const sizeLow = view.getUint32(5, true);
  const sizeHigh = view.getUint32(9, true);
  const unknown = sizeLow === 0xffffffff && sizeHigh === 0xffffffff;
  if (!unknown && sizeHigh !== 0) throw builderError('KERNEL_CORRUPT', file, 'lzma: a size of 4 GiB or more');

  const output = new Output((unknown ? guess : sizeLow) + LONGEST_MATCH);
  // The specification says a smaller dictionary than 4096 is read as 4096.
  const decoder = new LzmaDecoder(packed, output, Math.max(view.getUint32(1, true), 4096));
  if (!decoder.setProperties(packed[0] as number) || !decoder.start(HEADER)) {
    throw builderError('KERNEL_CORRUPT', file, 'lzma: impossible properties or first byte');
  }
  decode(file, packed, decoder, output, unknown ? Number.POSITIVE_INFINITY : sizeLow);
  return output.finish();
}

const HEADER = 13;

/** In steps, so that the output can grow between them. */
function decode(file: string, packed: Uint8Array, decoder: LzmaDecoder, output: Output, size: number): void {
  for (;;) {
    const step = Math.min(size - output.length, Math.max(output.bytes.length - output.length - LONGEST_MATCH, 1 << 20));
    output.reserve(step + LONGEST_MATCH);
    const end = decoder.run(output.length + step);
    if (decoder.at > packed.length) {
      throw builderError('KERNEL_TRUNCATED', file, `lzma: the stream ends after ${output.length} unpacked bytes`);
    }
    if (end === 'corrupt' || output.length > size) throw corrupt(file, output);
    if (end === 'marker') {
      if (size !== Number.POSITIVE_INFINITY && output.length !== size) throw corrupt(file, output);
      return;
    }
    if (output.length === size) return;
  }
}

function corrupt(file: string, output: Output) {
  return builderError('KERNEL_CORRUPT', file, `lzma: damaged data after ${output.length} unpacked bytes`);
}
