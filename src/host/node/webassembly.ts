import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 read the branch hints of WebAssembly modules (the branch hinting proposal, which browsers follow without being
 * asked): code of regions says which of its branches hardly ever go the other way, and a loop keeps its registers then.
 */
export function useBranchHints(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
}
