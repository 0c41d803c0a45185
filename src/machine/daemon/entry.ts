import { parseArgs } from 'node:util';
import { XenolithError } from '../../lib/errors.ts';
import type { EngineStore } from '../kept/engine-store.ts';
import type { Program } from '../program.ts';
import { runHost, tellParent } from './daemon.ts';
import { XEN_COMMAND_LINE } from '../xen-command-line.ts';
import { findHome } from './home.ts';
import { launch, TAKEN } from './launch.ts';

const EXAMPLE = 'for example xl host start --memory=2048, or xl host start -F under a service manager';

/**
 * `xl host start`, and the process that it starts in the background. `as` tells which: what a background process has
 * to say goes to whoever started it.
 */
export async function hostEntry(as: 'xl' | 'background', argv: readonly string[], program: Program): Promise<number> {
  if (as === 'background') return await inBackground(argv, program.store);
  const { foreground, memory, xen } = readArguments(argv.slice(argv.indexOf('start') + 1));
  const environment = xen === undefined ? process.env : { ...process.env, [XEN_COMMAND_LINE]: xen };
  const home = findHome(process.env);
  if (!foreground) {
    const taken = (await launch(home, { memoryMib: memory, environment })) === TAKEN;
    program.stdout(taken ? `a host runs already at ${home.folder}\n` : `the host of ${home.folder} runs\n`);
    return 0;
  }
  let refused = false;
  const told = (what: string) => {
    refused = what === TAKEN;
    program.say(refused ? `xl: a host runs already at ${home.folder}` : `xl: the host of ${home.folder} serves`);
  };
  const { store } = program;
  const status = await runHost({ environment, memory, told, echo: program.say, store });
  return refused ? 1 : status;
}

async function inBackground(argv: readonly string[], store: EngineStore | undefined): Promise<number> {
  try {
    const { memory } = readArguments(argv);
    return await runHost({ environment: process.env, memory, told: tellParent, store });
  } catch (error) {
    tellParent(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

function readArguments(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        foreground: { type: 'boolean', short: 'F', default: false },
        memory: { type: 'string', short: 'm' },
        xen: { type: 'string' },
      },
    });
    const { foreground, memory = process.env['XENOLITH_MEMORY'], xen } = values;
    return { foreground, memory, xen };
  } catch (error) {
    throw new XenolithError('XL_USAGE', `xl host start: ${(error as Error).message}: ${EXAMPLE}`);
  }
}
