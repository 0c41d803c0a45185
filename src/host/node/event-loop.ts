/**
 * Calls back soon, after files, sockets, timers and input that are ready had their turn. What calls itself again this
 * way keeps the process busy without keeping anybody out.
 */
export function defer(callback: () => void): void {
  setImmediate(callback);
}

/**
 * Keeps the process alive, with nothing to do, until the function it returns is called: a guest may wait for an event
 * that only a signal or another guest brings.
 */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, LONG_MS);
  return () => clearInterval(timer);
}

/** setTimeout's own limit. */
const LONG_MS = 0x7fffffff;
