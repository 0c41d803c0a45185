/** The program as earlier runs of it left it: what it starts from, and what it leaves for later ones. */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { deserializeWasm, serializeWasm } from '../../host/node/webassembly.ts';
import { cacheFolder } from '../guests/cache.ts';
import type { EngineShelf, EngineStore } from './engine-store.ts';
import { readKept, touchKept, writeKept } from './kept-file.ts';
import { isWorthKeeping, type Kept, type Pieces, sizeOf } from './kept-format.ts';
import { type KeptModule, ModuleLoader } from './module-loader.ts';

/**
 * Loads the program's modules, and keeps what came of them in the cache folder: modules as functions with V8's code,
 * and WebAssembly modules with theirs. All is compared with the sources, or was made by sources that were.
 */
export class KeptProgram implements EngineStore {
  readonly #file: string;
  #found: Kept | undefined;
  /** What is in the file was let go of, for as long as nobody asks for it. */
  #isReleased = false;
  readonly #stamp: string | undefined;
  /** Of the run that left the file. */
  readonly #before: number;
  readonly #loader: ModuleLoader;
  /** Changes with the modules that are there when a machine is made. */
  #id: string;
  readonly #main: string;
  readonly #wasm = new Map<string, Compiled>();

  /** `main` is the path of the program's first module, whose import.meta.resolve is `resolve`. */
  constructor(main: string, resolve: (specifier: string) => string) {
    this.#file = join(cacheFolder(), 'started', fileName(main));
    this.#found = readKept(this.#file);
    this.#stamp = this.#found?.stamp;
    this.#before = this.#found?.seconds ?? 0;
    this.#id = this.#found?.program ?? randomUUID();
    this.#main = main;
    this.#loader = new ModuleLoader((path) => this.#module(path), resolve);
  }

  /** Executes the module at a path, and those it imports; returns its exports. */
  load(path: string): unknown {
    return this.#loader.load(path);
  }

  /**
   * A WebAssembly module that the program makes of nothing but its own code; the same name always means the same one.
   * It is generated if nothing is kept of it, or of other code.
   */
  readonly compile = (name: string, generate: () => Uint8Array<ArrayBuffer>): WebAssembly.Module => {
    const kept = this.#loader.hasNews ? undefined : this.#keptWasm(name);
    const known = kept && deserializeWasm(kept.bytes, kept.code);
    const bytes = kept?.bytes ?? generate();
    const module = known ?? new WebAssembly.Module(bytes);
    this.#wasm.set(name, { bytes, module, code: known === undefined ? 0 : (kept?.code.length ?? 0) });
    return module;
  };

  shelf(name: string): EngineShelf {
    if (this.#loader.hasNews) this.#id = randomUUID();
    const program = this.#id;
    const file = join(cacheFolder(), 'code', `${fileName(this.#main)}-${name}`);
    let size = 0;
    return {
      find: () => {
        const kept = readKept(file);
        const found = kept?.program === program ? kept.get(CODE) : undefined;
        size = found === undefined ? 0 : sizeOf(found);
        return found;
      },
      serialize: serializeWasm,
      deserialize: deserializeWasm,
      touch: () => unlessRefused(() => touchKept(file)),
      put: (pieces) => {
        const now = sizeOf(pieces);
        unlessRefused(() => {
          if (isWorthKeeping(now, size)) {
            writeKept(file, { program, seconds: 0 }, new Map([[CODE, pieces]]));
            size = now;
          } else if (size > 0) touchKept(file);
        });
      },
      clear: () => unlessRefused(() => rmSync(file, { force: true })),
    };
  }

  /** The program has started: gives back the memory that what it started from takes. */
  release(): void {
    this.#isReleased = true;
    this.#found = undefined;
  }

  /** Keeps what a later run starts from, if it is more than what is kept. Where that cannot be, nothing is. */
  save(): void {
    const seconds = process.cpuUsage().user / 1e6;
    // A longer run has V8's code of more functions, up to a point.
    const isLonger = this.#before < LONG_SECONDS && seconds > 2 * this.#before;
    unlessRefused(() => {
      const wasm = this.#moreWasm();
      if (!isLonger && !this.#loader.hasNews && wasm.size === 0) touchKept(this.#file);
      // What another run left in its place is as good as this.
      else if (!this.#isReplaced()) writeKept(this.#file, { program: this.#id, seconds }, this.#entries(wasm));
    });
  }

  // The file, as it was when the program started; undefined if another run has replaced it since.
  #kept(): Kept | undefined {
    if (this.#isReleased) {
      const again = readKept(this.#file);
      this.#found = again?.stamp === this.#stamp ? again : undefined;
      this.#isReleased = false;
    }
    return this.#found;
  }

  #isReplaced(): boolean {
    return this.#stamp !== undefined && this.#kept() === undefined;
  }

  #module(path: string): KeptModule | undefined {
    const [source, text, code] = this.#kept()?.get(path) ?? [];
    return source && text && code && { source, text, code };
  }

  #keptWasm(name: string): { bytes: Uint8Array<ArrayBuffer>; code: Uint8Array<ArrayBuffer> } | undefined {
    const [bytes, code] = this.#kept()?.get(name) ?? [];
    return bytes && code && { bytes: new Uint8Array(bytes), code: new Uint8Array(code) };
  }

  // Modules of which V8 has optimised more functions than it had in what is kept.
  #moreWasm(): Map<string, Pieces> {
    const more = new Map<string, Pieces>();
    for (const [name, { bytes, module, code: length }] of this.#wasm) {
      const code = serializeWasm(module);
      if (code !== undefined && code.length > length * MORE) more.set(name, [bytes, code]);
    }
    return more;
  }

  #entries(wasm: ReadonlyMap<string, Pieces>): Map<string, Pieces> {
    const entries = new Map<string, Pieces>();
    const kept = this.#kept();
    for (const name of kept?.names ?? []) {
      // What was not loaded is compared with its source when it is, if it is still there.
      const isOfUse = isAbsolute(name) ? existsSync(name) : !this.#loader.hasNews;
      const pieces = isOfUse ? kept?.get(name) : undefined;
      if (pieces !== undefined) entries.set(name, pieces);
    }
    for (const [path, { source, text, code }] of this.#loader.modules()) entries.set(path, [source, text, code]);
    for (const [name, pieces] of wasm) entries.set(name, pieces);
    return entries;
  }
}

interface Compiled {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly module: WebAssembly.Module;
  /** Length of the machine code that is kept. */
  readonly code: number;
}

// A folder that is full, or not ours to write to: the next start takes as long as this one.
function unlessRefused(write: () => void): void {
  try {
    write();
  } catch {}
}

const CODE = 'code';
const LONG_SECONDS = 20;
const MORE = 1.1;

// Another program with the same number only makes both start slowly: what is in the file is compared.
function fileName(main: string): string {
  let number = 0;
  for (let at = 0; at < main.length; at++) number = (Math.imul(number, 31) + main.charCodeAt(at)) >>> 0;
  return `${process.version}-${process.arch}-${number.toString(16)}`;
}
