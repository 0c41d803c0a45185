import { EAGAIN, EBUSY, EFAULT, EMSGSIZE } from '../../abi/errno.ts';
import { XEN_ARGO_DOMID_ANY, XEN_ARGO_MSG_SLOT_SIZE, XenArgoRing, XenArgoRingMessageHeader } from '../../abi/argo.ts';
import type { Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import type { GuestMemory } from './call.ts';
import type { Domain } from './domain.ts';

const HEADER_BYTES = XenArgoRing.SIZE;
const MESSAGE_HEADER_BYTES = XenArgoRingMessageHeader.SIZE;
/** Domains that may wait for space in one ring. */
const MAX_PENDING = 32;

/** A buffer of the sender's. */
export interface Buffer {
  readonly lo: number;
  readonly hi: number;
  readonly length: number;
}

/** Rounds up to whole slots. */
export function slots(bytes: number): number {
  return Math.ceil(bytes / XEN_ARGO_MSG_SLOT_SIZE) * XEN_ARGO_MSG_SLOT_SIZE;
}

/** Pages of a ring for so many bytes of messages. */
export function pagesFor(length: number): number {
  return Math.ceil((slots(length) + HEADER_BYTES) / PAGE_SIZE);
}

/** A ring of a domain's memory, into which Xen puts messages for it (Xen's argo_ring_info). */
export class Ring {
  readonly owner: Domain;
  readonly aport: number;
  /** Who may send; XEN_ARGO_DOMID_ANY for everybody. */
  readonly partner: Domid;
  /** Bytes for messages. */
  readonly length: number;
  /** Frames of it, each held. */
  #mfns: readonly number[] = [];
  /** Where the next message goes. The guest has a copy, which is not believed. */
  #tx = 0;
  /** Who waits for how much space. */
  readonly #pending = new Map<number, number>();

  constructor(owner: Domain, aport: number, partner: Domid, length: number) {
    this.owner = owner;
    this.aport = aport;
    this.partner = partner;
    this.length = length;
  }

  get isShared(): boolean {
    return this.partner === XEN_ARGO_DOMID_ANY;
  }

  /** The largest message it can ever hold: one slot stays free, so that a full ring does not look empty. */
  get maxMessage(): number {
    return this.length - MESSAGE_HEADER_BYTES - XEN_ARGO_MSG_SLOT_SIZE;
  }

  /** Takes over frames that are held for it. What the guest says of the pointers is kept as far as it makes sense. */
  place(mfns: readonly number[]): void {
    this.release();
    this.#mfns = mfns;
    const head = this.#head();
    const { tx_ptr: tx } = head;
    this.#tx = tx;
    if (tx < this.length && slots(tx) === tx) return;
    const rx = slots(head.rx_ptr);
    this.#setTx(rx >= this.length ? 0 : rx);
  }

  /** Lets go of the guest's memory. */
  release(): void {
    for (const mfn of this.#mfns) this.owner.xen.frames.put(mfn);
    this.#mfns = [];
  }

  /** Bytes that a message may have now. */
  get space(): number {
    const free = this.#rx() - this.#tx;
    return Math.max(0, (free <= 0 ? free + this.length : free) - MESSAGE_HEADER_BYTES - XEN_ARGO_MSG_SLOT_SIZE);
  }

  /**
   * Puts a message into it: 0, -EMSGSIZE, -EAGAIN where there is no room now, or -EFAULT, which leaves no message.
   *
   * @param length of all buffers together
   */
  insert(
    source: { readonly aport: number; readonly domid: Domid },
    type: number,
    guest: GuestMemory,
    buffers: readonly Buffer[],
    length: number,
  ): number {
    if (this.length <= MESSAGE_HEADER_BYTES + slots(length)) return -EMSGSIZE;
    const free = this.#rx() - this.#tx;
    const room = free <= 0 ? free + this.length : free;
    if (slots(length) + MESSAGE_HEADER_BYTES >= room) return -EAGAIN;

    this.#writeHeader(source, type, length);
    let at = this.#wrap(this.#tx + MESSAGE_HEADER_BYTES);
    for (const { lo, hi, length: bytes } of buffers) {
      for (let done = 0; done < bytes; ) {
        const part = Math.min(bytes - done, this.length - at, PAGE_SIZE - ((at + HEADER_BYTES) % PAGE_SIZE));
        if (!this.#read(guest, lo + done, hi, at, part)) return -EFAULT;
        at = this.#wrap(at + part);
        done += part;
      }
    }
    this.#setTx(this.#wrap(slots(at)));
    return 0;
  }

  /** Has a domain told when there is room for so many bytes; -EBUSY where too many wait. */
  await(domid: Domid, bytes: number): number {
    const known = this.#pending.get(domid);
    if (known === undefined && this.#pending.size >= MAX_PENDING) return -EBUSY;
    this.#pending.set(domid, Math.max(bytes, known ?? 0));
    return 0;
  }

  /** It waits no more. */
  forget(domid: Domid): void {
    this.#pending.delete(domid);
  }

  /** Those for whom there is room now, who wait no more. */
  takeReady(): number[] {
    const { space } = this;
    if (space === 0) return [];
    const ready = [...this.#pending].filter(([, bytes]) => space >= bytes).map(([domid]) => domid);
    for (const domid of ready) this.#pending.delete(domid);
    return ready;
  }

  /** The receiver's pointer, as far as it makes sense. */
  #rx(): number {
    const rx = slots(this.#head().rx_ptr);
    return rx >= this.length ? 0 : rx;
  }

  #writeHeader({ aport, domid }: { readonly aport: number; readonly domid: Domid }, type: number, length: number) {
    // A header is one slot: it never crosses a page.
    const at = this.#address(this.#tx);
    const header = new XenArgoRingMessageHeader(this.owner.xen.memory.view, at);
    header.len = length + MESSAGE_HEADER_BYTES;
    header.source.aport = aport;
    header.source.domain_id = domid;
    header.source.pad = 0;
    header.message_type = type;
    this.owner.xen.frames.written(at, MESSAGE_HEADER_BYTES);
  }

  #read(guest: GuestMemory, lo: number, hi: number, at: number, bytes: number): boolean {
    const { xen } = this.owner;
    const address = this.#address(at);
    const carry = Math.floor(lo / 0x1_0000_0000);
    const read = guest.readAt(lo >>> 0, (hi + carry) >>> 0, xen.memory.bytes.subarray(address, address + bytes));
    xen.frames.written(address, bytes);
    return read;
  }

  #setTx(tx: number): void {
    this.#tx = tx;
    this.#head().tx_ptr = tx;
    this.owner.xen.frames.written((this.#mfns[0] as number) * PAGE_SIZE, HEADER_BYTES);
  }

  #head(): XenArgoRing {
    return new XenArgoRing(this.owner.xen.memory.view, (this.#mfns[0] as number) * PAGE_SIZE);
  }

  /** Machine address of a byte of the ring. */
  #address(at: number): number {
    const offset = at + HEADER_BYTES;
    return (this.#mfns[Math.floor(offset / PAGE_SIZE)] as number) * PAGE_SIZE + (offset % PAGE_SIZE);
  }

  #wrap(at: number): number {
    return at >= this.length ? at - this.length : at;
  }
}
