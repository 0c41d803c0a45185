import type { Clock, Random, Terminal } from '../../lib/ports.ts';
import type { Domid } from '../../abi/xen.ts';
import type { ToolstackHost } from '../toolstack/domain-create.ts';
import type { Determinism } from './cfg/determinism.ts';

/** The world as xl sees it. The machine hands it in: dom0's programs touch no file, clock or terminal themselves. */
export interface Services {
  /** What was asked for: help, a dry run's output. */
  stdout(text: string): void;
  /** All else: warnings, errors, what becomes of the domain. */
  stderr(text: string): void;
  /** Where `create -c` shows the guest's console. */
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  environment(name: string): string | undefined;
  /** Calls back for each signal that asks the process to end; returns how to stop that. */
  onSignal(handler: (signal: Signal) => void): () => void;
  /** Starts a machine with Xen and dom0's daemons on it, and room for the domain asked for. */
  startHost(options: HostOptions): Promise<Host>;
}

export interface Files {
  /** What relative paths are relative to. */
  readonly workingDirectory: string;
  /** The whole file. Rejects with an Error that has a POSIX `code` such as 'ENOENT'. */
  read(path: string): Promise<Uint8Array>;
}

export interface Signal {
  readonly name: string;
  /** As in 128 + number, the exit status of a program that it ended. */
  readonly number: number;
}

/** What can be traced. */
export const TRACE_CATEGORIES = ['hypercalls', 'events', 'xenstore'] as const;
export type TraceCategory = (typeof TRACE_CATEGORIES)[number];

export interface HostOptions {
  /** What the domain takes of the machine's memory, tables and special pages included; Xen and dom0 come on top. */
  readonly guestMemoryKib: number;
  readonly vcpus: number;
  readonly trace: readonly TraceCategory[];
  /** XENOLITH_STATS, as set; undefined where it is not. */
  readonly stats: string | undefined;
  /** Undefined where the machine goes by the host's clock and randomness. */
  readonly deterministic: Determinism | undefined;
}

/** A machine that runs, as dom0 sees it. */
export interface Host extends ToolstackHost {
  /** The daemon's end of a domain's console; what was put out before anyone listens is kept. */
  console(domid: Domid): DomainConsole;
  /** What explains how a domain stopped, or why it does not: RIP, last exits. Undefined where nothing is to be explained. */
  describe(domid: Domid): string | undefined;
  /** Rejects when the machine itself breaks; never resolves. */
  readonly failure: Promise<never>;
  /** Stops the machine and all that runs on it. */
  stop(): Promise<void>;
}

/** One domain's console, as xenconsoled serves it. */
export interface DomainConsole {
  /** One listener at a time. */
  onOutput(listener: (bytes: Uint8Array) => void): void;
  /** Types into the console; what the guest's ring has no room for waits. */
  write(bytes: Uint8Array): void;
  /** Hands over what the guest has left in its ring: the last words before it is destroyed. */
  drain(): void;
}
