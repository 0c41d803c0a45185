import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 read the branch hints of WebAssembly modules (the branch hinting proposal, which browsers follow without being
 * asked): code of regions says which of its branches hardly ever go the other way, and a loop keeps its registers then.
 */
export function useBranchHints(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
}

/**
 * A WebAssembly module with the machine code that `serializeWasm` gave in an earlier process, or undefined where V8 does
 * not take it: it was made by another V8, with other flags, or for another processor.
 */
export function deserializeWasm(
  bytes: Uint8Array<ArrayBuffer>,
  code: Uint8Array<ArrayBuffer>,
): WebAssembly.Module | undefined {
  return mildly(() => natives?.deserialize(code.buffer, bytes));
}

/** The machine code of those functions of a module that V8 has optimised; undefined where it cannot be had. */
export function serializeWasm(module: WebAssembly.Module): Uint8Array | undefined {
  const code = mildly(() => natives?.serialize(module));
  return code && new Uint8Array(code);
}

interface Natives {
  readonly serialize: (module: WebAssembly.Module) => ArrayBuffer | undefined;
  readonly deserialize: (code: ArrayBuffer, bytes: Uint8Array) => WebAssembly.Module | undefined;
}

// What browsers keep WebAssembly's code with, Node gives no other access to. Only versions are asked for it with which
// that was tried.
const TRIED = /^24\./;
const natives = TRIED.test(process.versions.node) ? findNatives() : undefined;

function findNatives(): Natives | undefined {
  setFlagsFromString('--allow-natives-syntax');
  try {
    return {
      serialize: new Function('module', 'return %SerializeWasmModule(module)') as Natives['serialize'],
      deserialize: new Function(
        'code',
        'bytes',
        'return %DeserializeWasmModule(code, bytes)',
      ) as Natives['deserialize'],
    };
  } catch {
    return undefined;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

// With this flag V8 answers with undefined where something is wrong with what it is asked, and does not end the process.
function mildly<T>(ask: () => T): T {
  setFlagsFromString('--fuzzing');
  try {
    return ask();
  } finally {
    setFlagsFromString('--no-fuzzing');
  }
}
