/** A long option; `value` says that it takes one. */
export interface LongOption {
  readonly value: boolean;
  /** The short letter it is a longer name for. */
  readonly letter?: string;
}

/** What an option list allows: short letters, those with a value followed by a colon, as in getopt(3). */
export interface OptionTable {
  readonly short: string;
  readonly long: Readonly<Record<string, LongOption>>;
}

/** Options in the order given, under their letter or, without one, their long name. */
export interface Parsed {
  readonly options: readonly { readonly name: string; readonly value: string }[];
  readonly operands: readonly string[];
}

/**
 * Reads a command line as getopt_long(3) does: letters in clusters, a value right behind its option or in the next
 * argument, `--name=value`, unambiguous beginnings of long names, options after operands, `--` to end them. With
 * `stopAtOperand` the first operand ends them as well.
 *
 * Returns a sentence where an option is unknown or its value is missing.
 */
export function getopt(argv: readonly string[], table: OptionTable, stopAtOperand = false): Parsed | string {
  const options: { name: string; value: string }[] = [];
  const operands: string[] = [];

  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--') {
      operands.push(...argv.slice(index + 1));
      break;
    }
    if (argument === '-' || !argument.startsWith('-')) {
      if (stopAtOperand) {
        operands.push(...argv.slice(index));
        break;
      }
      operands.push(argument);
      continue;
    }

    const next = argv[index + 1];
    const read = argument.startsWith('--') ? longOption(argument, next, table) : shortOptions(argument, next, table);
    if (typeof read === 'string') return read;
    options.push(...read.options);
    if (read.tookNext) index++;
  }
  return { options, operands };
}

type Read = { readonly options: readonly { name: string; value: string }[]; readonly tookNext: boolean } | string;

function shortOptions(argument: string, next: string | undefined, table: OptionTable): Read {
  const options: { name: string; value: string }[] = [];
  for (let at = 1; at < argument.length; at++) {
    const letter = argument.charAt(at);
    const place = letter === ':' ? -1 : table.short.indexOf(letter);
    if (place < 0) return `option \`${letter}' not supported.`;
    if (table.short[place + 1] !== ':') {
      options.push({ name: letter, value: '' });
      continue;
    }
    const rest = argument.slice(at + 1);
    if (rest !== '') return { options: [...options, { name: letter, value: rest }], tookNext: false };
    if (next === undefined) return `option \`${letter}' needs a value.`;
    return { options: [...options, { name: letter, value: next }], tookNext: true };
  }
  return { options, tookNext: false };
}

function longOption(argument: string, next: string | undefined, table: OptionTable): Read {
  const equals = argument.indexOf('=');
  const given = argument.slice(2, equals < 0 ? undefined : equals);
  const names = Object.keys(table.long).filter((name) => name.startsWith(given));
  const name = names.find((each) => each === given) ?? names[0];
  const option = name === undefined ? undefined : table.long[name];
  if (name === undefined || option === undefined) return `option \`--${given}' not supported.`;
  if (name !== given && names.length > 1) {
    return `option \`--${given}' is ambiguous: ${names.map((each) => `--${each}`).join(', ')}.`;
  }

  const as = option.letter ?? name;
  if (!option.value) {
    if (equals >= 0) return `option \`--${name}' takes no value.`;
    return { options: [{ name: as, value: '' }], tookNext: false };
  }
  if (equals >= 0) return { options: [{ name: as, value: argument.slice(equals + 1) }], tookNext: false };
  if (next === undefined) return `option \`--${name}' needs a value.`;
  return { options: [{ name: as, value: next }], tookNext: true };
}
