/**
 * A set of pCPUs: bit n is pCPU n. A machine has at most MAX_CPUS of them, so that a mask is a small integer; masks
 * that toolstacks set may have bits beyond, which stand for processors that are not there.
 */
export type CpuMask = number;

export const MAX_CPUS = 30;
/** What a vCPU without an affinity has: any pCPU, there or not. */
export const ALL_CPUS: CpuMask = 0x3fffffff;

/** The first `count` pCPUs. */
export function firstCpus(count: number): CpuMask {
  return 2 ** count - 1;
}

export function hasCpu(mask: CpuMask, cpu: number): boolean {
  return cpu < MAX_CPUS && (mask & (1 << cpu)) !== 0;
}

/** The lowest pCPU of a mask; -1 where it is empty. */
export function lowestCpu(mask: CpuMask): number {
  return mask === 0 ? -1 : 31 - Math.clz32(mask & -mask);
}

/** The highest pCPU of a mask; -1 where it is empty. */
export function highestCpu(mask: CpuMask): number {
  return 31 - Math.clz32(mask);
}

export function countCpus(mask: CpuMask): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
