import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../lib/seeded-random.ts';
import type { DomainConfig } from '../../toolstack/domain-config.ts';
import { configOf } from '../config-json.ts';
import { guestConfig } from './guest-config.ts';
import { parseConfig } from './parser.ts';

const LEAST = 'name="t"\ntype="pvh"\nkernel="/srv/pv"\n';

function read(text: string): { config: DomainConfig; warnings: string[] } {
  const warnings: string[] = [];
  const parsed = parseConfig('guest.cfg', text, []);
  const config = guestConfig('guest.cfg', parsed, new SeededRandom(1), (line) => warnings.push(line), { nowMs: 0 });
  return { config, warnings };
}

test("pvshim has libxl's command line and the shim that is installed (libxl__domain_build_info_setdefault)", () => {
  const { config, warnings } = read(`${LEAST}pvshim=1`);
  deepEqual(config.pvShim, { cmdline: 'pv-shim console=xen,pv' });
  equal(config.kernel, '/srv/pv');
  deepEqual(warnings, []);
});

test('its file and its command line can be others', () => {
  const { config } = read(`${LEAST}pvshim=1\npvshim_path="shim"\npvshim_cmdline="pv-shim"\npvshim_extra="loglvl=all"`);
  deepEqual(config.pvShim, { path: 'shim', cmdline: 'pv-shim', extra: 'loglvl=all' });
  throws(
    () => read(`${LEAST}pvshim=1\npvshim_path=""`),
    /^XenolithError: guest.cfg:5: pvshim_path = "": expected something/,
  );
  throws(() => read(`${LEAST}pvshim=2`), /pvshim = 2: expected 0 or 1/);
});

test('without pvshim = 1 what is said of the shim is ignored (xl.cfg(5)), which is told', () => {
  for (const off of ['', 'pvshim=0\n']) {
    const { config, warnings } = read(`${LEAST}${off}pvshim_path="shim"`);
    equal(config.pvShim, undefined);
    equal(warnings.length, 1);
    equal(warnings[0]?.endsWith('warning: pvshim_path has no effect without pvshim = 1'), true, warnings[0]);
  }
});

test('an HVM guest has no shim', () => {
  const { config, warnings } = read('name="t"\ntype="hvm"\nfirmware_override="/srv/kernel"\npvshim=1');
  equal(config.pvShim, undefined);
  deepEqual(warnings, ['guest.cfg:4: warning: pvshim has no effect yet: only PVH guests have it']);
});

test("xl list --long tells of it by libxl's names", () => {
  const { config } = read(`${LEAST}pvshim=1\npvshim_path="shim"`);
  const { b_info } = configOf(config) as { b_info: Record<string, unknown> };
  deepEqual(JSON.parse(JSON.stringify(b_info['type.pvh'])), {
    pvshim: 'True',
    pvshim_path: 'shim',
    pvshim_cmdline: 'pv-shim console=xen,pv',
  });
});
