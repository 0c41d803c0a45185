/**
 * What tells kernels apart: a few of the file's bytes, for what was made of them is compared with all that matter.
 * Undefined for a file that is too small for a kernel.
 */
export function kernelName(bytes: Uint8Array): string | undefined {
  if (bytes.length <= LEAST_KERNEL) return undefined;
  let hash = bytes.length;
  for (let at = 0; at < bytes.length; at += 509) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return (hash >>> 0).toString(16);
}

const LEAST_KERNEL = 1 << 16;
