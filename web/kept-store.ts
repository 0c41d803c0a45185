import { FIRST_MODULE } from '../src/cpu/interpreter/kept-code.ts';
import type { KeptFiles } from '../src/host/web/origin-files.ts';
import type { EngineShelf, EngineStore } from '../src/machine/kept/engine-store.ts';
import { isWorthKeeping, Kept, keptParts, type Pieces, sizeOf } from '../src/machine/kept/kept-format.ts';

/** Files of the most recent builds and kernels stay; more is not kept of one than that. */
const MOST_FILES = 4;
const MOST_BYTES = 64 << 20;

/**
 * What earlier visits made of the same build of Xenolith and of guests' code, among the origin's files. A browser keeps
 * WebAssembly's machine code for itself, so modules are kept as they are, and compiled while the boot is still waiting
 * for other files. Whatever is not whole, or cannot be read or written, is done without: nothing here rejects.
 */
export class KeptStore implements EngineStore {
  readonly #files: KeptFiles;
  readonly #build: string;
  /** Modules of our own by their names, and those that were made in this visit. */
  #own = new Map<string, WebAssembly.Module>();
  #code = new Map<string, Code>();
  readonly #ready: Promise<void>;
  #written: Promise<void> = Promise.resolve();

  /** `build` is another wherever a source of ours is. */
  constructor(files: KeptFiles, build: string) {
    this.#files = files;
    this.#build = build;
    this.#ready = this.#openOwn();
  }

  /** To be waited for before `compile`, and before `shelf` of the same name: both know what there is by then. */
  async open(name: string): Promise<void> {
    await Promise.all([this.#ready, this.#openCode(name)]);
  }

  readonly compile = (name: string, generate: () => Uint8Array<ArrayBuffer>): WebAssembly.Module => {
    const known = this.#own.get(name);
    if (known !== undefined) return known;
    const bytes = generate();
    this.#write(OWN, [new TextEncoder().encode(name), bytes]);
    return new WebAssembly.Module(bytes);
  };

  shelf(name: string): EngineShelf {
    let size = sizeOf(this.#code.get(name)?.pieces ?? []);
    return {
      find: () => this.#code.get(name)?.pieces,
      serialize: () => undefined,
      deserialize: (_bytes, number) => this.#code.get(name)?.modules[readNumber(number)],
      // What was written last is what stays; and it was of use then.
      touch: () => {},
      put: (pieces) => {
        const now = sizeOf(pieces);
        if (!isWorthKeeping(now, size)) return;
        size = now;
        this.#write(name, pieces);
      },
      clear: () => {
        size = 0;
        this.#after(() => this.#files.remove(this.#path(name)));
      },
    };
  }

  release(): void {
    this.#own = new Map();
    this.#code = new Map();
  }

  /** Resolves when all that was to be kept is, or cannot be. */
  written(): Promise<void> {
    return this.#written;
  }

  async #openOwn(): Promise<void> {
    const [name, bytes] = (await this.#read(OWN)) ?? [];
    if (name === undefined || bytes === undefined) return;
    const [module] = (await compileAll([bytes])) ?? [];
    if (module !== undefined) this.#own.set(new TextDecoder().decode(name), module);
  }

  async #openCode(name: string): Promise<void> {
    const pieces = await this.#read(name);
    if (pieces === undefined) return;
    const modules = await compileAll(pieces.filter((_, at) => isModule(at)));
    if (modules === undefined) return;
    // In the place of machine code there is which module it is.
    const numbered = pieces.map((piece, at) => (at < FIRST_MODULE || isModule(at) ? piece : number(at)));
    this.#code.set(name, { pieces: numbered, modules });
  }

  async #read(name: string): Promise<Pieces | undefined> {
    try {
      const bytes = await this.#files.read(this.#path(name));
      if (bytes === undefined) return undefined;
      const content = bytes.subarray(DIGEST_SIZE);
      if (!isSame(await digest(content), bytes.subarray(0, DIGEST_SIZE))) return undefined;
      const kept = new Kept(content);
      return kept.program === this.#build ? kept.get(CONTENT) : undefined;
    } catch {
      // Whatever is wrong with it, it is made anew.
      return undefined;
    }
  }

  #write(name: string, pieces: Pieces): void {
    if (sizeOf(pieces) > MOST_BYTES) return;
    this.#after(async () => {
      const parts = keptParts({ program: this.#build, seconds: 0 }, new Map([[CONTENT, pieces]]));
      const content = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
      await this.#files.write(this.#path(name), [await digest(content), content]);
      for (const old of (await this.#files.names()).slice(MOST_FILES)) await this.#files.remove(old);
    });
  }

  // One after the other. A browser may have no room, or no files at all: the next visit takes as long as this one.
  #after(write: () => Promise<void>): void {
    this.#written = this.#written.then(write).catch(() => {});
  }

  #path(name: string): string {
    return `${this.#build}-${name}`;
  }
}

interface Code {
  readonly pieces: Pieces;
  readonly modules: readonly WebAssembly.Module[];
}

const OWN = 'own';
const CONTENT = 'content';
/** Of SHA-256. */
const DIGEST_SIZE = 32;

function isModule(at: number): boolean {
  return at >= FIRST_MODULE && (at - FIRST_MODULE) % 2 === 0;
}

// In the background, and on as many threads as the browser gives it.
async function compileAll(modules: Pieces): Promise<WebAssembly.Module[] | undefined> {
  try {
    return await Promise.all(modules.map((bytes) => WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>)));
  } catch {
    return undefined;
  }
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function number(at: number): Uint8Array {
  return new Uint8Array(Uint32Array.of((at - FIRST_MODULE - 1) / 2).buffer);
}

function readNumber(bytes: Uint8Array<ArrayBuffer>): number {
  return new Uint32Array(bytes.buffer)[0] ?? 0;
}
