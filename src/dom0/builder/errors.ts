import { XenolithError } from '../../lib/errors.ts';

/** What can be wrong with what an operator gave us to boot: the codes of this area. */
export type BuilderErrorCode =
  /** neither ELF nor bzImage */
  | 'KERNEL_FORMAT'
  /** the file ends before something it promises */
  | 'KERNEL_TRUNCATED'
  /** a kernel for another processor */
  | 'KERNEL_MACHINE'
  /** segments that cannot be put into memory */
  | 'KERNEL_SEGMENTS'
  /** Xen's ELF notes are malformed, or ask for what no Xen has */
  | 'KERNEL_NOTES'
  /** nothing in the kernel says how to start it as a PVH guest */
  | 'KERNEL_NOT_PVH'
  /** nothing in the file says how to start it in hvmloader's place */
  | 'KERNEL_NOT_FIRMWARE'
  /** packed in a way we do not unpack */
  | 'KERNEL_COMPRESSION'
  /** packed data that contradicts itself or its check sum */
  | 'KERNEL_CORRUPT'
  /** kernel, modules and memory do not go together */
  | 'PVH_MEMORY'
  /** a number outside what a PVH domain may have */
  | 'PVH_OPTION';

/**
 * The error for an operator's file: what was found, what was expected.
 *
 * @param file the file as the operator named it; the sentence starts with it
 * @param sentence what is wrong with it, without a full stop
 */
export function builderError(code: BuilderErrorCode, file: string, sentence: string): XenolithError {
  return new XenolithError(code, `${file}: ${sentence}`);
}

/** 0x-prefixed lower-case hexadecimal, as Xen's own messages print addresses. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
