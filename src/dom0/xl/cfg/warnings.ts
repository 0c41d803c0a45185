import { type Config, parseLong, type Setting } from './config.ts';
import { KEYS, type Key, type KeyType } from './keys.ts';

/**
 * Tells of each key that is set and gets the guest nothing, and of each that xl does not know. What is set to a value
 * that could not be right is refused, as if it were acted on.
 */
export function warnOfKeys(config: Config, type: 'pvh' | 'hvm', warn: (line: string) => void): void {
  for (const setting of config.settings()) warnAbout(config, setting, type, warn);
}

function warnAbout(config: Config, setting: Setting, type: 'pvh' | 'hvm', warn: (line: string) => void): void {
  const say = (text: string) => warn(`${config.where(setting)}: warning: ${text}`);

  const key = Object.hasOwn(KEYS, setting.name) ? KEYS[setting.name] : undefined;
  if (key === undefined) {
    const close = nearest(setting.name);
    say(`unknown key ${setting.name} is ignored${close === undefined ? '' : `; did you mean ${close}?`}`);
    return;
  }
  const missing = whatIsMissing(key, type);
  if (missing === undefined) return;

  const { value } = setting;
  if (value.kind === 'list' && !allowsList(key.type)) {
    say(`parameter \`${setting.name}' is a list but should be a single value`);
  } else if (value.kind === 'string' && key.type === 'list') {
    say(`parameter \`${setting.name}' is a single value but should be a list`);
  } else if (value.kind === 'list') {
    if (value.items.length > 0) say(`${setting.name} has no effect yet: ${missing}`);
  } else {
    requireValue(config, setting, key, value.text);
    if (!asksForNothing(key, value.text)) say(`${setting.name} has no effect yet: ${missing}`);
  }
}

/** What the guest does not get of a key; undefined where it gets it, or as much as there is. */
function whatIsMissing(key: Key, type: 'pvh' | 'hvm'): string | undefined {
  if (key.guests !== undefined && key.guests !== type) return `only ${key.guests.toUpperCase()} guests have it`;
  if (key.support !== 'none' || (key.missingIn !== undefined && key.missingIn !== type)) return undefined;
  return key.note;
}

/** A value of the key's type and within its bounds, whether or not it will be acted on. */
function requireValue(config: Config, setting: Setting, key: Key, text: string): void {
  const { name } = setting;
  if (key.type === 'number' || key.type === 'boolean') {
    const number = parseLong(text);
    const [from, to] = key.range ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    if (number !== undefined && number >= from && number <= to) return;
    const bounds = key.range === undefined ? '' : ` from ${from} to ${to}`;
    const what = key.type === 'boolean' ? '0 or 1 as a number' : `a number${bounds}`;
    const code = number === undefined ? 'XL_CONFIG_TYPE' : 'XL_CONFIG_RANGE';
    throw config.wrong(setting, code, `${what}, for example ${name} = ${Math.max(1, key.range?.[0] ?? 1)}`);
  }
  const { words } = key;
  if (words === undefined || words.includes(text) || (key.type !== 'string' && parseLong(text) !== undefined)) return;
  throw config.wrong(setting, 'XL_CONFIG_VALUE', `one of ${words.join(' ')}, for example ${name} = "${words[0]}"`);
}

/** Whether it says what is so anyway. */
export function asksForNothing(key: Key, text: string): boolean {
  if (key.anyway === undefined) return false;
  return key.anyway.includes(text) || key.anyway.includes(`${parseLong(text)}`);
}

function allowsList(type: KeyType): boolean {
  return type === 'list' || type === 'string or list' || type === 'boolean or list';
}

/** The known key that differs in one letter: added, left out, or another. */
function nearest(name: string): string | undefined {
  return Object.keys(KEYS).find((key) => oneLetterApart(key, name));
}

function oneLetterApart(first: string, second: string): boolean {
  let same = 0;
  while (same < first.length && first[same] === second[same]) same++;
  const rest = (text: string, skip: number) => text.slice(same + skip);
  return rest(first, 1) === rest(second, 1) || rest(first, 1) === rest(second, 0) || rest(first, 0) === rest(second, 1);
}
