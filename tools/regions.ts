/**
 * Runs a guest and prints the hottest regions of its code as the region tier has them: see USAGE. Counting makes regions
 * slower, short ones most; the shares of time are of V8's sampling profiler.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ensureSuite } from '../bench/suite-image.ts';
import { BEGIN, END, kernelWords, PROGRAMS } from '../bench/suite-programs.ts';
import { SymbolMap } from '../src/dom0/toolstack/symbol-map.ts';
import { ensureGuest } from '../src/machine/guests/ensure-guest.ts';
import { startable } from '../src/machine/start.ts';
import { jsonReport, textReport } from './regions-report.ts';
import { type GuestOrder, measureGuest } from './regions-run.ts';

const USAGE = `usage: npm run regions -- [options] [key=value ...]
  --guest NAME|FILE  debian (the default: it boots and powers off), another of npm start's, or a configuration
  --suite PROGRAMS   instead: programs of bench/suite, for example awk,sort; 'all'. Their boot is left out
  --divide N         so many times less work in the suite; 4 if left out
  --seconds S        no longer than that, from where measuring begins
  --until-exit       until the guest powers off, which is what happens anyway without --seconds
  --top N            the N hottest regions; 10 if left out
  --wat              their WebAssembly text too
  --symbols FILE     names of addresses, as System.map and 'nm' list them
  --json             an object instead of text
key=value goes after the guest's configuration. The guest's console goes to standard error.
`;

const options = readOptions();
try {
  const report = await reportOf(options);
  process.stdout.write(report, () => process.exit());
} catch (error) {
  process.stderr.write(`regions: ${(error as Error).message}\n`);
  process.exit(1);
}

async function reportOf({ symbols, json, top, wat, ...options }: Options): Promise<string> {
  const names = symbols === undefined ? undefined : new SymbolMap(readFileSync(symbols, 'utf8'));
  const measured = await measureGuest(await orderOf(options));
  const naming = (address: bigint) => names?.lookup(address);
  return await (json ? jsonReport : textReport)(measured, { top, wat, naming });
}

interface GuestOptions {
  readonly guest: string;
  readonly suite: readonly string[] | undefined;
  readonly divisor: number;
  readonly seconds: number | undefined;
  readonly settings: readonly string[];
}

interface Options extends GuestOptions {
  readonly top: number;
  readonly wat: boolean;
  readonly symbols: string | undefined;
  readonly json: boolean;
}

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        guest: { type: 'string', default: 'debian' },
        suite: { type: 'string' },
        divide: { type: 'string', default: '4' },
        seconds: { type: 'string' },
        'until-exit': { type: 'boolean' },
        top: { type: 'string', default: '10' },
        wat: { type: 'boolean', default: false },
        symbols: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit();
    }
    if (values.seconds !== undefined && values['until-exit']) throw new Error('--seconds or --until-exit, not both');
    return {
      ...{ guest: values.guest, wat: values.wat, json: values.json, symbols: values.symbols, settings: positionals },
      suite: values.suite === undefined ? undefined : programs(values.suite),
      divisor: number('--divide', values.divide),
      seconds: values.seconds === undefined ? undefined : number('--seconds', values.seconds),
      top: number('--top', values.top),
    };
  } catch (error) {
    process.stderr.write(`regions: ${(error as Error).message}\n${USAGE}`);
    return process.exit(2);
  }
}

function programs(list: string): readonly string[] {
  const names = list === 'all' ? PROGRAMS : list.split(',');
  const unknown = names.find((name) => !PROGRAMS.includes(name));
  if (unknown === undefined) return names;
  throw new Error(`--suite ${list}: there is no program '${unknown}', only ${PROGRAMS.join(', ')}`);
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`${option} ${text}: expected a number above 0, for example ${option} 10`);
}

async function orderOf({ guest, suite, divisor, seconds, settings }: GuestOptions): Promise<GuestOrder> {
  if (suite !== undefined) {
    const create = ['/dev/null', ...(await suiteSettings(suite, divisor)), ...settings];
    return { create, from: BEGIN, until: END, seconds };
  }
  if (/[/.]/.test(guest)) return { create: [guest, ...settings], seconds };
  const { config, settings: own } = await startable(guest);
  const ends = seconds === undefined && guest.startsWith('debian') ? ['cmdline+=" xenolith.exit"'] : [];
  return { create: [config, ...own, ...ends, ...settings], seconds };
}

async function suiteSettings(names: readonly string[], divisor: number): Promise<string[]> {
  const image = await ensureSuite();
  const { kernel } = await ensureGuest('debian');
  const words = kernelWords({ names, divisor });
  return [
    ...['name="suite"', 'type="pvh"', 'memory=512', `cmdline="console=hvc0 ${words}"`],
    ...[`kernel=${JSON.stringify(kernel)}`, `ramdisk=${JSON.stringify(image.initramfs)}`],
  ];
}
