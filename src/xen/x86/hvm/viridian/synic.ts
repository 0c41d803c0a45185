import type { Domain } from '../../../common/domain.ts';
import type { Vlapic } from '../vlapic.ts';
import { guestPage } from './guest-page.ts';

const SINT_COUNT = 16;

// HV_X64_MSR_SINTn
const SINT_VECTOR = 0xffn;
const SINT_MASKED = 1n << 16n;
const SINT_AUTO_EOI = 1n << 17n;
/** The lowest vector that a local APIC takes. */
const FIRST_VECTOR = 16n;

// A message (TLFS, HV_MESSAGE): 256 bytes a source
const MESSAGE_BYTES = 256;
const MESSAGE_TYPE = 0x0; // u32
const PAYLOAD_SIZE = 0x4; // u8
const MESSAGE_FLAGS = 0x5; // u8
const PAYLOAD = 0x10;
const HVMSG_NONE = 0;
const HVMSG_TIMER_EXPIRED = 0x80000010;
const MESSAGE_PENDING = 1;
const TIMER_PAYLOAD_BYTES = 24;

/** A vCPU's synthetic interrupt controller (TLFS, "Virtual Interrupt Control"): 16 sources with a message each. */
export class Synic {
  control = 0n;
  eventFlagsPage = 0n;
  messagePage = 0n;
  readonly #domain: Domain;
  readonly #vlapic: Vlapic;
  readonly #sints = new BigUint64Array(SINT_COUNT).fill(SINT_MASKED);

  constructor(domain: Domain, vlapic: Vlapic) {
    this.#domain = domain;
    this.#vlapic = vlapic;
  }

  sint(index: number): bigint {
    return this.#sints[index] as bigint;
  }

  /** False for a vector that no interrupt can have, which is #GP. */
  setSint(index: number, value: bigint): boolean {
    if ((value & SINT_VECTOR) < FIRST_VECTOR) return false;
    this.#sints[index] = value;
    return true;
  }

  /** The vector is one that its source wants ended as it is delivered. */
  endsItself(vector: number): boolean {
    return this.#sints.some((sint) => (sint & SINT_AUTO_EOI) !== 0n && Number(sint & SINT_VECTOR) === vector);
  }

  /**
   * Puts the message of an expired timer into its source's place and raises the source's interrupt. False where there
   * is no message page (XSA-472), or one is still in that place: the guest is then asked to tell when it has read it.
   */
  sendTimerMessage(source: number, timer: number, expiration: bigint, delivery: bigint): boolean {
    const page = guestPage(this.#domain, this.messagePage);
    if (page === undefined) return false;
    const { view } = this.#domain.xen.memory;
    const at = page + source * MESSAGE_BYTES;
    if (view.getUint32(at + MESSAGE_TYPE, true) !== HVMSG_NONE) {
      view.setUint8(at + MESSAGE_FLAGS, view.getUint8(at + MESSAGE_FLAGS) | MESSAGE_PENDING);
      return false;
    }
    view.setUint8(at + PAYLOAD_SIZE, TIMER_PAYLOAD_BYTES);
    view.setUint8(at + MESSAGE_FLAGS, 0);
    view.setUint32(at + PAYLOAD, timer, true);
    view.setUint32(at + PAYLOAD + 4, 0, true);
    view.setBigUint64(at + PAYLOAD + 8, expiration, true);
    view.setBigUint64(at + PAYLOAD + 16, delivery, true);
    // The type is what the guest looks at: last.
    view.setUint32(at + MESSAGE_TYPE, HVMSG_TIMER_EXPIRED, true);
    this.#domain.xen.frames.written(at, MESSAGE_BYTES);
    const sint = this.sint(source);
    if ((sint & SINT_MASKED) === 0n && this.#vlapic.enabled) this.#vlapic.setIrq(Number(sint & SINT_VECTOR));
    return true;
  }
}
