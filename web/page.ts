/**
 * The page: a console for one guest. The address says what xl is asked to do, an argument each:
 * /?xl=create&xl=-F&xl=-c&xl=/guests/hello.cfg. The document's data-status is xl's exit status once it is done.
 */
import { ConsoleText } from './console-text.ts';
import type { ToPage, ToWorker } from './messages.ts';

const argv = new URLSearchParams(location.search).getAll('xl');
const screen = document.querySelector('pre') as HTMLPreElement;
const end = document.querySelector('button') as HTMLButtonElement;
const text = new ConsoleText();
const { port1: port, port2: theirs } = new MessageChannel();
const decoder = new TextDecoder();
const encoder = new TextEncoder();

function show(piece: string): void {
  text.write(piece);
  screen.textContent = text.text;
  scrollTo(0, document.body.scrollHeight);
}

function send(message: ToWorker): void {
  port.postMessage(message);
}

port.onmessage = ({ data }: MessageEvent<ToPage>) => {
  if (data.kind === 'console') show(decoder.decode(data.bytes, { stream: true }));
  else if (data.kind === 'text') show(data.text);
  else done(data.status);
};

function done(status: number): void {
  document.documentElement.dataset.status = String(status);
  end.remove();
}

/** What terminals send for keys that are no character (ECMA-48, as xterm does). */
const KEYS: Readonly<Record<string, string>> = {
  Enter: '\r',
  Backspace: '\x7f',
  Tab: '\t',
  Escape: '\x1b',
  ArrowUp: '\x1b[A',
  ArrowDown: '\x1b[B',
  ArrowRight: '\x1b[C',
  ArrowLeft: '\x1b[D',
};

addEventListener('keydown', (event) => {
  const { key, ctrlKey, metaKey } = event;
  const letter = /^[a-z[\]\\]$/i.test(key);
  const typed = ctrlKey && letter ? String.fromCharCode(key.toUpperCase().charCodeAt(0) & 0x1f) : KEYS[key];
  const bytes = typed ?? (key.length === 1 && !ctrlKey && !metaKey ? key : undefined);
  if (bytes === undefined) return;
  event.preventDefault();
  send({ kind: 'typed', bytes: encoder.encode(bytes) });
});

end.addEventListener('click', () => send({ kind: 'end' }));

// Of what comes later, such as unloading, a worker hears nothing any more.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') send({ kind: 'hidden' });
});

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
worker.onerror = ({ message, filename, lineno }) => {
  show(`the worker failed: ${message} (${filename}:${lineno})\n`);
  done(70);
};
worker.postMessage(undefined, [theirs]);
send({ kind: 'run', argv });
