/** Whoever looks at a domain's console: a terminal, a socket, a log. */
export interface ConsoleClient {
  /**
   * Takes what the guest wrote, from the front of `bytes`, which are the client's only during the call.
   *
   * @returns how many it took; less than all means that it will call `onDrain`'s listener once it can take more
   */
  output(bytes: Uint8Array): number;

  /** The listener to call when there is room again after `output` took less than all. */
  onDrain(listener: () => void): void;

  /** The listener to hand over what was typed. */
  onInput(listener: (bytes: Uint8Array) => void): void;

  /** The guest does not read what is typed: while paused, no more of it should come, or it may get lost. */
  inputPaused?(paused: boolean): void;

  /** The domain is gone, and everything it wrote was taken. */
  closed?(): void;
}
