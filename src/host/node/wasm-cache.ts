/**
 * Machine code of WebAssembly modules, kept between processes. V8 runs a module's code unoptimized at first, and needs
 * about a second of processor time to optimize an interpreter of a megabyte; browsers keep the result with the page,
 * Node has no interface for that. V8's own is there for its tests, as two natives.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

const SUFFIX = '.machine-code';
const DIGEST_BYTES = 32;
/** More than one machine uses at a time; each has one or two MiB. */
const MOST_FILES = 8;
/** What V8 has optimized since is worth a write once it is so much more. */
const GROWTH = 1.02;

/**
 * Compiles modules with the machine code that earlier processes left in a folder, and leaves there what this one has
 * made. Never fails for the folder's sake, nor for a V8 that does not do this: modules are then compiled as always.
 */
export class WasmCache {
  readonly #folder: string;
  readonly #natives = findNatives();
  readonly #compiled: Compiled[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** As `new WebAssembly.Module(bytes)`. */
  readonly compile = (bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module => {
    // Machine code is good for one V8 alone, which checks that itself; the name keeps versions from taking turns.
    const name = `${process.version}-${process.arch}-${digest(bytes).toString('hex', 0, 16)}${SUFFIX}`;
    const file = join(this.#folder, name);
    const known = this.#load(file, bytes);
    const module = known?.module ?? new WebAssembly.Module(bytes);
    this.#compiled.push({ module, file, size: known?.size ?? 0 });
    return module;
  };

  /** Keeps what V8 has optimized by now, where that is more than was there. */
  save(): void {
    for (const compiled of this.#compiled) {
      try {
        this.#save(compiled);
      } catch {
        // A folder that cannot be written costs the next start its speed, and nobody anything else.
      }
    }
  }

  #load(file: string, bytes: Uint8Array<ArrayBuffer>): { module: WebAssembly.Module; size: number } | undefined {
    if (this.#natives === undefined) return undefined;
    let content: Buffer;
    try {
      content = readFileSync(file);
    } catch {
      return undefined;
    }
    const code = new Uint8Array(content.subarray(DIGEST_BYTES));
    if (!digest(code).equals(content.subarray(0, DIGEST_BYTES))) return undefined;
    const module = this.#natives.deserialize(code.buffer, bytes);
    return module === undefined ? undefined : { module, size: code.length };
  }

  #save(compiled: Compiled): void {
    const code = this.#natives?.serialize(compiled.module);
    if (code === undefined || code.length < compiled.size * GROWTH) return;
    mkdirSync(this.#folder, { recursive: true });
    // Under another name first: nobody reads half of it, and of two processes the last one wins.
    const unfinished = `${compiled.file}.${process.pid}`;
    writeFileSync(unfinished, Buffer.concat([digest(code), code]));
    renameSync(unfinished, compiled.file);
    compiled.size = code.length;
    this.#tidy();
  }

  #tidy(): void {
    const files = readdirSync(this.#folder).map((name) => join(this.#folder, name));
    const byAge = files
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => ({ file, time: statSync(file).mtimeMs }))
      .sort((a, b) => b.time - a.time);
    for (const { file } of byAge.slice(MOST_FILES)) rmSync(file, { force: true });
  }
}

interface Compiled {
  readonly module: WebAssembly.Module;
  readonly file: string;
  /** Bytes of machine code in the file. */
  size: number;
}

interface Natives {
  serialize(module: WebAssembly.Module): Uint8Array | undefined;
  deserialize(code: ArrayBuffer, bytes: Uint8Array): WebAssembly.Module | undefined;
}

/**
 * V8's natives, where this V8 has them. Without --fuzzing they end the process where they cannot do what they should,
 * and with it say so; V8 compares the flags too, so that both ways need the same ones.
 */
function findNatives(): Natives | undefined {
  try {
    const [serialize, deserialize] = withFlags(['allow-natives-syntax'], () => [
      new Function('module', 'return %SerializeWasmModule(module)'),
      new Function('code', 'bytes', 'return %DeserializeWasmModule(code, bytes)'),
    ]);
    return {
      serialize: (module) => {
        const code: unknown = withFlags(['fuzzing'], () => serialize?.(module));
        return code instanceof ArrayBuffer ? new Uint8Array(code) : undefined;
      },
      deserialize: (code, bytes) => {
        const module: unknown = withFlags(['fuzzing'], () => deserialize?.(code, bytes));
        return module instanceof WebAssembly.Module ? module : undefined;
      },
    };
  } catch {
    return undefined;
  }
}

function withFlags<T>(flags: readonly string[], body: () => T): T {
  for (const flag of flags) setFlagsFromString(`--${flag}`);
  try {
    return body();
  } finally {
    for (const flag of flags) setFlagsFromString(`--no-${flag}`);
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
