import { XEN_X86_EMU_LAPIC } from '../../abi/arch-x86/xen.ts';
import { XEN_DOMCTL_CDF_hap, XEN_DOMCTL_CDF_hvm } from '../../abi/domctl.ts';
import type { Domid, Gfn } from '../../abi/xen.ts';
import { ENGINE_RESERVED_BYTES, PAGE_SIZE } from '../../cpu/engine.ts';
import { CONTINUE } from '../common/call.ts';
import { Hypervisor, type Limits } from '../common/hypervisor.ts';
import type { Domain } from '../common/domain.ts';
import { Dom0 } from '../dom0.ts';
import { dispatch } from '../hypercalls.ts';
import { RunLoop } from '../sched/run-loop.ts';
import { addPage } from '../x86/mm/physmap.ts';
import { createHvmDomain, createHvmVcpu } from '../x86/hvm/create.ts';
import { runHvmVcpu } from '../x86/hvm/run.ts';
import type { HvmVcpu } from '../x86/hvm/vcpu-hvm.ts';
import { FakeCpuid, FakeEngine, type FakeVcpu, type GuestProgram } from './fake-engine.ts';
import { SimulatedHost } from './simulated-host.ts';

const MACHINE_MIB = 24;
let shared: ArrayBuffer | undefined;

/** A hypervisor with its inside open, over scripted processors and a simulated host. */
export class TestMachine {
  readonly host = new SimulatedHost();
  readonly engine: FakeEngine;
  readonly xen: Hypervisor;
  readonly dom0: Dom0;
  readonly loop: RunLoop;

  constructor(limits: Partial<Limits> = {}) {
    const memory = freshMemory();
    this.engine = new FakeEngine(memory);
    this.xen = new Hypervisor({
      memory,
      engine: this.engine,
      cpuid: new FakeCpuid(),
      clock: this.host,
      random: this.host,
      defer: this.host.defer,
      log: this.host.log,
      limits,
    });
    this.xen.dispatch = dispatch;
    this.dom0 = new Dom0(this.xen, () => this.loop.wake());
    this.loop = new RunLoop(this.xen, this.dom0, (vcpu, budget) => {
      const hvm = vcpu.arch as HvmVcpu;
      const before = hvm.engine.instructions;
      runHvmVcpu(hvm, budget);
      return hvm.engine.instructions - before;
    });
    this.loop.start();
    this.host.settle();
  }

  /** A PVH domain with `pages` frames from gfn 0, its vCPUs initialised in 64-bit mode, vCPU 0 up, paused. */
  domain({
    pages = 64,
    vcpus = 1,
    privileged = false,
    ports = 1023,
    options = 0,
    emulation = XEN_X86_EMU_LAPIC,
  } = {}): Guest {
    const domain = createHvmDomain(
      this.xen,
      {
        id: this.xen.freeDomid() as Domid,
        privileged,
        handle: new Uint8Array(16),
        options: XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | options,
        maxVcpus: vcpus,
        maxEvtchnPort: ports,
        maxGrantFrames: 4,
        maxMaptrackFrames: 1,
        maxGrantVersion: 2,
        ssidref: 0,
      },
      emulation,
    );
    if (domain === undefined) throw new Error('the test machine is full');
    domain.maxPages = pages;
    for (let gfn = 0; gfn < pages; gfn++) addPage(domain, gfn, this.xen.frames.allocate(domain, 0));
    for (let count = 0; count < vcpus; count++) createHvmVcpu(domain);
    for (const vcpu of domain.vcpus) vcpu.initialised = true;
    domain.vcpus[0]?.up();
    return new Guest(this, domain);
  }
}

/** A domain of a test, with the guest's side of it. */
export class Guest {
  readonly machine: TestMachine;
  readonly domain: Domain;

  constructor(machine: TestMachine, domain: Domain) {
    this.machine = machine;
    this.domain = domain;
    for (const { engine } of this.hvm) (engine as FakeVcpu).longMode();
  }

  get hvm(): readonly HvmVcpu[] {
    return this.domain.hvm?.vcpus ?? [];
  }

  cpu(id = 0): FakeVcpu {
    return (this.hvm[id] as HvmVcpu).engine as FakeVcpu;
  }

  /** Lets the domain run a script on a vCPU until the machine is quiet. */
  run(program: GuestProgram, id = 0): void {
    this.cpu(id).load(program);
    this.domain.vcpu(id)?.up();
    if (this.domain.controllerPauseCount > 0) {
      this.domain.controllerPauseCount -= 1;
      this.domain.unpause();
    }
    this.domain.vcpu(id)?.unblock();
    this.machine.host.settle();
  }

  /** Makes one hypercall from vCPU `id`, with the paused domain's registers; returns its result. */
  hypercall(nr: number, args: readonly (number | bigint)[], id = 0): number {
    const { call } = this.hvm[id] as HvmVcpu;
    call.args.fill(0n);
    args.forEach((value, index) => {
      call.args[index] = BigInt.asUintN(64, BigInt(value));
    });
    let result: number;
    do {
      call.begin(nr, !this.cpu(id).state.is64Bit);
      result = this.machine.xen.dispatch(call);
    } while (result === CONTINUE);
    return result;
  }

  /** A hypercall whose argument is a structure, put at guest address `at`, and read back from there. */
  withStructure<T>(
    structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
    fill: (argument: T) => void,
    call: (at: number) => number,
    at = 0x1000,
  ): { result: number; argument: T } {
    const argument = new structure(this.view(at), 0);
    this.bytes(at, structure.SIZE).fill(0);
    fill(argument);
    return { result: call(at), argument };
  }

  /** Live view of a guest-physical page from `address` on. */
  view(address: number): DataView {
    const mfn = this.domain.p2m?.mfn(Math.floor(address / PAGE_SIZE)) ?? 0;
    const inPage = address % PAGE_SIZE;
    return new DataView(this.machine.xen.memory.buffer, mfn * PAGE_SIZE + inPage, PAGE_SIZE - inPage);
  }

  bytes(address: number, length: number): Uint8Array {
    const view = this.view(address);
    return new Uint8Array(view.buffer, view.byteOffset, length);
  }

  gfns(first: number, count: number): Gfn[] {
    return Array.from({ length: count }, (_, index) => (first + index) as Gfn);
  }
}

/** Machine memory, the same for all tests of a process: zeroing what is used is cheaper than 120 MiB again. */
function freshMemory(): ArrayBuffer {
  shared ??= new ArrayBuffer(ENGINE_RESERVED_BYTES + MACHINE_MIB * 2 ** 20);
  new Uint8Array(shared, 0, 2 ** 20).fill(0);
  new Uint8Array(shared, ENGINE_RESERVED_BYTES).fill(0);
  return shared;
}
