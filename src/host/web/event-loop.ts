/**
 * Calls back soon, after messages and timers that are ready had their turn. What calls itself again this way keeps the
 * worker busy without keeping anybody out.
 */
export function defer(callback: () => void): void {
  waiting.push(callback);
  port2.postMessage(undefined);
}

const waiting: (() => void)[] = [];
/** setTimeout would do, but a browser makes it wait 4 ms once it is nested (HTML, timer initialization steps). */
const { port1, port2 } = new MessageChannel();
port1.onmessage = () => waiting.shift()?.();
