/**
 * Calls back soon, after files, sockets, timers and input that are ready had their turn. What calls itself again this
 * way keeps the process busy without keeping anybody out.
 */
export function defer(callback: () => void): void {
  setImmediate(callback);
}
