import type { Clock } from '../../lib/ports.ts';

/** How long people wait without asking themselves whether anything happens. */
const PATIENCE_NS = 2e9;

/** What tells the steps of work to somebody at a terminal, once it takes long. */
export function slowProgress(
  clock: Pick<Clock, 'nowNs'>,
  isTerminal: boolean,
  say: (line: string) => void,
): (step: string) => void {
  const startedNs = clock.nowNs();
  return (step) => {
    if (isTerminal && clock.nowNs() - startedNs >= PATIENCE_NS) say(step);
  };
}
