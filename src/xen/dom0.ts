import { __HYPERVISOR_memory_op, DOMID_SELF, type Domid } from '../abi/xen.ts';
import { EINVAL, EPERM, ESRCH } from '../abi/errno.ts';
import { XENMEM_acquire_resource, XenMemAcquireResource } from '../abi/memory-tools.ts';
import { RUNSTATE_blocked, RUNSTATE_running } from '../abi/vcpu.ts';
import { PAGE_SIZE } from '../cpu/engine.ts';
import { assert } from '../lib/assert.ts';
import { Call, CONTINUE, type GuestMemory } from './common/call.ts';
import { Domain } from './common/domain.ts';
import type { Hypervisor } from './common/hypervisor.ts';
import { type ArchVcpu, Vcpu } from './common/vcpu.ts';
import { Heap } from './heap.ts';
import type { Dom0Thread } from './sched/run-loop.ts';
import { updateSystemTime } from './x86/time.ts';
import { guestFrame } from './x86/mm/physmap.ts';
import { isPrivileged } from './xsm.ts';

const CALL_MEMORY_BYTES = 4 * 1024 * 1024;
const NO_LIMIT = 0xffffffff;

/**
 * dom0 as the hypervisor has it: an ordinary, privileged domain with one vCPU, which is the thread that dom0's
 * TypeScript services run on. This object is what they have instead of a processor: `hypercall` is their VMCALL, and
 * the rest is what a page table and an interrupt would do. It meets libs/call's `Hypercaller` and `Privcmd`.
 */
export class Dom0 implements Dom0Thread {
  readonly domain: Domain;
  readonly memory = new Uint8Array(CALL_MEMORY_BYTES);
  readonly #xen: Hypervisor;
  readonly #vcpu: Vcpu;
  readonly #arch: Dom0Vcpu;
  readonly #heap = new Heap(CALL_MEMORY_BYTES);
  readonly #foreign = new Map<Uint8Array, number>();
  readonly #wake: () => void;
  #upcall: () => void = () => {};

  /** @param wake lets the run loop know that there is something to do */
  constructor(xen: Hypervisor, wake: () => void) {
    this.#xen = xen;
    this.#wake = wake;
    const domain = Domain.create(xen, {
      id: 0 as Domid,
      privileged: true,
      handle: new Uint8Array(16),
      options: 0,
      maxVcpus: 1,
      maxEvtchnPort: NO_LIMIT,
      maxGrantFrames: xen.limits.maxGrantFrames,
      maxMaptrackFrames: xen.limits.maxMaptrackFrames,
      maxGrantVersion: 2,
      ssidref: 0,
    });
    assert(domain !== undefined, 'the machine has memory for dom0 itself');
    this.domain = domain;
    domain.maxPages = NO_LIMIT;
    this.#vcpu = new Vcpu(domain, 0);
    this.#arch = new Dom0Vcpu(xen, this.#vcpu, this.memory, wake);
    this.#vcpu.arch = this.#arch;
    domain.vcpus.push(this.#vcpu);
    this.#vcpu.initialised = true;
    this.#vcpu.pauseFlags = 0;
    this.#vcpu.running = true;
    this.#vcpu.runstate.change(RUNSTATE_blocked, xen.now());
    domain.controllerPauseCount = 0;
    domain.pauseCount = 0;
    domain.creationFinished = true;
    updateSystemTime(this.#vcpu);
  }

  // Hypercaller

  /** Makes hypercall `nr`; pointers are offsets in `memory`. Returns what Xen returns. */
  hypercall(nr: number, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): number {
    const { call } = this.#arch;
    const { timers } = this.#xen;
    const alarmNs = timers.nextNs;
    const wasRunning = this.#run(true);
    call.begin(nr, false);
    call.args.set([a1, a2, a3, a4, a5, 0].map((value) => BigInt.asUintN(64, BigInt(value))));
    let result = this.#xen.dispatch(call);
    while (result === CONTINUE) {
      call.begin(nr, false);
      result = this.#xen.dispatch(call);
    }
    if (timers.nextNs !== alarmNs) this.#wake();
    this.#run(wasRunning);
    return result;
  }

  /** Takes `size` zeroed bytes of `memory`, aligned to 8, to a page from a page on; returns their offset. */
  allocate(size: number): number {
    const handle = this.#heap.allocate(size, size >= PAGE_SIZE ? PAGE_SIZE : 8);
    this.memory.fill(0, handle, handle + size);
    return handle;
  }

  /** Gives back what `allocate` returned. */
  free(handle: number): void {
    this.#heap.free(handle);
  }

  // Privcmd

  /** dom0's shared_info page, live. */
  get sharedInfo(): Uint8Array {
    return this.#xen.memory.frame(this.domain.sharedInfo / PAGE_SIZE);
  }

  /** Calls `handler` whenever evtchn_upcall_pending was set; never from inside a hypercall. */
  onUpcall(handler: () => void): void {
    this.#upcall = handler;
    this.#arch.raiseUpcall();
  }

  /** A live view of a guest frame of a domain that dom0 has privilege over; or a negative errno. */
  mapForeign(domid: Domid, gfn: number): Uint8Array | number {
    const owner = domid === DOMID_SELF ? this.domain : this.#xen.domains.get(domid);
    if (owner === undefined) return -ESRCH;
    if (!isPrivileged(this.domain)) return -EPERM;
    const mfn = guestFrame(owner, gfn);
    if (mfn === 0 || !this.#xen.frames.get(mfn, owner)) return -EINVAL;
    const view = this.#xen.memory.frame(mfn);
    this.#foreign.set(view, mfn);
    return view;
  }

  /** Live views of frames that Xen keeps for a domain, as XENMEM_acquire_resource names them; or a negative errno. */
  mapResource(domid: Domid, type: number, id: number, frame: number, count: number): Uint8Array[] | number {
    const at = this.allocate(XenMemAcquireResource.SIZE + count * 8);
    const memory = new DataView(this.memory.buffer, this.memory.byteOffset);
    const list = at + XenMemAcquireResource.SIZE;
    const argument = new XenMemAcquireResource(memory, at);
    argument.domid = domid;
    argument.type = type;
    argument.id = id;
    argument.frame = frame;
    argument.nr_frames = count;
    argument.frame_list = BigInt(list);
    const result = this.hypercall(__HYPERVISOR_memory_op, XENMEM_acquire_resource, at);
    const mfns = Array.from({ length: count }, (_, index) => memory.getUint32(list + index * 8, true));
    this.free(at);
    return result < 0 ? result : this.#hold(domid, mfns);
  }

  /** Gives back a view of `mapForeign` or `mapResource`: that very object. -EINVAL where it is none. */
  unmapForeign(view: Uint8Array): number {
    const mfn = this.#foreign.get(view);
    if (mfn === undefined) return -EINVAL;
    this.#foreign.delete(view);
    // dom0 may have written code that a processor knew otherwise.
    this.#xen.frames.written(mfn * PAGE_SIZE, PAGE_SIZE);
    this.#xen.frames.put(mfn);
    return 0;
  }

  /** A live view of the frame behind a grant that dom0 has mapped, by the handle of its mapping. */
  grantView(handle: number): Uint8Array | undefined {
    const mfn = this.domain.grants.mappedFrame(handle);
    return mfn === undefined ? undefined : this.#xen.memory.frame(mfn);
  }

  /** dom0 wrote to the frame behind a grant mapping: `length` bytes from an offset in it on. */
  grantWritten(handle: number, offset: number, length: number): void {
    const mfn = this.domain.grants.mappedFrame(handle);
    if (mfn === undefined || offset < 0 || length < 1 || offset + length > PAGE_SIZE) return;
    this.#xen.frames.written(mfn * PAGE_SIZE + offset, length);
  }

  #hold(domid: Domid, mfns: readonly number[]): Uint8Array[] {
    const owner = this.#xen.domains.get(domid);
    return mfns.map((mfn) => {
      const held = owner !== undefined && this.#xen.frames.get(mfn, owner);
      assert(held, 'a resource of a domain is in frames that live for it');
      const view = this.#xen.memory.frame(mfn);
      this.#foreign.set(view, mfn);
      return view;
    });
  }

  // Dom0Thread

  get upcallRaised(): boolean {
    return this.#arch.upcallRaised;
  }

  deliverUpcall(): void {
    if (!this.#arch.upcallRaised) return;
    this.#arch.upcallRaised = false;
    if (!this.#vcpu.upcallPending) return;
    this.#run(true);
    try {
      this.#upcall();
    } catch (failure) {
      // A service that fails does so like a process of dom0's: it is told, and the machine goes on.
      const text = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
      for (const line of text.split('\n')) this.#xen.log(`dom0: ${line}`);
    }
    this.#run(false);
  }

  /**
   * dom0's time is what its services take to answer events, and its hypercalls; what else the process does is not
   * the machine's. Returns whether it was running before.
   */
  #run(running: boolean): boolean {
    const { runstate } = this.#vcpu;
    const before = runstate.state === RUNSTATE_running;
    runstate.change(running ? RUNSTATE_running : RUNSTATE_blocked, this.#xen.now());
    return before;
  }
}

/** dom0's vCPU: its memory is the call buffer, its interrupt a callback at the loop's next step. */
class Dom0Vcpu implements ArchVcpu {
  readonly guest: GuestMemory;
  readonly call: Call;
  upcallRaised = false;
  readonly #wake: () => void;

  constructor(xen: Hypervisor, vcpu: Vcpu, memory: Uint8Array, wake: () => void) {
    this.guest = new BufferMemory(memory);
    this.call = new Call(xen, vcpu, this.guest);
    this.#wake = wake;
  }

  raiseUpcall(): void {
    this.upcallRaised = true;
    this.#wake();
  }
  needsDelivery(): boolean {
    // It never blocks: the thread it is goes on.
    return true;
  }
  leaveGuest(): void {}
  tscOffset(): bigint {
    return 0n;
  }
  is64Bit(): boolean {
    return true;
  }
  raiseNmi(): boolean {
    return false;
  }
  stopTimers(): void {}
  destroy(): void {}
}

/** Pointers as offsets in a buffer; 0, the null pointer, and what lies outside are bad. */
class BufferMemory implements GuestMemory {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(address: bigint, into: Uint8Array): boolean {
    const at = this.#offset(address, into.length);
    if (at < 0) return false;
    into.set(this.#bytes.subarray(at, at + into.length));
    return true;
  }

  write(address: bigint, from: Uint8Array): boolean {
    const at = this.#offset(address, from.length);
    if (at < 0) return false;
    this.#bytes.set(from, at);
    return true;
  }

  readAt(lo: number, hi: number, into: Uint8Array): boolean {
    return this.read(joined(lo, hi), into);
  }

  writeAt(lo: number, hi: number, from: Uint8Array): boolean {
    return this.write(joined(lo, hi), from);
  }

  hostOf(): number {
    return 0;
  }

  #offset(address: bigint, length: number): number {
    if (length === 0) return 0;
    return address > 0n && address + BigInt(length) <= BigInt(this.#bytes.length) ? Number(address) : -1;
  }
}

function joined(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo);
}
