import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT, EXIT_HYPERCALL } from '../engine.ts';
import * as state from '../state.ts';
import { SystemGuest } from '../system/testing/system-guest.ts';
import { CODE, DATA, STACK_TOP } from '../testing/processor.ts';
import { assemble, GUEST_CODE, GUEST_STACK, HypervisorGuest, VMCB } from './testing/hypervisor-guest.ts';
import * as vmcb from './vmcb.ts';

const INVALID = -1;

function bytesOf(source: string): number[] {
  return assemble(source, CODE);
}

test('without EFER.SVME, or above CPL 0, the instructions are #UD and #GP(0) (APM vol. 3, VMRUN)', () => {
  for (const mnemonic of ['vmrun', 'vmload', 'vmsave', 'stgi', 'clgi', 'invlpga']) {
    using guest = new SystemGuest();
    equal(guest.delivered(bytesOf(mnemonic)).vector, 6, mnemonic);
    using user = new HypervisorGuest();
    user.enterUser();
    deepEqual([user.delivered(bytesOf(mnemonic)).vector, mnemonic], [13, mnemonic]);
  }
});

test('EFER.SVME and VM_HSAVE_PA are there where the platform offers SVM, and nowhere else', () => {
  const enable = 'mov ecx, 0xc0000080\nrdmsr\nor eax, 0x1000\nwrmsr\nhlt';
  const keep = 'mov ecx, 0xc0010117\nmov eax, 0x5000\nxor edx, edx\nwrmsr\nxor eax, eax\nrdmsr\nhlt';
  using without = new SystemGuest();
  equal(without.delivered(bytesOf(enable)).vector, 13);
  equal(without.delivered(bytesOf(keep)).vector, 13);
  using guest = new HypervisorGuest();
  equal(guest.run(bytesOf(enable)), EXIT_HLT);
  equal(guest.run(bytesOf(keep)), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0x5000n);
  equal(guest.delivered(bytesOf('mov ecx, 0xc0010117\nmov eax, 0x5001\nxor edx, edx\nwrmsr')).vector, 13);
});

test('a VMCB that is not a page of memory is #GP(0)', () => {
  for (const address of ['0x60008', '0x0ffffffff000', '0x40000000']) {
    using guest = new HypervisorGuest();
    equal(guest.delivered(bytesOf(`mov rax, ${address}\nvmrun`)).vector, 13, address);
  }
});

test('VMRUN runs the guest with its own registers, #VMEXIT brings back those of who ran it', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_CPUID);
  guest.setField(vmcb.SAVE_RAX, 0x1234);
  const reason = guest.left('mov rbx, rax\nmov [rsp-8], rsp\nmov rax, 0x5678\nstd\ncpuid');
  deepEqual(reason, { code: vmcb.VMEXIT_CPUID, info1: 0n, info2: 0n, rip: GUEST_CODE + 16, nextRip: GUEST_CODE + 18 });
  equal(guest.state.gpr(state.RBX), 0x1234n, 'general registers but RAX and RSP are not switched');
  equal(guest.field(vmcb.SAVE_RAX), 0x5678n);
  equal(guest.view.getUint32(GUEST_STACK - 8, true), GUEST_STACK);
  equal(guest.field(vmcb.SAVE_RFLAGS) & BigInt(state.FLAG_DF), BigInt(state.FLAG_DF));
  equal(guest.state.gpr(state.RAX), BigInt(VMCB));
  equal(guest.state.gpr(state.RSP), BigInt(STACK_TOP));
  equal(guest.rflags & state.FLAG_DF, 0);
});

test('a guest goes on where it was left, in its own mode', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  // A 16-bit guest without paging.
  guest.setField(vmcb.SAVE_CR0, 0x10);
  guest.setField(vmcb.SAVE_EFER, state.EFER_SVME);
  guest.setField(vmcb.SAVE_CR4, 0);
  guest.view.setUint16(VMCB + vmcb.SAVE_CS, 0x7000, true);
  guest.view.setUint16(VMCB + vmcb.SAVE_CS + vmcb.SEGMENT_ATTRIBUTES, 0x9b, true);
  guest.setField(vmcb.SAVE_CS + vmcb.SEGMENT_BASE, GUEST_CODE);
  guest.view.setUint32(VMCB + vmcb.SAVE_CS + vmcb.SEGMENT_LIMIT, 0xffff, true);
  guest.load(GUEST_CODE, assemble('mov ax, cs\nhlt\nmov ax, 7\nhlt', 0, 16));
  guest.setField(vmcb.SAVE_RIP, 0);
  equal(guest.reason(guest.resume()).code, vmcb.VMEXIT_HLT);
  equal(guest.field(vmcb.SAVE_RAX) & 0xffffn, 0x7000n);
  guest.setField(vmcb.SAVE_RIP, guest.field(vmcb.NRIP));
  equal(guest.reason(guest.resume()).code, vmcb.VMEXIT_HLT);
  equal(guest.field(vmcb.SAVE_RAX) & 0xffffn, 7n);
});

test('VMMCALL of a guest is never for the hypervisor under all: #UD, or an exit where it is intercepted', () => {
  using guest = new HypervisorGuest();
  equal(guest.run(bytesOf('vmmcall')), EXIT_HYPERCALL);
  guest.intercept(vmcb.VMEXIT_EXCEPTION + 6);
  equal(guest.left('vmmcall').code, vmcb.VMEXIT_EXCEPTION + 6);
  equal(guest.left('vmcall').code, vmcb.VMEXIT_EXCEPTION + 6);
  guest.intercept(vmcb.VMEXIT_VMMCALL);
  deepEqual(guest.left('nop\nvmmcall').code, vmcb.VMEXIT_VMMCALL);
});

test('VMSAVE and VMLOAD move what VMRUN leaves alone (APM vol. 2, 15.5.2)', () => {
  using guest = new HypervisorGuest();
  guest.state.setU64(state.OFFSET_LSTAR, 0x1111n);
  guest.state.setU64(state.OFFSET_KERNEL_GS_BASE, 0xaaaa_0000_0000_2222n);
  guest.state.setSegment(state.FS, 0x33, 0xc0f3, 0xffffffff, 0x4444n);
  equal(guest.run(bytesOf(`mov rax, ${DATA}\nvmsave\nhlt`)), EXIT_HLT);
  guest.state.setU64(state.OFFSET_LSTAR, 0n);
  guest.state.setU64(state.OFFSET_KERNEL_GS_BASE, 0n);
  guest.state.setSegment(state.FS, 0, 0, 0, 0n);
  equal(guest.run(bytesOf(`mov rax, ${DATA}\nvmload\nhlt`)), EXIT_HLT);
  equal(guest.state.u64(state.OFFSET_LSTAR), 0x1111n);
  equal(guest.state.u64(state.OFFSET_KERNEL_GS_BASE), 0x2222n, 'made canonical');
  deepEqual(
    [guest.state.segmentSelector(state.FS), guest.state.segmentAttributes(state.FS), guest.state.segmentBase(state.FS)],
    [0x33, 0xc0f3, 0x4444n],
  );
  equal(guest.state.segmentBase(state.TR), 0x8000n);
});

test('an impossible VMCB is VMEXIT_INVALID, with nothing run (APM vol. 2, 15.5.1)', () => {
  const wrong: Readonly<Record<string, (guest: HypervisorGuest) => void>> = {
    'VMRUN is not intercepted': (guest) => guest.setField(vmcb.INTERCEPT_WORDS + 0x10, 0),
    'ASID 0': (guest) => guest.setField(vmcb.GUEST_ASID, 0),
    'EFER.SVME clear': (guest) => guest.setField(vmcb.SAVE_EFER, 0x500),
    'unknown bits of EFER': (guest) => guest.setField(vmcb.SAVE_EFER, 0x1d00 | (1 << 16)),
    'CR0.NW without CD': (guest) => guest.setField(vmcb.SAVE_CR0, 0xa0000011n),
    'CR0 above 32 bits': (guest) => guest.setField(vmcb.SAVE_CR0, 0x180000011n),
    'unknown bits of CR4': (guest) => guest.setField(vmcb.SAVE_CR4, 1n << 40n),
    'long mode without PAE': (guest) => guest.setField(vmcb.SAVE_CR4, 0),
    'long mode without protection': (guest) => guest.setField(vmcb.SAVE_CR0, 0x80000010n),
    'CS with L and D': (guest) => guest.view.setUint16(VMCB + vmcb.SAVE_CS + 2, 0xe9b, true),
    'CR3 beyond physical memory': (guest) => guest.setField(vmcb.SAVE_CR3, 1n << 45n),
    'the same outside of long mode': (guest) => {
      guest.setField(vmcb.SAVE_EFER, state.EFER_SVME);
      guest.setField(vmcb.SAVE_CR3, 1n << 40n);
    },
    'DR7 above 32 bits': (guest) => guest.setField(vmcb.SAVE_DR7, 1n << 33n),
    'IOPM past the end': (guest) => guest.setField(vmcb.IOPM_BASE_PA, 0xff_ffff_e000n),
    'MSRPM up to the end': (guest) => guest.setField(vmcb.MSRPM_BASE_PA, 0xff_ffff_e000n),
    'nCR3 beyond physical memory': (guest) => {
      guest.nestPages();
      guest.setField(vmcb.N_CR3, 1n << 50n);
    },
    'a memory type there is not': (guest) => {
      guest.nestPages();
      guest.setField(vmcb.SAVE_G_PAT, 2);
    },
    'an event of no type': (guest) => guest.setField(vmcb.EVENTINJ, 0x80000000n | (1n << 8n)),
    'exception 32': (guest) => guest.setField(vmcb.EVENTINJ, 0x80000000n | (3n << 8n) | 32n),
  };
  for (const [name, spoil] of Object.entries(wrong)) {
    using guest = new HypervisorGuest();
    guest.intercept(vmcb.VMEXIT_HLT);
    spoil(guest);
    const { code, rip } = guest.left('hlt');
    deepEqual([name, code, rip], [name, INVALID, GUEST_CODE]);
    equal(guest.state.gpr(state.RAX), BigInt(VMCB));
  }
});

test('a VMCB of ones hurts nobody', () => {
  using guest = new HypervisorGuest();
  guest.memory.fill(0xff, VMCB, VMCB + 4096);
  equal(guest.reason(guest.resume()).code, INVALID);
});

test('the guest adds TSC_OFFSET to the counter while it runs', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.setField(vmcb.TSC_OFFSET, 1n << 40n);
  equal(guest.left('rdtsc\nhlt').code, vmcb.VMEXIT_HLT);
  equal(guest.state.gpr(state.RDX), 256n);
  equal(guest.run(bytesOf('rdtsc\nhlt')), EXIT_HLT);
  equal(guest.state.gpr(state.RDX), 0n);
});

test('VMRUN that is single-stepped traps once the guest was left, before the next instruction', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.load(GUEST_CODE, assemble('mov ebx, 5\nhlt', GUEST_CODE));
  guest.setField(vmcb.SAVE_RIP, GUEST_CODE);
  const { vector, rip } = guest.delivered(bytesOf(`mov rax, ${VMCB}\npush 0x102\npopf\nvmrun\nnop\nhlt`));
  deepEqual([vector, rip, guest.state.gpr(state.RBX)], [1, CODE + 7 + 5 + 1 + 3, 5n]);
});

test('without nested paging impossible PDPTEs are VMEXIT_INVALID too, and who runs the guest goes on unharmed', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.setField(vmcb.SAVE_EFER, state.EFER_SVME);
  guest.setField(vmcb.SAVE_CR3, DATA);
  guest.setField(vmcb.SAVE_DR7, 0x401);
  guest.view.setUint16(VMCB + vmcb.SAVE_CS + vmcb.SEGMENT_ATTRIBUTES, 0xc9b, true);
  guest.view.setBigUint64(DATA, (1n << 52n) | BigInt(DATA + 0x1000) | 1n, true);
  equal(guest.left('hlt').code, INVALID);
  equal(guest.state.u64(state.OFFSET_DR + 7 * 8), 0x400n);
  guest.view.setBigUint64(DATA, BigInt(DATA + 0x1000) | 1n, true);
  guest.view.setBigUint64(DATA + 0x1000, 0x83n, true);
  equal(guest.left('hlt').code, vmcb.VMEXIT_HLT);
});
