import type { OptionTable } from './getopt.ts';
import type { Services } from './services.ts';

/** One of xl's subcommands; each has a file in commands/. */
export interface Command {
  readonly name: string;
  /** One line without a full stop. */
  readonly summary: string;
  /** What follows the name. */
  readonly usage: string;
  /** The options, a line each; empty where there are none. */
  readonly options: readonly string[];
  /** What its options are to getopt; undefined for what takes none. */
  readonly table?: OptionTable;
  /** Why it does nothing yet; undefined for what does something. */
  readonly absent?: string;
  /** It asks for, or changes, something that -f could force. */
  readonly modifies: boolean;
  /** It knows what -N means. */
  readonly canDryRun: boolean;
  /** Runs it with the arguments after its name; returns the exit status. */
  run(argv: readonly string[], context: Context): Promise<number>;
}

/** What a command runs in: the services, and the global options. */
export interface Context {
  readonly services: Services;
  /** -N */
  readonly dryRun: boolean;
  /** -v, counted. */
  readonly verbosity: number;
  /** Puts a line on stderr, with the time in front under -T. */
  say(line: string): void;
}

/** The text of `xl help NAME`. */
export function helpText(command: Command): string {
  const flags = `-vtT${command.modifies ? 'f' : ''}${command.canDryRun ? 'N' : ''}`;
  const head = `Usage: xl [${flags}] ${command.name} ${command.usage}`.trimEnd();
  const options = command.options.length === 0 ? '' : `Options:\n\n${command.options.join('\n')}\n`;
  return `${head}\n\n${command.summary}.\n\n${options}`;
}
