/** A domain in a list. */
export interface DomainRow {
  readonly name: string | null;
  readonly domid: number;
  readonly uuid: string;
  readonly memoryMiB: number;
  /** Null for Domain-0, which has no limit. */
  readonly maxMemoryMiB: number | null;
  readonly vcpus: number;
  readonly maxVcpus: number;
  /** The letters of xl list: `-b----` waits, `--p---` is paused, `---s--` has shut down. */
  readonly state: string;
  /** poweroff, reboot, suspend, crash, watchdog or soft-reset; null where it has not shut down. */
  readonly shutdownReason: string | null;
  readonly cpuSeconds: number;
  readonly cpupool: number;
}

export type { DomainEvent, DomainEventKind } from '../../../dom0/toolstack/domain-record.ts';

/** How a domain ended. */
export interface DomainEnd {
  readonly kind: 'shutdown' | 'destroyed';
  /** poweroff, reboot, suspend, crash, watchdog or soft-reset; undefined for one that was destroyed before. */
  readonly reason: string | undefined;
  /** What `xl wait` exits with: 0 for a poweroff, 10 for a crash. */
  readonly status: number;
}
