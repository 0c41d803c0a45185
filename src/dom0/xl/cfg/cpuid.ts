import type { CpuidRegister, CpuidRule } from '../../toolstack/cpuid-rules.ts';
import type { Config, Setting, Value } from './config.ts';
import { type CpuidField, cpuidField } from './cpuid-names.ts';

const UNTOUCHED = 'x'.repeat(32);

/**
 * Reads cpuid: in words, `host,sse4.1=0,family=15`, or leaf by leaf, `["1:ecx=xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxx"]`
 * (libxl_cpuid_parse_config and _xend). Undefined where it is not set.
 */
export function cpuidRules(config: Config): readonly CpuidRule[] | undefined {
  const setting = config.get('cpuid');
  if (setting === undefined) return undefined;
  const rules = new Rules();
  const { value } = setting;
  const trouble = value.kind === 'string' ? readWords(value.text, rules) : readLeaves(value.items, rules);
  if (trouble !== undefined) throw wrong(config, setting, trouble);
  return rules.all();
}

/** Rules by their place: later words add to what earlier ones have said of it. */
class Rules {
  readonly #rules = new Map<string, CpuidRule>();

  all(): readonly CpuidRule[] {
    return [...this.#rules.values()];
  }

  /** Puts letters at a place, the lowest of them at `bit`. */
  put(
    { leaf, subleaf, register }: Pick<CpuidRule, 'leaf' | 'subleaf' | 'register'>,
    bit: number,
    letters: string,
  ): void {
    const key = `${leaf}/${subleaf}/${register}`;
    const bits = this.#rules.get(key)?.bits ?? UNTOUCHED;
    const end = 32 - bit;
    const placed = bits.slice(0, end - letters.length) + letters + bits.slice(end);
    this.#rules.set(key, { leaf, subleaf, register, bits: placed });
  }
}

function readWords(text: string, rules: Rules): string | undefined {
  const [first, ...words] = text.split(',').map((word) => word.trim());
  if (first !== 'host') return 'the first word has to be host';
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 0) return `${word}: nothing after it`;
    const field = cpuidField(word.slice(0, equals));
    if (field === undefined) return `${word.slice(0, equals)} is no name of CPUID`;
    const letters = lettersOf(word.slice(equals + 1), field.width);
    if (letters === undefined) return `${word}: expected 0, 1, x, k or s, or a number of ${field.width} bits`;
    putField(word.slice(0, equals), field, letters, rules);
  }
  return undefined;
}

/** A number in binary, or a letter for each bit. */
function lettersOf(text: string, width: number): string | undefined {
  if (/^[xks]$/.test(text)) return text.repeat(width);
  const number = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(number < 2 ** width)) return undefined;
  return number.toString(2).padStart(width, '0');
}

function putField(name: string, field: CpuidField, letters: string, rules: Rules): void {
  const number = Number.parseInt(letters, 2);
  if (name === 'model') {
    // Its upper half is the extended model, bits 16 to 19.
    rules.put(field, 16, letters.slice(0, 4));
    rules.put(field, field.bit, letters.slice(4));
  } else if (name === 'family' && !Number.isNaN(number)) {
    // From 15 on the rest is the extended family, bits 20 to 27, which is added.
    rules.put(field, field.bit, number < 16 ? letters.slice(4) : '1111');
    rules.put(field, 20, number < 16 ? '00000000' : (number - 15).toString(2).padStart(8, '0'));
  } else {
    rules.put(field, field.bit, letters);
  }
}

const REGISTERS: readonly CpuidRegister[] = ['eax', 'ebx', 'ecx', 'edx'];

/** `LEAF[,SUBLEAF]:REGISTER=BITS[,REGISTER=BITS]` */
function readLeaves(items: readonly Value[], rules: Rules): string | undefined {
  for (const item of items) {
    const text = item.kind === 'string' ? item.text : '';
    const parts = /^(0x[0-9a-f]+|[0-9]+)(?:,(0x[0-9a-f]+|[0-9]+))?:(.+)$/i.exec(text);
    if (parts === null) return `${text}: expected a leaf, a colon and registers`;
    const place = { leaf: Number(parts[1]), subleaf: parts[2] === undefined ? undefined : Number(parts[2]) };
    for (const assignment of (parts[3] ?? '').split(',')) {
      const [name = '', bits = ''] = assignment.trim().split('=');
      const register = REGISTERS.find((each) => each === name);
      if (register === undefined) return `${assignment}: expected eax, ebx, ecx or edx`;
      if (!/^[01xks]{32}$/.test(bits)) return `${assignment}: expected 32 of 0, 1, x, k and s`;
      rules.put({ ...place, register }, 0, bits);
    }
  }
  return undefined;
}

function wrong(config: Config, setting: Setting, trouble: string): Error {
  return config.wrong(setting, 'XL_CONFIG_VALUE', `features (${trouble}), for example cpuid = "host,sse4.2=0"`);
}
