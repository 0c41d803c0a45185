import { VIRQ_CON_RING } from '../abi/xen.ts';
import type { Domid } from '../abi/xen.ts';
import { Dom0 } from './dom0.ts';
import { sendGlobalVirq } from './common/virq.ts';
import { dispatch } from './hypercalls.ts';
import { Hypervisor, type Platform } from './common/hypervisor.ts';
import type { Vcpu } from './common/vcpu.ts';
import { RunLoop } from './sched/run-loop.ts';
import type { HypercallTrace } from './trace.ts';
import type { TraceControl } from './trace/trace-control.ts';
import { runHvmVcpu } from './x86/hvm/run.ts';
import { HvmVcpu } from './x86/hvm/vcpu-hvm.ts';

/**
 * The hypervisor. Built on a platform it has dom0, idle until somebody makes hypercalls through it; `start` lets the
 * machine run: vCPUs, timers, events.
 *
 * @example
 * const xen = new Xen({ memory, engine, cpuid, clock, random, defer: setImmediate, log: console.error });
 * const toolstack = new HypercallCtrl(xen.dom0);
 * xen.start();
 */
export class Xen {
  readonly dom0: Dom0;
  readonly #hypervisor: Hypervisor;
  readonly #loop: RunLoop;

  constructor(platform: Platform) {
    const hypervisor = new Hypervisor(platform);
    hypervisor.dispatch = dispatch;
    this.#hypervisor = hypervisor;
    this.dom0 = new Dom0(hypervisor, () => this.#loop.wake());
    this.#loop = new RunLoop(hypervisor, this.dom0, runVcpu);
    hypervisor.console.onText = () => sendGlobalVirq(hypervisor, VIRQ_CON_RING);
    hypervisor.log(`Xen version 4.17.7 (Xenolith)`);
    const { text = '', hvmFep = false } = platform.commandLine ?? {};
    if (text !== '') hypervisor.log(`Command line: ${text}`);
    if (hvmFep) hypervisor.log(`WARNING: HVM FORCED EMULATION PREFIX IS AVAILABLE: for testing alone`);
    hypervisor.log(`System RAM: ${Math.floor(hypervisor.frames.total / 256)}MB (${hypervisor.frames.total * 4}kB)`);
    hypervisor.log(`Using scheduler: ${hypervisor.cpupools.first.scheduler.name}`);
  }

  /** Lets the machine run until `stop`. */
  start(): void {
    this.#loop.start();
  }

  /** The machine stands still: no vCPU runs, no timer fires, no event is delivered. */
  stop(): void {
    this.#loop.stop();
  }

  /** Prints where a domain's processors are on Xen's console: registers, last exits. Nothing where it has none. */
  dump(domid: Domid): void {
    this.#hypervisor.domains.get(domid)?.hvm?.dump();
  }

  /** Hands every hypercall to a tracer from now on; undefined ends that. */
  set trace(trace: HypercallTrace | undefined) {
    this.#hypervisor.trace = trace;
  }

  /** Records what happens, for whoever switches that on. */
  get traceControl(): TraceControl {
    return this.#hypervisor.traceControl;
  }

  /** Adds to what CONSOLEIO_read returns: the operator's typing at Xen's own console. */
  type(bytes: Uint8Array): void {
    this.#hypervisor.console.type(bytes);
  }
}

function runVcpu(vcpu: Vcpu, budget: number): number {
  if (!(vcpu.arch instanceof HvmVcpu)) return 0;
  const before = vcpu.arch.engine.instructions;
  runHvmVcpu(vcpu.arch, budget);
  return vcpu.arch.engine.instructions - before;
}
