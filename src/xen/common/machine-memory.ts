import { PAGE_SIZE } from '../../cpu/engine.ts';

/**
 * The host's RAM: one buffer that Xen, the processors and dom0's services share. A machine address is an offset in
 * it; frame `mfn` starts at mfn * PAGE_SIZE.
 */
export class MachineMemory {
  readonly buffer: ArrayBufferLike;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;
  /** Frames from address 0, the engine's among them. */
  readonly frameCount: number;

  constructor(buffer: ArrayBufferLike) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.frameCount = Math.floor(buffer.byteLength / PAGE_SIZE);
  }

  /** A new live view of one frame. */
  frame(mfn: number): Uint8Array {
    return new Uint8Array(this.buffer, mfn * PAGE_SIZE, PAGE_SIZE);
  }
}
