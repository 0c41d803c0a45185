/**
 * The doors to the world outside. `src/host/` implements them for Node (later the web), and for tests by a simulated
 * host with a seed. Nothing else tells the time, draws randomness or touches a terminal.
 */

/** Time: one monotonic clock for everything that runs, the wall clock for what a guest calls the date. */
export interface Clock {
  /** Nanoseconds since an arbitrary start, never going back. A double holds 104 days of them exactly. */
  nowNs(): number;
  /** Of a clock that counts what processors execute: what an instruction takes. Undefined: it is the host's. */
  readonly nsPerInstruction: number | undefined;
  /** Nanoseconds since 1970-01-01 UTC; past the doubles' exact range, hence a bigint. It may jump. */
  wallclockNs(): bigint;
  /**
   * Calls back once `nowNs()` has reached `atNs`, never from inside this call, even when the time is past.
   * A pending timer keeps the process alive. Where `fromNs` is given, any moment from then on will do.
   */
  setTimer(atNs: number, callback: () => void, fromNs?: number): TimerHandle;
}

/** A timer that has not fired yet. Cancelling one that has is harmless. */
export interface TimerHandle {
  cancel(): void;
}

/** Randomness good enough for keys: what a guest's entropy and a domain's UUID are drawn from. */
export interface Random {
  /** Fills the whole array. */
  fill(bytes: Uint8Array): void;
}

/** Columns and rows, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The operator's terminal, or the pipes that stand in for one. */
export interface Terminal {
  /** Whether someone sits there; on a pipe `setRawMode` does nothing and `size` is undefined. */
  readonly interactive: boolean;
  /** Puts bytes out in order. They are copied or sent before the call returns. */
  write(bytes: Uint8Array): void;
  /**
   * Hands over what is typed, as it comes, and undefined once when the input ends. One listener at a time;
   * until the first is set, input stays where it is.
   */
  onInput(listener: (bytes: Uint8Array | undefined) => void): void;
  /** Raw: every key goes to the listener, Ctrl-C included, and nothing is echoed. */
  setRawMode(raw: boolean): void;
  /** The window's size now, undefined where there is no window. */
  size(): TerminalSize | undefined;
  /** Ends raw mode and stops reading, so that the process can exit. The terminal is as it was before. */
  close(): void;
}
