import { XenolithError } from '../../../lib/errors.ts';
import { SeededRandom } from '../../../lib/seeded-random.ts';
import type { DomainConfig } from '../../toolstack/domain-config.ts';
import { type DomainPlan, memoryNeededKib, planDomain } from '../../toolstack/domain-plan.ts';
import { DomainError } from '../../toolstack/errors.ts';
import type { Config } from '../cfg/config.ts';
import { determinism } from '../cfg/determinism.ts';
import { guestConfig } from '../cfg/guest-config.ts';
import { parseConfig } from '../cfg/parser.ts';
import { type Command, type Context, helpText } from '../command.ts';
import { configJson } from '../config-json.ts';
import { createOnHost } from '../create-on-host.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import { type ForegroundOptions, runForeground } from '../foreground.ts';
import { getopt, type OptionTable } from '../getopt.ts';
import { Plans } from '../plans.ts';
import { type Host, TRACE_CATEGORIES, type TraceCategory } from '../services.ts';

/** `xl create`: makes a domain from a config file and, in the foreground, runs it until it ends. */
export const create: Command = {
  name: 'create',
  summary: 'Create a domain from config file <filename>',
  usage: '<ConfigFile> [options] [vars]',
  options: [
    '-F                      Stay in the foreground until the domain is gone; the exit',
    '                        status tells how it ended.',
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
    '                        Ignored: there are no global masks.',
    '--timeout=SECONDS       Destroy a domain that runs longer; exit status 124.',
    `--trace=WHAT[,WHAT]     Print each of ${TRACE_CATEGORIES.join(', ')}.`,
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
    dryrun: { value: false, letter: 'n' },
    help: { value: false, letter: 'h' },
    'ignore-global-affinity-masks': { value: false, letter: 'i' },
    quiet: { value: false, letter: 'q' },
    timeout: { value: true },
    trace: { value: true },
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
  readonly debug: boolean;
  readonly trace: readonly TraceCategory[];
  readonly options: ForegroundOptions;
  readonly ignored: readonly string[];
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

  const text = configFile === '/dev/null' ? '' : await readText(context, configFile);
  if (!request.options.quiet) context.say(`Parsing config from ${configFile}`);
  const file = parseConfig(configFile, text, request.extra);
  const repeats = determinism(file);
  const random = repeats === undefined ? services.random : new SeededRandom(repeats.seed);
  const config = guestConfig(configFile, file, random, (line) => context.say(line));
  for (const option of request.ignored) context.say(`xl create: warning: ${option} has no effect`);

  if (request.dryRun) {
    services.stdout(configJson(config));
    return 0;
  }
  if (request.debug) services.stderr(configJson(config));

  const { running } = services;
  if (running === undefined) return await start(file, config, request, context);
  if (repeats !== undefined) {
    context.say(
      'xl create: warning: deterministic has no effect: a host goes by its own time, whereas -F makes a machine',
    );
  }
  const { foreground, unattended, options } = request;
  const plan = () => readAndPlan(file, config, context);
  return await locating(file, () =>
    createOnHost(running, { config, plan, foreground, unattended, ...options }, context),
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

  return {
    help: has('h'),
    configFile,
    extra,
    foreground: has('F'),
    unattended: has('e'),
    dryRun: context.dryRun || has('n'),
    debug: has('d'),
    trace,
    options: { console: has('c'), paused: has('p'), quiet: has('q'), timeoutSeconds },
    ignored: [...(has('V') || has('A') ? ['-V'] : []), ...(has('i') ? ['--ignore-global-affinity-masks'] : [])],
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

function requireForeground({ foreground, unattended }: Request): void {
  if (foreground && !unattended) return;
  const which = unattended ? '-e' : 'without -F';
  throw new XenolithError(
    'XL_NOT_THERE_YET',
    `xl create ${which}: there is no host here for the domain to live on: expected -F, for example xl create -F -c guest.cfg`,
  );
}

/** Reads what the domain boots and plans where it goes, before there is anything that would have to be undone. */
async function readAndPlan(file: Config, config: DomainConfig, context: Context): Promise<DomainPlan> {
  const kernel = await readFor(file, 'kernel', config.kernel, context);
  const ramdisk = config.ramdisk === undefined ? undefined : await readFor(file, 'ramdisk', config.ramdisk, context);
  return await locating(file, () => planDomain(config, { kernel, ramdisk }));
}

async function start(file: Config, config: DomainConfig, request: Request, context: Context): Promise<number> {
  const { services } = context;
  const plan = () => readAndPlan(file, config, context);
  const { plans, guestMemoryKib } = await planFirst(plan);
  return await locating(file, async () => {
    const host = await services.startHost({
      guestMemoryKib,
      vcpus: config.maxVcpus,
      trace: request.trace,
      stats: services.environment('XENOLITH_STATS'),
      deterministic: determinism(file),
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

/** Puts the place in the config file in front of an error that one of its keys has brought about. */
async function locating<T>(file: Config, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const setting = error instanceof DomainError && error.key !== undefined ? file.get(error.key) : undefined;
    if (setting === undefined || !(error instanceof DomainError)) throw error;
    throw new XenolithError(error.code, `${file.where(setting)}: ${error.message}`);
  }
}

async function readFor(file: Config, key: string, path: string, context: Context): Promise<Uint8Array> {
  const setting = file.get(key);
  const place = setting === undefined ? '' : `${file.where(setting)}: ${key} = `;
  return await readFile(context, path, (what) => `${place}${JSON.stringify(path)}: ${what}`);
}

async function readText(context: Context, path: string): Promise<string> {
  const bytes = await readFile(context, path, (what) => `Failed to read config file: ${path}: ${what}`);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function readFile(context: Context, path: string, sentence: (what: string) => string): Promise<Uint8Array> {
  const { files } = context.services;
  try {
    return await files.read(path);
  } catch (error) {
    const what = fileTrouble(error);
    if (what === undefined) throw error;
    const relative = path.startsWith('/')
      ? ''
      : `; paths are relative to the working directory, ${files.workingDirectory}`;
    throw new XenolithError('XL_FILE', sentence(`${what}${relative}`));
  }
}

/** What is wrong with a file, in words; undefined for what is not the file's fault. */
function fileTrouble(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory, expected a file';
    case 'ELOOP':
      return 'too many symbolic links';
    case 'ENAMETOOLONG':
      return 'the name is too long';
    case 'EIO':
      return 'reading it failed';
    default:
      return undefined;
  }
}
