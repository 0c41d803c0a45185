import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What of this host's memory a new machine could have, in KiB: what is free, under the limits set for this process. */
export function availableMemoryKib(): number {
  return Math.floor(process.availableMemory() / 1024);
}

/** What this process takes of the host's memory now, in bytes. */
export interface ProcessMemory {
  /** Resident, files it has mapped included. */
  readonly rss: number;
  /** V8's heap, and what of it is in use. */
  readonly heapTotal: number;
  readonly heapUsed: number;
  /** Contents of buffers that V8 knows of, a machine's memory among them, whether resident or not. */
  readonly arrayBuffers: number;
}

export function processMemory(): ProcessMemory {
  const { rss, heapTotal, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, heapTotal, heapUsed, arrayBuffers };
}

/**
 * Has V8 give back what nobody uses any more, which it would do only once it needs more: a start leaves files and
 * garbage of some 100 MiB behind, and a machine that idles needs nothing. Takes some 30 ms.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect();
}
