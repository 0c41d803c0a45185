/** Debian's own balloon driver, and memory that comes when it is touched. */
import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { converse, debian } from './testing/shell.ts';

const BALLOON = '/sys/devices/system/xen_memory/xen_memory0';
/** Pages of the driver's accounting that are not memory: what lies in the PC's hole. */
const SLACK_KIB = 4096;

const guest = await debian();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

test('a domain of 128 MiB that may have 512 boots with 128, and its balloon driver works', { skip }, async () => {
  const until = (kib: number) =>
    `i=0; while [ $(cat ${BALLOON}/info/current_kb) -ne ${kib} ] && [ $i -lt 15 ]; do sleep 1; i=$((i+1)); done`;
  const { output, status } = await converse(
    guest as Guest,
    [
      `echo started with $(cat ${BALLOON}/info/current_kb)`,
      `echo 98304 > ${BALLOON}/target_kb; ${until(98304)}; echo shrunk to $(cat ${BALLOON}/info/current_kb)`,
      `echo 122880 > ${BALLOON}/target_kb; ${until(122880)}; echo grown to $(cat ${BALLOON}/info/current_kb)`,
      'poweroff',
    ],
    ['memory=128', 'maxmem=512'],
  );
  const started = Number(/\nstarted with (\d+)/.exec(output)?.[1]);
  ok(Math.abs(started - 128 * 1024) <= SLACK_KIB, `it has ${started} KiB of 131072`);
  match(output, /Memory: \d+K\/52\d{4}K available/, 'and sees 512 MiB');
  match(output, /\nshrunk to 98304\r?\n/);
  match(output, /\ngrown to 122880\r?\n/);
  equal(status, 0);
});
