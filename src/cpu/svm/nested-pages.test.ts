import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import { InterpreterEngine } from '../interpreter/engine.ts';
import * as state from '../state.ts';
import { CODE, type EngineMaker, PML4 } from '../testing/processor.ts';
import { assemble, GUEST_CODE, GUEST_STACK, HypervisorGuest, NESTED_TABLES, VMCB } from './testing/hypervisor-guest.ts';
import * as vmcb from './vmcb.ts';

const PAGE_A = 0x100000;
const PAGE_B = 0x101000;
const P = 1;
const RW = 2;
const US = 4;
const FINAL = 1n << 32n;
const TABLES = 1n << 33n;

const eager: EngineMaker = (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: 'eager' });

function nested(): HypervisorGuest {
  const guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.nestPages();
  return guest;
}

test('what the guest takes for physical memory is where its nested tables say', () => {
  using guest = nested();
  guest.nestPage(PAGE_A, PAGE_B | P | RW | US);
  guest.view.setUint32(PAGE_B, 0x1111, true);
  equal(guest.left(`mov ebx, [${PAGE_A}]\nmov dword [${PAGE_A}+4], 0x2222\nhlt`).code, vmcb.VMEXIT_HLT);
  equal(guest.state.gpr(state.RBX), 0x1111n);
  deepEqual([guest.view.getUint32(PAGE_A + 4, true), guest.view.getUint32(PAGE_B + 4, true)], [0, 0x2222]);
});

test('accessed and dirty bits of nested tables are set', () => {
  using guest = nested();
  guest.left(`mov ebx, [${PAGE_A}]\nmov [${PAGE_B}], ebx\nhlt`);
  deepEqual([guest.nestedEntry(PAGE_A) & 0x60, guest.nestedEntry(PAGE_B) & 0x60], [0x20, 0x60]);
});

test('an access they do not permit leaves with VMEXIT_NPF and its address (APM vol. 2, 15.25.6)', () => {
  const cases: readonly (readonly [entry: number, source: string, error: bigint])[] = [
    [0, `mov ebx, [${PAGE_A}+8]`, 4n],
    [0, `mov [${PAGE_A}+8], ebx`, 6n],
    [PAGE_A | P | US, `mov [${PAGE_A}+8], ebx`, 7n],
    [PAGE_A | P | RW, `mov ebx, [${PAGE_A}+8]`, 5n],
    [0, `mov eax, ${PAGE_A}+8\njmp rax`, 0x14n],
  ];
  for (const [entry, source, error] of cases) {
    using guest = nested();
    guest.nestPage(PAGE_A, entry);
    const { code, info1, info2 } = guest.left(source);
    deepEqual([source, code, info1, info2], [source, vmcb.VMEXIT_NPF, FINAL | error, BigInt(PAGE_A + 8)]);
  }
});

test('the instruction is undone, and goes on once the tables permit it', () => {
  using guest = nested();
  guest.nestPage(PAGE_A, 0);
  const { code, rip } = guest.left(`mov ebx, 1\nadd dword [${PAGE_A}], 5\nhlt`);
  deepEqual([code, rip], [vmcb.VMEXIT_NPF, GUEST_CODE + 5]);
  guest.nestPage(PAGE_A, PAGE_B | P | RW | US);
  equal(guest.reason(guest.resume()).code, vmcb.VMEXIT_HLT);
  equal(guest.view.getUint32(PAGE_B, true), 5);
});

test("a fault on the guest's own tables is told apart", () => {
  using guest = nested();
  guest.nestPage(PML4, 0);
  const { code, info1, info2, rip } = guest.left('nop');
  deepEqual([code, info1 & TABLES, rip], [vmcb.VMEXIT_NPF, TABLES, GUEST_CODE]);
  equal(info2, BigInt(PML4));
});

test('a fault as an event is delivered leaves the event in EXITINTINFO', () => {
  using guest = nested();
  guest.nestPage(GUEST_STACK - 0x1000, 0);
  const { code, rip } = guest.left('ud2');
  deepEqual([code, rip], [vmcb.VMEXIT_NPF, GUEST_CODE]);
  equal(guest.field(vmcb.EXITINTINFO), 0x80000306n);
  guest.nestPage(GUEST_STACK - 0x1000, (GUEST_STACK - 0x1000) | P | RW | US);
  guest.setField(vmcb.EVENTINJ, guest.field(vmcb.EXITINTINFO));
  deepEqual(guest.reason(guest.resume()).rip, 0x6000 + 6 * 16);
});

test('reserved bits and tables beyond memory are faults, never accesses', () => {
  for (const [at, entry] of [
    [0x2000, (1n << 45n) | 7n],
    [0, 0x40000007n],
    [0x3000 + (PAGE_A >>> 12) * 8, (1n << 46n) | 7n],
  ] as const) {
    using guest = nested();
    guest.view.setBigUint64(NESTED_TABLES + at, entry, true);
    equal(guest.left(`mov ebx, [${PAGE_A}]\nhlt`).code, vmcb.VMEXIT_NPF);
  }
});

test("devices that the guest has its own guest reach are the platform's", () => {
  const read: number[] = [];
  using guest = new HypervisorGuest({
    readMmio: (gpa) => {
      read.push(gpa);
      return 0x77;
    },
  });
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.nestPages();
  guest.nestPage(PAGE_A, 0x20000000 | P | RW | US);
  equal(guest.left(`mov ebx, [${PAGE_A}+16]\nhlt`).code, vmcb.VMEXIT_HLT);
  deepEqual([read, guest.state.gpr(state.RBX)], [[0x20000010], 0x77n]);
});

test('in PAE paging under nested paging the PDPTEs are read from memory (APM vol. 2, 15.25.10)', () => {
  using guest = nested();
  guest.setField(vmcb.SAVE_EFER, state.EFER_SVME);
  guest.setField(vmcb.SAVE_CR3, PAGE_A + 0x20);
  guest.view.setUint16(VMCB + vmcb.SAVE_CS + vmcb.SEGMENT_ATTRIBUTES, 0xc9b, true);
  guest.view.setUint32(PAGE_A + 0x20, PAGE_B | P, true);
  guest.view.setUint32(PAGE_B, 0x83, true);
  equal(guest.left('hlt').code, vmcb.VMEXIT_HLT);
  guest.nestPage(PAGE_A, 0);
  const { code, info2 } = guest.left('hlt');
  deepEqual([code, info2], [vmcb.VMEXIT_NPF, BigInt(PAGE_A + 0x20)]);
});

test('a guest that is left and goes on a hundred times is the same run in regions (engine.ts, instructions)', () => {
  const runs = [undefined, eager].map((make) => {
    using guest = new HypervisorGuest({ cpuid: (_leaf, _subleaf, out) => out.fill(3) !== undefined }, make);
    guest.intercept(vmcb.VMEXIT_CPUID, vmcb.VMEXIT_HLT);
    guest.nestPages();
    const source = [
      'xor ebx, ebx',
      'again: mov edx, 50',
      `inner: add rbx, rdx\nmov [${PAGE_A}+rdx*8], rbx\npushf\npop rax\ndec edx\njnz inner`,
      'cpuid\njmp again',
    ];
    guest.load(GUEST_CODE, assemble(source.join('\n'), GUEST_CODE));
    guest.setField(vmcb.SAVE_RIP, GUEST_CODE);
    const host = [
      `mov ecx, 100\nenter: mov rax, ${VMCB}\nvmrun`,
      `mov rax, [${VMCB + vmcb.NRIP}]\nmov [${VMCB + vmcb.SAVE_RIP}], rax`,
      'dec ecx\njnz enter\nhlt',
    ];
    equal(guest.run(assemble(host.join('\n'), CODE), CODE), EXIT_HLT);
    return [guest.vcpu.instructions, guest.state.gpr(state.RBX), guest.view.getUint32(PAGE_A + 8, true)];
  });
  deepEqual(runs[1], runs[0]);
  equal(runs[0]?.[1], 127500n);
});
