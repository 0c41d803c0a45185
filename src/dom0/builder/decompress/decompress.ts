import { builderError, hex } from '../errors.ts';
import { unbzip2 } from './bzip2.ts';
import { gunzip } from './gzip.ts';
import { unlz4Legacy } from './lz4.ts';
import { unlzop } from './lzo.ts';
import { unlzma } from './lzma.ts';
import { unxz } from './xz.ts';
import { unzstd } from './zstd.ts';

/** How a payload may be packed; 'none' when it is not. */
export type Compression = 'none' | 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'lzo' | 'lz4' | 'zstd';

/** Linux's and Xen's way to tell (lib/decompress.c): the first two bytes, and ELF's for a payload that is not packed. */
const MAGICS: readonly (readonly [number, number, Compression])[] = [
  [0x1f, 0x8b, 'gzip'],
  [0x42, 0x5a, 'bzip2'],
  [0x5d, 0x00, 'lzma'],
  [0xfd, 0x37, 'xz'],
  [0x89, 0x4c, 'lzo'],
  [0x02, 0x21, 'lz4'],
  [0x04, 0x22, 'lz4'],
  [0x28, 0xb5, 'zstd'],
  [0x7f, 0x45, 'none'],
];

/** Which compression the bytes open with, or undefined. */
export function compressionOf(payload: Uint8Array): Compression | undefined {
  return MAGICS.find(([first, second]) => payload[0] === first && payload[1] === second)?.[2];
}

/**
 * Unpacks the payload of a Linux boot image.
 *
 * @param file as the operator named it, for the error
 * @param payload with the unpacked size that Linux's build appends, in its last four bytes
 * @throws XenolithError KERNEL_COMPRESSION naming what we do not unpack, KERNEL_CORRUPT, KERNEL_TRUNCATED
 */
export async function unpackPayload(
  file: string,
  payload: Uint8Array,
): Promise<{ compression: Compression; bytes: Uint8Array }> {
  const compression = compressionOf(payload);
  if (compression === undefined) {
    const magic = [...payload.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const known = 'gzip, bzip2, lzma, xz, lzo, lz4, zstd or plain ELF';
    throw builderError('KERNEL_COMPRESSION', file, `its payload starts with ${magic}, expected ${known}`);
  }
  if (compression === 'none') return { compression, bytes: payload };
  if (payload.length < 8) {
    throw builderError('KERNEL_TRUNCATED', file, `a payload of ${payload.length} bytes, packed with ${compression}`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const size = view.getUint32(payload.length - 4, true);
  const packed = payload.subarray(0, payload.length - 4);
  const bytes = await unpack(file, compression, compression === 'gzip' ? payload : packed, size);
  if (bytes.length !== size) {
    const sizes = `${hex(bytes.length)} bytes come out, ${hex(size)} were promised`;
    throw builderError('KERNEL_CORRUPT', file, `${compression}: ${sizes}`);
  }
  return { compression, bytes };
}

/** gzip has no size appended: a gzip file ends with it. */
function unpack(
  file: string,
  compression: Exclude<Compression, 'none'>,
  packed: Uint8Array,
  size: number,
): Uint8Array | Promise<Uint8Array> {
  switch (compression) {
    case 'gzip':
      return gunzip(file, packed);
    case 'bzip2':
      return unbzip2(file, packed, size);
    case 'lzma':
      return unlzma(file, packed, size);
    case 'xz':
      return unxz(file, packed, size);
    case 'lzo':
      return unlzop(file, packed, size);
    case 'lz4':
      return unlz4Legacy(file, packed, size);
    case 'zstd':
      return unzstd(file, packed, size);
  }
}
