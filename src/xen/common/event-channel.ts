import { EACCES, EAGAIN, EBUSY, EEXIST, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from '../../abi/errno.ts';
import { EVTCHN_FIFO_PRIORITY_DEFAULT } from '../../abi/event_channel.ts';
import { type Domid, DOMID_SELF, NR_VIRQS } from '../../abi/xen.ts';
import { assert } from '../../lib/assert.ts';
import { CONTINUE, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { TwoLevelPorts } from './event-2l.ts';
import { FifoPorts } from './event-fifo.ts';
import type { PortAbi } from './event-port-abi.ts';
import type { Vcpu } from './vcpu.ts';
import { EVENT_RAISED } from '../trace/events.ts';
import { isGlobalVirq } from './virq.ts';

export const ECS_FREE = 0;
export const ECS_UNBOUND = 2;
export const ECS_INTERDOMAIN = 3;
export const ECS_PIRQ = 4;
export const ECS_VIRQ = 5;
export const ECS_IPI = 6;
type EventChannelState = 0 | 2 | 3 | 4 | 5 | 6;

/** Interrupts a guest may name: those of an ISA host, and the 32 that Xen adds for guests (extra_guest_irqs). */
export const NR_PIRQS = 16 + 32;
/** Ports that a reset closes before others have their turn. */
const CLOSES_BEFORE_CONTINUE = 4096;

/** Ports come into being by the bucket: lsevtchn counts on a free port below the last bucket to answer "closed". */
const EVTCHNS_PER_BUCKET = 64;

/** One end of an event channel (Xen's struct evtchn). */
export class EventChannel {
  readonly port: number;
  state: EventChannelState = ECS_FREE;
  notifyVcpuId = 0;
  /** ECS_UNBOUND: who may bind. */
  remoteDomid: Domid = 0 as Domid;
  /** ECS_INTERDOMAIN: the other end. */
  remote: { readonly domain: Domain; readonly port: number } | undefined;
  /** ECS_VIRQ */
  virq = 0;
  /** ECS_PIRQ */
  pirq = 0;
  /** FIFO: which of the vCPU's queues events go to from now on. */
  priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
  /** FIFO: where the last event went, and may still be. */
  lastVcpuId = 0;
  lastPriority = 0;
  /** Xen itself has this end, and is told of events by this: guests may not touch it. */
  consumer: (() => void) | undefined;
  /** FIFO: an event came before the guest gave the page with the port's word. */
  isHeldBack = false;

  constructor(port: number) {
    this.port = port;
  }
}

/** The event channels of a domain. Results are ports, or negative errnos. */
export class DomainEvents {
  readonly #domain: Domain;
  readonly #maxPort: number;
  readonly #ports: EventChannel[] = [];
  /** Ports that are not free, and those of them that are Xen's own. */
  active = 0;
  #ofXen = 0;
  /** vCPUs in SCHEDOP_poll. */
  readonly pollers = new Set<Vcpu>();
  /** Where a search for a free port may start: all below are taken. */
  #lowestFree = 1;
  /** Where a reset that is under way goes on; 0 where none is. */
  #resetAt = 0;
  /** Port of each physical interrupt, 0 where none is bound. */
  readonly #pirqToPort = new Uint32Array(NR_PIRQS);
  #abi: PortAbi;

  constructor(domain: Domain, maxPort: number) {
    this.#domain = domain;
    this.#maxPort = maxPort;
    this.#abi = new TwoLevelPorts(domain);
    this.#ports.push(...bucket(0));
  }

  /** The channel of a port, free or not; undefined where the domain has no such port yet. Port 0 is always free. */
  at(port: number): EventChannel | undefined {
    return this.#ports[port];
  }

  /** EVTCHNOP_alloc_unbound */
  allocUnbound(remote: Domid, caller: Domain): number {
    const channel = this.#take();
    if (typeof channel === 'number') return channel;
    channel.state = ECS_UNBOUND;
    channel.remoteDomid = remote === DOMID_SELF ? caller.id : remote;
    return channel.port;
  }

  /** A port that `remote` may bind, and whose events go to Xen (Xen's alloc_unbound_xen_event_channel). */
  openXen(remote: Domid, consumer: () => void): number {
    const channel = this.#take();
    if (typeof channel === 'number') return channel;
    channel.state = ECS_UNBOUND;
    channel.remoteDomid = remote;
    channel.consumer = consumer;
    this.#ofXen += 1;
    return channel.port;
  }

  /** Ends what `openXen` began: the port is free, whoever has the other end. */
  closeXen(port: number): void {
    const channel = this.at(port);
    assert(channel?.consumer !== undefined, "a port of Xen's own");
    channel.consumer = undefined;
    this.#ofXen -= 1;
    this.close(port);
  }

  /** Raises an event at the other end of a port of Xen's own; nothing where nobody has bound it. */
  notifyFromXen(port: number): void {
    const remote = this.at(port)?.remote;
    remote?.domain.events.notify(remote.port);
  }

  /** EVTCHNOP_bind_interdomain */
  bindInterdomain(remoteDomain: Domain, remotePort: number): number {
    const channel = this.#take();
    if (typeof channel === 'number') return channel;
    const remote = remoteDomain.events.at(remotePort);
    if (remote === undefined || remote.state !== ECS_UNBOUND || remote.remoteDomid !== this.#domain.id) {
      this.#untake(channel);
      return -EINVAL;
    }
    channel.state = ECS_INTERDOMAIN;
    channel.remote = { domain: remoteDomain, port: remotePort };
    remote.state = ECS_INTERDOMAIN;
    remote.remote = { domain: this.#domain, port: channel.port };
    // Whatever was sent to the unbound end was lost: better one event too many.
    this.#setPending(channel);
    return channel.port;
  }

  /** EVTCHNOP_bind_virq */
  bindVirq(virq: number, vcpuId: number): number {
    if (virq >= NR_VIRQS || (isGlobalVirq(virq) && vcpuId !== 0)) return -EINVAL;
    const vcpu = this.#domain.vcpu(vcpuId);
    if (vcpu === undefined) return -ENOENT;
    if (vcpu.virqToPort[virq] !== 0) return -EEXIST;
    const channel = this.#take();
    if (typeof channel === 'number') return channel;
    channel.state = ECS_VIRQ;
    channel.notifyVcpuId = vcpuId;
    channel.virq = virq;
    vcpu.virqToPort[virq] = channel.port;
    return channel.port;
  }

  /** EVTCHNOP_bind_ipi */
  bindIpi(vcpuId: number): number {
    if (this.#domain.vcpu(vcpuId) === undefined) return -ENOENT;
    const channel = this.#take();
    if (typeof channel === 'number') return channel;
    channel.state = ECS_IPI;
    channel.notifyVcpuId = vcpuId;
    return channel.port;
  }

  /**
   * EVTCHNOP_bind_pirq. As in Xen an HVM guest may bind any number, whether or not an interrupt is behind it; here none
   * ever is, so that no event comes of it.
   */
  bindPirq(pirq: number): number {
    if (pirq >= NR_PIRQS || this.#domain.p2m === undefined) return -EINVAL;
    if (this.#pirqToPort[pirq] !== 0) return -EEXIST;
    const channel = this.#take();
    if (typeof channel === 'number') return channel;
    channel.state = ECS_PIRQ;
    channel.pirq = pirq;
    this.#pirqToPort[pirq] = channel.port;
    return channel.port;
  }

  /** EVTCHNOP_close: the port is free; the other end of an interdomain channel becomes unbound. */
  close(port: number): number {
    const channel = this.at(port);
    if (channel === undefined || channel.state === ECS_FREE || channel.consumer !== undefined) return -EINVAL;
    if (channel.state === ECS_VIRQ) {
      const owner = this.#domain.vcpu(isGlobalVirq(channel.virq) ? 0 : channel.notifyVcpuId);
      assert(owner?.virqToPort[channel.virq] === port, 'a bound VIRQ knows its port');
      owner.virqToPort[channel.virq] = 0;
    }
    if (channel.state === ECS_PIRQ) this.#pirqToPort[channel.pirq] = 0;
    const remote = channel.remote;
    this.#untake(channel);
    if (remote !== undefined) {
      const other = remote.domain.events.at(remote.port);
      assert(other !== undefined && other.state === ECS_INTERDOMAIN, 'an interdomain channel has a remote end');
      other.state = ECS_UNBOUND;
      other.remote = undefined;
      other.remoteDomid = this.#domain.id;
    }
    return 0;
  }

  /** EVTCHNOP_send */
  send(port: number): number {
    const channel = this.at(port);
    if (channel?.consumer !== undefined) return -EINVAL;
    switch (channel?.state) {
      case ECS_INTERDOMAIN:
        assert(channel.remote !== undefined, 'an interdomain channel has a remote end');
        channel.remote.domain.events.notify(channel.remote.port);
        return 0;
      case ECS_IPI:
        this.#setPending(channel);
        return 0;
      case ECS_UNBOUND:
        return 0; // Xen drops it silently: the other end has not bound yet.
      default:
        return -EINVAL;
    }
  }

  /** Raises an event on one of this domain's ports. */
  notify(port: number): void {
    const channel = this.at(port);
    if (channel === undefined || channel.state === ECS_FREE) return;
    if (channel.consumer === undefined) this.#setPending(channel);
    else channel.consumer();
  }

  /** EVTCHNOP_bind_vcpu */
  bindVcpu(port: number, vcpuId: number): number {
    if (this.#domain.vcpu(vcpuId) === undefined) return -ENOENT;
    const channel = this.at(port);
    if (channel?.consumer !== undefined) return -EINVAL;
    switch (channel?.state) {
      case ECS_VIRQ:
        if (!isGlobalVirq(channel.virq)) return -EINVAL;
        break;
      case ECS_UNBOUND:
      case ECS_INTERDOMAIN:
      case ECS_PIRQ:
        break;
      default:
        return -EINVAL;
    }
    channel.notifyVcpuId = vcpuId;
    return 0;
  }

  /** EVTCHNOP_unmask: clears the mask, and tells the vCPU of an event that waited behind it. */
  unmask(port: number): number {
    const channel = this.at(port);
    if (channel === undefined) return -EINVAL;
    if (channel.state !== ECS_FREE) this.#abi.unmask(channel, this.#target(channel));
    return 0;
  }

  /** EVTCHNOP_init_control: the first one changes the domain from bitmaps to queues. */
  initControl(vcpuId: number, gfn: number, offset: number): number {
    const vcpu = this.#domain.vcpu(vcpuId);
    if (vcpu === undefined) return -ENOENT;
    if (this.#abi instanceof FifoPorts) return this.#abi.addControlBlock(vcpu, gfn, offset);
    const fifo = new FifoPorts(this.#domain);
    const result = fifo.addControlBlock(vcpu, gfn, offset);
    if (result < 0) return result;
    for (const channel of this.#ports) {
      channel.isHeldBack = channel.state !== ECS_FREE && this.#abi.isPending(channel);
      channel.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    this.#abi = fifo;
    return 0;
  }

  /** EVTCHNOP_expand_array: one more page of event words. */
  expandArray(gfn: number): number {
    if (!(this.#abi instanceof FifoPorts)) return -EOPNOTSUPP;
    const first = this.#abi.words;
    const result = this.#abi.addPage(gfn);
    if (result < 0) return result;
    for (const channel of this.#ports.slice(first, this.#abi.words)) {
      if (!channel.isHeldBack) continue;
      channel.isHeldBack = false;
      this.notify(channel.port);
    }
    return 0;
  }

  /** EVTCHNOP_set_priority: for events to come. */
  setPriority(port: number, priority: number): number {
    const channel = this.at(port);
    if (channel === undefined) return -EINVAL;
    if (this.#abi instanceof FifoPorts && channel.state === ECS_FREE) return -EACCES;
    return this.#abi.setPriority(channel, priority);
  }

  /**
   * EVTCHNOP_reset: closes every port, and goes back to bitmaps; a fair share at a time. A port that somebody opened
   * meanwhile makes it -EAGAIN.
   *
   * @param resuming whether this is the rest of one that gave way; a second one at a time is -EBUSY
   */
  reset(resuming: boolean): HypercallResult {
    if (resuming === (this.#resetAt === 0)) return -EBUSY;
    const first = resuming ? this.#resetAt : 1;
    for (let port = first; port < this.#ports.length && this.active > this.#ofXen; port++) {
      if (port === first + CLOSES_BEFORE_CONTINUE) {
        this.#resetAt = port;
        return CONTINUE;
      }
      this.close(port);
    }
    this.#resetAt = 0;
    if (this.active > this.#ofXen) return -EAGAIN;
    this.#abi.destroy();
    this.#abi = new TwoLevelPorts(this.#domain);
    return 0;
  }

  /** Whether an event waits on a port, for SCHEDOP_poll; -EINVAL where there is no such port. */
  poll(port: number): boolean | number {
    const channel = this.at(port);
    if (channel === undefined) return -EINVAL;
    return channel.state !== ECS_FREE && this.#abi.isPending(channel);
  }

  /** Closes everything, for a dying domain. */
  destroy(): void {
    const { virqHandlers } = this.#domain.xen;
    for (const [virq, domain] of virqHandlers) if (domain === this.#domain) virqHandlers.delete(virq);
    for (let result = this.reset(this.#resetAt !== 0); result === CONTINUE; ) result = this.reset(true);
    this.pollers.clear();
  }

  #setPending(channel: EventChannel): void {
    const { id, xen } = this.#domain;
    const { port, notifyVcpuId, state, virq } = channel;
    xen.traceBuffer?.record(EVENT_RAISED, id, id, port, notifyVcpuId, state, virq);
    if (this.#abi.setPending(channel, this.#target(channel))) this.#wakePollers(channel.port);
  }

  #wakePollers(port: number): void {
    if (this.pollers.size === 0) return;
    for (const vcpu of this.pollers) {
      if (!vcpu.polling) this.pollers.delete(vcpu);
      else if (vcpu.pollPort === 0 || vcpu.pollPort === port) {
        this.pollers.delete(vcpu);
        vcpu.unblock();
      }
    }
  }

  #target(channel: EventChannel): Vcpu {
    const vcpu = this.#domain.vcpu(channel.notifyVcpuId);
    assert(vcpu !== undefined, 'a channel notifies a vCPU there is');
    return vcpu;
  }

  /** A free port, no more free; or a negative errno. */
  #take(): EventChannel | number {
    if (this.#domain.dying) return -EINVAL;
    const limit = Math.min(this.#maxPort, this.#abi.maxPorts - 1);
    let lowestFree = 0;
    for (let port = this.#lowestFree; port <= limit; port++) {
      if (port === this.#ports.length) this.#ports.push(...bucket(port));
      const channel = this.#ports[port] as EventChannel;
      if (channel.state !== ECS_FREE) continue;
      if (this.#abi.isBusy(channel)) {
        lowestFree ||= port;
        continue;
      }
      this.#lowestFree = lowestFree || port + 1;
      this.active += 1;
      this.#abi.open(channel);
      return channel;
    }
    return -ENOSPC;
  }

  #untake(channel: EventChannel): void {
    this.#abi.clearPending(channel);
    channel.state = ECS_FREE;
    channel.notifyVcpuId = 0;
    channel.remote = undefined;
    this.active -= 1;
    this.#lowestFree = Math.min(this.#lowestFree, channel.port);
  }
}

function bucket(first: number): EventChannel[] {
  return Array.from({ length: EVTCHNS_PER_BUCKET }, (_, index) => new EventChannel(first + index));
}
