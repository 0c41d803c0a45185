import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT, type Exit } from '../engine.ts';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import { InterpreterEngine } from '../interpreter/engine.ts';
import * as state from '../state.ts';
import type { EngineMaker } from '../testing/processor.ts';
import { GUEST_CODE, HypervisorGuest, IOPM, MSRPM, VMCB } from './testing/hypervisor-guest.ts';
import * as vmcb from './vmcb.ts';

const eager: EngineMaker = (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: 'eager' });

/** An instruction, what leaves the guest for it, and EXITINFO1. */
const INSTRUCTIONS: readonly (readonly [source: string, code: number, info1?: bigint])[] = [
  ['mov rax, cr0', vmcb.VMEXIT_CR0_READ],
  ['mov rax, cr3', vmcb.VMEXIT_CR0_READ + 3],
  ['mov rax, cr8', vmcb.VMEXIT_CR0_READ + 8],
  ['mov cr3, rbx', vmcb.VMEXIT_CR0_WRITE + 3],
  ['mov cr8, rbx', vmcb.VMEXIT_CR0_WRITE + 8],
  ['smsw eax', vmcb.VMEXIT_CR0_READ],
  ['lmsw bx', vmcb.VMEXIT_CR0_WRITE],
  ['clts', vmcb.VMEXIT_CR0_WRITE],
  ['mov rax, dr7', vmcb.VMEXIT_DR0_READ + 7],
  ['mov dr2, rbx', vmcb.VMEXIT_DR0_WRITE + 2],
  ['sidt [rsp]', vmcb.VMEXIT_IDTR_READ],
  ['sgdt [rsp]', vmcb.VMEXIT_GDTR_READ],
  ['sldt eax', vmcb.VMEXIT_LDTR_READ],
  ['str eax', vmcb.VMEXIT_TR_READ],
  ['lidt [rsp]', vmcb.VMEXIT_IDTR_WRITE],
  ['lgdt [rsp]', vmcb.VMEXIT_GDTR_WRITE],
  ['lldt bx', vmcb.VMEXIT_LDTR_WRITE],
  ['ltr bx', vmcb.VMEXIT_TR_WRITE],
  ['rdtsc', vmcb.VMEXIT_RDTSC],
  ['rdtscp', vmcb.VMEXIT_RDTSCP],
  ['rdpmc', vmcb.VMEXIT_RDPMC],
  ['pushf', vmcb.VMEXIT_PUSHF],
  ['popf', vmcb.VMEXIT_POPF],
  ['cpuid', vmcb.VMEXIT_CPUID],
  ['iretq', vmcb.VMEXIT_IRET],
  ['rsm', vmcb.VMEXIT_RSM],
  ['int 0x30', vmcb.VMEXIT_SWINT],
  ['invd', vmcb.VMEXIT_INVD],
  ['wbinvd', vmcb.VMEXIT_WBINVD],
  ['pause', vmcb.VMEXIT_PAUSE],
  ['hlt', vmcb.VMEXIT_HLT],
  ['invlpg [rax]', vmcb.VMEXIT_INVLPG],
  ['invpcid rax, [rsp]', vmcb.VMEXIT_INVPCID],
  ['invlpga', vmcb.VMEXIT_INVLPGA],
  ['vmrun', vmcb.VMEXIT_VMRUN],
  ['vmload', vmcb.VMEXIT_VMLOAD],
  ['vmsave', vmcb.VMEXIT_VMSAVE],
  ['stgi', vmcb.VMEXIT_STGI],
  ['clgi', vmcb.VMEXIT_CLGI],
  ['vmmcall', vmcb.VMEXIT_VMMCALL],
  ['int1', vmcb.VMEXIT_ICEBP],
  ['int3', vmcb.VMEXIT_EXCEPTION + 3],
];

for (const [tier, make] of [
  ['the interpreter', undefined],
  ['regions', eager],
] as const) {
  test(`an instruction leaves the guest where its bit is set, undone, in ${tier} (APM vol. 2, 15.7 to 15.9)`, () => {
    for (const [source, code] of INSTRUCTIONS) {
      using guest = new HypervisorGuest({}, make);
      guest.intercept(code);
      const left = guest.left(`nop\nmov ecx, 3\nhere: dec ecx\njnz here\nmark: ${source}`);
      deepEqual([source, left.code], [source, code]);
      notEqual(left.nextRip, 0, source);
      equal(left.rip < left.nextRip && left.rip > GUEST_CODE, true, source);
    }
  });
}

test('an instruction whose bit is clear does not', () => {
  const cpuid = (_leaf: number, _subleaf: number, out: Uint32Array): boolean => {
    out.fill(5);
    return true;
  };
  using guest = new HypervisorGuest({ cpuid });
  guest.intercept(vmcb.VMEXIT_HLT);
  const { code } = guest.left('pushf\npop rbx\ncpuid\nrdtsc\nmov rdx, cr0\nmov rdx, cr4\nclts\nhlt');
  equal(code, vmcb.VMEXIT_HLT);
  equal(guest.state.gprLo(state.RCX), 5);
  equal(guest.state.gprLo(state.RDX), guest.state.u32(state.OFFSET_CR4));
});

test('privilege comes before intercepts: HLT of a user is #GP', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT, vmcb.VMEXIT_EXCEPTION + 13, vmcb.VMEXIT_CR0_WRITE, vmcb.VMEXIT_MSR);
  guest.view.setUint8(VMCB + vmcb.SAVE_CPL, 3);
  for (const source of ['hlt', 'clts', 'rdmsr']) {
    const { code, info1 } = guest.left(source);
    deepEqual([source, code, info1], [source, vmcb.VMEXIT_EXCEPTION + 13, 0n]);
  }
});

test('what is not there is #UD, whatever is intercepted: SKINIT, and XSETBV without CR4.OSXSAVE', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_SKINIT, vmcb.VMEXIT_XSETBV, vmcb.VMEXIT_EXCEPTION + 6);
  equal(guest.left('skinit').code, vmcb.VMEXIT_EXCEPTION + 6);
  equal(guest.left('xsetbv').code, vmcb.VMEXIT_EXCEPTION + 6);
  guest.setField(vmcb.SAVE_CR4, guest.field(vmcb.SAVE_CR4) | BigInt(state.CR4_OSXSAVE));
  equal(guest.left('xsetbv').code, vmcb.VMEXIT_XSETBV);
});

test('a selective write of CR0 is one of other bits than TS and MP (APM vol. 2, 15.9)', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_CR0_SEL_WRITE, vmcb.VMEXIT_HLT);
  equal(guest.left('mov rax, cr0\nor rax, 10\nmov cr0, rax\nhlt').code, vmcb.VMEXIT_HLT);
  equal(guest.left('mov rax, cr0\nxor eax, 0x10000\nmov cr0, rax\nhlt').code, vmcb.VMEXIT_CR0_SEL_WRITE);
});

test('an exception leaves with its error code, before anything is delivered', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_EXCEPTION + 6, vmcb.VMEXIT_EXCEPTION + 13, vmcb.VMEXIT_EXCEPTION);
  deepEqual(guest.left('nop\nud2'), {
    ...{ code: vmcb.VMEXIT_EXCEPTION + 6, info1: 0n, info2: 0n, rip: GUEST_CODE + 1, nextRip: 0 },
  });
  const { code, info1 } = guest.left('mov eax, 0x1234\nmov ds, ax');
  deepEqual([code, info1], [vmcb.VMEXIT_EXCEPTION + 13, 0x1234n]);
  equal(guest.left('xor ecx, ecx\ndiv ecx').code, vmcb.VMEXIT_EXCEPTION);
});

test('a page fault that is intercepted leaves CR2 alone: its address is EXITINFO2 (APM vol. 2, 15.12.15)', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_EXCEPTION + 14);
  guest.setField(vmcb.SAVE_CR2, 0x77);
  const { code, info1, info2 } = guest.left('mov rax, 0x8000001000\nmov [rax+8], eax');
  deepEqual([code, info1, info2, guest.field(vmcb.SAVE_CR2)], [vmcb.VMEXIT_EXCEPTION + 14, 2n, 0x8000001008n, 0x77n]);
});

test("an exception that is not intercepted is the guest's own", () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  // The handler halts.
  const { code, rip } = guest.left('ud2');
  deepEqual([code, rip], [vmcb.VMEXIT_HLT, 0x6000 + 6 * 16]);
});

test('a fault while another event is delivered tells of that in EXITINTINFO', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_EXCEPTION + 11);
  // Gate 6 is not present.
  guest.view.setUint8(0x4000 + 6 * 16 + 5, 0x0e);
  const { code, info1 } = guest.left('ud2');
  deepEqual([code, info1], [vmcb.VMEXIT_EXCEPTION + 11, 6n * 8n + 3n]);
  equal(guest.field(vmcb.EXITINTINFO), 0x80000306n);
});

test('a triple fault is a shutdown of the guest, where that is intercepted', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_SHUTDOWN);
  guest.view.setUint32(VMCB + vmcb.SAVE_IDTR + vmcb.SEGMENT_LIMIT, 0, true);
  equal(guest.left('ud2').code, vmcb.VMEXIT_SHUTDOWN);
});

test('ports leave by their bits of the permission map, each of an access (APM vol. 2, 15.10)', () => {
  const written: number[] = [];
  using guest = new HypervisorGuest({ writePort: (port) => written.push(port) });
  guest.intercept(vmcb.VMEXIT_IOIO, vmcb.VMEXIT_HLT);
  guest.memory[IOPM + (0x83 >> 3)] = 1 << (0x83 & 7);
  equal(guest.left('out 0x82, al\nhlt').code, vmcb.VMEXIT_HLT);
  deepEqual(written, [0x82]);
  const { code, info1, info2, rip } = guest.left('out 0x82, ax\nhlt');
  deepEqual([code, info1, info2], [vmcb.VMEXIT_IOIO, 0x00820220n, BigInt(rip + 3)]);
  equal(guest.left('mov dx, 0x83\nin eax, dx').info1, 0x00830241n);
  equal(guest.left('mov dx, 0x80\nmov ecx, 2\nrep outsd').info1, 0x0080024cn);
  deepEqual(written, [0x82]);
});

test('registers leave by their bits of the permission map, unknown ones always (APM vol. 2, 15.11)', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_MSR, vmcb.VMEXIT_HLT);
  equal(guest.left('mov ecx, 0xc0000082\nrdmsr\nhlt').code, vmcb.VMEXIT_HLT);
  // LSTAR: writes alone.
  guest.memory[MSRPM + 0x800 + (0x82 >> 2)] = 2 << ((0x82 & 3) * 2);
  equal(guest.left('mov ecx, 0xc0000082\nrdmsr\nhlt').code, vmcb.VMEXIT_HLT);
  deepEqual(guest.left('mov ecx, 0xc0000082\nwrmsr\nhlt').info1, 1n);
  equal(guest.left('mov ecx, 0x4b564d00\nrdmsr\nhlt').code, vmcb.VMEXIT_MSR);
});

test('a permission map where no memory is lets nothing through', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_MSR, vmcb.VMEXIT_IOIO, vmcb.VMEXIT_HLT);
  guest.setField(vmcb.MSRPM_BASE_PA, 0x40000000);
  guest.setField(vmcb.IOPM_BASE_PA, 0x40000000);
  equal(guest.left('mov ecx, 0xc0000082\nrdmsr').code, vmcb.VMEXIT_MSR);
  equal(guest.left('out 0x80, al').code, vmcb.VMEXIT_IOIO);
});

test('a task switch leaves the guest with the selector, undone (APM vol. 2, 15.14.1)', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_TASK_SWITCH);
  guest.setField(vmcb.SAVE_EFER, state.EFER_SVME);
  guest.setField(vmcb.SAVE_CR0, 0x11);
  guest.view.setUint16(VMCB + vmcb.SAVE_CS + vmcb.SEGMENT_ATTRIBUTES, 0xc9b, true);
  guest.descriptor(0x80, 0x8000, 0x67, 0x89);
  guest.load(GUEST_CODE, [0xea, 0, 0, 0, 0, 0x80, 0]);
  guest.setField(vmcb.SAVE_RIP, GUEST_CODE);
  const exit: Exit = guest.resume();
  equal(exit, EXIT_HLT);
  const { code, info1, info2, rip } = guest.reason(exit);
  deepEqual([code, info1, info2, rip], [vmcb.VMEXIT_TASK_SWITCH, 0x80n, 1n << 38n, GUEST_CODE]);
});
