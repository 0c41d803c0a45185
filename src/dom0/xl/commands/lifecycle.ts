import { SHUTDOWN_suspend } from '../../../abi/sched.ts';
import type { Domid } from '../../../abi/xen.ts';
import { XenolithError } from '../../../lib/errors.ts';
import { requestShutdown, type ShutdownRequest } from '../../toolstack/domain-control.ts';
import type { Context } from '../command.ts';
import { type Arguments, type CommandSpec, findDomain, findGuest, findLiveDomain, onHost } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';

/** `xl destroy`: a domain is gone at once. One that is still being created is not created. */
export const destroy = onHost({
  name: 'destroy',
  summary: 'Terminate a domain immediately',
  usage: '[options] <Domain>',
  options: ['-f  Allow domain 0 to be destroyed, which never succeeds here: it is the host'],
  short: 'f',
  requires: 1,
  modifies: true,
  run: async (args, host, context) => {
    const name = args.operand(0);
    if (await host.domains.cancelCreation(name)) return 0;
    const domid = await findDomain(host, name);
    if (domid === 0) {
      context.say('Not destroying domain 0; it is the host itself, which ends by xl host stop.\n');
      return EXIT_ERROR;
    }
    if (host.ctrl.domain_getinfo(domid) === undefined) {
      context.say(`destroy failed: there is no domain ${domid} (rc=${ERROR_DOMAIN_NOTFOUND})`);
      return EXIT_ERROR;
    }
    await host.domains.destroy(domid);
    return 0;
  },
});

/** libxl's. */
const ERROR_DOMAIN_NOTFOUND = -21;

/** `xl pause` */
export const pause = onHost({
  name: 'pause',
  summary: 'Pause execution of a domain',
  usage: '<Domain>',
  requires: 1,
  modifies: true,
  run: async (args, host) => {
    await host.domains.pause(await findGuest(host, args.operand(0), 'pause'));
    return 0;
  },
});

/** `xl unpause`: whatever pauses there were, the domain runs (libxl unpauses once; so do we). */
export const unpause = onHost({
  name: 'unpause',
  summary: 'Unpause a paused domain',
  usage: '<Domain>',
  requires: 1,
  modifies: true,
  run: async (args, host) => {
    const domid = await findGuest(host, args.operand(0), 'unpause');
    // Xen refuses it for a domain that nobody has paused; xl does not tell.
    if (host.ctrl.domain_getinfo(domid)?.paused === true) await host.domains.unpause(domid);
    return 0;
  },
});

/** `xl suspend`: the guest stops where it is, with all it has; `xl resume` has it go on. */
export const suspend = onHost({
  name: 'suspend',
  summary: 'Suspend a domain to RAM',
  usage: '<Domain>',
  requires: 1,
  modifies: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'suspend');
    const refusal = await requestShutdown(host, domid, 'suspend');
    if (refusal !== undefined) {
      context.say(refusal);
      return EXIT_ERROR;
    }
    const end = await unlessCancelled(host.domains.record(domid)?.end ?? Promise.resolve(undefined), context);
    if (end?.kind === 'shutdown' && end.reason === SHUTDOWN_suspend) return 0;
    context.say(`xl suspend: domain ${domid} has ended instead`);
    return EXIT_ERROR;
  },
});

/** `xl resume` */
export const resume = onHost({
  name: 'resume',
  summary: 'Resume a domain from RAM',
  usage: '<Domain>',
  requires: 1,
  modifies: true,
  run: async (args, host) => {
    await host.domains.resume(await findGuest(host, args.operand(0), 'resume'));
    return 0;
  },
});

/** `xl rename` */
export const rename = onHost({
  name: 'rename',
  summary: 'Rename a domain',
  usage: '<Domain> <NewDomainName>',
  requires: 2,
  modifies: true,
  run: async (args, host, context) => {
    const domid = await findGuest(host, args.operand(0), 'rename');
    const name = args.operand(1);
    if (name === '' || /^[0-9]+$/.test(name)) {
      context.say(`Can't rename domain '${args.operand(0)}' to '${name}': that is no name: expected a letter in it`);
      return EXIT_ERROR;
    }
    await host.domains.rename(domid, name);
    return 0;
  },
});

/** `xl shutdown` */
export const shutdown = ending('shutdown', 'Issue a shutdown signal to a domain', 'shutdown');
/** `xl reboot` */
export const reboot = ending('reboot', 'Issue a reboot signal to a domain', 'reboot');

function ending(name: 'shutdown' | 'reboot', summary: string, until: string) {
  const spec: CommandSpec = {
    name,
    summary,
    usage: '[options] <-a|Domain>',
    options: [
      '-a, --all   All guests.',
      '-w, --wait  Wait for the guests to shut down; given twice, until they are gone.',
      '-F          Press a button of ACPI where a guest has no PV drivers.',
    ],
    short: 'awF',
    long: { all: { value: false, letter: 'a' }, wait: { value: false, letter: 'w' } },
    modifies: true,
    run: (args, host, context) => endDomains(args, host, context, until === 'reboot' ? 'reboot' : 'poweroff'),
  };
  return onHost(spec);
}

async function endDomains(
  args: Arguments,
  host: RunningHost,
  context: Context,
  request: ShutdownRequest,
): Promise<number> {
  const [only] = args.operands;
  if (only === undefined && !args.has('a')) {
    context.say('You must specify -a or a domain id.\n');
    return EXIT_ERROR;
  }
  const domids = args.has('a')
    ? host.domains.list().flatMap(({ domid }) => (domid === 0 ? [] : [domid]))
    : [await findLiveDomain(host, only ?? '')];

  const verb = request === 'reboot' ? 'Rebooting' : 'Shutting down';
  const what = request === 'reboot' ? 'reboot' : 'shutdown';
  const waits: Promise<void>[] = [];
  for (const domid of domids) {
    context.say(`${verb} domain ${domid}`);
    if (args.has('w')) waits.push(untilEnd(host, domid, args.count('w') > 1, context));
    const refusal = await requestShutdown(host, domid, request);
    if (refusal === undefined) continue;
    context.say(refusal);
    context.say(`${what} failed (rc=${ERROR_NOPARAVIRT})`);
    return EXIT_ERROR;
  }
  if (!args.has('w')) return 0;
  context.say(`Waiting for ${waits.length} domains`);
  await unlessCancelled(Promise.all(waits), context);
  return 0;
}

/** libxl's. */
const ERROR_NOPARAVIRT = -18;

async function untilEnd(host: RunningHost, domid: Domid, gone: boolean, context: Context): Promise<void> {
  const record = host.domains.record(domid);
  if (record === undefined) return;
  const end = await record.end;
  const code = end.kind === 'shutdown' ? `shut down, reason code ${end.reason}` : 'destroyed';
  context.say(`Domain ${domid} has been ${code}`);
  if (gone) await record.gone;
}

/** Waits for something, unless whoever waits does not want to any more. */
export async function unlessCancelled<T>(wait: Promise<T>, { services }: Context): Promise<T> {
  const { cancellation } = services;
  if (cancellation === undefined) return await wait;
  let stop = () => {};
  const cancelled = new Promise<never>((_, reject) => {
    stop = cancellation.onCancel(() => reject(new XenolithError('XL_INTERRUPTED', 'interrupted')));
  });
  try {
    return await Promise.race([wait, cancelled]);
  } finally {
    stop();
  }
}
