/** What of this host's memory a new machine could have, in KiB: what is free, under the limits set for this process. */
export function availableMemoryKib(): number {
  return Math.floor(process.availableMemory() / 1024);
}
