import { isBzImage, parseBzImage } from './bzimage.ts';
import { type Compression, unpackPayload } from './decompress/decompress.ts';
import { gunzip, isGzip } from './decompress/gzip.ts';
import { type ElfFile, isElf, parseElf } from './elf.ts';
import { builderError } from './errors.ts';
import { parseXenNotes, type XenNotes } from './notes.ts';

/** A kernel, unpacked and understood. */
export interface KernelImage {
  /** as the operator named it */
  readonly fileName: string;
  readonly format: 'bzImage' | 'ELF';
  /** of the bzImage's payload, or of the whole file */
  readonly compression: Compression;
  readonly elf: ElfFile;
  readonly notes: XenNotes;
}

/**
 * From a kernel file's bytes to an image that can be loaded: a bzImage, an ELF file (vmlinux), or either under gzip.
 *
 * @param fileName as the operator named it; every error starts with it
 * @throws XenolithError KERNEL_* when the bytes are not a kernel that we can read
 */
export async function loadKernel(fileName: string, bytes: Uint8Array): Promise<KernelImage> {
  const packed = isGzip(bytes);
  const file = packed ? gunzip(fileName, bytes) : bytes;
  if (isBzImage(file)) {
    const { payloadOffset, payloadLength } = parseBzImage(fileName, file);
    const payload = file.subarray(payloadOffset, payloadOffset + payloadLength);
    const { compression, bytes: unpacked } = await unpackPayload(fileName, payload);
    return image(fileName, 'bzImage', compression, unpacked);
  }
  if (isElf(file)) return image(fileName, 'ELF', packed ? 'gzip' : 'none', file);
  throw builderError('KERNEL_FORMAT', fileName, `${describe(file)}, expected a kernel: a bzImage or an ELF file`);
}

function image(
  fileName: string,
  format: KernelImage['format'],
  compression: Compression,
  bytes: Uint8Array,
): KernelImage {
  const elf = parseElf(fileName, bytes);
  return { fileName, format, compression, elf, notes: parseXenNotes(fileName, elf) };
}

/** What people hand over by mistake. */
function describe(bytes: Uint8Array): string {
  const starts = (magic: string, at = 0) => [...magic].every((c, i) => bytes[at + i] === c.charCodeAt(0));
  if (bytes.length === 0) return 'an empty file';
  if (starts('07070')) return 'an initramfs (cpio)';
  if (starts('CD001', 0x8001)) return 'an ISO image';
  if (starts('QFI\xfb')) return 'a qcow2 disk';
  if (starts('#!')) return 'a script';
  if (starts('ARM\x64', 56)) return 'a kernel for aarch64 (Image)';
  if (bytes[0x1fe] === 0x55 && bytes[0x1ff] === 0xaa) return 'a boot sector or disk image';
  if (starts('MZ')) return 'an EFI program';
  const magic = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `a file that starts with ${magic}`;
}
