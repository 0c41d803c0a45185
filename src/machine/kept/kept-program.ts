/** The program as earlier runs of it left it: what it starts from, and what it leaves for later ones. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { deserializeWasm, serializeWasm } from '../../host/node/webassembly.ts';
import { cacheFolder } from '../guests/cache.ts';
import { type KeptPieces, readKept, touchKept, writeKept } from './kept-file.ts';
import { type KeptModule, ModuleLoader } from './module-loader.ts';

/**
 * Loads the program's modules, and keeps what came of them in the cache folder: modules as functions with V8's code,
 * and WebAssembly modules with theirs. All is compared with the sources, or was made by sources that were.
 */
export class KeptProgram {
  readonly #file: string;
  readonly #found: KeptPieces;
  readonly #loader: ModuleLoader;
  readonly #wasm = new Map<string, Compiled>();

  /** `main` is the path of the program's first module, whose import.meta.resolve is `resolve`. */
  constructor(main: string, resolve: (specifier: string) => string) {
    this.#file = join(cacheFolder(), 'started', fileName(main));
    this.#found = readKept(this.#file) ?? { seconds: 0, pieces: new Map() };
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

  /** Keeps what a later run starts from, if it is more than what is kept. Where that cannot be, nothing is. */
  save(): void {
    const seconds = process.cpuUsage().user / 1e6;
    // A longer run has V8's code of more functions, up to a point.
    const isLonger = this.#found.seconds < LONG_SECONDS && seconds > 2 * this.#found.seconds;
    const wasm = this.#moreWasm();
    try {
      if (isLonger || this.#loader.hasNews || wasm.size > 0) writeKept(this.#file, this.#pieces(seconds, wasm));
      else touchKept(this.#file);
    } catch {
      // A folder that is full, or not ours to write to: the next start takes as long as this one.
    }
  }

  #module(path: string): KeptModule | undefined {
    const { pieces } = this.#found;
    const source = pieces.get(`${path}${SOURCE}`);
    const text = pieces.get(`${path}${TEXT}`);
    const code = pieces.get(`${path}${CODE}`);
    return source && text && code && { source, text, code };
  }

  #keptWasm(name: string): { bytes: Uint8Array<ArrayBuffer>; code: Uint8Array<ArrayBuffer> } | undefined {
    const bytes = this.#found.pieces.get(`${name}${WASM}`);
    const code = this.#found.pieces.get(`${name}${CODE}`);
    return bytes && code && { bytes: new Uint8Array(bytes), code: new Uint8Array(code) };
  }

  // Modules of which V8 has optimised more functions than it had in what is kept.
  #moreWasm(): Map<string, { bytes: Uint8Array; code: Uint8Array }> {
    const more = new Map<string, { bytes: Uint8Array; code: Uint8Array }>();
    for (const [name, { bytes, module, code: length }] of this.#wasm) {
      const code = serializeWasm(module);
      if (code !== undefined && code.length > length * MORE) more.set(name, { bytes, code });
    }
    return more;
  }

  #pieces(seconds: number, wasm: ReadonlyMap<string, { bytes: Uint8Array; code: Uint8Array }>): KeptPieces {
    const pieces = new Map<string, Uint8Array>();
    for (const [name, bytes] of this.#found.pieces) {
      // What was not loaded is compared with its source when it is, if it is still there.
      const file = name.slice(0, name.lastIndexOf(' '));
      if (isAbsolute(file) ? existsSync(file) : !this.#loader.hasNews) pieces.set(name, bytes);
    }
    for (const [path, { source, text, code }] of this.#loader.modules()) {
      pieces.set(`${path}${SOURCE}`, source).set(`${path}${TEXT}`, text).set(`${path}${CODE}`, code);
    }
    for (const [name, { bytes, code }] of wasm) pieces.set(`${name}${WASM}`, bytes).set(`${name}${CODE}`, code);
    return { seconds, pieces };
  }
}

interface Compiled {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly module: WebAssembly.Module;
  /** Length of the machine code that is kept. */
  readonly code: number;
}

// What the pieces' names end in.
const SOURCE = ' source';
const TEXT = ' text';
const CODE = ' code';
const WASM = ' wasm';

const LONG_SECONDS = 20;
const MORE = 1.1;

// Another program with the same number only makes both start slowly: what is in the file is compared.
function fileName(main: string): string {
  let number = 0;
  for (let at = 0; at < main.length; at++) number = (Math.imul(number, 31) + main.charCodeAt(at)) >>> 0;
  return `${process.version}-${process.arch}-${number.toString(16)}`;
}
