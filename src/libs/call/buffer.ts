import type { Hypercaller } from './call.ts';

/** Lends `use` a piece of hypercall-safe memory: a view of all of that memory, and the piece's offset in it. */
export function withBuffer<T>(caller: Hypercaller, size: number, use: (view: DataView, handle: number) => T): T {
  const { memory } = caller;
  const handle = caller.allocate(size);
  try {
    return use(new DataView(memory.buffer, memory.byteOffset, memory.byteLength), handle);
  } finally {
    caller.free(handle);
  }
}
