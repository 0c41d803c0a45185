import { XenolithError } from '../../../lib/errors.ts';

/** A value of a configuration: booleans are 1 and 0, as in xl.cfg. */
export type ConfigValue = string | number | boolean | readonly (string | number)[];

/** A domain's configuration: the keys of xl.cfg(5), and files by their contents as well as by name. */
export type DomainConfig = {
  readonly name: string;
  /** A file, or what is in it. */
  readonly kernel: string | Uint8Array;
  readonly ramdisk?: string | Uint8Array;
} & { readonly [key: string]: ConfigValue | Uint8Array | undefined };

/** What a host is given to read: a config file, and files that it names. */
export interface ConfigFiles {
  readonly path: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The folder of names that a host asks its client for. */
export const CONFIG_FOLDER = '/dev/xenolith';

/**
 * Makes files of a configuration, which a host reads from whoever gives the command. A guest type that is not given is
 * PVH.
 *
 * @throws XenolithError for what no config file can say
 */
export function configFiles(config: string | DomainConfig): ConfigFiles {
  const path = `${CONFIG_FOLDER}/config`;
  const files = new Map<string, Uint8Array>();
  const text = typeof config === 'string' ? config : configText(config, files);
  files.set(path, new TextEncoder().encode(text));
  return { path, files };
}

function configText(config: DomainConfig, files: Map<string, Uint8Array>): string {
  const lines: string[] = [];
  for (const [key, value] of Object.entries({ type: 'pvh', ...config })) {
    if (value === undefined) continue;
    if (!/^[a-z][._0-9a-z]*$/.test(key)) throw wrong(key, 'no key of xl.cfg can be called that');
    if (value instanceof Uint8Array) {
      const path = `${CONFIG_FOLDER}/${key}`;
      files.set(path, value);
      lines.push(`${key} = ${quoted(key, path)}`);
    } else {
      lines.push(`${key} = ${valueText(key, value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function valueText(key: string, value: ConfigValue): string {
  if (typeof value === 'string') return quoted(key, value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return number(key, value);
  if (!Array.isArray(value)) throw wrong(key, 'expected text, a number, a boolean, a list of these, or bytes');
  return `[ ${value.map((each) => (typeof each === 'number' ? number(key, each) : quoted(key, each))).join(', ')} ]`;
}

/** A sign needs quotes, which xl reads numbers from as well. */
function number(key: string, value: number): string {
  if (!Number.isSafeInteger(value)) throw wrong(key, `${value} is no whole number`);
  return value < 0 ? `"${value}"` : `${value}`;
}

function quoted(key: string, text: string): string {
  if (text.includes('\0')) throw wrong(key, 'a NUL cannot be in it');
  return `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

function wrong(key: string, what: string): XenolithError {
  return new XenolithError('XL_CONFIG_VALUE', `config.${key}: ${what}, for example { memory: 256 }`);
}
