import {
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_soft_reset,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
} from '../../abi/sched.ts';
import type { DomainConfig, ShutdownAction } from './domain-config.ts';

/** What the configuration says to do about a domain that shut down, as handle_domain_death of xl reads it. */
export interface DeathAction {
  /** The key that says so; undefined where none does. */
  readonly key: string | undefined;
  readonly action: ShutdownAction;
}

/** `reason` is SHUTDOWN_*. A suspended domain is left to whoever asked for it. */
export function deathAction(reason: number, config: DomainConfig): DeathAction {
  switch (reason) {
    case SHUTDOWN_poweroff:
      return { key: 'on_poweroff', action: config.onPoweroff };
    case SHUTDOWN_reboot:
      return { key: 'on_reboot', action: config.onReboot };
    case SHUTDOWN_suspend:
      return { key: undefined, action: 'preserve' };
    case SHUTDOWN_crash:
      return { key: 'on_crash', action: config.onCrash };
    case SHUTDOWN_watchdog:
      return { key: 'on_watchdog', action: config.onWatchdog };
    case SHUTDOWN_soft_reset:
      return { key: 'on_soft_reset', action: config.onSoftReset };
    default:
      return { key: undefined, action: 'destroy' };
  }
}

/** `-YYYYMMDDTHHMMZ`: what xl puts behind the name of a domain that is kept for looking at. */
export function preservedSuffix(wallclockNs: bigint): string {
  const iso = new Date(Number(wallclockNs / 1_000_000n)).toISOString();
  return `-${iso.slice(0, 16).replaceAll(/[-:]/g, '')}Z`;
}
