import { XenolithError } from '../../../lib/errors.ts';
import type { DomainEnd } from '../../toolstack/domain-events.ts';
import { deathAction } from '../../toolstack/death-action.ts';
import type { DomainEvent, DomainRecord, EndedDomain } from '../../toolstack/domain-record.ts';
import type { Context } from '../command.ts';
import { findLiveDomain, onHost, printJson } from '../define-command.ts';
import { statusOf } from '../ending.ts';
import { EXIT_DESTROYED, EXIT_ERROR, EXIT_TIMEOUT } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';
import { unlessCancelled } from './lifecycle.ts';

/** So much a reader may leave unread. */
const UNREAD_BYTES = 4 << 20;

/** `xl events`: what happens to domains, a JSON object a line, until it is interrupted. */
export const events = onHost({
  name: 'events',
  summary: 'Print what happens to domains, as JSON lines',
  usage: '[options] [Domain]',
  options: [
    '--count=N   End after so many',
    '--existing  First an event "exists" for each domain there is',
    '--ready     First of all {"event":"listening"}: what happens from then on is told',
    'Events are created, unpaused, paused, resumed, soft-reset, shutdown, crashed, destroyed, renamed,',
    'restarted, preserved, failed and device (device, end and state as XenBus names them).',
  ],
  long: { count: { value: true }, existing: { value: false }, ready: { value: false } },
  json: true,
  run: async (args, host, context) => {
    const [only] = args.operands;
    const count = args.value('count');
    if (count !== undefined && !/^[1-9][0-9]*$/.test(count)) {
      context.say(`xl events: --count=${count}: expected a number above 0, for example --count=1`);
      return EXIT_ERROR;
    }
    let left = count === undefined ? Number.POSITIVE_INFINITY : Number(count);
    let stop = () => {};
    const enough = new Promise<void>((resolve, reject) => {
      const tell = (event: object) => {
        const { stdout, terminal } = context.services;
        if ((terminal.unsent ?? 0) > UNREAD_BYTES) reject(new XenolithError('XL_EVENTS', 'xl events: nobody reads'));
        stdout(`${JSON.stringify(event)}\n`);
        if (--left <= 0) resolve();
      };
      const concerns = ({ name, domid }: { name: string; domid: number }) =>
        only === undefined || name === only || `${domid}` === only;
      if (args.has('ready')) context.services.stdout('{"event":"listening"}\n');
      if (args.has('existing')) {
        for (const { domid, config } of host.domains.records()) {
          const { name } = config;
          if (left > 0 && concerns({ name, domid })) tell({ event: 'exists', domid, name });
        }
      }
      stop = host.domains.onEvent((event: DomainEvent) => {
        if (left > 0 && concerns(event)) tell(event);
      });
    });
    try {
      await unlessCancelled(enough, context);
      return 0;
    } finally {
      stop();
    }
  },
});

/** `xl wait`: until a domain has shut down, or has printed something. */
export const wait = onHost({
  name: 'wait',
  summary: 'Wait for a domain to shut down, or for its console',
  usage: '<Domain> [--for shutdown|console:REGEX] [--timeout SECONDS]',
  options: [
    '--for shutdown       Until it shuts down or is destroyed; the exit status tells how, as with create -F. A soft\n                     reset that is granted is no end.',
    '--for console:REGEX  Until a line of its console, past ones included, matches.',
    '--timeout SECONDS    Exit status 124 when it takes longer.',
  ],
  long: { for: { value: true }, timeout: { value: true } },
  json: true,
  requires: 1,
  run: async (args, host, context) => {
    const what = args.value('for') ?? 'shutdown';
    const pattern = /^console:(.+)$/s.exec(what)?.[1];
    if (what !== 'shutdown' && pattern === undefined) {
      context.say(`xl wait: --for ${what}: expected shutdown or console:REGEX, for example --for console:login:`);
      return EXIT_ERROR;
    }
    const seconds = timeoutOf(args.value('timeout'));
    const name = args.operand(0);
    // One that restarts right now is meant, and not its life before.
    await host.domains.settled(name);
    const domid = await host.domains.find(name);
    const ended =
      domid === undefined || host.domains.record(domid) === undefined ? host.domains.ended(name) : undefined;
    const outcome =
      pattern === undefined
        ? untilShutdown(host, name, ended)
        : untilConsole(host, name, ended, regexOf(pattern), context);
    const result = await unlessCancelled(withTimeout(outcome, seconds, context), context);
    if (result === 'timeout') {
      context.say(`xl wait: ${name}: not within ${seconds} s`);
      return EXIT_TIMEOUT;
    }
    if (args.has('json')) printJson(context, result);
    else if (result.line !== undefined) context.services.stdout(`${result.line}\n`);
    if (result.complaint !== undefined) context.say(result.complaint);
    return result.status;
  },
});

interface Outcome {
  readonly status: number;
  readonly end?: DomainEnd;
  readonly line?: string;
  readonly complaint?: string;
}

function endOutcome(end: DomainEnd): Outcome {
  return { status: end.kind === 'shutdown' ? statusOf(end.reason) : EXIT_DESTROYED, end };
}

async function untilShutdown(host: RunningHost, name: string, ended: EndedDomain | undefined): Promise<Outcome> {
  if (ended !== undefined) return endOutcome(ended.end);
  const record = host.domains.record(await findLiveDomain(host, name));
  if (record === undefined) throw new XenolithError('XL_DOMAIN', `xl wait: ${name} never shuts down: expected a guest`);
  return endOutcome(await untilEnd(host, record));
}

/** How a domain ends; that it is reset, and goes on, is no end. */
async function untilEnd(host: RunningHost, record: DomainRecord): Promise<DomainEnd> {
  const { domid, config, request } = record;
  for (;;) {
    let stop = () => {};
    const next = new Promise<'soft-reset' | 'destroyed'>((resolve) => {
      stop = host.domains.onEvent(({ event, domid: of }) => {
        if (of === domid && (event === 'soft-reset' || event === 'destroyed')) resolve(event);
      });
    });
    try {
      const end = await record.end;
      if (end.kind !== 'shutdown' || request.unattended) return end;
      if (deathAction(end.reason, config).action !== 'soft-reset') return end;
      if ((await next) === 'destroyed') return end;
    } finally {
      stop();
    }
  }
}

async function untilConsole(
  host: RunningHost,
  name: string,
  ended: EndedDomain | undefined,
  regex: RegExp,
  context: Context,
): Promise<Outcome> {
  const lines = new LineMatcher(regex);
  const missed = { status: EXIT_ERROR, complaint: `xl wait: ${name} is gone, and its console never matched` };
  if (ended !== undefined) {
    const line = lines.push(ended.console) ?? lines.end();
    return line === undefined ? missed : { status: 0, line };
  }
  const domid = await findLiveDomain(host, name);
  return await new Promise<Outcome>((resolve) => {
    const detach = host.attachConsole(
      domid,
      {
        output: (bytes) => {
          const line = lines.push(bytes);
          if (line !== undefined) finish({ status: 0, line });
          return bytes.length;
        },
        onDrain: () => {},
        onInput: () => {},
        closed: () => finish(missed),
      },
      'all',
    );
    function finish(outcome: Outcome): void {
      resolve(outcome);
      // The first match may be found while it is still being attached.
      void Promise.resolve().then(() => detach());
    }
    context.services.cancellation?.onCancel(() => finish(missed));
  });
}

/** Where a line is looked at without its end: a prompt is a line that does not end. */
const LINE_BYTES = 4096;

/** Looks for a line that matches, the unfinished last one included. */
class LineMatcher {
  readonly #regex: RegExp;
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(regex: RegExp) {
    this.#regex = regex;
  }

  /** The first line that matches. */
  push(bytes: Uint8Array): string | undefined {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    this.#rest = (lines.at(-1) ?? '').slice(-LINE_BYTES);
    return lines.map((line) => line.slice(-LINE_BYTES)).find((line) => this.#regex.test(line));
  }

  end(): string | undefined {
    return this.#regex.test(this.#rest) ? this.#rest : undefined;
  }
}

function regexOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    const what = (error as Error).message;
    throw new XenolithError(
      'XL_USAGE',
      `xl wait: --for console:${pattern}: ${what}: for example --for 'console:login:'`,
    );
  }
}

function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  throw new XenolithError('XL_USAGE', `xl wait: --timeout ${text}: expected seconds, for example --timeout 60`);
}

async function withTimeout<T>(
  wait: Promise<T>,
  seconds: number | undefined,
  { services }: Context,
): Promise<T | 'timeout'> {
  if (seconds === undefined) return await wait;
  let expire: () => void = () => {};
  const expired = new Promise<'timeout'>((resolve) => {
    expire = () => resolve('timeout');
  });
  const timer = services.clock.setTimer(services.clock.nowNs() + seconds * 1e9, expire);
  try {
    return await Promise.race([wait, expired]);
  } finally {
    timer.cancel();
  }
}
