import type { GuestMemory } from '../../common/call.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** A guest's linear addresses, as its kernel would reach them now. */
export class HvmGuestMemory implements GuestMemory {
  readonly #vcpu: HvmVcpu;
  readonly #address = new BigUint64Array(1);
  readonly #halves = new Uint32Array(this.#address.buffer);

  constructor(vcpu: HvmVcpu) {
    this.#vcpu = vcpu;
  }

  read(address: bigint, into: Uint8Array): boolean {
    this.#address[0] = address;
    return this.readAt(this.#halves[0] as number, this.#halves[1] as number, into);
  }

  write(address: bigint, from: Uint8Array): boolean {
    this.#address[0] = address;
    return this.writeAt(this.#halves[0] as number, this.#halves[1] as number, from);
  }

  readAt(lo: number, hi: number, into: Uint8Array): boolean {
    this.#vcpu.flushIfStale();
    return this.#vcpu.engine.readLinear(lo, hi, into);
  }

  writeAt(lo: number, hi: number, from: Uint8Array): boolean {
    this.#vcpu.flushIfStale();
    return this.#vcpu.engine.writeLinear(lo, hi, from);
  }

  hostOf(lo: number, hi: number, bytes: number, isWrite: boolean): number {
    this.#vcpu.flushIfStale();
    return this.#vcpu.engine.hostOf(lo, hi, bytes, isWrite);
  }
}
