import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { xl } from '../dom0/xl/main.ts';
import { XenolithError } from '../lib/errors.ts';
import { BUILT_IN } from './built-in.ts';
import { DEBIAN_GUESTS, ensureGuest } from './guests/ensure-guest.ts';
import type { Program } from './program.ts';

const HELLO = 'hello';
const DEFAULT = 'debian';

const USAGE = `usage: npm start -- [--guest NAME] [options] [key=value ...]
  --guest NAME      one of ${[...Object.keys(DEBIAN_GUESTS), HELLO].join(', ')}; ${DEFAULT} if left out
  --exit            power off as soon as user space is there
  --batch           start no shell
  --timeout=SECONDS destroy a guest that runs longer
  --trace=WHAT      as for xl create
  --trace-file=FILE as for xl create
  -v                say more; -vvv shows stacks
key=value goes after the guest's configuration, for example memory=512.
`;

/** `npm start`: gets a guest by name, and runs it as `xl create -F -c` does with its configuration. */
export async function start(argv: readonly string[], program: Program): Promise<number> {
  const { values, positionals } = readArguments(argv);
  if (values.help) {
    program.stdout(USAGE);
    return 0;
  }
  const name = values.guest ?? DEFAULT;
  const { config, settings } = await startable(name);
  const words = [...(values.exit ? ['xenolith.exit'] : []), ...(values.batch ? ['xenolith.batch'] : [])];
  const options = [
    ...(values.timeout === undefined ? [] : [`--timeout=${values.timeout}`]),
    ...(values.trace === undefined ? [] : [`--trace=${values.trace}`]),
    ...(values['trace-file'] === undefined ? [] : [`--trace-file=${values['trace-file']}`]),
  ];
  const verbose = (values.verbose ?? []).map(() => '-v');
  const extra = [...settings, ...words.map((word) => `cmdline+=" ${word}"`), ...positionals];
  return xl([...verbose, 'create', '-F', '-c', '-q', ...options, config, ...extra], program);
}

/** What a guest is started with, by its name. Rejects with XenolithError where there is none of that name. */
export async function startable(name: string): Promise<Startable> {
  return name === HELLO ? hello() : await debian(name);
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        guest: { type: 'string' },
        exit: { type: 'boolean' },
        batch: { type: 'boolean' },
        timeout: { type: 'string' },
        trace: { type: 'string' },
        'trace-file': { type: 'string' },
        verbose: { type: 'boolean', short: 'v', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new XenolithError('XL_USAGE', `npm start: ${(error as Error).message}\n${USAGE}`);
  }
}

/** A configuration, and what goes after it. */
export interface Startable {
  readonly config: string;
  readonly settings: readonly string[];
}

async function debian(name: string): Promise<Startable> {
  const { config, kernel, ramdisk } = await ensureGuest(name);
  return { config, settings: [`kernel=${JSON.stringify(kernel)}`, `ramdisk=${JSON.stringify(ramdisk)}`] };
}

function hello(): Startable {
  const config = fileURLToPath(new URL('../../guests/hello.cfg', import.meta.url));
  return { config, settings: [`kernel="${BUILT_IN}hello"`] };
}
