import type { Domid } from '../../abi/xen.ts';
import { domid as asDomid } from '../../abi/xen.ts';
import { XenolithError } from '../../lib/errors.ts';
import { type Command, type Context, helpText } from './command.ts';
import { EXIT_USAGE } from './exit-status.ts';
import { getopt, type OptionTable, type Parsed } from './getopt.ts';
import type { RunningHost } from './services.ts';

/** A command as its file writes it down. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly options?: readonly string[];
  /** Its letters, as getopt(3) has them, without h. */
  readonly short?: string;
  readonly long?: OptionTable['long'];
  /** How many arguments it needs. */
  readonly requires?: number;
  /** It prints something that --json prints for programs. */
  readonly json?: true;
  readonly modifies?: true;
  readonly canDryRun?: true;
  run(args: Arguments, host: RunningHost, context: Context): Promise<number>;
}

/** A command's words. */
export class Arguments {
  readonly operands: readonly string[];
  readonly #options: Parsed['options'];

  constructor({ options, operands }: Parsed) {
    this.#options = options;
    this.operands = operands;
  }

  /** An option by its letter or, without one, its long name. */
  has(option: string): boolean {
    return this.#options.some(({ name }) => name === option);
  }

  /** An option's value, the last one where it is given more than once. */
  value(option: string): string | undefined {
    return this.#options.findLast(({ name }) => name === option)?.value;
  }

  /** An option's values, in order. */
  values(option: string): string[] {
    return this.#options.flatMap(({ name, value }) => (name === option && value !== undefined ? [value] : []));
  }

  count(option: string): number {
    return this.#options.filter(({ name }) => name === option).length;
  }

  /** The nth argument; what `requires` has made sure of. */
  operand(index: number): string {
    return this.operands[index] ?? '';
  }
}

/** Makes a command that the host carries out; usage errors are answered as xl's option reader answers them. */
export function onHost(spec: CommandSpec): Command {
  const { name, summary, usage, requires = 0 } = spec;
  const json = spec.json === undefined ? [] : ['--json      Print JSON, for programs.'];
  const table: OptionTable = {
    short: `h${spec.short ?? ''}`,
    long: {
      ...spec.long,
      help: { value: false, letter: 'h' },
      ...(spec.json === undefined ? {} : { json: { value: false } }),
    },
  };
  const command: Command = {
    name,
    summary,
    usage,
    options: [...(spec.options ?? []), ...json],
    table,
    modifies: spec.modifies ?? false,
    canDryRun: spec.canDryRun ?? false,
    run: async (argv, context) => {
      const { services } = context;
      const parsed = getopt(argv, table);
      if (typeof parsed === 'string') {
        context.say(parsed);
        return EXIT_USAGE;
      }
      const args = new Arguments(parsed);
      if (args.has('h')) {
        services.stdout(helpText(command));
        return 0;
      }
      if (args.operands.length < requires) {
        context.say(`'xl ${name}' requires at least ${requires} argument${requires > 1 ? 's' : ''}.\n`);
        services.stdout(helpText(command));
        return EXIT_USAGE;
      }
      return await spec.run(args, requireHost(name, context), context);
    },
  };
  return command;
}

function requireHost(name: string, { services }: Context): RunningHost {
  if (services.running !== undefined) return services.running;
  throw new XenolithError(
    'XL_NO_HOST',
    `xl ${name}: there is no host here to ask: expected one, as xl host start runs`,
  );
}

/**
 * The domain that an argument means (xl's find_domain): a number is taken as it is, a name has to be some domain's.
 *
 * @throws XenolithError
 */
export async function findDomain(host: RunningHost, nameOrId: string): Promise<Domid> {
  const domid = await host.domains.find(nameOrId);
  if (domid !== undefined) return domid;
  throw new XenolithError('XL_DOMAIN', `${nameOrId} is an invalid domain identifier (rc=${ERROR_INVAL})`);
}

/** As `findDomain`, and the domain has to be there. */
export async function findLiveDomain(host: RunningHost, nameOrId: string): Promise<Domid> {
  const domid = await findDomain(host, nameOrId);
  if (host.ctrl.domain_getinfo(domid) !== undefined) return domid;
  throw new XenolithError('XL_DOMAIN', `Error: Domain '${nameOrId}' does not exist.`);
}

/** As `findLiveDomain`, and dom0 will not do. */
export async function findGuest(host: RunningHost, nameOrId: string, what: string): Promise<Domid> {
  const domid = await findLiveDomain(host, nameOrId);
  if (domid !== asDomid(0)) return domid;
  throw new XenolithError('XL_DOMAIN', `xl ${what}: Domain-0 is the host itself: expected a guest, see xl list`);
}

/** libxl's ERROR_INVAL. */
const ERROR_INVAL = -6;

/** Prints a value as JSON, on as many lines as it takes to read it. */
export function printJson({ services }: Context, value: unknown): void {
  services.stdout(`${JSON.stringify(value, replacer, 2)}\n`);
}

/** Nanoseconds and masks: numbers, where they fit. */
function replacer(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
