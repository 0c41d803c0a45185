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
