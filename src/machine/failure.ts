import { XenolithError } from '../lib/errors.ts';
import type { Program } from './program.ts';

/** The exit status where something of ours is broken: EX_SOFTWARE of sysexits.h. */
export const EXIT_INTERNAL = 70;
const EXIT_ERROR = 1;

/** What becomes of errors that reach the program: a sentence, and a stack for those who asked to see it. */
export class Failure {
  readonly #program: Program;
  readonly #stack: boolean;

  constructor(program: Program, argv: readonly string[]) {
    this.#program = program;
    this.#stack = (program.environment('XENOLITH_DEBUG') ?? '') !== '' || verbosity(argv) >= 3;
  }

  /** Runs the program's body; what it throws becomes an exit status. */
  async guard(body: () => Promise<number>): Promise<number> {
    try {
      return await body();
    } catch (error) {
      this.report(error);
      return error instanceof XenolithError ? EXIT_ERROR : EXIT_INTERNAL;
    }
  }

  /** Says what went wrong, with the terminal given back. */
  report(error: unknown): void {
    const { terminal, say } = this.#program;
    terminal.close();
    if (error instanceof XenolithError) say(`xl: ${error.message}`);
    else {
      const text = error instanceof Error ? error.message : String(error);
      say(`xl: internal error: ${text}${this.#stack ? '' : ' (XENOLITH_DEBUG=1 shows where)'}`);
    }
    if (this.#stack && error instanceof Error && error.stack !== undefined) say(error.stack);
  }
}

/** How often -v was given, in front of the command. */
function verbosity(argv: readonly string[]): number {
  let count = 0;
  for (const argument of argv) {
    if (!argument.startsWith('-')) break;
    if (/^-[a-zA-Z]+$/.test(argument)) count += argument.split('v').length - 1;
  }
  return count;
}
