import { EINVAL } from '../../abi/errno.ts';
import { Sring } from '../../abi/io/ring.ts';
import { VM_EVENT_INTERFACE_VERSION } from '../../abi/vm_event.ts';
import { VmEvent } from '../../abi/vm_event-request.ts';
import type { Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { assert } from '../../lib/assert.ts';
import { guestFrame } from '../x86/mm/physmap.ts';
import type { Domain } from './domain.ts';
import type { Vcpu } from './vcpu.ts';

/** As many as fit behind the header, and a power of two: indexes run freely. */
const SLOTS = 2 ** Math.floor(Math.log2((PAGE_SIZE - Sring.SIZE) / VmEvent.SIZE));

/**
 * The page in which Xen tells a listener what a domain does, and has its answers (Xen's struct vm_event_domain). The page is
 * one of the domain's own, which may still see it: nothing in it is believed.
 */
export class VmEventRing {
  /** Where the listener binds, and sends when it has answered. */
  readonly port: number;
  readonly #domain: Domain;
  readonly #mfn: number;
  readonly #view: DataView;
  readonly #ring: Sring;
  readonly #respond: (response: VmEvent) => void;
  readonly #copy = new Uint8Array(VmEvent.SIZE);
  readonly #response = new VmEvent(new DataView(this.#copy.buffer), 0);
  readonly #waiting = new Set<Vcpu>();
  #made = 0;
  #taken = 0;

  /**
   * Opens one in guest frame `gfn` of a domain; a negative errno where that is not memory of its own.
   *
   * @param listener who may bind the port
   * @param respond receives each answer; the structure is used again for the next
   */
  static open(domain: Domain, gfn: number, listener: Domid, respond: (response: VmEvent) => void) {
    const mfn = guestFrame(domain, gfn);
    if (mfn === 0 || domain.xen.frames.isXen(mfn) || !domain.xen.frames.get(mfn, domain)) return -EINVAL;
    let ring: VmEventRing | undefined;
    const port = domain.events.openXen(listener, () => ring?.takeResponses());
    if (port < 0) {
      domain.xen.frames.put(mfn);
      return port;
    }
    ring = new VmEventRing(domain, mfn, port, respond);
    return ring;
  }

  private constructor(domain: Domain, mfn: number, port: number, respond: (response: VmEvent) => void) {
    this.#domain = domain;
    this.#mfn = mfn;
    this.port = port;
    this.#respond = respond;
    const page = domain.xen.memory.frame(mfn);
    this.#view = new DataView(page.buffer, page.byteOffset, PAGE_SIZE);
    this.#ring = new Sring(this.#view, 0);
  }

  get isFull(): boolean {
    return this.#free === 0;
  }

  /** Puts a request in, which there is room for, and tells the listener. */
  put(fill: (request: VmEvent) => void): void {
    assert(!this.isFull, 'whoever makes a request has looked for room');
    const at = slotAt(this.#made);
    new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, VmEvent.SIZE).fill(0);
    const request = new VmEvent(this.#view, at);
    request.version = VM_EVENT_INTERFACE_VERSION;
    fill(request);
    this.#made = (this.#made + 1) >>> 0;
    this.#ring.req_prod = this.#made;
    this.#written();
    this.#domain.events.notifyFromXen(this.port);
  }

  /** Holds a vCPU until there is room. */
  waitForRoom(vcpu: Vcpu): void {
    if (this.#waiting.has(vcpu)) return;
    this.#waiting.add(vcpu);
    vcpu.pause();
  }

  /** XEN_VM_EVENT_RESUME, or the listener's event: takes the answers there are, to as many requests as are out. */
  takeResponses(): void {
    const there = (this.#ring.rsp_prod - this.#taken) >>> 0;
    for (let left = Math.min(there, SLOTS - this.#free); left > 0; left--) {
      this.#copy.set(new Uint8Array(this.#view.buffer, this.#view.byteOffset + slotAt(this.#taken), VmEvent.SIZE));
      this.#taken = (this.#taken + 1) >>> 0;
      this.#ring.rsp_event = (this.#taken + 1) >>> 0;
      if (this.#response.version === VM_EVENT_INTERFACE_VERSION) this.#respond(this.#response);
    }
    this.#written();
    this.#wake(this.#free);
  }

  /** The listener goes, or the domain: who waited for room goes on. */
  close(): void {
    this.#domain.events.closeXen(this.port);
    this.#wake(this.#waiting.size);
    this.#domain.xen.frames.put(this.#mfn);
  }

  get #free(): number {
    return SLOTS - ((this.#made - this.#taken) >>> 0);
  }

  #wake(most: number): void {
    for (const vcpu of [...this.#waiting].slice(0, most)) {
      this.#waiting.delete(vcpu);
      vcpu.unpause();
    }
  }

  #written(): void {
    this.#domain.xen.frames.written(this.#mfn * PAGE_SIZE, PAGE_SIZE);
  }
}

function slotAt(index: number): number {
  return Sring.SIZE + (index & (SLOTS - 1)) * VmEvent.SIZE;
}
