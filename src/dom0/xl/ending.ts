import {
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_soft_reset,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
} from '../../abi/sched.ts';
import type { DomainConfig, ShutdownAction } from '../toolstack/domain-config.ts';
import { EXIT_CRASH, EXIT_POWEROFF, EXIT_REBOOT, EXIT_SOFT_RESET, EXIT_SUSPEND, EXIT_WATCHDOG } from './exit-status.ts';

/** What becomes of a domain that has shut down, where xl runs in the foreground. */
export interface Ending {
  /** What it did, after "Domain 3": 'has crashed'. */
  readonly what: string;
  /** What the configuration says to do. */
  readonly action: ShutdownAction;
  /** What is done. */
  readonly outcome: 'destroy' | 'restart' | 'soft-reset';
  /** Its memory goes to a file before that. */
  readonly dump: boolean;
  /** Why the two differ, where they do. */
  readonly unlike?: string;
  readonly status: number;
}

/** Decides by the SHUTDOWN_* reason and the on_* keys, as handle_domain_death of xl does. */
export function ending(reason: number, config: DomainConfig): Ending {
  const [what, key, action, status] = byReason(reason, config);
  const { outcome, dump = false, unlike } = inForeground(action);
  const base = { what, action, outcome, dump, status };
  return unlike === undefined ? base : { ...base, unlike: `${key} = "${action}": ${unlike}` };
}

/** The exit status that tells of a SHUTDOWN_* reason. */
export function statusOf(reason: number): number {
  return STATUSES[reason] ?? EXIT_CRASH;
}

const STATUSES: Readonly<Record<number, number>> = {
  [SHUTDOWN_poweroff]: EXIT_POWEROFF,
  [SHUTDOWN_reboot]: EXIT_REBOOT,
  [SHUTDOWN_suspend]: EXIT_SUSPEND,
  [SHUTDOWN_crash]: EXIT_CRASH,
  [SHUTDOWN_watchdog]: EXIT_WATCHDOG,
  [SHUTDOWN_soft_reset]: EXIT_SOFT_RESET,
};

type ByReason = readonly [what: string, key: string, action: ShutdownAction, status: number];

function byReason(reason: number, config: DomainConfig): ByReason {
  switch (reason) {
    case SHUTDOWN_poweroff:
      return ['has powered off', 'on_poweroff', config.onPoweroff, EXIT_POWEROFF];
    case SHUTDOWN_reboot:
      return ['asks for a reboot', 'on_reboot', config.onReboot, EXIT_REBOOT];
    case SHUTDOWN_suspend:
      // xl leaves a suspended domain to whoever asked for it; here there is nobody who could.
      return ['has suspended itself, and nothing here could resume it', 'on_suspend', 'destroy', EXIT_SUSPEND];
    case SHUTDOWN_watchdog:
      return ['was stopped by its watchdog', 'on_watchdog', config.onWatchdog, EXIT_WATCHDOG];
    case SHUTDOWN_soft_reset:
      return ['asks for a soft reset', 'on_soft_reset', config.onSoftReset, EXIT_SOFT_RESET];
    case SHUTDOWN_crash:
      return ['has crashed', 'on_crash', config.onCrash, EXIT_CRASH];
    default:
      return [`has shut down for an unknown reason, ${reason}`, 'on_crash', 'destroy', EXIT_CRASH];
  }
}

interface Decision {
  readonly outcome: Ending['outcome'];
  readonly dump?: boolean;
  readonly unlike?: string;
}

function inForeground(action: ShutdownAction): Decision {
  switch (action) {
    case 'destroy':
    case 'restart':
    case 'soft-reset':
      return { outcome: action };
    case 'preserve':
      return { outcome: 'destroy', unlike: 'the domain is destroyed, since it cannot outlive xl in the foreground' };
    case 'rename-restart':
      return { outcome: 'restart', unlike: 'the domain is restarted, and not kept under another name' };
    case 'coredump-destroy':
      return { outcome: 'destroy', dump: true };
    case 'coredump-restart':
      return { outcome: 'restart', dump: true };
  }
}
