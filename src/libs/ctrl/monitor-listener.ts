import { HVM_PARAM_MONITOR_RING_PFN } from '../../abi/hvm/params.ts';
import { Sring } from '../../abi/io/ring.ts';
import { XENMEM_decrease_reservation, XenMemoryReservation } from '../../abi/memory.ts';
import { VmEvent } from '../../abi/vm_event-request.ts';
import { __HYPERVISOR_memory_op, type Domid, type Gfn, type Port } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, HypercallError, type Hypercaller } from '../call/call.ts';
import type { EventChannels } from '../evtchn/evtchn.ts';
import type { ForeignMemory } from '../foreignmemory/foreignmemory.ts';
import type { Ctrl } from './ctrl.ts';
import { MonitorCalls } from './monitor-calls.ts';

/** What a listener needs of dom0. */
export interface ListenerHost {
  readonly call: Hypercaller;
  readonly ctrl: Ctrl;
  readonly events: EventChannels;
  readonly foreign: ForeignMemory;
}

/** Answers a request: `response` is a copy of it, and is what goes back. */
export type MonitorHandler = (request: VmEvent, response: VmEvent) => void;

const PAGE_SIZE = 4096;
const SLOTS = 2 ** Math.floor(Math.log2((PAGE_SIZE - Sring.SIZE) / VmEvent.SIZE));

/**
 * Listens to what a domain does: the page that Xen and the listener share, and the events on it, as libxc's
 * xc_monitor_enable and xen-access have them. What is told is for `MonitorCalls` to say.
 */
export class MonitorListener {
  readonly calls: MonitorCalls;
  readonly #host: ListenerHost;
  readonly #domid: Domid;
  readonly #page: Uint8Array;
  readonly #view: DataView;
  readonly #ring: Sring;
  readonly #handler: MonitorHandler;
  readonly #port: Port;
  #taken = 0;
  #closed = false;
  #paused = false;

  /** Throws a HypercallError where Xen refuses: EBUSY where somebody listens already. */
  constructor(host: ListenerHost, domid: Domid, handler: MonitorHandler) {
    this.#host = host;
    this.#domid = domid;
    this.#handler = handler;
    this.calls = new MonitorCalls(host.call);
    const { ctrl, events } = host;
    ctrl.domain_pause(domid);
    try {
      const gfn = Number(ctrl.hvm_param_get(domid, HVM_PARAM_MONITOR_RING_PFN)) as Gfn;
      this.#page = this.#map(gfn);
      this.#view = new DataView(this.#page.buffer, this.#page.byteOffset, PAGE_SIZE);
      this.#ring = new Sring(this.#view, 0);
      const port = this.#enable();
      this.#page.fill(0);
      this.#ring.req_event = 1;
      this.#ring.rsp_event = 1;
      this.#port = events.bindInterdomain(domid, port);
      // Out of the domain's sight: what stands in it is between Xen and us.
      this.#takeFrom(gfn);
      events.onEvent(this.#port, () => this.#answer());
    } finally {
      ctrl.domain_unpause(domid);
    }
  }

  /** Requests stay in the ring until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#answer();
  }

  /** No vCPU waits any more, and nothing is told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { events, foreign, ctrl } = this.#host;
    if (ctrl.domain_getinfo(this.#domid)?.dying === false) this.calls.monitor_disable(this.#domid);
    events.unbind(this.#port);
    foreign.unmap([this.#page]);
  }

  #answer(): void {
    const made = this.#ring.req_prod;
    if (this.#closed || this.#paused || this.#taken === made) return;
    while (this.#taken !== made) {
      const at = Sring.SIZE + (this.#taken & (SLOTS - 1)) * VmEvent.SIZE;
      const copy = this.#page.slice(at, at + VmEvent.SIZE);
      const response = new VmEvent(this.#view, at);
      this.#handler(new VmEvent(new DataView(copy.buffer), 0), response);
      this.#taken = (this.#taken + 1) >>> 0;
    }
    if (this.#closed) return;
    this.#ring.rsp_prod = made;
    this.#host.events.notify(this.#port);
  }

  #enable(): Port {
    try {
      return this.calls.monitor_enable(this.#domid);
    } catch (refused) {
      this.#host.foreign.unmap([this.#page]);
      throw refused;
    }
  }

  // A listener before us may have taken the page from the domain.
  #map(gfn: Gfn): Uint8Array {
    const { ctrl, foreign } = this.#host;
    try {
      return foreign.map(this.#domid, [gfn])[0] as Uint8Array;
    } catch (missing) {
      if (!(missing instanceof HypercallError)) throw missing;
      ctrl.domain_populate_physmap_exact(this.#domid, [gfn]);
      return foreign.map(this.#domid, [gfn])[0] as Uint8Array;
    }
  }

  #takeFrom(gfn: Gfn): void {
    const { call } = this.#host;
    withBuffer(call, XenMemoryReservation.SIZE + 8, (view, at) => {
      const list = at + XenMemoryReservation.SIZE;
      view.setBigUint64(list, BigInt(gfn), true);
      const argument = new XenMemoryReservation(view, at);
      argument.extent_start = BigInt(list);
      argument.nr_extents = 1;
      argument.domid = this.#domid;
      checked('XENMEM_decrease_reservation', call.hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, at));
    });
  }
}
