/**
 * What carries a connection's bytes. xenstored pulls: a transport that has bytes, or room for some, says so through
 * the listener, and is asked when it is its turn.
 */
export interface Transport {
  /** There may be something to receive. */
  readonly readable: boolean;

  /** There may be room to send. */
  readonly writable: boolean;

  /** Moves bytes of the peer to the front of `target`; returns how many, or 'broken' where the peer broke the rules. */
  receive(target: Uint8Array): number | 'broken';

  /** Sends from the front of `bytes`; returns how many it took, or 'broken'. */
  send(bytes: Uint8Array): number | 'broken';

  /** Ends a turn: tells the peer of everything that was received and sent in it. */
  flush(): void;

  /** The peer will not be heard any more, for a reason of XENSTORE_ERROR_*. */
  giveUp(error: number): void;

  /** The connection is over. */
  close(): void;

  /** `listener` is called whenever `readable` or `writable` may have become true. */
  onReady(listener: () => void): void;
}
