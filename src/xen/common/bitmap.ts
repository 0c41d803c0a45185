import type { XenctlBitmap } from '../../abi/xen.ts';
import { type CpuMask, MAX_CPUS } from '../sched/cpu-mask.ts';
import type { Call } from './call.ts';

/** Bytes of a CpuMask. */
const MASK_BYTES = 4;
/** As many bytes as a caller's bitmap is filled up to with zeroes. */
const MAX_TAIL_BYTES = 4096;

/** Reads a set of pCPUs from a caller's bitmap; bits that it has beyond ours are dropped. undefined is -EFAULT. */
export function fetchMask(call: Call, map: XenctlBitmap): CpuMask | undefined {
  const bits = Math.min(map.nr_bits, MASK_BYTES * 8);
  const bytes = new Uint8Array(MASK_BYTES);
  if (!call.guest.read(map.bitmap, bytes.subarray(0, Math.ceil(bits / 8)))) return undefined;
  const word = new DataView(bytes.buffer).getUint32(0, true);
  const known = Math.min(bits, MAX_CPUS);
  return word & (2 ** known - 1);
}

/** Writes a set of pCPUs into a caller's bitmap, and zeroes into the rest of it; false is -EFAULT. */
export function storeMask(call: Call, map: XenctlBitmap, mask: CpuMask): boolean {
  const bytes = new Uint8Array(Math.min(Math.ceil(map.nr_bits / 8), MAX_TAIL_BYTES));
  for (let index = 0; index < Math.min(bytes.length, MASK_BYTES); index++) bytes[index] = mask >>> (index * 8);
  const excess = bytes.length * 8 - map.nr_bits;
  if (excess > 0) bytes[bytes.length - 1] = (bytes.at(-1) as number) & (0xff >> excess);
  return call.guest.write(map.bitmap, bytes);
}
