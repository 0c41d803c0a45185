import { XENSTORE_RING_SIZE, XenstoreDomainInterface } from '../../../abi/io/xs_wire.ts';
import type { GrantRef, Port } from '../../../abi/xen.ts';
import type { Message } from '../../../libs/store/wire.ts';
import { formatMessage, MessageReader } from '../../../libs/store/wire.ts';
import type { SimulatedGuest, SimulatedXen } from './simulated-xen.ts';

export const STORE_PORT = 3 as Port;
const STORE_GRANT = 1 as GrantRef;

/** A guest's xenbus driver: the other side of the ring. Everything is written byte by byte, and by its own rules. */
export class GuestRing {
  readonly guest: SimulatedGuest;
  readonly bytes = new Uint8Array(4096);
  readonly page = new XenstoreDomainInterface(new DataView(this.bytes.buffer), 0);
  readonly received: Message[] = [];
  readonly #xen: SimulatedXen;
  readonly #reader = new MessageReader();
  #unsent: Uint8Array = new Uint8Array(0);
  /** While it is false the guest leaves replies in the ring. */
  reading = true;
  events = 0;

  constructor(guest: SimulatedGuest, xen: SimulatedXen) {
    this.guest = guest;
    this.#xen = xen;
    guest.pages.set(STORE_GRANT, this.bytes);
    guest.ports.set(STORE_PORT, () => {
      this.events++;
      this.service();
    });
  }

  send(message: Message): void {
    this.sendBytes(formatMessage(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#unsent = new Uint8Array([...this.#unsent, ...bytes]);
    this.service();
    this.#xen.deliver();
  }

  /** Moves what can be moved, and tells the other side if anything was. */
  service(): void {
    const written = this.#write();
    const read = this.reading && this.#read();
    if (written || read) this.guest.notify(STORE_PORT);
  }

  #write(): boolean {
    let moved = false;
    const room = XENSTORE_RING_SIZE - ((this.page.req_prod - this.page.req_cons) >>> 0);
    for (const byte of this.#unsent.subarray(0, Math.max(0, room))) {
      this.page.req[this.page.req_prod % XENSTORE_RING_SIZE] = byte;
      this.page.req_prod = (this.page.req_prod + 1) >>> 0;
      moved = true;
    }
    if (room > 0) this.#unsent = this.#unsent.subarray(room);
    return moved;
  }

  #read(): boolean {
    let moved = false;
    while (this.page.rsp_cons !== this.page.rsp_prod) {
      this.#reader.room[0] = this.page.rsp[this.page.rsp_cons % XENSTORE_RING_SIZE] ?? 0;
      this.page.rsp_cons = (this.page.rsp_cons + 1) >>> 0;
      const message = this.#reader.advance(1);
      if (message === 'too long') throw new Error('xenstored sent a message that is too long');
      if (message !== undefined) this.received.push(message);
      moved = true;
    }
    return moved;
  }
}
