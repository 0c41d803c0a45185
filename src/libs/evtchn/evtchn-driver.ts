import {
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_bind_virq,
  EVTCHNOP_close,
  EVTCHNOP_send,
  EVTCHNOP_unmask,
  EvtchnAllocUnbound,
  EvtchnBindInterdomain,
  EvtchnBindVirq,
  EvtchnClose,
  EvtchnSend,
  EvtchnUnmask,
} from '../../abi/event_channel.ts';
import { EINVAL } from '../../abi/errno.ts';
import { __HYPERVISOR_event_channel_op, DOMID_SELF, type Domid, type Port, SharedInfo } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, HypercallError, type Hypercaller } from '../call/call.ts';
import type { Privcmd } from '../call/privcmd.ts';
import type { EventChannels } from './evtchn.ts';

/**
 * Event channels of dom0, shared out among its processes (the role of Linux's drivers/xen/evtchn.c over events_2l.c).
 * One a domain; `open` gives each process its own.
 */
export class EventChannelDriver {
  readonly #call: Hypercaller;
  readonly #page: Uint8Array;
  readonly #info: SharedInfo;
  /** What to call for a port; a port that nobody listens to stays masked. */
  readonly #handlers = new Map<number, () => void>();

  constructor(call: Hypercaller, privcmd: Privcmd) {
    this.#call = call;
    this.#page = privcmd.sharedInfo;
    this.#info = new SharedInfo(new DataView(this.#page.buffer, this.#page.byteOffset, this.#page.byteLength), 0);
    for (let word = 0; word < SharedInfo.LENGTH_evtchn_mask; word++) this.#info.set_evtchn_mask(word, 0xffffffff);
    privcmd.onUpcall(() => this.#upcall());
  }

  /** A process' event channels. */
  open(): EventChannels {
    return new ProcessEvents(this);
  }

  /** Makes an EVTCHNOP_* whose structure `fill` writes and `read` reads, at the offset it is given. */
  operation(
    name: string,
    op: number,
    size: number,
    fill: (view: DataView, at: number) => void,
    read: (view: DataView, at: number) => number = () => 0,
  ): number {
    return withBuffer(this.#call, size, (view, handle) => {
      fill(view, handle);
      checked(name, this.#call.hypercall(__HYPERVISOR_event_channel_op, op, handle));
      return read(view, handle);
    });
  }

  /** Calls `handler` for the events of a port; one that already waits is delivered by the next upcall. */
  listen(port: number, handler: () => void): void {
    const first = !this.#handlers.has(port);
    this.#handlers.set(port, handler);
    if (!first) return;
    this.operation('EVTCHNOP_unmask', EVTCHNOP_unmask, EvtchnUnmask.SIZE, (view, at) => {
      new EvtchnUnmask(view, at).port = port as Port;
    });
  }

  /** Masks a port again and forgets its handler. */
  ignore(port: number): void {
    this.#handlers.delete(port);
    const word = port >>> 5;
    this.#info.set_evtchn_mask(word, (this.#info.evtchn_mask(word) | (1 << (port & 31))) >>> 0);
  }

  #upcall(): void {
    const vcpuInfo = this.#info.vcpu_info(0);
    const failures: unknown[] = [];
    // Cleared before looking: an event that comes meanwhile sets it again, and there is another upcall.
    vcpuInfo.evtchn_upcall_pending = 0;
    const selected = [vcpuInfo.evtchn_pending_selLo, vcpuInfo.evtchn_pending_selHi];
    vcpuInfo.evtchn_pending_sel = 0n;
    for (let bit = 0; bit < 64; bit++) {
      if (((selected[bit >>> 5] as number) & (1 << (bit & 31))) === 0) continue;
      this.#deliverWord(bit * 2, failures);
      this.#deliverWord(bit * 2 + 1, failures);
    }
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  }

  /** Hands out the events of 32 ports; a handler that fails does not keep the others from theirs. */
  #deliverWord(word: number, failures: unknown[]): void {
    const ready = this.#info.evtchn_pending(word) & ~this.#info.evtchn_mask(word);
    for (let bit = 0; bit < 32; bit++) {
      if ((ready & (1 << bit)) === 0) continue;
      this.#info.set_evtchn_pending(word, (this.#info.evtchn_pending(word) & ~(1 << bit)) >>> 0);
      try {
        this.#handlers.get(word * 32 + bit)?.();
      } catch (failure) {
        failures.push(failure);
      }
    }
  }
}

class ProcessEvents implements EventChannels {
  readonly #driver: EventChannelDriver;
  readonly #ports = new Set<Port>();

  constructor(driver: EventChannelDriver) {
    this.#driver = driver;
  }

  bindInterdomain(remote: Domid, remotePort: Port): Port {
    return this.#own(
      this.#driver.operation(
        'EVTCHNOP_bind_interdomain',
        EVTCHNOP_bind_interdomain,
        EvtchnBindInterdomain.SIZE,
        (view, at) => {
          const bind = new EvtchnBindInterdomain(view, at);
          bind.remote_dom = remote;
          bind.remote_port = remotePort;
        },
        (view, at) => new EvtchnBindInterdomain(view, at).local_port,
      ),
    );
  }

  bindUnboundPort(remote: Domid): Port {
    return this.#own(
      this.#driver.operation(
        'EVTCHNOP_alloc_unbound',
        EVTCHNOP_alloc_unbound,
        EvtchnAllocUnbound.SIZE,
        (view, at) => {
          const alloc = new EvtchnAllocUnbound(view, at);
          alloc.dom = DOMID_SELF;
          alloc.remote_dom = remote;
        },
        (view, at) => new EvtchnAllocUnbound(view, at).port,
      ),
    );
  }

  bindVirq(virq: number): Port {
    return this.#own(
      this.#driver.operation(
        'EVTCHNOP_bind_virq',
        EVTCHNOP_bind_virq,
        EvtchnBindVirq.SIZE,
        (view, at) => {
          const bind = new EvtchnBindVirq(view, at);
          bind.virq = virq;
          bind.vcpu = 0;
        },
        (view, at) => new EvtchnBindVirq(view, at).port,
      ),
    );
  }

  notify(port: Port): void {
    this.#check('EVTCHNOP_send', port);
    this.#driver.operation('EVTCHNOP_send', EVTCHNOP_send, EvtchnSend.SIZE, (view, at) => {
      new EvtchnSend(view, at).port = port;
    });
  }

  unbind(port: Port): void {
    this.#check('EVTCHNOP_close', port);
    this.#driver.ignore(port);
    this.#ports.delete(port);
    this.#driver.operation('EVTCHNOP_close', EVTCHNOP_close, EvtchnClose.SIZE, (view, at) => {
      new EvtchnClose(view, at).port = port;
    });
  }

  onEvent(port: Port, handler: () => void): void {
    this.#check('EVTCHNOP_unmask', port);
    this.#driver.listen(port, handler);
  }

  #own(port: number): Port {
    this.#ports.add(port as Port);
    return port as Port;
  }

  /** Another process' port is as good as none. */
  #check(operation: string, port: Port): void {
    if (!this.#ports.has(port)) throw new HypercallError(operation, EINVAL);
  }
}
