import {
  XENSTORE_CONNECTED,
  XENSTORE_RECONNECT,
  XENSTORE_RING_SIZE,
  XENSTORE_SERVER_FEATURE_ERROR,
  XenstoreDomainInterface,
} from '../../abi/io/xs_wire.ts';
import type { Port } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { EventChannels } from '../../libs/evtchn/evtchn.ts';
import type { Transport } from './transport.ts';

/**
 * xenstored's end of a domain's ring page (docs/misc/xenstore-ring.txt). The domain can write anything into the page
 * at any time: each index is read once a use and believed only where it makes sense.
 */
export class RingTransport implements Transport {
  readonly #page: XenstoreDomainInterface;
  readonly #events: EventChannels;
  #port: Port | undefined;
  readonly #hasError: boolean;
  #moved = false;
  #ready: () => void = () => {};

  /** @param features XENSTORE_SERVER_FEATURE_* the domain is told of */
  constructor(page: Uint8Array, events: EventChannels, features: number) {
    this.#page = new XenstoreDomainInterface(new DataView(page.buffer, page.byteOffset, page.byteLength), 0);
    this.#events = events;
    this.#hasError = (features & XENSTORE_SERVER_FEATURE_ERROR) !== 0;
    this.#page.server_features = features;
  }

  /** Listens to `port` from now on, instead of the one before; undefined: to none. */
  bind(port: Port | undefined): void {
    if (this.#port !== undefined) this.#events.unbind(this.#port);
    this.#port = port;
    if (port !== undefined) this.#events.onEvent(port, () => this.#ready());
  }

  /** dom0's end of the event channel. */
  get port(): Port | undefined {
    return this.#port;
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  get readable(): boolean {
    return this.#page.req_prod !== this.#page.req_cons;
  }

  get writable(): boolean {
    return (this.#page.rsp_prod - this.#page.rsp_cons) >>> 0 !== XENSTORE_RING_SIZE;
  }

  receive(target: Uint8Array): number | 'broken' {
    const consumer = this.#page.req_cons;
    const filled = (this.#page.req_prod - consumer) >>> 0;
    if (filled > XENSTORE_RING_SIZE) return 'broken';

    const count = Math.min(filled, target.length);
    copyFromRing(this.#page.req, consumer, target.subarray(0, count));
    this.#page.req_cons = (consumer + count) >>> 0;
    this.#moved ||= count > 0;
    return count;
  }

  send(bytes: Uint8Array): number | 'broken' {
    const producer = this.#page.rsp_prod;
    const filled = (producer - this.#page.rsp_cons) >>> 0;
    if (filled > XENSTORE_RING_SIZE) return 'broken';

    const count = Math.min(XENSTORE_RING_SIZE - filled, bytes.length);
    copyToRing(this.#page.rsp, producer, bytes.subarray(0, count));
    // After the bytes: the domain may look at any time.
    this.#page.rsp_prod = (producer + count) >>> 0;
    this.#moved ||= count > 0;
    return count;
  }

  flush(): void {
    if (!this.#moved) return;
    this.#moved = false;
    this.#notify();
  }

  giveUp(error: number): void {
    if (this.#hasError) this.#page.error = error;
  }

  close(): void {
    this.bind(undefined);
  }

  /** Empties both rings, for a domain that is introduced, and tells it where it waits for that. */
  reset(): void {
    this.#page.req_cons = 0;
    this.#page.req_prod = 0;
    this.#page.rsp_cons = 0;
    this.#page.rsp_prod = 0;
    if (this.#page.connection !== XENSTORE_RECONNECT) return;
    this.#page.connection = XENSTORE_CONNECTED;
    this.#notify();
  }

  #notify(): void {
    if (this.#port === undefined) return;
    try {
      this.#events.notify(this.#port);
    } catch (error) {
      // The domain closed its end: it does not want to hear, and its death will be noticed elsewhere.
      if (!(error instanceof HypercallError)) throw error;
    }
  }
}

function copyFromRing(ring: Uint8Array, from: number, target: Uint8Array): void {
  const start = from & (XENSTORE_RING_SIZE - 1);
  const first = Math.min(target.length, XENSTORE_RING_SIZE - start);
  target.set(ring.subarray(start, start + first));
  target.set(ring.subarray(0, target.length - first), first);
}

function copyToRing(ring: Uint8Array, to: number, bytes: Uint8Array): void {
  const start = to & (XENSTORE_RING_SIZE - 1);
  const first = Math.min(bytes.length, XENSTORE_RING_SIZE - start);
  ring.set(bytes.subarray(0, first), start);
  ring.set(bytes.subarray(first));
}
