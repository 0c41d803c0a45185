import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_BUDGET, EXIT_HLT, EXIT_WINDOW } from '../engine.ts';
import * as state from '../state.ts';
import { HANDLERS } from '../system/testing/system-guest.ts';
import { CODE } from '../testing/processor.ts';
import { assemble, GUEST_CODE, HypervisorGuest, VMCB } from './testing/hypervisor-guest.ts';
import * as vmcb from './vmcb.ts';

const SPIN = 'here: jmp here';
const V = 0x80000000n;

test('an interrupt for who runs the guest leaves it, and is taken once the global interrupt flag is set', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_INTR);
  guest.setField(vmcb.VINTR, vmcb.V_INTR_MASKING);
  guest.rflags = state.FLAG_IF;
  guest.vcpu.requestWindow();
  equal(guest.vcpu.interruptible(), true);
  guest.load(GUEST_CODE, assemble(SPIN, GUEST_CODE));
  guest.setField(vmcb.SAVE_RIP, GUEST_CODE);
  const host = assemble(`mov rax, ${VMCB}\nclgi\nsti\nvmrun\nstgi\nnop\nhlt`, CODE);
  guest.rflags = 0;
  equal(guest.run(host), EXIT_WINDOW);
  equal(guest.reason(EXIT_HLT).code, vmcb.VMEXIT_INTR);
  equal(guest.vcpu.interruptible(), true);
  guest.vcpu.injectInterrupt(0x41);
  equal(guest.continue(), EXIT_HLT);
  equal(Number(guest.state.rip), HANDLERS + 0x41 * 16 + 1);
});

test("with V_INTR_MASKING the flag of who runs the guest masks interrupts, not the guest's (APM vol. 2, 15.21.1)", () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_INTR);
  guest.setField(vmcb.VINTR, vmcb.V_INTR_MASKING);
  guest.setField(vmcb.SAVE_RFLAGS, state.FLAG_IF | 2);
  guest.vcpu.requestWindow();
  equal(guest.runGuest(SPIN, 1000), EXIT_BUDGET);
  equal(guest.vcpu.interruptsEnabled, false);
  equal(guest.isInGuest, true);
});

test('where interrupts are not intercepted the guest takes them itself', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.setField(vmcb.SAVE_RFLAGS, state.FLAG_IF | 2);
  guest.vcpu.requestWindow();
  equal(guest.runGuest(SPIN), EXIT_WINDOW);
  equal(guest.isInGuest, true);
  guest.vcpu.injectInterrupt(0x42);
  deepEqual(guest.reason(guest.continue()).rip, HANDLERS + 0x42 * 16);
});

test('an NMI leaves the guest and waits for STGI', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_NMI);
  guest.load(GUEST_CODE, assemble(SPIN, GUEST_CODE));
  guest.setField(vmcb.SAVE_RIP, GUEST_CODE);
  guest.vcpu.injectNmi();
  guest.state.setU32(state.OFFSET_SVM, state.SVM_GIF_CLEAR);
  equal(guest.run(assemble(`mov rax, ${VMCB}\nvmrun\nmov ebx, 1\nstgi\nmov ebx, 2\nhlt`, CODE)), EXIT_HLT);
  equal(guest.reason(EXIT_HLT).code, vmcb.VMEXIT_NMI);
  equal(guest.state.gpr(state.RBX), 1n);
  equal(Number(guest.state.rip), HANDLERS + 2 * 16 + 1);
});

test('a guest that clears the global interrupt flag itself is left for nothing until it sets it', () => {
  let injectNmi = (): void => {};
  using guest = new HypervisorGuest({ writePort: () => injectNmi() });
  injectNmi = () => guest.vcpu.injectNmi();
  guest.intercept(vmcb.VMEXIT_NMI);
  guest.load(GUEST_CODE, assemble('clgi\nout 0x80, al\nmov ebx, 1\nstgi\nmov ebx, 2\nhlt', GUEST_CODE));
  guest.setField(vmcb.SAVE_RIP, GUEST_CODE);
  const { code } = guest.reason(guest.resume());
  deepEqual([code, guest.state.gpr(state.RBX)], [vmcb.VMEXIT_NMI, 1n]);
});

test('an injected event is delivered before the first instruction, with its error code', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT, vmcb.VMEXIT_EXCEPTION + 13);
  guest.setField(vmcb.EVENTINJ, V | (1n << 11n) | (3n << 8n) | 13n | (0x55n << 32n));
  const { code, rip } = guest.left('nop');
  deepEqual([code, rip], [vmcb.VMEXIT_HLT, HANDLERS + 13 * 16], 'what is injected is not intercepted');
  const rsp = Number(guest.field(vmcb.SAVE_RSP));
  deepEqual([guest.view.getUint32(rsp, true), guest.view.getUint32(rsp + 8, true)], [0x55, GUEST_CODE]);
  equal(guest.field(vmcb.EVENTINJ) & V, 0n);
});

test('an injected INT n returns to nRIP', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.setField(vmcb.EVENTINJ, V | (4n << 8n) | 0x30n);
  guest.setField(vmcb.NRIP, GUEST_CODE + 2);
  equal(guest.left('nop').rip, HANDLERS + 0x30 * 16);
  equal(guest.view.getUint32(Number(guest.field(vmcb.SAVE_RSP)), true), GUEST_CODE + 2);
});

test('a fault as an event is injected leaves with the event in EXITINTINFO, RIP at the instruction', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_EXCEPTION + 13);
  guest.setField(vmcb.EVENTINJ, V | (4n << 8n) | 0x30n);
  guest.setField(vmcb.NRIP, GUEST_CODE + 2);
  guest.view.setUint32(VMCB + vmcb.SAVE_IDTR + vmcb.SEGMENT_LIMIT, 0x2ff, true);
  const { code, rip } = guest.left('nop');
  deepEqual([code, rip], [vmcb.VMEXIT_EXCEPTION + 13, GUEST_CODE]);
  equal(guest.field(vmcb.EXITINTINFO), V | (4n << 8n) | 0x30n);
});

test("a virtual interrupt waits for the guest's flag, and is over once taken (APM vol. 2, 15.21.4)", () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.view.setUint32(VMCB + vmcb.VINTR, vmcb.V_INTR_MASKING | vmcb.V_IRQ | (8 << vmcb.V_INTR_PRIO_SHIFT), true);
  guest.view.setUint8(VMCB + vmcb.V_INTR_VECTOR, 0x50);
  const { rip } = guest.left('mov ebx, 1\nsti\nmov ebx, 2\nmov ebx, 3\nhlt');
  deepEqual([rip, guest.state.gpr(state.RBX)], [HANDLERS + 0x50 * 16, 2n], 'not before what STI holds off');
  equal(guest.view.getUint32(VMCB + vmcb.VINTR, true) & vmcb.V_IRQ, 0);
});

test('nor before what the guest was entered with an interrupt shadow for', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_HLT);
  guest.view.setUint32(VMCB + vmcb.VINTR, vmcb.V_IRQ | (8 << vmcb.V_INTR_PRIO_SHIFT), true);
  guest.view.setUint8(VMCB + vmcb.V_INTR_VECTOR, 0x50);
  guest.setField(vmcb.INTERRUPT_SHADOW, 1);
  guest.setField(vmcb.SAVE_RFLAGS, state.FLAG_IF | 2);
  const { rip } = guest.left('mov ebx, 1\nmov ebx, 2\nhlt');
  deepEqual([rip, guest.state.gpr(state.RBX)], [HANDLERS + 0x50 * 16, 1n]);
});

test('a virtual interrupt waits for CR8 below its priority, which is V_TPR', () => {
  using guest = new HypervisorGuest();
  guest.intercept(vmcb.VMEXIT_VINTR);
  guest.view.setUint32(VMCB + vmcb.VINTR, vmcb.V_INTR_MASKING | vmcb.V_IRQ | (8 << vmcb.V_INTR_PRIO_SHIFT) | 9, true);
  const { code } = guest.left('sti\nnop\nmov rdx, cr8\nmov ebx, 1\nmov eax, 7\nmov cr8, rax\nmov ebx, 2\nhlt');
  equal(code, vmcb.VMEXIT_VINTR);
  deepEqual([guest.state.gpr(state.RDX), guest.state.gpr(state.RBX)], [9n, 1n]);
  equal(guest.view.getUint8(VMCB + vmcb.VINTR), 7);
});

test('INIT ends guest mode', () => {
  using guest = new HypervisorGuest();
  guest.nestPages();
  equal(guest.runGuest(SPIN, 1000), EXIT_BUDGET);
  equal(guest.isInGuest, true);
  guest.state.setU32(state.OFFSET_SVM, 0);
  guest.nestPage(CODE, 0);
  equal(guest.run(assemble('mov ebx, 7\nhlt', CODE)), EXIT_HLT);
  equal(guest.state.gpr(state.RBX), 7n);
});
