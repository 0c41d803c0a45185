import type { Domid } from '../../../abi/xen.ts';
import { ConsoleSession, ESCAPE } from '../console-session.ts';
import { findGuest, findLiveDomain, onHost } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';

/** `xl console`: the guest's terminal. */
export const consoleCommand = onHost({
  name: 'console',
  summary: "Attach to domain's console",
  usage: '[options] <Domain>',
  options: [
    '-t <type>    console type, pv, serial or vuart',
    '-n <number>  console number',
    '-e <escape>  the key that leaves, such as ^] or a single character',
    '-r           look on, and type nothing',
  ],
  short: 't:n:e:r',
  requires: 1,
  run: async (args, host, context) => {
    const type = args.value('t');
    if (type !== undefined && !['pv', 'serial', 'vuart'].includes(type)) {
      context.say('console type supported are: pv, serial, vuart');
      return EXIT_ERROR;
    }
    const leaveBy = escapeKey(args.value('e'));
    if (leaveBy === undefined) {
      context.say(`xl console: -e ${args.value('e')}: expected a key, for example -e ^]`);
      return EXIT_ERROR;
    }
    const domid = await findGuest(host, args.operand(0), 'console');
    const number = args.value('n') ?? '0';
    const isPv = (type ?? 'pv') === 'pv';
    if (!isPv || !(await hasConsole(host, domid, number))) {
      const what = isPv ? `number ${number}` : `of type ${type}`;
      context.say(`xl console: domain ${domid} has no console ${what}: it has its PV console, number 0`);
      context.say('Unable to attach console');
      return EXIT_ERROR;
    }
    const name = (await host.domains.nameOf(domid)) ?? `${domid}`;
    const options = { escape: leaveBy, readOnly: args.has('r'), number: Number(number) };
    const session = new ConsoleSession(host, domid, name, options, context);
    await session.outcome;
    return 0;
  },
});

/** Its first console, and one for each channel of its configuration. */
async function hasConsole(host: RunningHost, domid: Domid, number: string): Promise<boolean> {
  if (number === '0') return true;
  if (!/^[1-9][0-9]*$/.test(number)) return false;
  return (await host.store.read(`/local/domain/0/backend/console/${domid}/${number}/frontend`)) !== undefined;
}

/** `^X` is a control key; undefined where it is no key. */
function escapeKey(text: string | undefined): number | undefined {
  if (text === undefined) return ESCAPE;
  if (/^\^[@-_a-z?]$/.test(text)) return text.toUpperCase().charCodeAt(1) & 0x1f;
  return text.length === 1 ? text.charCodeAt(0) : undefined;
}

/** `xl logs`: what a console has put out so far, of a domain that is there or one that has just gone. */
export const logs = onHost({
  name: 'logs',
  summary: "Print what a domain's console has put out",
  usage: '[options] <Domain>',
  options: ['-f, --follow  Go on until the domain is gone', '--tail=LINES  Only the last of it'],
  short: 'f',
  long: { follow: { value: false, letter: 'f' }, tail: { value: true } },
  requires: 1,
  run: async (args, host, context) => {
    const tail = args.value('tail');
    if (tail !== undefined && !/^[0-9]+$/.test(tail)) {
      context.say(`xl logs: --tail=${tail}: expected a number of lines, for example --tail=50`);
      return EXIT_ERROR;
    }
    const lines = tail === undefined ? Number.POSITIVE_INFINITY : Number(tail);
    const name = args.operand(0);
    const domid = await host.domains.find(name);
    const { terminal } = context.services;
    if (domid === undefined || host.ctrl.domain_getinfo(domid) === undefined) {
      const ended = host.domains.ended(name);
      if (ended === undefined) await findLiveDomain(host, name);
      else terminal.write(lastLines(ended.console, lines));
      return 0;
    }
    await new Promise<void>((resolve) => {
      let first = true;
      const follow = args.has('f');
      const detach = host.attachConsole(
        domid,
        {
          output: (bytes) => {
            if ((terminal.unsent ?? 0) > UNREAD_BYTES) return 0;
            terminal.write(first && tail !== undefined ? lastLines(bytes, lines) : bytes);
            first = false;
            return bytes.length;
          },
          onDrain: (listener) => terminal.onDrain?.(listener),
          onInput: () => {},
          closed: resolve,
        },
        'all',
      );
      const stop = () => {
        void Promise.resolve().then(() => detach());
        resolve();
      };
      if (follow) context.services.cancellation?.onCancel(stop);
      else stop();
    });
    return 0;
  },
});

const UNREAD_BYTES = 4 << 20;
const NEWLINE = 0x0a;

function lastLines(bytes: Uint8Array, lines: number): Uint8Array {
  let at = bytes.length;
  if (bytes[at - 1] === NEWLINE) at--;
  for (let left = lines; at > 0; at--) if (bytes[at - 1] === NEWLINE && --left <= 0) break;
  return lines === 0 ? new Uint8Array(0) : bytes.slice(at);
}
