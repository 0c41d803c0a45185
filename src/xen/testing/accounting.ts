import type { Hypervisor } from '../common/hypervisor.ts';

/** Everything of the machine's that domains take, and give back when they go. */
export interface Account {
  readonly freeFrames: number;
  readonly claimedFrames: number;
  readonly domains: number;
  readonly poolDomains: number;
  readonly timers: number;
  readonly vcpus: number;
  readonly busyCpus: number;
  readonly dom0Ports: number;
  readonly dom0Grants: number;
}

/** Takes stock: two accounts are equal where nothing was lost, and nothing left over, in between. */
export function accountOf(xen: Hypervisor): Account {
  const dom0 = xen.domains.get(0);
  const pools = [...new Set([...xen.domains.values()].map(({ cpupool }) => cpupool))];
  return {
    freeFrames: xen.frames.free,
    claimedFrames: xen.frames.outstanding,
    domains: xen.domains.size,
    poolDomains: pools.reduce((sum, { domains }) => sum + domains.size, 0),
    timers: xen.timers.size,
    vcpus: xen.scheduler.size,
    busyCpus: xen.scheduler.cpus.filter(({ current }) => current !== undefined).length,
    dom0Ports: dom0?.events.active ?? 0,
    dom0Grants: dom0?.grants.maptrackInUse ?? 0,
  };
}
