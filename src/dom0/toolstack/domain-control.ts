import type { Domid } from '../../abi/xen.ts';
import type { ToolstackHost } from './domain-create.ts';
import { attempt } from './errors.ts';

/** What a guest can be asked for by control/shutdown (docs/misc/xenstore-paths.pandoc). */
export type ShutdownRequest = 'poweroff' | 'reboot' | 'suspend' | 'halt';

/**
 * Asks a domain, through the store, to do it itself (libxl__domain_pvcontrol). Returns a sentence where it cannot hear
 * of that: dom0, or a domain that is gone.
 */
export async function requestShutdown(
  { ctrl, store }: Pick<ToolstackHost, 'ctrl' | 'store'>,
  domid: Domid,
  request: ShutdownRequest,
): Promise<string | undefined> {
  if (domid === 0) return 'PV control interface not available: Domain-0 is the host itself.';
  const info = ctrl.domain_getinfo(domid);
  if (info === undefined) return `there is no domain ${domid}`;
  if (info.shutdown) return `domain ${domid} has shut down already: xl destroy ends it`;
  const path = `/local/domain/${domid}/control/shutdown`;
  await attempt(`ask domain ${domid} to ${request}`, () => store.replace([], [{ path, value: request }]));
  return undefined;
}

/** Has a guest's kernel act on a key of SysRq (libxl_send_sysrq). */
export async function sendSysrq({ store }: Pick<ToolstackHost, 'store'>, domid: Domid, key: string): Promise<void> {
  const path = `/local/domain/${domid}/control/sysrq`;
  await attempt(`send a sysrq to domain ${domid}`, () => store.replace([], [{ path, value: key }]));
}
