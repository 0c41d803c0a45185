/** What is behind guest-physical addresses: machine memory, told to whoever caches code from it, or MMIO. */
import type { Intercepts } from '../engine.ts';
import type { MachineMemory } from './machine-memory.ts';

/** What the memory unit asks of whoever caches translated code. */
export interface CodeWatch {
  /** Whether writes to a frame must be told to `written`. */
  holdsCode(mfn: number): boolean;
  /** Whether a write of these bytes would change code that `written` then drops. */
  overlapsCode(address: number, length: number): boolean;
  /** Whether instructions may have been fetched from a frame since fetches were last forgotten. */
  isFetched(mfn: number): boolean;
  /** Bytes of machine memory are about to change. */
  written(address: number, length: number): void;
  /** An access goes to a device: so many of them by one repeated instruction would hold everybody up. */
  accessedDevice(): void;
}

/** Parts of accesses, each in one page: `machine` is the machine address, or below 0 where nothing backs `gpa`. */
export class Bus {
  readonly #memory: MachineMemory;
  readonly #intercepts: Intercepts;
  readonly #code: CodeWatch;

  constructor(memory: MachineMemory, intercepts: Intercepts, code: CodeWatch) {
    this.#memory = memory;
    this.#intercepts = intercepts;
    this.#code = code;
  }

  read(machine: number, gpa: number, bytes: number, into: Uint8Array, at: number): void {
    if (machine >= 0) {
      const { u8 } = this.#memory;
      if (bytes > FEW_BYTES) into.set(u8.subarray(machine, machine + bytes), at);
      else for (let i = 0; i < bytes; i++) into[at + i] = u8[machine + i] as number;
      return;
    }
    this.#code.accessedDevice();
    let done = 0;
    while (done < bytes) {
      const size = partSize(gpa + done, bytes - done);
      const value = this.#intercepts.readMmio(gpa + done, size);
      for (let i = 0; i < size; i++) into[at + done + i] = (value >>> (8 * i)) & 0xff;
      done += size;
    }
  }

  write(machine: number, gpa: number, bytes: number, from: Uint8Array, at: number): void {
    if (machine >= 0) {
      if (this.#code.holdsCode(Math.floor(machine / 4096))) this.#code.written(machine, bytes);
      const { u8 } = this.#memory;
      if (bytes > FEW_BYTES) u8.set(from.subarray(at, at + bytes), machine);
      else for (let i = 0; i < bytes; i++) u8[machine + i] = from[at + i] as number;
      return;
    }
    this.#code.accessedDevice();
    let done = 0;
    while (done < bytes) {
      const size = partSize(gpa + done, bytes - done);
      let value = 0;
      for (let i = 0; i < size; i++) value |= (from[at + done + i] as number) << (8 * i);
      this.#intercepts.writeMmio(gpa + done, size, value >>> 0);
      done += size;
    }
  }
}

/** Up to so many a loop over bytes is faster than a copy that makes an array of its own. */
const FEW_BYTES = 64;

/** MMIO goes out in naturally aligned parts of at most 4 bytes. */
function partSize(gpa: number, left: number): number {
  if (left >= 4 && gpa % 4 === 0) return 4;
  return left >= 2 && gpa % 2 === 0 ? 2 : 1;
}
