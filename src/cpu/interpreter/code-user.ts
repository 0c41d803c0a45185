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

/** Whoever keeps code made from records. */
export interface RecordUser {
  /** A frame holds the code of the page from now on: its records may be executed. */
  enterPage(id: number): void;
  /** The records of a page may not be executed any more: its code has changed, or it has to make room. */
  dropPage(id: number, hasChanged: boolean): void;
  /** Records from one address up to another will be others. Their pages were dropped. */
  reuseRecords(from: number, to: number): void;
  /** The page's frame has another content, for another purpose. */
  renewPage(id: number): void;
}
