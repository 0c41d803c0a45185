import { VcpuGuestContext } from '../../abi/arch-x86/xen.ts';
import { SHUTDOWN_suspend } from '../../abi/sched.ts';
import type { Domid } from '../../abi/xen.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import type { ToolstackHost } from './domain-create.ts';
import { attempt, DomainError } from './errors.ts';

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

/** What a domain may have beyond its memory, for special pages and ACPI tables: LIBXL_MAXMEM_CONSTANT. */
const EXTRA_MEMORY_KIB = 1024;

/**
 * Asks a domain to keep to so much memory, and holds it to that (libxl_set_memory_target, enforced). Returns a
 * sentence where it may not have so much.
 */
export async function setMemoryTarget(
  { ctrl, store }: Pick<ToolstackHost, 'ctrl' | 'store'>,
  domid: Domid,
  kib: number,
): Promise<string | undefined> {
  const path = `/local/domain/${domid}/memory`;
  const most = Number((await store.read(`${path}/static-max`)) ?? 0);
  if (kib > most) {
    return `domain ${domid} was created with ${Math.floor(most / 1024)} MiB at most (maxmem): expected no more than that`;
  }
  await attempt(`set the memory of domain ${domid}`, async () => {
    ctrl.domain_setmaxmem(domid, kib + EXTRA_MEMORY_KIB);
    ctrl.domain_set_pod_target(domid, kib / 4);
    await store.replace([], [{ path: `${path}/target`, value: `${kib}` }]);
  });
  return undefined;
}

/** What a domain may ever have (libxl_domain_setmaxmem). Returns a sentence where it is asked to have more now. */
export async function setMaxMemory(
  { ctrl, store }: Pick<ToolstackHost, 'ctrl' | 'store'>,
  domid: Domid,
  kib: number,
): Promise<string | undefined> {
  const target = Number((await store.read(`/local/domain/${domid}/memory/target`)) ?? 0);
  if (kib < target) {
    return `domain ${domid} is to have ${Math.floor(target / 1024)} MiB (mem-set): expected no less than that`;
  }
  await attempt(`limit the memory of domain ${domid}`, () => ctrl.domain_setmaxmem(domid, kib + EXTRA_MEMORY_KIB));
  return undefined;
}

/** Asks a domain to bring vCPUs up or down until so many are online (libxl_set_vcpuonline). */
export async function setOnlineVcpus(
  { store }: Pick<ToolstackHost, 'store'>,
  domid: Domid,
  online: number,
  most: number,
): Promise<void> {
  const nodes = Array.from({ length: most }, (_, vcpu) => ({
    path: `/local/domain/${domid}/cpu/${vcpu}/availability`,
    value: vcpu < online ? 'online' : 'offline',
  }));
  await attempt(`set the vCPUs of domain ${domid}`, () => store.replace([], nodes));
}

/** What SCHEDOP_shutdown returns to a guest whose suspend came to nothing: it goes on where it was. */
const SUSPEND_CANCELLED = 1n;

/** Has a domain that suspended itself go on (xc_domain_resume, the cooperative way). */
export async function resumeSuspended(
  {
    ctrl,
    tools,
  }: Pick<ToolstackHost, 'ctrl'> & {
    readonly tools: Pick<ToolCalls, 'vcpu_getcontext' | 'vcpu_setcontext' | 'domain_resume'>;
  },
  domid: Domid,
): Promise<void> {
  const info = ctrl.domain_getinfo(domid);
  if (info?.shutdown !== true || info.shutdown_reason !== SHUTDOWN_suspend) {
    throw new DomainError('DOMAIN_REFUSED', `domain ${domid} has not suspended itself: expected xl suspend before`);
  }
  await attempt(`resume domain ${domid}`, () => {
    const bytes = tools.vcpu_getcontext(domid, 0);
    const context = new VcpuGuestContext(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
    context.user_regs.rax = SUSPEND_CANCELLED;
    tools.vcpu_setcontext(domid, 0, bytes);
    tools.domain_resume(domid);
  });
}
