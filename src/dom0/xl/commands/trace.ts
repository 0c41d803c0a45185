import { XenolithError } from '../../../lib/errors.ts';
import type { Context } from '../command.ts';
import { findLiveDomain, onHost } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import { type RunningTrace, TRACE_CLASSES, TRACE_FORMATS, type TraceTarget } from '../services.ts';
import { traceOptions } from '../trace-options.ts';

/** So much a reader may leave unread; records wait in the ring then. */
const UNREAD_BYTES = 1 << 20;

/** `xl trace`: what happens in Xen (xentrace's role), until it is interrupted. */
export const trace = onHost({
  name: 'trace',
  summary: 'Record what happens in Xen',
  usage: '[Domain ...] [options]',
  options: [
    `--events=CLASSES  all, or some of ${TRACE_CLASSES.join(',')};`,
    '                  without this, all but memory.',
    `--format=FORMAT   ${TRACE_FORMATS.join(', ')}: a JSON object a line; for Perfetto;`,
    "                  for Xen's xenalyze and xentrace_format. Without this as the file's",
    '                  name ends: .jsonl, .json, anything else; jsonl where there is none.',
    '--output=FILE     Write it there, and say how much that was.',
    '--seconds=N       End after that time.',
    '--cpus=CPUS       Only what happens on these pCPUs, for example 0,2-3.',
    '--buffer=MIB      Room for records that wait to be written, 32 without this; when it',
    '                  is full the oldest are lost.',
    'With domains only what they do, and what is done to them.',
  ],
  long: {
    events: { value: true },
    format: { value: true },
    output: { value: true },
    seconds: { value: true },
    cpus: { value: true },
    buffer: { value: true },
  },
  run: async (args, host, context) => {
    const domains = [];
    for (const name of args.operands) domains.push(await findLiveDomain(host, name));
    const output = args.value('output');
    const path = output === undefined ? undefined : absolute(output, context);
    const options = traceOptions({
      command: 'xl trace',
      format: args.value('format'),
      events: args.value('events'),
      mib: args.value('buffer'),
      cpus: args.value('cpus'),
      path,
      domains: domains.length === 0 ? undefined : domains,
    });
    const seconds = secondsOf(args.value('seconds'));
    const running = host.startTrace(options, targetOf(path, context));
    const failure = await ending(running, seconds, context);
    const { records, lost } = await running.stop();
    if (failure !== undefined) {
      context.say(`xl trace: ${failure}`);
      return EXIT_ERROR;
    }
    const missing = lost === 0 ? '' : `, and ${lost} were lost: --buffer would have to be larger, or --events fewer`;
    if (path !== undefined || lost > 0) context.say(`${records} records${missing}`);
    return 0;
  },
});

function absolute(file: string, { services }: Context): string {
  return file.startsWith('/') ? file : `${services.files.workingDirectory}/${file}`;
}

function targetOf(path: string | undefined, { services }: Context): TraceTarget {
  if (path !== undefined) return { path };
  return { write: (text) => services.stdout(text), isBehind: () => (services.terminal.unsent ?? 0) > UNREAD_BYTES };
}

/** Until the time is up, whoever asked has enough, or it fails: then why. */
async function ending(
  { failure }: RunningTrace,
  seconds: number | undefined,
  { services }: Context,
): Promise<string | undefined> {
  const { clock, cancellation } = services;
  let enough: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const timer = seconds === undefined ? undefined : clock.setTimer(clock.nowNs() + seconds * 1e9, enough);
  const heard = cancellation?.onCancel(enough);
  try {
    await Promise.race([done, failure]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    timer?.cancel();
    heard?.();
  }
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  throw new XenolithError('XL_USAGE', `xl trace: --seconds=${text}: expected a time, for example --seconds=10`);
}
