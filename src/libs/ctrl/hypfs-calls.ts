import { XEN_HYPFS_OP_read, XEN_HYPFS_OP_write_contents, XenHypfsDirentry } from '../../abi/hypfs.ts';
import { __HYPERVISOR_hypfs_op } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, type Hypercaller } from '../call/call.ts';

/** What one of Xen's own files may be long. */
const FILE_BYTES = 4096;

/** Xen's own file system (the role of Xen's tools/libs/hypfs). Operations throw a HypercallError where Xen refuses. */
export class HypfsCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_HYPFS_OP_read: a file's text. */
  read(path: string): string {
    return this.#withText(path, (pathAt, pathBytes) =>
      withBuffer(this.#call, FILE_BYTES, (view, at) => {
        const result = this.#call.hypercall(
          __HYPERVISOR_hypfs_op,
          XEN_HYPFS_OP_read,
          pathAt,
          pathBytes,
          at,
          FILE_BYTES,
        );
        checked('XEN_HYPFS_OP_read', result);
        const from = at + XenHypfsDirentry.SIZE;
        const bytes = this.#call.memory.subarray(from, from + new XenHypfsDirentry(view, at).content_len);
        return String.fromCharCode(...bytes).replace(/\0$/, '');
      }),
    );
  }

  /** XEN_HYPFS_OP_write_contents: sets a parameter, in /params as Xen's command line names it. */
  write(path: string, text: string): void {
    this.#withText(path, (pathAt, pathBytes) =>
      this.#withText(text, (at, bytes) => {
        const op = XEN_HYPFS_OP_write_contents;
        const result = this.#call.hypercall(__HYPERVISOR_hypfs_op, op, pathAt, pathBytes, at, bytes);
        return checked('XEN_HYPFS_OP_write_contents', result);
      }),
    );
  }

  /** Lends `use` a text in hypercall-safe memory, and how many bytes it has with its NUL. */
  #withText<T>(text: string, use: (at: number, bytes: number) => T): T {
    const bytes = Uint8Array.from([...text].map((character) => character.charCodeAt(0)).concat(0));
    return withBuffer(this.#call, bytes.length, (_view, at) => {
      this.#call.memory.set(bytes, at);
      return use(at, bytes.length);
    });
  }
}
