/** The worker: xl, and the machine that it starts, in a thread of their own so that the page stays alive. */
import { xl } from '../src/dom0/xl/main.ts';
import { OriginFiles } from '../src/host/web/origin-files.ts';
import { KeptStore } from './kept-store.ts';
import type { ToPage, ToWorker } from './messages.ts';
import { WebProgram } from './web-program.ts';

/** EX_SOFTWARE of sysexits.h: something of ours is broken. */
const EXIT_INTERNAL = 70;

addEventListener('message', ({ ports: [port] }: MessageEvent) => {
  if (port !== undefined) serve(port);
});

function serve(port: MessagePort): void {
  const send = (message: ToPage) => port.postMessage(message);
  const program = new WebProgram(send, store());
  addEventListener('unhandledrejection', ({ reason }) => report(send, reason));
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'typed') program.terminal.typed(data.bytes);
    else if (data.kind === 'end') program.end();
    else if (data.kind === 'hidden') program.leave();
    else void run(data.argv, program, send);
  };
}

/** Where sources come with an address that is another when one of them is: what was kept by others is of no use. */
function store(): KeptStore | undefined {
  const build = /^\/build-([\da-f]+)\//.exec(new URL(import.meta.url).pathname)?.[1];
  return build === undefined ? undefined : new KeptStore(new OriginFiles('xenolith'), build);
}

async function run(argv: readonly string[], program: WebProgram, send: (message: ToPage) => void): Promise<void> {
  try {
    const status = await xl(argv, program);
    await program.kept();
    send({ kind: 'exit', status });
  } catch (error) {
    report(send, error);
  }
}

function report(send: (message: ToPage) => void, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  send({ kind: 'text', text: `xl: internal error: ${text}\n` });
  send({ kind: 'exit', status: EXIT_INTERNAL });
}
