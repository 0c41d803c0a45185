/** The worker: xl, and the machine that it starts, in a thread of their own so that the page stays alive. */
import { xl } from '../src/dom0/xl/main.ts';
import type { ToPage, ToWorker } from './messages.ts';
import { WebProgram } from './web-program.ts';

/** EX_SOFTWARE of sysexits.h: something of ours is broken. */
const EXIT_INTERNAL = 70;

addEventListener('message', ({ ports: [port] }: MessageEvent) => {
  if (port !== undefined) serve(port);
});

function serve(port: MessagePort): void {
  const send = (message: ToPage) => port.postMessage(message);
  const program = new WebProgram(send);
  addEventListener('unhandledrejection', ({ reason }) => report(send, reason));
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'typed') program.terminal.typed(data.bytes);
    else if (data.kind === 'end') program.end();
    else void run(data.argv, program, send);
  };
}

async function run(argv: readonly string[], program: WebProgram, send: (message: ToPage) => void): Promise<void> {
  try {
    send({ kind: 'exit', status: await xl(argv, program) });
  } catch (error) {
    report(send, error);
  }
}

function report(send: (message: ToPage) => void, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  send({ kind: 'text', text: `xl: internal error: ${text}\n` });
  send({ kind: 'exit', status: EXIT_INTERNAL });
}
