import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SHIM_PLACES } from './cfg/pv-shim.ts';
import { GUEST, KERNEL, run, services } from './testing/create.ts';

const SHIMMED = GUEST.replace('vmlinux', 'pv-kernel').replace('memory', 'pvshim = 1\nmemory');
const files = { 'guest.cfg': SHIMMED, 'pv-kernel': 'a PV kernel' };

test("a shim is looked for where Xen's tools install it, the version in the folder's name or not", async () => {
  for (const place of ['/usr/lib/xen/boot/xen-shim', '/usr/lib/xen-4.17/boot/xen-shim']) {
    const on = services({ ...files, [place]: KERNEL });
    equal(await run('create -F guest.cfg', on), 0, on.err);
  }
});

test('a shim that is not installed is told of by its key, with where it was looked for and how to name one', async () => {
  const on = services(files);
  equal(await run('create -F guest.cfg', on), 1);
  match(on.err, /\nguest\.cfg:4: pvshim = 1: no xen-shim in \/usr\/local\/lib\/xen\/boot, .*pvshim_path = ".*"\n$/);
  equal(on.hosts.length, 0, 'nothing was started');
  equal(
    SHIM_PLACES.every((place) => on.err.includes(place.replace('/xen-shim', ''))),
    true,
  );
});

test('a shim that is named is read instead of the one that is installed', async () => {
  const on = services({ ...files, shim: KERNEL, [SHIM_PLACES[0] ?? '']: 'another' });
  equal(await run('create -F guest.cfg pvshim_path="shim"', on), 0, on.err);
});
