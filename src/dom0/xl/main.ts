import { XenolithError } from '../../lib/errors.ts';
import { isRefusal, reason } from '../toolstack/errors.ts';
import { type Command, type Context, helpText } from './command.ts';
import { COMMANDS, lookup } from './commands/table.ts';
import { EXIT_ERROR } from './exit-status.ts';
import { getopt } from './getopt.ts';
import type { Services } from './services.ts';

/**
 * Runs xl with the arguments after the program's name; returns the exit status (exit-status.ts).
 *
 * An operator's mistake ends as one sentence on stderr and status 1. What is thrown out of here is our own.
 */
export async function xl(argv: readonly string[], services: Services): Promise<number> {
  const parsed = getopt(argv, { short: 'vNftT', long: {} }, true);
  if (typeof parsed === 'string') {
    services.stderr(`unknown global option: ${parsed}\n`);
    return EXIT_ERROR;
  }

  const given = (letter: string) => parsed.options.filter((option) => option.name === letter).length;
  const timestamps = given('T') > 0;
  const context: Context = {
    services,
    dryRun: given('N') > 0,
    verbosity: given('v'),
    say: (line) => services.stderr(`${timestamps ? `${time(services)} ` : ''}${line}\n`),
  };

  const [name, ...rest] = parsed.operands;
  if (name === undefined) {
    services.stdout(listing());
    return EXIT_ERROR;
  }
  const command = lookup(name);
  if (command === undefined && name === 'help') return help(rest[0], services);
  if (command === undefined) {
    context.say(`xl: ${name}: command not implemented; 'xl help' lists the commands`);
    return EXIT_ERROR;
  }
  if (context.dryRun && !command.canDryRun) {
    context.say(`xl: ${command.name}: command does not implement -N (dryrun) option`);
    return EXIT_ERROR;
  }
  return await runCommand(command, rest, context);
}

async function runCommand(command: Command, argv: readonly string[], context: Context): Promise<number> {
  try {
    return await command.run(argv, context);
  } catch (error) {
    if (isRefusal(error)) {
      context.say(`xl ${command.name}: ${reason(error)}`);
      return EXIT_ERROR;
    }
    if (!(error instanceof XenolithError)) throw error;
    for (const line of error.message.split('\n')) context.say(line);
    return EXIT_ERROR;
  }
}

function help(name: string | undefined, services: Services): number {
  // xl(1) has --long, which lists what is listed anyway.
  if (name === undefined || name === 'help' || name === '--long') {
    services.stdout(listing());
    return 0;
  }
  const command = lookup(name);
  services.stdout(command === undefined ? `command "${name}" not implemented\n` : helpText(command));
  return 0;
}

function listing(): string {
  const row = (command: Command) => ` ${command.name.padEnd(19)} ${command.summary}\n`;
  const there = COMMANDS.filter((command) => command.absent === undefined);
  const absent = COMMANDS.filter((command) => command.absent !== undefined);
  return [
    'Usage xl [-vfNtT] <subcommand> [args]\n\n',
    'xl full list of subcommands:\n\n',
    ...there.map(row),
    '\nknown, and doing nothing here:\n\n',
    wrap(absent.map((command) => command.name)),
  ].join('');
}

function wrap(names: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const name of names) {
    if (line.length + name.length > 76) {
      lines.push(line);
      line = '';
    }
    line += ` ${name}`;
  }
  return `${[...lines, line].join('\n')}\n`;
}

/** UTC, as ISO 8601 writes it. */
function time(services: Services): string {
  return new Date(Number(services.clock.wallclockNs() / 1_000_000n)).toISOString();
}
