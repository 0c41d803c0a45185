import { XenolithError } from '../../../lib/errors.ts';
import { type DomainPlan, memoryNeededKib } from '../../toolstack/domain-plan.ts';
import { type Command, type Context, helpText } from '../command.ts';
import { configJson } from '../config-json.ts';
import { createOnHost } from '../create-on-host.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import { type ForegroundOptions, runForeground } from '../foreground.ts';
import { getopt, type OptionTable } from '../getopt.ts';
import { Plans } from '../plans.ts';
import { locating, type ReadDomain, readDomain } from '../read-domain.ts';
import { type Host, type HostOptions, type RunningHost, TRACE_CATEGORIES, type TraceCategory } from '../services.ts';
import { traceOptions } from '../trace-options.ts';

/** `xl create`: makes a domain from a config file and, in the foreground, runs it until it ends. */
export const create: Command = {
  name: 'create',
  summary: 'Create a domain from config file <filename>',
  usage: '<ConfigFile> [options] [vars]',
  options: [
    '-F                      Stay in the foreground until the domain is gone. Exit status: on',
    '                        a host 0, as with xl; else how it ended.',
    '--exit-status           With -F on a host, too, how it ended.',
    '-c                      Show the console here; Ctrl-] leaves it.',
    '-p                      Leave the domain paused.',
    '-f FILE, --defconfig=FILE',
    '                        Read this config file.',
    '-n, --dryrun            Print the configuration and do nothing (same as xl -N).',
    '-d                      Print the configuration and go on.',
    '-q, --quiet             Say only what goes wrong.',
    '-e                      Leave the domain alone once it has shut down.',
    '-V, --vncviewer         Ignored: there is no VNC display.',
    '-A, --vncviewer-autopass',
    '                        Ignored as well.',
    '--ignore-global-affinity-masks',
    "                        Use processors that the host's xl.conf keeps back.",
    '--json                  Print the number, name and UUID that it got, for programs.',
    '--timeout=SECONDS       Destroy a domain that runs longer; exit status 124.',
    `--trace=WHAT[,WHAT]     Print each of ${TRACE_CATEGORIES.join(', ')}.`,
    '--trace-file=FILE       Record what happens, as xl trace --output=FILE does.',
    '--trace-events=CLASSES  What is recorded, as for xl trace --events.',
    '-h, --help              Print this help.',
    '',
    'vars are key=value, read after the file; a string needs quotes of its own:',
    '  xl create -F -c guest.cfg memory=512 \'name="web"\'',
  ],
  modifies: true,
  canDryRun: true,
  get table() {
    return OPTIONS;
  },
  run,
};

const OPTIONS: OptionTable = {
  short: 'hAFVcdef:inpq',
  long: {
    defconfig: { value: true, letter: 'f' },
    'exit-status': { value: false },
    dryrun: { value: false, letter: 'n' },
    help: { value: false, letter: 'h' },
    'ignore-global-affinity-masks': { value: false, letter: 'i' },
    json: { value: false },
    quiet: { value: false, letter: 'q' },
    timeout: { value: true },
    trace: { value: true },
    'trace-events': { value: true },
    'trace-file': { value: true },
    vncviewer: { value: false, letter: 'V' },
    'vncviewer-autopass': { value: false, letter: 'A' },
  },
};

interface Request {
  readonly help: boolean;
  readonly configFile: string | undefined;
  /** The key=value arguments. */
  readonly extra: readonly string[];
  readonly foreground: boolean;
  /** -e */
  readonly unattended: boolean;
  readonly dryRun: boolean;
  readonly tellsEnding: boolean;
  readonly debug: boolean;
  readonly json: boolean;
  readonly trace: readonly TraceCategory[];
  readonly recording: HostOptions['recording'];
  readonly options: ForegroundOptions;
  readonly ignored: readonly string[];
  readonly ignoreMasks: boolean;
}

async function run(argv: readonly string[], context: Context): Promise<number> {
  const { services } = context;
  const request = readArguments(argv, context);
  if (typeof request === 'string') {
    context.say(`xl create: ${request}`);
    services.stderr(`\n${helpText(create)}`);
    return EXIT_ERROR;
  }
  if (request.help) {
    services.stdout(helpText(create));
    return 0;
  }

  const { configFile } = request;
  if (configFile === undefined) {
    throw new XenolithError(
      'XL_USAGE',
      'xl create: no config file: expected one, for example xl create -F -c guest.cfg',
    );
  }
  if (!request.dryRun && services.running === undefined) requireForeground(request);

  const domain = await readDomain(configFile, request.extra, context, {
    quiet: request.options.quiet,
    ignoreMasks: request.ignoreMasks,
  });
  const { file, config } = domain;
  for (const option of request.ignored) context.say(`xl create: warning: ${option} has no effect`);

  if (request.dryRun) {
    services.stdout(configJson(config));
    return 0;
  }
  if (request.debug) services.stderr(configJson(config));

  const { running } = services;
  if (running === undefined) return await start(domain, request, context);
  requireOwnMachine(domain, request, running);
  const { foreground, unattended, json, tellsEnding, options } = request;
  const { plan, symbols } = domain;
  return await locating(file, () =>
    createOnHost(running, { config, plan, symbols, foreground, unattended, json, tellsEnding, ...options }, context),
  );
}

function readArguments(argv: readonly string[], context: Context): Request | string {
  const parsed = getopt(argv, OPTIONS);
  if (typeof parsed === 'string') return parsed;

  const has = (letter: string) => parsed.options.some((option) => option.name === letter);
  const last = (name: string) => parsed.options.findLast((option) => option.name === name)?.value;

  const extra = parsed.operands.filter((operand) => operand.includes('='));
  const [first, second] = parsed.operands.filter((operand) => !operand.includes('='));
  const configFile = last('f') ?? first;
  const spare = last('f') === undefined ? second : first;
  if (spare !== undefined) return `one config file too many, ${spare}: other arguments are key=value`;

  const timeoutSeconds = timeout(last('timeout'));
  if (typeof timeoutSeconds === 'string') return timeoutSeconds;
  const trace = traceCategories(last('trace'));
  if (typeof trace === 'string') return trace;
  const recording = recordingOf(last('trace-file'), last('trace-events'), context);

  return {
    help: has('h'),
    configFile,
    extra,
    foreground: has('F'),
    unattended: has('e'),
    dryRun: context.dryRun || has('n'),
    debug: has('d'),
    tellsEnding: has('exit-status'),
    json: has('json'),
    trace,
    recording,
    options: { console: has('c'), paused: has('p'), quiet: has('q'), timeoutSeconds },
    ignored: has('V') || has('A') ? ['-V'] : [],
    ignoreMasks: has('i'),
  };
}

function timeout(text: string | undefined): number | undefined | string {
  if (text === undefined) return undefined;
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  return `--timeout=${text}: expected seconds as a number above 0, for example --timeout=60`;
}

function traceCategories(text: string | undefined): TraceCategory[] | string {
  const categories: TraceCategory[] = [];
  for (const word of text === undefined ? [] : text.split(',')) {
    const category = TRACE_CATEGORIES.find((each) => each === word);
    const known = TRACE_CATEGORIES.join(', ');
    if (category === undefined) return `--trace=${text}: "${word}" cannot be traced: expected ${known}`;
    categories.push(category);
  }
  return categories;
}

function recordingOf(
  file: string | undefined,
  events: string | undefined,
  { services }: Context,
): HostOptions['recording'] {
  if (file === undefined) return undefined;
  const path = file.startsWith('/') ? file : `${services.files.workingDirectory}/${file}`;
  return { path, options: traceOptions({ command: 'xl create', path, events }) };
}

function requireForeground({ foreground, unattended }: Request): void {
  if (foreground && !unattended) return;
  const which = unattended ? '-e' : 'without -F';
  throw new XenolithError(
    'XL_NOT_THERE_YET',
    `xl create ${which}: there is no host here for the domain to live on: expected -F, for example xl create -F -c guest.cfg`,
  );
}

/** What a machine of its own has, and one that others are on cannot give. */
function requireOwnMachine({ file, repeats }: ReadDomain, { trace, recording }: Request, running: RunningHost): void {
  const alone = 'expected a machine of its own, by xl create -F without XENOLITH_HOME';
  const setting = file.get('deterministic');
  if (repeats !== undefined && !running.repeats && setting !== undefined) {
    const why = `this host goes by its own time, which its other guests and whoever asks for something take part in: ${alone}`;
    throw new XenolithError('XL_DETERMINISTIC', `${file.where(setting)}: deterministic = 1: ${why}`);
  }
  if (trace.length === 0 && recording === undefined) return;
  const instead = `${alone}, or xl trace, which records what happens on a host`;
  throw new XenolithError('XL_TRACE', `xl create --trace: this host prints nothing while it runs: ${instead}`);
}

async function start(domain: ReadDomain, request: Request, context: Context): Promise<number> {
  const { services } = context;
  const { file, config, plan, repeats } = domain;
  const { plans, guestMemoryKib } = await planFirst(plan);
  return await locating(file, async () => {
    const host = await services.startHost({
      guestMemoryKib,
      vcpus: config.maxVcpus,
      trace: request.trace,
      ...(request.recording === undefined ? {} : { recording: request.recording }),
      stats: services.environment('XENOLITH_STATS'),
      deterministic: repeats,
    });
    host.failure.catch(() => {}); // heard by whoever waits for the domain; nobody may be waiting yet
    return await stopping(host, () => runForeground(host, config, plans, request.options, context));
  });
}

/** What the machine has to know of the first plan, which nobody but `plans` holds on to. */
async function planFirst(plan: () => Promise<DomainPlan>): Promise<{ plans: Plans; guestMemoryKib: number }> {
  const first = await plan();
  return { plans: new Plans(first, plan), guestMemoryKib: memoryNeededKib(first) };
}

async function stopping(host: Host, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } finally {
    await host.stop();
  }
}
