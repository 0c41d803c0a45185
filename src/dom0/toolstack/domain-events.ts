import type { Domid } from '../../abi/xen.ts';
import type { ToolstackHost } from './domain-create.ts';
import { attempt } from './errors.ts';

/** How a domain came to stop. */
export type DomainEnd =
  /** It is still there, with what it held, for a toolstack to destroy. `reason` is SHUTDOWN_*. */
  | { readonly kind: 'shutdown'; readonly reason: number }
  /** It is gone, or going. */
  | { readonly kind: 'destroyed' };

export interface EndWatch {
  /** Resolves once, with the first end that is seen. */
  readonly end: Promise<DomainEnd>;
  /** Stops watching; `end` may then never resolve. */
  stop(): Promise<void>;
}

/**
 * Watches for a domain's end, as libxl does: xenstored raises @releaseDomain whenever a domain has shut down or is
 * gone, without saying which, so Xen is asked. The watch fires at once, hence an end that was there before is seen.
 */
export async function watchForEnd(host: Pick<ToolstackHost, 'ctrl' | 'store'>, domid: Domid): Promise<EndWatch> {
  let resolve: (end: DomainEnd) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const end = new Promise<DomainEnd>((...settle) => {
    [resolve, reject] = settle;
  });
  end.catch(() => {}); // whoever waits for it hears of it; nobody may be waiting yet

  const look = () => {
    const info = host.ctrl.domain_getinfo(domid);
    if (info === undefined || info.dying) resolve({ kind: 'destroyed' });
    else if (info.shutdown) resolve({ kind: 'shutdown', reason: info.shutdown_reason });
  };
  const fired = () => void attempt(`look at domain ${domid}`, look).catch(reject);
  const stop = await attempt(`watch domain ${domid}`, () => host.store.watch('@releaseDomain', fired));
  return { end, stop };
}
