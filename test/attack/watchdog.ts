/** Says what was going on when nothing has been said for long: what holds the thread cannot tell itself. */
import { Worker } from 'node:worker_threads';

/** Of a machine on which others work too. */
const PATIENCE_MS = 20 * 60_000;

export class Watchdog {
  readonly #worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     let timer;
     parentPort.on('message', (text) => {
       clearTimeout(timer);
       timer = setTimeout(() => { require('node:fs').writeSync(2, text + '\\n'); process.kill(process.pid); }, workerData);
     });`,
    { eval: true, workerData: PATIENCE_MS },
  );

  /** What is to be said, and the process ended, unless this is called again or `close`. */
  expect(text: string): void {
    this.#worker.postMessage(text);
  }

  close(): void {
    void this.#worker.terminate();
  }
}
