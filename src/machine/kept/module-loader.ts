/** Executes the program's modules, and remembers how: without types, as functions, with the code V8 made of them. */
import { closeSync, openSync, readSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';
import { functionOf, PARAMETERS } from './module-text.ts';

/** What is remembered of a module. */
export interface KeptModule {
  /** The file it was made of, byte by byte. */
  readonly source: Uint8Array;
  readonly text: Uint8Array;
  /** What V8 made of it. */
  readonly code: Uint8Array;
}

type Exports = Readonly<Record<string, unknown>>;

interface Loaded {
  /** Undefined: it can be asked for again. */
  readonly news: KeptModule | undefined;
  readonly script: Script;
  readonly exports: Exports;
}

/**
 * Node's own loader takes some 0.5 ms for each module, kept or not. Here it is a tenth of that: a module's file is read
 * and compared with what is remembered, which so never is another one's. What a module may be is in module-text.ts.
 */
export class ModuleLoader {
  /** Whether something was loaded that was not remembered. */
  hasNews = false;
  readonly #kept: (path: string) => KeptModule | undefined;
  readonly #resolve: (specifier: string) => string;
  readonly #loaded = new Map<string, Loaded>();

  /** `resolve` is import.meta.resolve. */
  constructor(kept: (path: string) => KeptModule | undefined, resolve: (specifier: string) => string) {
    this.#kept = kept;
    this.#resolve = resolve;
  }

  /** Executes the module at a path, unless it was, after those that it imports; returns its exports. */
  load(path: string): Exports {
    const known = this.#loaded.get(path);
    if (known !== undefined) return known.exports;
    const url = PLAIN.test(path) ? `file://${path}` : pathToFileURL(path).href;
    const folder = dirname(path);
    const source = readSource(path);
    const kept = this.#kept(path);
    let news: KeptModule | undefined;
    if (kept === undefined || !source.equals(kept.source)) {
      this.hasNews = true;
      news = { source: Buffer.from(source), text: textOf(path, source.toString()), code: NO_CODE };
    }
    const script = compile(url, news ?? (kept as KeptModule));
    const load = (specifier: string) => this.#import(folder, specifier);
    const later = async (specifier: string) => load(specifier);
    const run = script.runInThisContext() as (...parameters: unknown[]) => Exports;
    const exports = run(load, later, { url, resolve: this.#resolve });
    this.#loaded.set(path, { news, script, exports });
    return exports;
  }

  /** All that was loaded, with V8's code of all functions that have run. */
  modules(): Map<string, KeptModule> {
    const modules = new Map<string, KeptModule>();
    for (const [path, { news, script }] of this.#loaded) {
      const module = news ?? this.#kept(path);
      if (module !== undefined) modules.set(path, { ...module, code: script.createCachedData() });
    }
    return modules;
  }

  #import(folder: string, specifier: string): Exports {
    if (specifier.startsWith('.')) return this.load(relativeTo(folder, specifier));
    return process.getBuiltinModule(specifier) as Exports;
  }
}

const NO_CODE = new Uint8Array(0);
const HEAD = `(function (${PARAMETERS.join(', ')}) { 'use strict'; `;
const TAIL = '\n})';

function textOf(path: string, source: string): Uint8Array {
  const body = functionOf(path.endsWith('.ts') ? stripTypeScriptTypes(source) : source);
  return Buffer.from(`${HEAD}${body}${TAIL}`);
}

function compile(url: string, kept: KeptModule): Script {
  const { code } = kept;
  const text = Buffer.from(kept.text.buffer, kept.text.byteOffset, kept.text.length);
  return new Script(text.toString(), {
    filename: url,
    columnOffset: -HEAD.length,
    // Packages are left to Node: few modules name one, and what it takes to allow for it is slow.
    ...(text.includes('import(') ? { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER } : {}),
    ...(code.length === 0 ? {} : { cachedData: code }),
  });
}

// One buffer for all: a file of ours is much smaller than this.
let scratch = Buffer.allocUnsafeSlow(256 * 1024);

/** Of what a URL is as it is. */
const PLAIN = /^[\w./-]+$/;

/** As join(folder, specifier), for folders without dots in front. */
function relativeTo(folder: string, specifier: string): string {
  let base = folder;
  let rest = specifier;
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2);
    else if (rest.startsWith('../')) {
      rest = rest.slice(3);
      base = base.slice(0, base.lastIndexOf('/'));
    } else return `${base}/${rest}`;
  }
}

/** The bytes of a file, until the next call. */
function readSource(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    let at = 0;
    for (;;) {
      const count = readSync(file, scratch, at, scratch.length - at, null);
      if (count === 0) return scratch.subarray(0, at);
      at += count;
      if (at === scratch.length) scratch = Buffer.concat([scratch], 2 * at);
    }
  } finally {
    closeSync(file);
  }
}
