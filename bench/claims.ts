import type { BootFigures } from './boot.ts';
import { BROWSER_PAIRS, type VisitFigures } from './browser.ts';
import type { HypercallFigures } from './hypercalls.ts';
import type { IdleFigures } from './idle.ts';
import type { Contest } from './machines.ts';
import { table } from './statistics.ts';
import { compare, type SuiteFigures } from './suite-report.ts';

/** What has been measured. */
export interface Figures {
  boot?: BootFigures;
  suite?: SuiteFigures;
  idle?: IdleFigures;
  hypercalls?: HypercallFigures;
  browser?: SuiteFigures;
  visits?: VisitFigures;
  deterministic?: SuiteFigures;
}

/** What we want to be true, a row each, and whether it is; nothing of what has not been measured. */
export function claims({ boot, suite, idle, browser, deterministic }: Figures, contest: Contest): string {
  const [ours, peer, first] = [contest.ours.name, contest.peer.name, contest.first.name];
  const rows: string[][] = [];
  const claim = (what: string, figure: number, most: number, unit = '') =>
    rows.push([what, `${figure.toFixed(2)}${unit}`, `${most}${unit}`, figure <= most ? 'yes' : 'NO']);

  if (boot !== undefined) claim(`boot to /init, against ${peer}`, boot.init.ours / boot.init.peer, 1.0);
  if (boot !== undefined) claim('the same, nothing kept of earlier boots', boot.first / boot.init.peer, 1.0);
  if (suite !== undefined) {
    const against = compare(suite, ours, peer);
    const native = compare(suite, ours, 'native');
    const anew = compare(suite, first, peer);
    claim(`suite, geometric mean, against ${peer}`, against.geometricMean, 0.4);
    claim(`suite, slowest against ${peer}: ${against.slowest.name}`, against.slowest.ratio, 1.3);
    claim('suite, geometric mean, times native', native.geometricMean, 4);
    claim('suite, geometric mean, nothing kept of earlier runs', anew.geometricMean, 0.4);
    claim(`suite, slowest then: ${anew.slowest.name}`, anew.slowest.ratio, 1.3);
    const beyondMiB = suite.beyondMiB[ours];
    if (beyondMiB !== undefined) claim("memory beyond the guest's RAM after the suite", beyondMiB, 381, ' MiB');
  }
  if (idle !== undefined) claim('idle shell, share of a core', idle.ours.share, 3, ' %');
  if (browser !== undefined) {
    for (const { what, ours, node } of BROWSER_PAIRS) {
      const { geometricMean, slowest } = compare(browser, ours, node);
      claim(`suite in chromium, geometric mean, against Node${what}`, geometricMean, 1.3);
      claim(`suite in chromium, slowest against Node${what}: ${slowest.name}`, slowest.ratio, 1.3);
    }
  }
  if (deterministic !== undefined) {
    const { geometricMean } = compare(deterministic, 'deterministic', ours);
    claim('deterministic suite, geometric mean, against the usual', geometricMean, 1.3);
  }
  return table(['claim', 'measured', 'at most', 'holds'], rows);
}
