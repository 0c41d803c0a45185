import { builderError } from '../errors.ts';

/**
 * Unpacks a zstd file. The library's one-shot call does it: it has to know the size, which a kernel's payload ends with.
 *
 * @param file whose data it is, for the error
 * @param size the exact unpacked size in bytes
 * @throws XenolithError KERNEL_CORRUPT
 */
export async function unzstd(file: string, packed: Uint8Array, size: number): Promise<Uint8Array> {
  // Few kernels are packed this way: only they wait until it is loaded.
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const unpacked = decoder.decode(packed, size);
  // The library returns whatever an error code, a huge number, cuts out of its memory: only the size can tell.
  if (unpacked.length !== size) {
    throw builderError('KERNEL_CORRUPT', file, `zstd: damaged data, or not the ${size} bytes the payload ends with`);
  }
  return unpacked;
}
