import { MARKER } from '../src/machine/guests/initramfs.ts';
import { type Contest, type Machine, MEMORY_MIB } from './machines.ts';
import { assertNoChildren, processorSeconds, residentMiB, sleep, start } from './processes.ts';
import { table } from './statistics.ts';

const TIMEOUT_MS = 180_000;
/** The shell is there, and the kernel's own late work is done. */
const SETTLE_MS = 5_000;
const WATCH_MS = 10_000;

/** What a machine costs that has nothing to do. */
export interface Idle {
  /** of a core, in per cent */
  readonly share: number;
  /** resident memory, in MiB */
  readonly total: number;
  /** Resident memory without the largest mapping, and without no more of that than the guest's RAM. */
  readonly beyond: number;
}

export interface IdleFigures {
  readonly ours: Idle;
  readonly peer: Idle;
}

/** An idle shell on both machines, one after the other: its share of a core, and the memory it takes on the host. */
export async function idle(contest: Contest): Promise<IdleFigures> {
  return { ours: await watch(contest.ours), peer: await watch(contest.peer) };
}

export function idleTable(contest: Contest, { ours, peer }: IdleFigures): string {
  const row = (what: string, show: (one: Idle) => string) => [what, show(ours), show(peer)];
  return table(
    [`idle shell, ${WATCH_MS / 1000} s`, contest.ours.name, contest.peer.name],
    [
      row('share of a core', (one) => `${one.share.toFixed(1)} %`),
      row('host memory, resident', (one) => `${one.total.toFixed(0)} MiB`),
      row("beyond the guest's RAM", (one) => `${one.beyond.toFixed(0)} MiB`),
    ],
  );
}

async function watch(machine: Machine): Promise<Idle> {
  const run = start(machine.command(''), machine.environment(), TIMEOUT_MS);
  try {
    await run.until(MARKER);
    await sleep(SETTLE_MS);
    const pid = run.child.pid as number;
    assertNoChildren(pid);
    const [processorBefore, before] = [processorSeconds(pid), performance.now()];
    await sleep(WATCH_MS);
    const share = ((processorSeconds(pid) - processorBefore) * 100_000) / (performance.now() - before);
    const { total, largestMapping } = residentMiB(pid);
    return { share, total, beyond: total - Math.min(MEMORY_MIB, largestMapping) };
  } finally {
    await run.stop();
  }
}
