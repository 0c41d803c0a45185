/** What the cache needs from each vCPU. */
export interface CodeUser {
  /** Forget indirect jump targets. */
  flushJumps(): void;
  /** Forget fast write translations of a frame. */
  protectFrame(mfn: number): void;
  /** Leave generated code at the next block boundary: `makeRoom` is due. */
  stop(): void;
}
