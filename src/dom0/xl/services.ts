import type { Clock, Random, Terminal } from '../../lib/ports.ts';
import type { Domid } from '../../abi/xen.ts';
import type { HypfsCalls } from '../../libs/ctrl/hypfs-calls.ts';
import type { SchedCalls } from '../../libs/ctrl/sched-calls.ts';
import type { StateCalls } from '../../libs/ctrl/state-calls.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import type { DomainConfig } from '../toolstack/domain-config.ts';
import type { DomainFiles, DomainPlan } from '../toolstack/domain-plan.ts';
import type { ToolstackHost } from '../toolstack/domain-create.ts';
import type { Determinism } from './cfg/determinism.ts';
import type { Cancellation } from '../toolstack/domain-record.ts';
import type { Domains } from '../toolstack/domains.ts';
import type { SoftResetHost } from '../toolstack/soft-reset.ts';
import type { ConsoleSeats } from './console-seats.ts';

/** The world as xl sees it. The machine hands it in: dom0's programs touch no file, clock or terminal themselves. */
export interface Services {
  /** What was asked for: help, a dry run's output. */
  stdout(text: string): void;
  /** All else: warnings, errors, what becomes of the domain. */
  stderr(text: string): void;
  /** Where `create -c` shows the guest's console. */
  readonly terminal: PacedTerminal;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  environment(name: string): string | undefined;
  /** Calls back for each signal that asks the process to end; returns how to stop that. */
  onSignal(handler: (signal: Signal) => void): () => void;
  /** Plans domains where that keeps nobody waiting; undefined where nobody else is there. */
  readonly planDomain?: ((config: DomainConfig, files: DomainFiles) => Promise<DomainPlan>) | undefined;
  /** The host that the command was given to; undefined where xl runs by itself, without one. */
  readonly running?: RunningHost | undefined;
  /** Whoever gave the command is gone, or does not want it any more; undefined where that would be the end of xl. */
  readonly cancellation?: Cancellation | undefined;
  /** Starts a machine with Xen and dom0's daemons on it, and room for the domain asked for. */
  startHost(options: HostOptions): Promise<Host>;
}

/** A terminal that may be far away, behind somebody who reads slowly. */
export interface PacedTerminal extends Terminal {
  /** Bytes that it was given and nobody has read yet; nothing ever waits where it is undefined. */
  readonly unsent?: number;
  /** Calls back whenever all of those have been read, or nobody ever will. */
  onDrain?(listener: () => void): void;
  /** Leaves what is typed where it is, or goes on to hand it over. */
  holdInput?(hold: boolean): void;
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

/** What `xl trace` records: exits, hypercalls, and so on. */
export const TRACE_CLASSES = ['exit', 'hypercall', 'event', 'grant', 'sched', 'memory', 'domain', 'guest'] as const;
export type TraceClass = (typeof TRACE_CLASSES)[number];

/** How records are written: a JSON object a line; for Perfetto; for Xen's own tools. */
export const TRACE_FORMATS = ['jsonl', 'chrome', 'xentrace'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

export interface TraceOptions {
  readonly format: TraceFormat;
  readonly events: readonly TraceClass[];
  /** Records that these made, or that concern them; undefined for all. */
  readonly domains: readonly Domid[] | undefined;
  /** pCPUs as bits; undefined for all. */
  readonly cpus: number | undefined;
  /** The ring that records wait in until they are written; once it is full the oldest are lost. */
  readonly bufferBytes: number;
  /** Records are written as they come. Otherwise they wait until the ring is half full, which disturbs less. */
  readonly follow: boolean;
}

/** Where what was recorded goes: a file, or somebody who reads. */
export type TraceTarget =
  | { readonly path: string }
  | { readonly write: (text: string) => void; readonly isBehind: () => boolean };

/** Recording that goes on. */
export interface RunningTrace {
  /** Records no more, and writes the rest. */
  stop(): Promise<TraceSummary>;
  /** Rejects with an XenolithError when nothing can be written any more; never resolves. */
  readonly failure: Promise<never>;
}

export interface TraceSummary {
  readonly records: number;
  /** Records that others took the place of before they were written. */
  readonly lost: number;
}

export interface HostOptions {
  /** What the domain takes of the machine's memory, tables and special pages included; Xen and dom0 come on top. */
  readonly guestMemoryKib: number;
  readonly vcpus: number;
  readonly trace: readonly TraceCategory[];
  /** What is recorded from the start to the end of the machine; undefined for nothing. */
  readonly recording?: { readonly options: TraceOptions; readonly path: string } | undefined;
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
  readonly state: SoftResetHost['state'];
  /** Puts a domain's memory into a file named after it; resolves with the file's path. */
  dumpCore(domid: Domid, name: string): Promise<string>;
  /** Lets everything else on the machine have its turn. */
  breathe(): Promise<void>;
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

/** A machine that outlives the commands it is given, and what looks after its domains. */
export interface RunningHost extends ToolstackHost {
  readonly clock: Clock;
  readonly tools: ToolCalls;
  readonly sched: SchedCalls;
  readonly state: StateCalls;
  readonly hypfs: HypfsCalls;
  readonly domains: Domains;
  /** Who is at its consoles. */
  readonly seats: ConsoleSeats;
  /** Its folder. */
  readonly folder: string;
  /** Its process. */
  readonly pid: number;
  /** Where it runs, as uname(2) tells. */
  readonly node: {
    readonly name: string;
    readonly release: string;
    readonly version: string;
    readonly machine: string;
  };
  /** Its time goes by what its guests execute: a machine that repeats. */
  readonly repeats: boolean;
  /** When it started. */
  readonly startedNs: bigint;
  /** Has `viewer` see a domain's console; returns what ends that. */
  attachConsole(domid: Domid, viewer: ConsoleViewer, from: 'unread' | 'all'): () => void;
  /** The same with a further console, from 1 on; undefined where the domain has none of that number. */
  attachChannel(domid: Domid, number: number, viewer: ConsoleViewer): (() => void) | undefined;
  describe(domid: Domid): string | undefined;
  /** Records what happens. One at a time: throws a XenolithError where somebody records already. */
  startTrace(options: TraceOptions, target: TraceTarget): RunningTrace;
  /** Puts a domain's memory into a file. */
  dumpCore(domid: Domid, path: string): Promise<void>;
  /** Destroys all domains and ends, once the command that asks for it is answered. */
  stop(): void;
}

/** Whoever looks at a domain's console: dom0/console/console-client.ts has the rules. */
export interface ConsoleViewer {
  output(bytes: Uint8Array): number;
  onDrain(listener: () => void): void;
  onInput(listener: (bytes: Uint8Array) => void): void;
  inputPaused?(paused: boolean): void;
  closed?(): void;
}
