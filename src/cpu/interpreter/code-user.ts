/** What the cache needs from each vCPU. */
export interface CodeUser {
  /** Forget indirect jump targets. */
  flushJumps(): void;
  /**
   * It is inside generated code: forget fast write translations of a frame. The others do it for all frames with code
   * when they go there, if `CodeCache.framesBegun` has changed.
   */
  protectFrame(mfn: number): void;
  /** Leave generated code at the next block boundary: `makeRoom` is due. */
  stop(): void;
}
