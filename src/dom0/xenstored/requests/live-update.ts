import { nulTerminated } from '../../../libs/store/wire.ts';
import { XsError } from '../errors.ts';
import type { Daemon } from './request.ts';
import { leadingNumber, OK } from './request.ts';

const DEFAULT_TIMEOUT_S = 60;

/**
 * CONTROL live-update: -s [-t <seconds>] [-F] has the daemon write itself down as a stream of
 * docs/designs/xenstore-migration.md and go on from that. Without -F it waits for transactions to end, with it for
 * `seconds` at most. It is BUSY until then, and asked again.
 *
 * What a daemon of its own would be started by, -f <file> and -c <command line>, is accepted and has no meaning here.
 */
export function liveUpdate(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  switch (parameters[0]) {
    case '-f':
    case '-c':
      if (parameters.length !== 2) throw new XsError('EINVAL', `${parameters[0]} takes one word`);
      return OK;
    case '-a':
      daemon.updateAskedNs = undefined;
      return OK;
    case '-s':
      return start(daemon, parameters.slice(1));
    default:
      throw new XsError('EINVAL', `live-update ${parameters[0]}`);
  }
}

function start(daemon: Daemon, parameters: readonly string[]): Uint8Array {
  let timeoutS = DEFAULT_TIMEOUT_S;
  let force = false;
  for (let i = 0; i < parameters.length; i++) {
    if (parameters[i] === '-F') force = true;
    else if (parameters[i] === '-t') timeoutS = leadingNumber(parameters[++i] ?? '');
    else throw new XsError('EINVAL', `live-update -s ${parameters[i]}`);
  }
  const nowNs = daemon.clock.nowNs();
  daemon.updateAskedNs ??= nowNs;
  const isOver = nowNs - daemon.updateAskedNs >= timeoutS * 1e9;
  const open = [...daemon.state.connections].some((connection) => connection.transactions.size > 0);
  if (open && !isOver) return nulTerminated('BUSY');
  daemon.updateAskedNs = undefined;
  if (open && !force) return nulTerminated('transactions are open');
  daemon.updateNow = true;
  return OK;
}
