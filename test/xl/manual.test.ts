/** Xen's manual pages, as Debian installs them, read key by key and option by option: each is known, none is passed over. */
import { deepEqual, match, notDeepEqual, ok } from 'node:assert/strict';
import { suite, test } from 'node:test';
import { guestConfig } from '../../src/dom0/xl/cfg/guest-config.ts';
import { KEYS } from '../../src/dom0/xl/cfg/keys.ts';
import { parseConfig } from '../../src/dom0/xl/cfg/parser.ts';
import { readXlConf } from '../../src/dom0/xl/cfg/xl-conf.ts';
import { lookup } from '../../src/dom0/xl/commands/table.ts';
import { XenolithError } from '../../src/lib/errors.ts';
import { manualItems, whyNoManual } from './testing/manual.ts';

/** `key=value` items, and `key=value or key=value`. */
function keysOf(page: string): string[] {
  if (whyNoManual(page) !== undefined) return [];
  const own = manualItems(page).filter(({ section, depth }) => section === 'OPTIONS' && depth === 0);
  const names = own.flatMap(({ text }) =>
    [...text.matchAll(/(?:^|, | or )([a-z][a-z0-9_.]*) ?=/g)].map(([, name]) => name),
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** Somewhere where local time is not UTC. */
process.env['TZ'] = 'Asia/Tokyo';
const NOW_MS = Date.UTC(2026, 0, 1);

const LEAST = { pvh: 'name="a"\ntype="pvh"\nkernel="k"\n', hvm: 'name="a"\ntype="hvm"\nfirmware_override="f"\n' };
const NO_RANDOMNESS = { fill: (bytes: Uint8Array) => void bytes.fill(1) };

/** What becomes of a line of a config file: what is different by it, what is said of it, or why it is refused. */
function fate(line: string, type: keyof typeof LEAST) {
  const said: string[] = [];
  const read = (text: string) =>
    guestConfig('g.cfg', parseConfig('g.cfg', text), NO_RANDOMNESS, (warning) => said.push(warning), { nowMs: NOW_MS });
  const without = read(LEAST[type]);
  try {
    const config = read(`${LEAST[type]}${line}\n`);
    return { without, config, said: said.join('\n'), refused: '' };
  } catch (error) {
    if (!(error instanceof XenolithError)) throw error;
    return { without, config: without, said: '', refused: error.message };
  }
}

/** Values that are not what there is without the key; a key that needs others beside it has them. */
const VALUES: Readonly<Record<string, string>> = {
  name: '"b"',
  uuid: '"84b6c97a-d3cb-4428-a34d-5d4c5fadc36f"',
  type: '"pv"',
  builder: '"generic"',
  vcpus: '3',
  maxvcpus: '3',
  cpus: '"0"',
  cpus_soft: '["1", "2"]',
  maxmem: '777',
  on_poweroff: '"preserve"',
  on_reboot: '"destroy"',
  on_watchdog: '"restart"',
  on_crash: '"coredump-restart"',
  on_soft_reset: '"preserve"',
  cpuid: '"host,sse4.2=0"',
  tsc_mode: '"native"',
  timer_mode: '"delay_for_missed_ticks"',
  acpi: '0',
  acpi_s3: '0',
  acpi_s4: '0',
  hpet: '0',
  hap: '0',
  pae: '0',
  apic: '0',
  nx: '0',
  altp2m: '"external"',
  passthrough: '"enabled"',
  max_grant_version: '1',
  hdtype: '"ahci"',
  vga: '"qxl"',
  device_model_version: '"qemu-xen"',
  bios: '"seabios"\nbios_path_override="b"',
  bios_path_override: '"b"\nbios="seabios"',
  nographic: '0',
  viridian: '["base"]',
  vnuma: '[["pnode=0", "size=32"]]',
  pvshim_path: '"s"\npvshim=1',
  pvshim_cmdline: '"s"\npvshim=1',
  pvshim_extra: '"s"\npvshim=1',
};

function sampleOf(name: string): string {
  const chosen = VALUES[name];
  if (chosen !== undefined) return chosen;
  const type = KEYS[name]?.type ?? 'string';
  if (type === 'list') return '["x=1"]';
  return type === 'number' || type === 'boolean' || type === 'boolean or list' || type === 'number or string'
    ? '1'
    : '"x"';
}

suite('xl.cfg(5): every key', { skip: whyNoManual('xl.cfg.5') ?? false }, () => {
  const names = keysOf('xl.cfg.5');
  test('the manual has them', () => ok(names.length > 140, `${names.length}`));

  for (const name of names) {
    test(`${name} is acted on, or said to do nothing and why, or refused`, () => {
      const key = KEYS[name];
      ok(key !== undefined, 'a key that xl knows');
      const { without, config, said, refused } = fate(`${name} = ${sampleOf(name)}`, key.guests ?? 'pvh');
      if (refused !== '')
        match(refused, new RegExp(`^g\\.cfg:4: ${name} = .*: expected |^g.cfg:4: Contradicting "${name}"`));
      else if (key.support === 'none')
        match(said, new RegExp(`^g\\.cfg:4: warning: ${name} has no effect yet: ${key.note}`, 'm'));
      else if (key.anyway === undefined || !key.anyway.includes('1')) notDeepEqual(config, without);
    });

    test(`${name} with a value that it cannot have says where, what was read and what was expected`, () => {
      const key = KEYS[name];
      ok(key !== undefined);
      // xl goes on without a device list that is no list, and so do we.
      const wrong = key.type === 'list' ? '7' : '["a", ["b"]]';
      const { refused, said } = fate(`${name} = ${wrong}`, key.guests ?? 'pvh');
      match(
        refused + said,
        new RegExp(
          `g\\.cfg:[1-4]: (warning: parameter \`${name}'|warning: ${name} has no effect|${name} = .*: expected |Contradicting)`,
        ),
      );
    });
  }

  test('a key of no manual is told of', () => {
    match(fate('vcpu = 2', 'pvh').said, /^g\.cfg:4: warning: unknown key vcpu is ignored; did you mean vcpus\?$/);
  });
});

suite('xl.conf(5): every key', { skip: whyNoManual('xl.conf.5') ?? false }, () => {
  const VALUE: Readonly<Record<string, string>> = { output_format: '"json"', domid_policy: '"random"' };
  for (const name of keysOf('xl.conf.5')) {
    test(name, () => {
      const said: string[] = [];
      const value = VALUE[name] ?? (/frames|version|mode|scripts/.test(name) ? '1' : '"0"');
      const conf = readXlConf('xl.conf', `${name} = ${value}\n`, (line) => said.push(line));
      const isActedOn = Object.values(conf).some((each) => !Array.isArray(each) || each.length > 0);
      const isSo = ['output_format', 'claim_mode'].includes(name);
      if (!isActedOn && !isSo) match(said.join(), new RegExp(`^xl\\.conf:1: warning: ${name} has no effect: `));
      else deepEqual(said, []);
    });
  }
});

suite('xl(1): every command and every option', { skip: whyNoManual('xl.1') ?? false }, () => {
  let command = '';
  for (const { section, depth, text } of whyNoManual('xl.1') === undefined ? manualItems('xl.1') : []) {
    const isOption = depth === 1 && /^-/.test(text);
    if (!isOption && !(depth === 0 && /^[A-Z /]*(SUBCOMMANDS|COMMANDS|PASS-THROUGH|CONTROL|FLASK)/.test(section)))
      continue;
    if (!isOption) {
      command = text.split(' ')[0] ?? '';
      const name = command;
      // The table has no row for what prints it.
      if (name !== 'help') test(name, () => ok(lookup(name)?.name === name));
      continue;
    }
    const name = command;
    test(`${name} ${text}`, () => {
      const known = lookup(name);
      ok(known !== undefined);
      if (known.absent !== undefined) return;
      const letters = [...text.matchAll(/(?:^|[ ,])-([A-Za-z])\b/g)].map(([, letter = '']) => letter);
      const words = [...text.matchAll(/--([a-z_-]+)/g)].map(([, word = '']) => word);
      deepEqual(
        letters.filter((letter) => !known.table?.short.includes(letter)),
        [],
      );
      deepEqual(
        words.filter((word) => known.table?.long[word] === undefined),
        [],
      );
      ok(letters.length + words.length > 0);
    });
  }
});
