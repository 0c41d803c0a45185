import { XenolithError } from '../../lib/errors.ts';
import type { Cpupool } from '../../libs/ctrl/sched-calls.ts';
import type { RunningHost } from './services.ts';

/** A pool's name in the store; its number where it has none. */
export async function poolName(host: RunningHost, id: number): Promise<string> {
  return (await host.store.read(`/local/pool/${id}/name`)) ?? `Pool-${id}`;
}

/**
 * The pool that an operator means by its name or its number.
 *
 * @throws XenolithError
 */
export async function findPool(host: RunningHost, nameOrId: string): Promise<Cpupool> {
  const pools = host.sched.cpupools();
  for (const pool of pools) {
    if (`${pool.id}` === nameOrId || (await poolName(host, pool.id)) === nameOrId) return pool;
  }
  throw new XenolithError('XL_CPUPOOL', `unknown cpupool '${nameOrId}'`);
}
