/** A stock kernel in a guest runs guests of its own: KVM on SVM, with nested paging (nestedhvm = 1). */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { FOLDER, kvmImage, MODULES } from './testing/kvm-image.ts';
import { converse } from './testing/shell.ts';

const guest = await kvmImage();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

test("Debian's kvm_amd runs a guest in real mode and one in long mode, with ports and a device", { skip }, async () => {
  const load = MODULES.map((name) => `insmod ${FOLDER}/${name}.ko`).join(' && ');
  const { output, status } = await converse(
    guest as Guest,
    [`${load}; dmesg | tail -n 4`, `${FOLDER}/run`, 'poweroff'],
    ['nestedhvm=1'],
  );
  match(output, /SVM: kvm: Nested Paging enabled/);
  const said = [...output.matchAll(/^kvm: (?!Nested|exiting)(.*?)\r?$/gm)].map(([, text]) => text);
  // 0x1234 + 1; the sum of 1 to 1,000,000.
  equal(
    said.join('; '),
    'api 12; port 10: 52; halted, 123500011234; device d0000000: 12345678; port 10: 4c; halted, 746a5a2920',
  );
  equal(status, 0);
});
