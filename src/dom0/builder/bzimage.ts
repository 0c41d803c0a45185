import { builderError, hex } from './errors.ts';

/** A Linux boot image's setup header, as far as a loader of its payload needs it (Documentation/arch/x86/boot.rst). */
export interface SetupHeader {
  /** boot protocol, 0x20f for 2.15 */
  readonly version: number;
  /** index of the payload in the file */
  readonly payloadOffset: number;
  /** in bytes, with the unpacked size at its end */
  readonly payloadLength: number;
}

/** Whether the file is a Linux boot image: the boot sector's signature and the header's "HdrS". */
export function isBzImage(bytes: Uint8Array): boolean {
  return bytes[0x1fe] === 0x55 && bytes[0x1ff] === 0xaa && HDRS.every((byte, i) => bytes[0x202 + i] === byte);
}

/**
 * Finds the payload of a bzImage, the kernel's packed ELF file.
 *
 * @param file as the operator named it, for the error
 * @throws XenolithError KERNEL_FORMAT before boot protocol 2.08 (Linux 2.6.24), KERNEL_TRUNCATED
 */
export function parseBzImage(file: string, bytes: Uint8Array): SetupHeader {
  if (bytes.length < 0x250) {
    throw builderError('KERNEL_TRUNCATED', file, `truncated: a bzImage of ${bytes.length} bytes, its header takes 592`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(0x206, true);
  if (version < 0x208) {
    const protocol = `${version >> 8}.${(version & 0xff).toString().padStart(2, '0')}`;
    throw builderError('KERNEL_FORMAT', file, `a bzImage of boot protocol ${protocol}, expected 2.08 (Linux 2.6.24)`);
  }
  // 0 stands for 4, for the sake of the oldest images.
  const setupSectors = view.getUint8(0x1f1) || 4;
  const payloadOffset = (setupSectors + 1) * 512 + view.getUint32(0x248, true);
  const payloadLength = view.getUint32(0x24c, true);
  if (payloadOffset + payloadLength > bytes.length) {
    const end = `its payload, at ${hex(payloadOffset)} to ${hex(payloadOffset + payloadLength)},`;
    throw builderError('KERNEL_TRUNCATED', file, `truncated: ${end} is past the file's ${bytes.length} bytes`);
  }
  return { version, payloadOffset, payloadLength };
}

const HDRS = [0x48, 0x64, 0x72, 0x53];
