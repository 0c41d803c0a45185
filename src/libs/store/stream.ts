/** One end of a connection to xenstored: a Unix socket, a pipe within the process, later a ring. Bytes keep their order. */
export interface ByteStream {
  /** Takes all of `bytes`, which may be reused afterwards. Without effect once the stream is closed. */
  send(bytes: Uint8Array): void;

  /** Hands over what arrives. One listener; what came before it was set is handed over once it is. */
  onData(listener: (bytes: Uint8Array) => void): void;

  /** Tells once that the other end closed the stream. */
  onClose(listener: () => void): void;

  /** Closes this end; nothing is handed over any more. */
  close(): void;
}
