import type { Domid } from '../../abi/xen.ts';
import type { DomainConfig } from './domain-config.ts';
import type { DomainEnd } from './domain-events.ts';
import type { DomainPlan } from './domain-plan.ts';

/** Whether somebody does not want it any more, and how to hear of it. */
export interface Cancellation {
  readonly cancelled: boolean;
  /** Calls back once, at once where it has come to that already; returns how to stop that. */
  onCancel(listener: () => void): () => void;
}

/** A domain that is asked for. */
export interface DomainRequest {
  readonly config: DomainConfig;
  /** Reads its files and plans where they go, anew for each of its lives. */
  readonly plan: () => Promise<DomainPlan>;
  /** Reads its kernel's symbols, to tell with where it crashed. */
  readonly symbols?: (() => Promise<Uint8Array>) | undefined;
  /** Leave it paused. */
  readonly paused: boolean;
  /** Nobody acts upon its end: it stays, shut down, until it is destroyed (xl create -e). */
  readonly unattended: boolean;
  readonly cancellation?: Cancellation;
  /** Hears of each step before it is taken. */
  readonly progress?: (step: string) => void;
  /** It exists, paused, and is about to run. */
  readonly onCreated?: (domid: Domid) => void;
}

/** A domain that the toolstack looks after. */
export interface DomainRecord {
  readonly domid: Domid;
  /** As it is now: a new name or size shows here, and is what it is restarted with. */
  config: DomainConfig;
  readonly request: DomainRequest;
  /** What it is restarted with instead, where that was changed (xl config-update). */
  update?: Pick<DomainRequest, 'config' | 'plan' | 'symbols'>;
  readonly createdNs: bigint;
  /** Resolves when it shuts down or is destroyed, whichever is first; another one once it was resumed. */
  end: Promise<DomainEnd>;
  /** How it has shut down, if it has, and is still there. */
  shutdown?: DomainEnd | undefined;
  /** Resolves when it is gone, with what was known of it. */
  readonly gone: Promise<EndedDomain>;
}

/** What is remembered of a domain that is gone. */
export interface EndedDomain {
  readonly domid: Domid;
  readonly name: string;
  readonly end: DomainEnd;
  /** The last of what it wrote to its console. */
  readonly console: Uint8Array;
}

export type DomainEventKind =
  | 'created'
  | 'unpaused'
  | 'paused'
  | 'resumed'
  | 'soft-reset'
  | 'shutdown'
  | 'crashed'
  | 'destroyed'
  | 'renamed'
  | 'restarted'
  | 'preserved'
  | 'failed'
  | 'device';

/** Something that happened to a domain. */
export interface DomainEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: DomainEventKind;
  readonly domid: number;
  readonly name: string;
  readonly uuid: string;
  /** Of 'shutdown' and 'crashed': SHUTDOWN_* as a number, and as a word. */
  readonly code?: number;
  readonly reason?: string;
  /** Of 'shutdown' and 'crashed': what is done about it. */
  readonly action?: string;
  /** Of 'crashed': where, as far as Xen has told; and by its kernel's symbols, where those are given. */
  readonly rip?: string;
  readonly stack?: readonly string[];
  readonly detail?: string;
  /** Of 'device': which one, `vif/0`, which end of it, and its XenbusState as a word. */
  readonly device?: string;
  readonly end?: 'frontend' | 'backend';
  readonly state?: string;
  /** Of 'renamed': the name before. */
  readonly before?: string;
}

/** SHUTDOWN_* in words. */
export const SHUTDOWN_REASONS: readonly string[] = ['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft-reset'];
