import type { Domid } from '../../../abi/xen.ts';
import { nulTerminated } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import type { Quota } from '../quotas.ts';
import { liveUpdate } from './live-update.ts';
import type { Daemon, Request } from './request.ts';
import { leadingNumber, OK } from './request.ts';

interface Command {
  readonly name: string;
  readonly parameters: string;
  readonly run: (daemon: Daemon, parameters: readonly string[]) => Uint8Array;
}

const COMMANDS: readonly Command[] = [
  { name: 'check', parameters: '', run: check },
  { name: 'log', parameters: 'on|off', run: log },
  { name: 'live-update', parameters: '[-c <cmdline>] [-F] [-t <timeout>] <file>', run: liveUpdate },
  { name: 'memreport', parameters: '', run: memreport },
  { name: 'print', parameters: '<string>', run: print },
  { name: 'quota', parameters: '[set <name> <val>|<domid>]', run: hardQuota },
  { name: 'quota-soft', parameters: '[set <name> <val>]', run: softQuota },
  { name: 'help', parameters: '', run: help },
];

/** CONTROL  <command>|[<parameters>|]   Commands are each daemon's own business; these are the C daemon's, less files. */
export function control(request: Request): Uint8Array {
  const [name, ...parameters] = request.strings;
  const command = COMMANDS.find((row) => row.name === name);
  if (command === undefined) throw new XsError('EINVAL', `no command: ${name}`);
  return command.run(request.daemon, parameters);
}

/** Looks the store through; what it finds is in the log. */
function check(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  requireCount(parameters, 0);
  for (const finding of daemon.state.store.check()) daemon.log(`check: ${finding}`);
  return OK;
}

function log(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  const [mode] = requireCount(parameters, 1);
  if (mode !== 'on' && mode !== 'off') throw new XsError('EINVAL', `neither on nor off: ${mode}`);
  daemon.tracing = mode === 'on';
  return OK;
}

function print(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  daemon.log(`control: ${requireCount(parameters, 1)[0]}`);
  return OK;
}

/** What everybody takes up goes to the log. */
function memreport(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  requireCount(parameters, 0);
  const { accounts, connections } = daemon.state;
  for (const { domid, nodes, watches, outstanding, memory } of accounts.values()) {
    const counts = `${nodes} nodes, ${watches} watches, ${outstanding} requests outstanding`;
    daemon.log(`memreport: domain ${domid}: ${memory} bytes, ${counts}`);
  }
  const unread = [...connections].reduce((bytes, connection) => bytes + connection.unreadBytes, 0);
  daemon.log(`memreport: ${connections.size} connections, ${unread} bytes on their way`);
  return OK;
}

function hardQuota(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  const { quotas } = daemon.state.limits;
  if (parameters.length === 0) return listed(quotas.hard);
  if (parameters[0] === 'set') return setQuota(quotas.hard, parameters.slice(1));
  const [domid] = requireCount(parameters, 1);
  return usage(daemon, leadingNumber(domid ?? '') as Domid);
}

function softQuota(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  const { quotas } = daemon.state.limits;
  if (parameters.length === 0) return listed(quotas.soft);
  if (parameters[0] === 'set') return setQuota(quotas.soft, parameters.slice(1));
  throw new XsError('EINVAL', `no parameter: ${parameters[0]}`);
}

function listed(quotas: readonly Quota[]): Uint8Array {
  const rows = quotas.map(
    ({ name, limit, description }) => `${name.padEnd(17)}: ${`${limit}`.padStart(8)} ${description}\n`,
  );
  return nulTerminated(`Quota settings:\n${rows.join('')}`);
}

function setQuota(quotas: readonly Quota[], parameters: readonly string[]): Uint8Array {
  const [name, value] = requireCount(parameters, 2);
  const quota = quotas.find((row) => row.name === name);
  const limit = leadingNumber(value ?? '');
  if (quota === undefined || limit < 1) throw new XsError('EINVAL', `no quota, or no limit: ${name} ${value}`);
  quota.limit = limit;
  return OK;
}

/** What a domain takes up now. */
function usage(daemon: Daemon, domid: Domid): Uint8Array {
  const account = daemon.state.accounts.find(domid);
  if (account === undefined) throw new XsError('ENOENT', `domain ${domid} is not known`);
  const transactions = daemon.domains.get(domid)?.connection.transactions.size ?? 0;
  const { nodes, watches, outstanding, memory } = account;
  const rows = Object.entries({ nodes, watches, transactions, outstanding, memory }).map(
    ([name, value]) => `${name.padEnd(16)}: ${`${value}`.padStart(8)}\n`,
  );
  return nulTerminated(`Domain ${domid}:\n${rows.join('')}`);
}

function help(_daemon: Daemon, parameters: readonly string[]): Uint8Array {
  requireCount(parameters, 0);
  return nulTerminated(COMMANDS.map((row) => `${row.name.padEnd(15)} ${row.parameters}\n`).join(''));
}

function requireCount(parameters: readonly string[], count: number): readonly string[] {
  if (parameters.length !== count) throw new XsError('EINVAL', `${parameters.length} parameters instead of ${count}`);
  return parameters;
}
