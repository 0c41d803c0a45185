import type { Engine } from '../../cpu/engine.ts';
import { ENGINE_RESERVED_BYTES, PAGE_SIZE } from '../../cpu/engine.ts';
import type { Clock, Random } from '../../lib/ports.ts';
import { XEN_SCHEDULER_CREDIT2 } from '../../abi/domctl-sched.ts';
import { DOMID_SELF, DOMID_XEN, type Domid } from '../../abi/xen.ts';
import type { CpuidTable } from '../x86/cpuid.ts';
import { SchedulerCore } from '../sched/core.ts';
import type { HypercallTrace } from '../trace.ts';
import type { TraceBuffer } from '../trace/trace-buffer.ts';
import { TraceControl } from '../trace/trace-control.ts';
import type { Call, HypercallResult } from './call.ts';
import type { CommandLine } from './command-line.ts';
import { Console } from './console.ts';
import { Cpupools } from './cpupool.ts';
import type { Domain } from './domain.ts';
import { FrameTable, type FrameOwner } from './frame-table.ts';
import { MachineMemory } from './machine-memory.ts';
import { TimerQueue } from './timer.ts';

/** What bounds every domain (Xen's command line options of the same purpose). */
export interface Limits {
  /** gnttab_max_frames: grant table frames of a domain. */
  readonly maxGrantFrames: number;
  /** gnttab_max_maptrack_frames: frames' worth of grants a domain may have mapped. */
  readonly maxMaptrackFrames: number;
  /** conring_size: bytes of Xen's console ring, a power of two. */
  readonly consoleRingBytes: number;
  /** maxcpus: the pCPUs that the machine shows, all on the one thread there is. */
  readonly cpus: number;
  /** sched: XEN_SCHEDULER_* of Pool-0. */
  readonly scheduler: number;
}

const DEFAULT_LIMITS: Limits = {
  maxGrantFrames: 64,
  maxMaptrackFrames: 1024,
  consoleRingBytes: 16384,
  cpus: 8,
  scheduler: XEN_SCHEDULER_CREDIT2,
};

/** What the hypervisor is built on: all of its doors to the world. */
export interface Platform {
  /** The machine's memory: the processors' and everybody's. */
  readonly memory: ArrayBufferLike;
  readonly engine: Engine;
  /** What the processors can do; Xen shows guests this, with its own additions. */
  readonly cpuid: CpuidTable;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls back soon, after what the host has waiting (files, sockets, input) had its turn. */
  readonly defer: (callback: () => void) => void;
  /** Receives each line of Xen's console, without the newline. */
  readonly log: (line: string) => void;
  readonly limits?: Partial<Limits>;
  /** How it was booted; without options if left out. */
  readonly commandLine?: CommandLine;
}

/** Everything below the hypercall line: the state that all of Xen's parts share. */
export class Hypervisor {
  readonly platform: Platform;
  /** New domains are held to these; some change while Xen runs (hypfs). */
  limits: Limits;
  readonly memory: MachineMemory;
  readonly frames: FrameTable;
  readonly timers = new TimerQueue();
  readonly console: Console;
  /** By id. Dying domains stay until their last frame is free. */
  readonly domains = new Map<number, Domain>();
  /** Who gets a global VIRQ instead of dom0 (XEN_DOMCTL_set_virq_handler). */
  readonly virqHandlers = new Map<number, Domain>();
  /** Called for each hypercall while set. */
  trace: HypercallTrace | undefined;
  /** Where what happens is recorded; undefined while that is off. */
  traceBuffer: TraceBuffer | undefined;
  readonly traceControl = new TraceControl(this);
  readonly scheduler: SchedulerCore;
  readonly cpupools: Cpupools;
  /** Makes one hypercall; set once, by `Xen`. */
  dispatch!: (call: Call) => HypercallResult;
  /** Xen's own pages belong to nobody's reservation. */
  readonly self: FrameOwner = new XenItself();
  /** Where vCPUs that have no vcpu_info yet have their events marked. */
  readonly dummyVcpuInfo: number;
  /** What the host's clock said when Xen booted. */
  readonly bootNs: number;
  readonly #unknown = new Set<string>();
  #lastDomid = 0;

  constructor(platform: Platform) {
    this.platform = platform;
    this.limits = { ...DEFAULT_LIMITS, ...platform.commandLine?.limits, ...platform.limits };
    this.memory = new MachineMemory(platform.memory);
    const firstFrame = ENGINE_RESERVED_BYTES / PAGE_SIZE;
    this.frames = new FrameTable(this.memory, firstFrame, (address, length) =>
      platform.engine.memoryWritten(address, length),
    );
    this.frames.register(this.self);
    this.bootNs = platform.clock.nowNs();
    this.scheduler = new SchedulerCore(this, this.limits.cpus);
    this.cpupools = new Cpupools(this.scheduler, this.limits.scheduler);
    this.console = new Console(this.limits.consoleRingBytes, platform.log);
    this.dummyVcpuInfo = this.frames.allocateXen(this.self) * PAGE_SIZE;
  }

  /** System time: whole nanoseconds since Xen booted (Xen's NOW()). */
  now(): number {
    return Math.floor(this.platform.clock.nowNs() - this.bootNs);
  }

  /** Unix time in ns at system time 0. */
  wallclockAtBootNs(): bigint {
    return this.platform.clock.wallclockNs() - BigInt(this.now());
  }

  log(line: string): void {
    this.console.print(`(XEN) ${line}`);
  }

  /** Names a call that is not there, the first time somebody makes it. */
  logUnknown(what: string): void {
    if (this.#unknown.has(what) || this.#unknown.size >= 1000) return;
    this.#unknown.add(what);
    this.log(`${what} is not supported: ENOSYS`);
  }

  /** The domain with an id; DOMID_SELF is the caller's. Undefined where there is none. */
  find(id: Domid, caller: Domain): Domain | undefined {
    return id === DOMID_SELF ? caller : this.domains.get(id);
  }

  /** An id no domain has, in turns; undefined where all are taken. */
  freeDomid(): Domid | undefined {
    for (let tries = 1; tries < FIRST_RESERVED; tries++) {
      this.#lastDomid = this.#lastDomid + 1 === FIRST_RESERVED ? 1 : this.#lastDomid + 1;
      if (!this.domains.has(this.#lastDomid)) return this.#lastDomid as Domid;
    }
    return undefined;
  }
}

const FIRST_RESERVED = 0x7ff0;

class XenItself implements FrameOwner {
  readonly id = DOMID_XEN;
  totPages = 0;
  maxPages = 0;
  outstandingPages = 0;
  xenPages = 0;
  xenReferences = 0;
  readonly dying = false;
  frameWritten(): void {}
  lastFrameFreed(): void {}
}
