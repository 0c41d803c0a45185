import { deepEqual, equal, match, throws } from 'node:assert/strict';
import test from 'node:test';
import { appletsOf, buildInitramfs, MARKER } from './initramfs.ts';

const busybox = (...names: string[]) =>
  new TextEncoder().encode(`code\0[\0[[\0${names.map((one) => `${one}\0`).join('')}\0more`);

test("a busybox's programs are read from its own table of names", () => {
  deepEqual(appletsOf(busybox('ash', 'busybox', 'init', 'sh')), ['[', '[[', 'ash', 'init', 'sh']);
});

test('the programs are found whatever the linker put before their names, as in busybox 1.38', () => {
  const bytes = new TextEncoder().encode('\x00\x00[[\x00 code [\0[[\0ash\0init\0sh\0\0more');
  deepEqual(appletsOf(bytes), ['[', '[[', 'ash', 'init', 'sh']);
});

test('a file that is no busybox with a shell is refused', () => {
  throws(() => appletsOf(new TextEncoder().encode('not a program')), { code: 'GUEST_BUSYBOX' });
  throws(() => appletsOf(busybox('cat', 'init')), { code: 'GUEST_BUSYBOX' });
  throws(() => appletsOf(new TextEncoder().encode('\0[\0[[\0sh')), { code: 'GUEST_BUSYBOX' });
});

test('/init is there, and the first line it prints is the marker', () => {
  const archive = new TextDecoder().decode(buildInitramfs(busybox('init', 'sh')));
  const init = archive.slice(archive.indexOf('\0init\0') + 6);
  equal(/echo "([^ ]+)/.exec(init)?.[1], MARKER);
});

test('/sbin is /bin: the kernel looks there for poweroff and reboot', () => {
  const archive = new TextDecoder().decode(buildInitramfs(busybox('init', 'poweroff', 'reboot', 'sh')));
  match(archive, /[0-9A-Fa-f]bin\/poweroff\0/);
  match(archive, /[0-9A-Fa-f]sbin\0+bin\0/);
});

test('the same busybox gives the same bytes', () => {
  const bytes = busybox('init', 'sh');
  deepEqual(buildInitramfs(bytes), buildInitramfs(bytes));
});
