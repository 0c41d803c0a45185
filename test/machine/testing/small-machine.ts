import { SYMBOLS } from '../../../guests/hello/symbols.ts';
import { START64, START64_PAGES } from '../../../guests/lib/start64.ts';
import { XEN_X86_EMU_LAPIC } from '../../../src/abi/arch-x86/xen.ts';
import { XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_hvm } from '../../../src/abi/domctl.ts';
import { EVTCHNOP_alloc_unbound } from '../../../src/abi/event_channel.ts';
import { HVM_PARAM_MONITOR_RING_PFN } from '../../../src/abi/hvm/params.ts';
import { XENMEM_decrease_reservation, XENMEM_populate_physmap } from '../../../src/abi/memory.ts';
import { SCHEDOP_poll } from '../../../src/abi/sched.ts';
import { type Domid, gfn, type Gfn } from '../../../src/abi/xen.ts';
import { Assembler } from '../../../src/cpu/decode/assembler.ts';
import type { Engine, EngineVcpu, Exit, Intercepts, NestedPaging, TscSource } from '../../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';
import { InterpreterEngine } from '../../../src/cpu/interpreter/engine.ts';
import { ProcessorCpuid } from '../../../src/cpu/system/cpuid.ts';
import { bootProcessor, MTRR_DEFAULT_WRITE_BACK } from '../../../src/dom0/toolstack/pvh-start.ts';
import { EventChannelDriver } from '../../../src/libs/evtchn/evtchn-driver.ts';
import { HypercallCtrl } from '../../../src/libs/ctrl/ctrl-hypercalls.ts';
import { type MonitorHandler, MonitorListener } from '../../../src/libs/ctrl/monitor-listener.ts';
import { PrivcmdForeignMemory } from '../../../src/libs/foreignmemory/foreignmemory-privcmd.ts';
import { ForwardingVcpu } from '../../../src/machine/forwarding-vcpu.ts';
import { memoryMap } from '../../../src/machine/machine-memory.ts';
import { CONTINUE } from '../../../src/xen/common/call.ts';
import type { Hypervisor } from '../../../src/xen/common/hypervisor.ts';
import { SimulatedHost } from '../../../src/xen/testing/simulated-host.ts';
import { Xen } from '../../../src/xen/xen.ts';

const PAGE_SIZE = 4096;
const KERNEL = 0x100000;
const GUEST_PAGES = 512;
/** A page that no kernel of ours uses. */
const RING_GFN = 0x1f0;
const WASM_PAGE = 65536;
/** About what they take on a real host: an instruction, a hypercall, and a part of one that goes on later. */
const NS_PER_INSTRUCTION = 3;
const CALL_NS = 2_000;
const LONG_CALL_NS = 100_000;

/** A domain of a small machine. */
export interface SmallGuest {
  readonly domid: Domid;
  /** A word of the kernel's memory, by its label. */
  read(label: string): number;
  write(label: string, value: number): void;
  /** Where a label is. */
  address(label: string): number;
}

/**
 * Xen on the real engine, without dom0's daemons, on a host whose time passes only as guests execute and call Xen: a
 * test is not on a clock.
 */
export class SmallMachine {
  readonly xen: Xen;
  readonly ctrl: HypercallCtrl;
  readonly events: EventChannelDriver;
  readonly #host = new SimulatedHost();
  readonly #foreign: PrivcmdForeignMemory;
  /** The longest time that the host's other work had to wait for a turn of Xen's to end. */
  longestTurnNs = 0;

  constructor() {
    const { totalBytes } = memoryMap(32 * 1024);
    const pages = Math.ceil(totalBytes / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const host = this.#host;
    this.xen = new Xen({
      memory: memory.buffer,
      engine: new TimedEngine(new InterpreterEngine(memory), (ns) => host.spend(ns)),
      cpuid: new ProcessorCpuid(),
      clock: host,
      random: host,
      defer: host.defer,
      log: host.log,
    });
    this.ctrl = new HypercallCtrl(this.xen.dom0);
    this.events = new EventChannelDriver(this.xen.dom0, this.xen.dom0);
    this.#foreign = new PrivcmdForeignMemory(this.xen.dom0);
    this.xen.trace = {
      enter: () => {},
      leave: (_call, _row, _operation, result) => host.spend(result === CONTINUE ? LONG_CALL_NS : CALL_NS),
    };
    this.xen.start();
  }

  get hypervisor(): Hypervisor {
    return this.xen.dom0.domain.xen;
  }

  /** Builds a domain around a kernel whose source goes on at `main`, in 64-bit mode; paused. */
  domain(source: string, vcpus = 1): SmallGuest {
    const { ctrl } = this;
    const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble([START64, source, START64_PAGES].join('\n'), {
      origin: KERNEL,
      width: 32,
      symbols: {
        ...SYMBOLS,
        SCHEDOP_poll,
        EVTCHNOP_alloc_unbound,
        XENMEM_decrease_reservation,
        XENMEM_populate_physmap,
      },
    });
    const domid = ctrl.domain_create({
      ssidref: 0,
      handle: new Uint8Array(16),
      flags: XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
      max_vcpus: vcpus,
      max_evtchn_port: 1023,
      max_grant_frames: 4,
      max_maptrack_frames: 4,
      grant_opts: 1,
      cpupool_id: 0,
      emulation_flags: XEN_X86_EMU_LAPIC,
    });
    ctrl.domain_max_vcpus(domid, vcpus);
    ctrl.domain_setmaxmem(domid, GUEST_PAGES * 4);
    ctrl.domain_populate_physmap_exact(
      domid,
      Array.from({ length: GUEST_PAGES }, (_, index) => gfn(index)),
    );
    this.#load(domid, bytes);
    ctrl.domain_hvm_setcontext(domid, 0, { mtrr: { msr_mtrr_def_type: MTRR_DEFAULT_WRITE_BACK } });
    ctrl.domain_hvm_setcontext(domid, 0, { cpu: bootProcessor(Number(symbols.get('entry')), 0) });
    const address = (label: string): number => Number(symbols.get(label));
    return {
      domid,
      address,
      read: (label) => this.#word(domid, address(label)),
      write: (label, value) => this.#word(domid, address(label), value),
    };
  }

  /** The same, and it runs. */
  start(source: string, vcpus = 1): SmallGuest {
    const guest = this.domain(source, vcpus);
    this.ctrl.domain_unpause(guest.domid);
    return guest;
  }

  /** Listens to what a domain does. */
  listen(domid: Domid, handler: MonitorHandler): MonitorListener {
    this.ctrl.hvm_param_set(domid, HVM_PARAM_MONITOR_RING_PFN, BigInt(RING_GFN));
    const host = { call: this.xen.dom0, ctrl: this.ctrl, events: this.events.open(), foreign: this.#foreign };
    return new MonitorListener(host, domid, handler);
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    const host = this.#host;
    const end = host.nowNs() + ms * 1e6;
    while (host.nowNs() < end) {
      const start = host.nowNs();
      if (host.turn()) this.longestTurnNs = Math.max(this.longestTurnNs, host.nowNs() - start);
      else host.advance(Math.min(1e6, end - host.nowNs()));
    }
  }

  /** Makes the memory of `to` that of `from`, of a kernel's size. */
  copyMemory(from: Domid, to: Domid): void {
    const gfns = Array.from({ length: GUEST_PAGES }, (_, page) => gfn(page));
    const source = this.#foreign.map(from, gfns);
    const target = this.#foreign.map(to, gfns);
    target.forEach((page, index) => page.set(source[index] as Uint8Array));
    this.#foreign.unmap([...source, ...target]);
  }

  #load(domid: Domid, bytes: Uint8Array): void {
    const first = KERNEL / PAGE_SIZE;
    const count = Math.ceil(bytes.length / PAGE_SIZE);
    const views = this.#foreign.map(
      domid,
      Array.from({ length: count }, (_, index) => gfn(first + index)),
    );
    views.forEach((view, index) => view.set(bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE)));
    this.#foreign.unmap(views);
  }

  // What is there, or is put there.
  #word(domid: Domid, address: number, put?: number): number {
    const [view] = this.#foreign.map(domid, [Math.floor(address / PAGE_SIZE) as Gfn]) as [Uint8Array];
    const words = new DataView(view.buffer, view.byteOffset);
    if (put !== undefined) words.setUint32(address % PAGE_SIZE, put, true);
    const value = words.getUint32(address % PAGE_SIZE, true);
    this.#foreign.unmap([view]);
    return value;
  }
}

/** An engine whose instructions take time. */
class TimedEngine implements Engine {
  readonly #engine: Engine;
  readonly #spend: (ns: number) => void;

  constructor(engine: Engine, spend: (ns: number) => void) {
    this.#engine = engine;
    this.#spend = spend;
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu {
    const inner = this.#engine.createVcpu(nested, intercepts, tsc);
    inner.exactBudget = true;
    return new TimedVcpu(inner, this.#spend);
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    this.#engine.destroyVcpu((vcpu as TimedVcpu).inner);
  }

  memoryWritten(address: number, length: number): void {
    this.#engine.memoryWritten(address, length);
  }
}

class TimedVcpu extends ForwardingVcpu {
  readonly #spend: (ns: number) => void;

  constructor(inner: EngineVcpu, spend: (ns: number) => void) {
    super(inner);
    this.#spend = spend;
  }

  override run(budget: number): Exit {
    const before = this.inner.instructions;
    const exit = this.inner.run(budget);
    this.#spend((this.inner.instructions - before) * NS_PER_INSTRUCTION);
    return exit;
  }
}
