/** Machine memory as the processor sees it: one buffer that never grows, in the views that are needed. */
export class MachineMemory {
  readonly buffer: ArrayBufferLike;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  readonly frames: number;

  constructor(buffer: ArrayBufferLike) {
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.frames = Math.floor(buffer.byteLength / 4096);
  }
}
