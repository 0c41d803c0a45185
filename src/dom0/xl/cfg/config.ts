import { XenolithError } from '../../../lib/errors.ts';

/** What stands right of the `=`. Numbers are strings until someone asks for a number, as in libxlu. */
export type Value =
  | { readonly kind: 'string'; readonly text: string; readonly quoted: boolean; readonly line: number }
  | { readonly kind: 'list'; readonly items: readonly Value[]; readonly line: number };

/** The last assignment to a name, with what earlier ones left when it was a `+=`. */
export interface Setting {
  readonly name: string;
  readonly op: '=' | '+=';
  readonly value: Value;
  readonly line: number;
}

/**
 * A parsed config file. The typed getters return undefined for what is not set, and throw a XenolithError
 * (XL_CONFIG_TYPE, XL_CONFIG_RANGE) for what is set to something else: where it is, what it is, what was expected,
 * an example.
 */
export class Config {
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #where: (line: number) => string;

  constructor(settings: ReadonlyMap<string, Setting>, where: (line: number) => string) {
    this.#settings = settings;
    this.#where = where;
  }

  /** All settings, in the order their names first appear. */
  settings(): Iterable<Setting> {
    return this.#settings.values();
  }

  get(name: string): Setting | undefined {
    return this.#settings.get(name);
  }

  /** `guest.cfg:7`, or the place on the command line. */
  where(setting: Setting): string {
    return this.#where(setting.line);
  }

  /** The error for a setting whose value will not do; `expected` goes on with an example. */
  wrong(setting: Setting, code: string, expected: string): XenolithError {
    return new XenolithError(
      code,
      `${this.where(setting)}: ${setting.name} = ${show(setting.value)}: expected ${expected}`,
    );
  }

  string(name: string, example: string): string | undefined {
    const setting = this.get(name);
    if (setting === undefined) return undefined;
    if (setting.value.kind === 'list') {
      const expected = `a single value, for example ${name} = "${example}"`;
      throw this.wrong(setting, 'XL_CONFIG_TYPE', expected);
    }
    return setting.value.text;
  }

  /** A whole number as C's strtol reads it with base 0: decimal, 0x and octal after a 0. */
  number(name: string, what: string, range: Range): number | undefined {
    const setting = this.get(name);
    if (setting === undefined) return undefined;

    const example = `for example ${name} = ${range.example}`;
    if (setting.op === '+=') throw this.wrong(setting, 'XL_CONFIG_TYPE', `a number set with =, not +=, ${example}`);

    const number = setting.value.kind === 'string' ? parseLong(setting.value.text) : undefined;
    if (number === undefined) throw this.wrong(setting, 'XL_CONFIG_TYPE', `${what} as a number, ${example}`);
    if (number < range.from || number > range.to) {
      throw this.wrong(setting, 'XL_CONFIG_RANGE', `${what} from ${range.from} to ${range.to}, ${example}`);
    }
    return number;
  }

  /** One of a few words. */
  choice<Word extends string>(name: string, words: readonly Word[], example: Word): Word | undefined {
    const setting = this.get(name);
    const text = this.string(name, example);
    if (setting === undefined || text === undefined) return undefined;
    const word = words.find((each) => each === text);
    if (word !== undefined) return word;
    throw this.wrong(setting, 'XL_CONFIG_VALUE', `one of ${words.join(' ')}, for example ${name} = "${example}"`);
  }
}

/** Bounds, both included, and a value between them that makes sense. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly example: number;
}

/** A value as it stands in a config file, cut where it gets long. */
export function show(value: Value): string {
  const text = value.kind === 'list' ? `[${value.items.map(show).join(', ')}]` : showString(value.text, value.quoted);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function showString(text: string, quoted: boolean): string {
  return quoted ? JSON.stringify(text) : text;
}

/** C's strtol with base 0 over the whole text; undefined where that is no number or needs more than 53 bits. */
export function parseLong(text: string): number | undefined {
  const parts = /^[ \t\n\v\f\r]*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text);
  const digits = parts?.[2];
  if (digits === undefined) return undefined;
  const octal = /^0[0-7]+$/.test(digits);
  const magnitude = octal ? Number.parseInt(digits, 8) : Number(digits);
  if (!Number.isSafeInteger(magnitude)) return undefined;
  return parts?.[1] === '-' ? -magnitude : magnitude;
}
