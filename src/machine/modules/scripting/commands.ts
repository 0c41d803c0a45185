import { XenolithError } from '../../../lib/errors.ts';
import type { Wire } from '../../daemon/wire.ts';

/** What xl has answered. */
export interface Answer {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** A command that has failed: the message is what xl said. */
export class ToolstackError extends XenolithError {
  /** The words of the command. */
  readonly command: readonly string[];
  /** xl's exit status: 124 after a timeout. */
  readonly status: number;

  constructor(command: readonly string[], { status, errors }: Pick<Answer, 'status' | 'errors'>) {
    const said = errors.trim();
    super('XL_FAILED', said === '' ? `xl ${command.join(' ')}: exit status ${status}` : said);
    this.name = 'ToolstackError';
    this.command = command;
    this.status = status;
  }
}

/** Has a host carry out commands. */
export interface Commands {
  /** Carries out a command; does not reject where that fails. */
  run(command: readonly string[]): Promise<Answer>;
  /** Carries out a command and resolves with its output; rejects with a ToolstackError where that fails. */
  do(...command: readonly string[]): Promise<string>;
  /** Another connection to the host, for one command. */
  connect(): Promise<Wire>;
}
