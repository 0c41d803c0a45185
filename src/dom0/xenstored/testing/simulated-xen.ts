import { EINVAL, ENOENT, EOPNOTSUPP } from '../../../abi/errno.ts';
import type { Domid, Gfn, GrantRef, Port } from '../../../abi/xen.ts';
import type { Clock, TimerHandle } from '../../../lib/ports.ts';
import { HypercallError } from '../../../libs/call/call.ts';
import type { Ctrl, DomainInfo } from '../../../libs/ctrl/ctrl.ts';
import type { EventChannels } from '../../../libs/evtchn/evtchn.ts';
import type { ForeignMemory } from '../../../libs/foreignmemory/foreignmemory.ts';
import type { GrantTables } from '../../../libs/gnttab/gnttab.ts';

/** A clock that stands until it is moved. */
export class ManualClock implements Clock {
  readonly nsPerInstruction = undefined;
  #nowNs = 0;
  readonly #timers = new Set<{ atNs: number; callback: () => void }>();

  nowNs(): number {
    return this.#nowNs;
  }

  wallclockNs(): bigint {
    return BigInt(this.#nowNs);
  }

  setTimer(atNs: number, callback: () => void): TimerHandle {
    const timer = { atNs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Moves on and fires what is due, in order. */
  advanceMs(ms: number): void {
    const endNs = this.#nowNs + ms * 1_000_000;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.atNs - b.atNs)[0];
      if (next === undefined || next.atNs > endNs) break;
      this.#timers.delete(next);
      this.#nowNs = Math.max(this.#nowNs, next.atNs);
      next.callback();
    }
    this.#nowNs = endNs;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }
}

interface Channel {
  readonly guest: SimulatedGuest;
  readonly remotePort: Port;
  handler: (() => void) | undefined;
}

/** A domain as Xen and its own kernel see it. */
export class SimulatedGuest {
  readonly domid: Domid;
  readonly pages = new Map<GrantRef, Uint8Array>();
  readonly frames = new Map<Gfn, Uint8Array>();
  /** Ports it left unbound for dom0, with what it does on their events. */
  readonly ports = new Map<Port, () => void>();
  info: DomainInfo;
  readonly #xen: SimulatedXen;

  constructor(domid: Domid, xen: SimulatedXen) {
    this.domid = domid;
    this.#xen = xen;
    this.info = { ...IDLE, domid };
  }

  /** Raises an event in dom0. */
  notify(port: Port): void {
    this.#xen.raiseInDom0(this, port);
  }
}

const IDLE: Omit<DomainInfo, 'domid'> = {
  dying: false,
  hvm: true,
  shutdown: false,
  paused: false,
  blocked: true,
  running: false,
  shutdown_reason: 0,
  tot_pages: 0,
  max_pages: 0,
  outstanding_pages: 0,
  cpu_time: 0n,
  nr_online_vcpus: 1,
  max_vcpu_id: 0,
  ssidref: 0,
  handle: new Uint8Array(16),
  cpupool: 0,
};

/** As much of Xen as daemons of dom0 see: event channels, grants, frames, the list of domains. */
export class SimulatedXen
  implements EventChannels, GrantTables, ForeignMemory, Pick<Ctrl, 'domain_getinfo' | 'domain_getinfolist'>
{
  readonly guests = new Map<Domid, SimulatedGuest>();
  readonly mapped = new Set<Uint8Array>();
  readonly #channels = new Map<Port, Channel>();
  readonly #virqs = new Map<number, { port: Port; handler: (() => void) | undefined }>();
  readonly #pending = new Set<() => void>();
  #lastPort = 0;

  addGuest(domid: number): SimulatedGuest {
    const guest = new SimulatedGuest(domid as Domid, this);
    this.guests.set(guest.domid, guest);
    return guest;
  }

  raiseVirq(virq: number): void {
    const handler = this.#virqs.get(virq)?.handler;
    if (handler) this.#pending.add(handler);
  }

  raiseInDom0(guest: SimulatedGuest, remotePort: Port): void {
    for (const channel of this.#channels.values()) {
      if (channel.guest !== guest || channel.remotePort !== remotePort || !channel.handler) continue;
      this.#pending.add(channel.handler);
    }
  }

  /** Runs handlers until no event is pending. */
  deliver(): void {
    for (const handler of this.#pending) {
      this.#pending.delete(handler);
      handler();
    }
  }

  get boundPorts(): number {
    return this.#channels.size;
  }

  bindInterdomain(remote: Domid, remotePort: Port): Port {
    const guest = this.guests.get(remote);
    if (!guest?.ports.has(remotePort)) throw new HypercallError('EVTCHNOP_bind_interdomain', EINVAL);
    const port = ++this.#lastPort as Port;
    this.#channels.set(port, { guest, remotePort, handler: undefined });
    return port;
  }

  bindUnboundPort(): Port {
    throw new HypercallError('EVTCHNOP_alloc_unbound', EINVAL);
  }

  bindVirq(virq: number): Port {
    const port = ++this.#lastPort as Port;
    this.#virqs.set(virq, { port, handler: undefined });
    return port;
  }

  notify(port: Port): void {
    const channel = this.#channels.get(port);
    const handler = channel?.guest.ports.get(channel.remotePort);
    if (handler === undefined) throw new HypercallError('EVTCHNOP_send', EINVAL);
    this.#pending.add(handler);
  }

  unbind(port: Port): void {
    const handler = this.#channels.get(port)?.handler;
    if (handler) this.#pending.delete(handler);
    this.#channels.delete(port);
  }

  onEvent(port: Port, handler: () => void): void {
    const channel = this.#channels.get(port) ?? [...this.#virqs.values()].find((virq) => virq.port === port);
    if (channel) channel.handler = handler;
  }

  mapGrantRef(domid: Domid, ref: GrantRef): Uint8Array {
    return this.#map(this.guests.get(domid)?.pages.get(ref), 'GNTTABOP_map_grant_ref');
  }

  written(): void {}

  map(domid: Domid, gfns: readonly Gfn[]): Uint8Array[] {
    return gfns.map((gfn) => this.#map(this.guests.get(domid)?.frames.get(gfn), 'XENMEM_add_to_physmap'));
  }

  map_resource(): never {
    throw new HypercallError('XENMEM_acquire_resource', EOPNOTSUPP);
  }

  unmap(views: Uint8Array | readonly Uint8Array[]): void {
    for (const view of views instanceof Uint8Array ? [views] : views) this.mapped.delete(view);
  }

  #map(page: Uint8Array | undefined, operation: string): Uint8Array {
    if (page === undefined) throw new HypercallError(operation, ENOENT);
    const view = page.subarray();
    this.mapped.add(view);
    return view;
  }

  domain_getinfo(domid: Domid): DomainInfo | undefined {
    return this.guests.get(domid)?.info;
  }

  domain_getinfolist(first: Domid, max: number): DomainInfo[] {
    const infos = [...this.guests.values()].map((guest) => guest.info);
    return infos.filter((info) => info.domid >= first).slice(0, max);
  }
}
