import { XenolithError } from '../../lib/errors.ts';
import { formatCpuRange, parseCpuRange } from '../toolstack/cpu-range.ts';
import type { RunningHost } from './services.ts';

/** How many processors the host has. */
export function cpuCount(host: RunningHost): number {
  return host.ctrl.physinfo().max_cpu_id + 1;
}

/**
 * Reads a list of this host's processors.
 *
 * @throws XenolithError
 */
export function readCpus(host: RunningHost, text: string): bigint {
  const topology = host.tools.cputopoinfo();
  const ofNode = (node: number) => {
    const bits = topology.reduce((mask, each, cpu) => (each.node === node ? mask | (1n << BigInt(cpu)) : mask), 0n);
    return bits === 0n ? undefined : bits;
  };
  const mask = parseCpuRange(text, cpuCount(host), ofNode);
  if (typeof mask === 'string') throw new XenolithError('XL_CPUS', mask);
  return mask;
}

export function showCpus(host: RunningHost, mask: bigint): string {
  return formatCpuRange(mask, cpuCount(host));
}
