import { XenolithError } from '../../lib/errors.ts';
import { SeededRandom } from '../../lib/seeded-random.ts';
import type { DomainConfig, PvShimConfig } from '../toolstack/domain-config.ts';
import { type DomainPlan, planDomain } from '../toolstack/domain-plan.ts';
import { DomainError } from '../toolstack/errors.ts';
import type { Config } from './cfg/config.ts';
import { type Determinism, determinism } from './cfg/determinism.ts';
import { guestConfig } from './cfg/guest-config.ts';
import { parseConfig } from './cfg/parser.ts';
import { EXAMPLE_PATH, SHIM_PLACES } from './cfg/pv-shim.ts';
import { readXlConf, type XlConf } from './cfg/xl-conf.ts';
import type { Context } from './command.ts';

/** A domain as its config file has it. */
export interface ReadDomain {
  readonly file: Config;
  readonly config: DomainConfig;
  /** Undefined where the machine goes by the host's clock and randomness. */
  readonly repeats: Determinism | undefined;
  /** Reads the files that it boots and plans where they go. */
  readonly plan: () => Promise<DomainPlan>;
  /** Reads its kernel's symbols; undefined where none are given. */
  readonly symbols: (() => Promise<Uint8Array>) | undefined;
}

export interface ReadOptions {
  /** Say only what goes wrong. */
  readonly quiet?: boolean;
  /** Whatever processors the host's xl.conf leaves to domains. */
  readonly ignoreMasks?: boolean;
}

/**
 * Reads a config file and the `key=value` that go after it; `/dev/null` is an empty one. Keys that do nothing are told
 * of. Throws a XenolithError for what will not do.
 */
export async function readDomain(
  configFile: string,
  extra: readonly string[],
  context: Context,
  { quiet = false, ignoreMasks = false }: ReadOptions = {},
): Promise<ReadDomain> {
  const text = configFile === '/dev/null' ? '' : await readText(context, configFile);
  if (!quiet) context.say(`Parsing config from ${configFile}`);
  const file = parseConfig(configFile, text, extra);
  const repeats = determinism(file);
  const random = repeats === undefined ? context.services.random : new SeededRandom(repeats.seed);
  const nowMs = Number(context.services.clock.wallclockNs() / 1_000_000n);
  const conf = await hostConf(context);
  const own = guestConfig(configFile, file, random, (line) => context.say(line), { nowMs, ...conf });
  const numbered = conf.hasRandomDomids === true ? { ...own, hasRandomDomid: true } : own;
  const config = ignoreMasks || conf.cpuMasks.length === 0 ? numbered : limited(numbered, conf.cpuMasks);
  const map = file.string('symbols', '/boot/System.map');
  const symbols = map === undefined ? undefined : () => context.services.files.read(map);
  return { file, config, repeats, symbols, plan: () => readAndPlan(file, config, context) };
}

/** Puts the place in the config file in front of an error that one of its keys has brought about. */
export async function locating<T>(file: Config, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const setting = error instanceof DomainError && error.key !== undefined ? file.get(error.key) : undefined;
    if (setting === undefined || !(error instanceof DomainError)) throw error;
    throw new XenolithError(error.code, `${file.where(setting)}: ${error.message}`);
  }
}

/** Reads what the domain boots and plans where it goes, before there is anything that would have to be undone. */
async function readAndPlan(file: Config, config: DomainConfig, context: Context): Promise<DomainPlan> {
  const kernel = await readFor(file, config.hvm === undefined ? 'kernel' : 'firmware_override', config.kernel, context);
  const ramdisk = config.ramdisk === undefined ? undefined : await readFor(file, 'ramdisk', config.ramdisk, context);
  const { path } = config.hvm?.bios ?? {};
  const bios = path === undefined ? {} : { bios: await readFor(file, 'bios_path_override', path, context) };
  const shim = config.pvShim === undefined ? {} : { shim: await readShim(file, config.pvShim, context) };
  const plan = context.services.planDomain ?? planDomain;
  return await locating(file, () => plan(config, { kernel, ramdisk, ...bios, ...shim }));
}

/** The shim that pvshim_path names, or the first that is installed. */
async function readShim(file: Config, { path }: PvShimConfig, context: Context): Promise<Uint8Array> {
  if (path !== undefined) return await readFor(file, 'pvshim_path', path, context);
  for (const place of SHIM_PLACES) {
    try {
      return await context.services.files.read(place);
    } catch (error) {
      const what = fileTrouble(error);
      if (what !== 'no such file') throw new XenolithError('XL_FILE', `${place}: ${what ?? (error as Error).message}`);
    }
  }
  const folders = SHIM_PLACES.map((place) => place.slice(0, place.lastIndexOf('/'))).join(', ');
  const expected = `expected it there, as by Debian's xen-utils-4.17, or named, for example pvshim_path = "${EXAMPLE_PATH}"`;
  const setting = file.get('pvshim');
  const where = setting === undefined ? '' : `${file.where(setting)}: `;
  throw new XenolithError('XL_FILE', `${where}pvshim = 1: no xen-shim in ${folders}: ${expected}`);
}

/** What the host's xl.conf says of all its domains. */
export async function hostConf({ services, say }: Context): Promise<XlConf> {
  const path = `${services.running?.folder}/xl.conf`;
  if (services.running === undefined) return { cpuMasks: [] };
  let bytes: Uint8Array;
  try {
    bytes = await services.files.read(path);
  } catch (error) {
    if (fileTrouble(error) === 'no such file') return { cpuMasks: [] };
    throw new XenolithError('XL_FILE', `${path}: ${fileTrouble(error) ?? (error as Error).message}`);
  }
  return readXlConf(path, new TextDecoder().decode(bytes), say);
}

function limited(config: DomainConfig, cpuMasks: readonly string[]): DomainConfig {
  return { ...config, scheduling: { ...config.scheduling, cpuMasks } };
}

async function readFor(file: Config, key: string, path: string, context: Context): Promise<Uint8Array> {
  const setting = file.get(key);
  const place = setting === undefined ? '' : `${file.where(setting)}: ${key} = `;
  return await readFile(context, path, (what) => `${place}${JSON.stringify(path)}: ${what}`);
}

/** Reads a config file. Throws a XenolithError where it cannot be read. */
export async function readText(context: Context, path: string): Promise<string> {
  const bytes = await readFile(context, path, (what) => `Failed to read config file: ${path}: ${what}`);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

async function readFile(context: Context, path: string, sentence: (what: string) => string): Promise<Uint8Array> {
  const { files } = context.services;
  try {
    return await files.read(path);
  } catch (error) {
    const what = fileTrouble(error);
    if (what === undefined) throw error;
    const relative = path.startsWith('/')
      ? ''
      : `; paths are relative to the working directory, ${files.workingDirectory}`;
    throw new XenolithError('XL_FILE', sentence(`${what}${relative}`));
  }
}

/** What is wrong with a file, in words; undefined for what is not the file's fault. */
function fileTrouble(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'is a directory, expected a file';
    case 'ELOOP':
      return 'too many symbolic links';
    case 'ENAMETOOLONG':
      return 'the name is too long';
    case 'EIO':
      return 'reading it failed';
    default:
      return undefined;
  }
}
