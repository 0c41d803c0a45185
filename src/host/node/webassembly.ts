import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 read the branch hints of WebAssembly modules (the branch hinting proposal, which browsers follow without being
 * asked): code of regions says which of its branches hardly ever go the other way, and a loop keeps its registers then.
 * And has it validate functions when they are first called: that of a batch of regions some are never.
 */
export function tuneWebAssembly(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
  setFlagsFromString('--wasm-lazy-validation');
}

/**
 * A WebAssembly module with the machine code that `serializeWasm` gave in an earlier process, or undefined where V8 does
 * not take it: it was made by another V8, with other flags, or for another processor.
 */
export function deserializeWasm(
  bytes: Uint8Array<ArrayBuffer>,
  code: Uint8Array<ArrayBuffer>,
): WebAssembly.Module | undefined {
  const module = askV8('%DeserializeWasmModule(first, second)', code.buffer, bytes);
  return module instanceof WebAssembly.Module ? module : undefined;
}

/** The machine code of those functions of a module that V8 has optimised; undefined where it cannot be had. */
export function serializeWasm(module: WebAssembly.Module): Uint8Array | undefined {
  const code = askV8('%SerializeWasmModule(first)', module);
  return code instanceof ArrayBuffer ? new Uint8Array(code) : undefined;
}

// What browsers keep WebAssembly's code with, Node gives no other access to. Only versions are asked for it with which
// that was tried.
const IS_TRIED = /^24\./.test(process.versions.node);

/** Calls a function of V8's own; undefined where it has none like that, or finds something wrong with what it is given. */
function askV8(call: string, first: unknown, second?: unknown): unknown {
  if (!IS_TRIED) return undefined;
  try {
    // A function of its own each time: V8 may throw away what it made of one, and make it anew only with the flag.
    const ask = withFlag('allow-natives-syntax', () => new Function('first', 'second', `return ${call}`));
    // Without this flag V8 would end the process where something is wrong.
    return withFlag('fuzzing', () => ask(first, second));
  } catch {
    return undefined;
  }
}

function withFlag<T>(flag: string, body: () => T): T {
  setFlagsFromString(`--${flag}`);
  try {
    return body();
  } finally {
    setFlagsFromString(`--no-${flag}`);
  }
}
