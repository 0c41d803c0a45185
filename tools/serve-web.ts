/** `npm run web`: Debian's kernel and a shell on a page that this host alone can open. */
import { ensureGuest } from '../src/machine/guests/ensure-guest.ts';
import { serveWeb } from '../src/machine/web-server.ts';

const PORT = 8080;

const { kernel, ramdisk } = await ensureGuest('debian');
const { origin } = await serveWeb({ '/guest/kernel': kernel, '/guest/ramdisk': ramdisk }, PORT);
const files = ['kernel="/guest/kernel"', 'ramdisk="/guest/ramdisk"'];
const page = (...argv: string[]) =>
  `${origin}/?${['create', '-F', '-c', '-q', ...argv].map((word) => `xl=${encodeURIComponent(word)}`).join('&')}`;
console.log(`Debian:           ${page('/guests/debian.cfg', ...files)}`);
console.log(`built-in guest:   ${page('/guests/hello.cfg', 'kernel="builtin:hello"')}`);
