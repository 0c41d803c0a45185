/** What a guest can do wrong: it costs the guest, never the process, and the report says where it was. */
import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_CRASH, EXIT_POWEROFF, EXIT_TIMEOUT } from '../../src/dom0/xl/exit-status.ts';
import { KERNEL_BASE, kernelOf, put, runXl, scratchFolder } from './testing/run-xl.ts';

const folder = scratchFolder();

function guest(code: readonly number[]): string {
  put(folder, 'kernel', kernelOf(code));
  return put(folder, 'guest.cfg', 'name = "g"\ntype = "pvh"\nkernel = "kernel"\nmemory = 32\n');
}

async function create(code: readonly number[], ...options: string[]) {
  return await runXl(folder, ['create', '-F', '-c', ...options, guest(code)]);
}

const CLI = 0xfa;
const HLT = 0xf4;
const UD2 = [0x0f, 0x0b];
const JMP_SELF = [0xeb, 0xfe];
/** mov eax, imm32; jmp eax */
const jumpTo = (address: number) => [0xb8, ...new Uint8Array(new Uint32Array([address]).buffer), 0xff, 0xe0];
const hex = (address: number) => address.toString(16).padStart(16, '0');

/** Names the domain, where it was, and why it left guest code last. */
function reports(stderr: string, rip: number, exit: string): void {
  match(stderr, /^xl: domain g \(domid 1\) /m);
  match(stderr, new RegExp(`RIP: .*${hex(rip)}`));
  match(stderr, new RegExp(`exit: ${exit} at ${hex(rip)}`));
}

test('an exception that nothing handles is a triple fault: the domain crashes, where it happened is told', async () => {
  const { stderr, status } = await create([0x90, ...UD2]);
  equal(status, EXIT_CRASH);
  reports(stderr, KERNEL_BASE + 1, 'shutdown');
});

test('a jump to where there is no memory crashes the domain', async () => {
  const { stderr, status } = await create(jumpTo(0xe0000000));
  equal(status, EXIT_CRASH);
  reports(stderr, 0xe0000000, 'shutdown');
});

test('a jump past the end of its memory into a hole crashes the domain', async () => {
  const { status } = await create(jumpTo(0x7fff_f000));
  equal(status, EXIT_CRASH);
});

test('a loop with interrupts off ends with --timeout, and where it loops is told', async () => {
  const { stderr, status } = await create([CLI, ...JMP_SELF], '--timeout=0.5');
  equal(status, EXIT_TIMEOUT);
  reports(stderr, KERNEL_BASE + 1, 'budget');
});

test('a processor that halts with interrupts off is down: the last one powers the domain off', async () => {
  const { status } = await create([CLI, HLT]);
  equal(status, EXIT_POWEROFF);
});

test('a guest that crashes for ever is restarted as long as that is wanted, with a domain id of its own', async () => {
  guest(UD2);
  const again = 'on_crash="restart"';
  const { stderr, status } = await runXl(folder, ['create', '-F', '--timeout=2', 'guest.cfg', again]);
  equal(status, EXIT_TIMEOUT);
  ok(stderr.includes('(domid 2) has crashed'), stderr);
  ok(!/\(domid 2\) has crashed\n(\(XEN\) .*\n)*\(XEN\) .*d1v0/.test(stderr), 'a report tells of its own domain alone');
});
