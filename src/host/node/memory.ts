/** What of this host's memory a new machine could have, in KiB: what is free, under the limits set for this process. */
export function availableMemoryKib(): number {
  return Math.floor(process.availableMemory() / 1024);
}

/** What of the host's memory this process takes now. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}
