import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, DATA, STACK_TOP } from '../testing/processor.ts';
import { CODE_32, DATA_32, LegacyGuest, SECOND_TASK, SECOND_TSS, TASK_32, TASK_GATE } from './testing/legacy-guest.ts';
import { GDT, IDT, KERNEL_CODE_32, TSS, USER_CODE_32 } from './testing/system-guest.ts';

const HLT = 0xf4;
const dword = (value: number): number[] => [value, value >>> 8, value >>> 16, value >>> 24].map((byte) => byte & 0xff);
const far = (selector: number): number[] => [...dword(0), selector & 0xff, selector >>> 8];
const busy = (guest: LegacyGuest, selector: number): boolean => (guest.view.getUint8(GDT + selector + 5) & 2) !== 0;

// Fields of a 32-bit TSS (SDM vol. 3A, figure 7-2)
const LINK = 0;
const EIP = 0x20;
const EFLAGS = 0x24;
const EAX = 0x28;
const ESP = 0x38;
const SEGMENTS = 0x48;
const LDT = 0x60;
const TRAP = 0x64;

class TaskGuest extends LegacyGuest {
  constructor() {
    super();
    this.field(EIP, DATA);
    this.field(EFLAGS, 2);
    this.field(EAX, 0x11223344);
    this.field(ESP, STACK_TOP - 0x1000);
    for (const [index, selector] of [DATA_32, CODE_32, DATA_32, DATA_32, 0, 0].entries()) {
      this.field(SEGMENTS + index * 4, selector);
    }
    this.load(DATA, [HLT]);
  }

  /** Sets a field of the second task. */
  field(offset: number, value: number): void {
    this.view.setUint32(SECOND_TSS + offset, value, true);
  }
}

test('JMP to a TSS saves this task, loads that one, and moves the busy bit (SDM vol. 3A, 7.3)', () => {
  using guest = new TaskGuest();
  guest.state.setGpr(state.RBX, 0x55667788n);
  equal(guest.run([0xea, ...far(SECOND_TASK)]), EXIT_HLT);
  equal(guest.state.rip, BigInt(DATA + 1));
  deepEqual([guest.state.gpr(state.RAX), guest.state.gpr(state.RSP)], [0x11223344n, BigInt(STACK_TOP - 0x1000)]);
  equal(guest.view.getUint32(TSS + EIP, true), CODE + 7);
  equal(guest.view.getUint32(TSS + EAX + 3 * 4, true), 0x55667788);
  equal(guest.view.getUint32(TSS + SEGMENTS + 4, true), CODE_32);
  deepEqual([busy(guest, TASK_32), busy(guest, SECOND_TASK)], [false, true]);
  equal(guest.state.segmentSelector(state.TR), SECOND_TASK);
  equal(guest.rflags & state.FLAG_NT, 0);
  equal(guest.state.u32(state.OFFSET_CR0) & state.CR0_TS, state.CR0_TS);
});

test('CALL nests: the link is set, NT too, and IRET goes back (SDM vol. 3A, 7.4)', () => {
  using guest = new TaskGuest();
  guest.load(DATA, [0x40, 0xcf]); // inc eax; iret
  const call = [0x9a, ...far(TASK_GATE)];
  guest.state.setGpr(state.RAX, 7n);
  equal(guest.run([...call, HLT]), EXIT_HLT);
  equal(guest.state.rip, BigInt(CODE + call.length + 1));
  equal(guest.state.gpr(state.RAX), 7n);
  equal(guest.view.getUint16(SECOND_TSS + LINK, true), TASK_32);
  equal(guest.view.getUint32(SECOND_TSS + EAX, true), 0x11223345);
  equal(guest.view.getUint32(SECOND_TSS + EFLAGS, true) & state.FLAG_NT, 0);
  deepEqual([busy(guest, TASK_32), busy(guest, SECOND_TASK)], [true, false]);
  equal(guest.rflags & state.FLAG_NT, 0);
});

test('a fault through a task gate leaves its error code on the new stack; IRET tries again (SDM vol. 3A, 6.12.2)', () => {
  using guest = new TaskGuest();
  guest.legacyGate(IDT + 13 * 8, SECOND_TASK, 0, 5);
  // The handler drops the error code, repairs DS of the faulting task and returns.
  guest.load(DATA, [0x58, 0xc7, 0x05, ...dword(TSS + SEGMENTS + 3 * 4), ...dword(DATA_32), 0xcf]);
  guest.state.setSegment(state.DS, 0, 0, 0, 0n);
  guest.view.setUint32(0x30000, 0x77, true);
  equal(guest.run([0xa1, ...dword(0x30000), HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0x77n);
});

test('a TSS that is busy, absent or too small is refused before anything changes (SDM vol. 3A, 7.3)', () => {
  const cases = [
    ['busy', 0x8b, 0x67, 13],
    ['absent', 0x09, 0x67, 11],
    ['small', 0x89, 0x66, 10],
  ] as const;
  for (const [name, attributes, limit, vector] of cases) {
    using guest = new TaskGuest();
    guest.descriptor(SECOND_TASK, SECOND_TSS, limit, attributes);
    const frame = guest.delivered32([0xea, ...far(SECOND_TASK)]);
    deepEqual([name, frame.vector, frame.errorCode, frame.eip], [name, vector, SECOND_TASK, CODE]);
    equal(guest.state.segmentSelector(state.TR), TASK_32);
    equal(busy(guest, TASK_32), true);
  }
});

test('what the new task cannot load is its own #TS, with its EIP (SDM vol. 3A, 7.3)', () => {
  const cases = [
    ['CS', SEGMENTS + 4, DATA_32, DATA_32],
    ['SS', SEGMENTS + 8, CODE_32, CODE_32],
    ['LDT', LDT, DATA_32, DATA_32],
  ] as const;
  for (const [name, field, selector, error] of cases) {
    using guest = new TaskGuest();
    guest.field(field, selector);
    // Without SS there is no stack at CPL 0: #TS goes to a third task.
    guest.descriptor(KERNEL_CODE_32, SECOND_TSS + 0x100, 0x67, 0x89);
    guest.legacyGate(IDT + 10 * 8, KERNEL_CODE_32, 0, 5);
    const third = SECOND_TSS + 0x100;
    for (let at = 0; at < 0x68; at += 4) guest.view.setUint32(third + at, 0, true);
    guest.view.setUint32(third + EIP, 0x30000, true);
    guest.view.setUint32(third + ESP, STACK_TOP, true);
    for (const [index, value] of [DATA_32, CODE_32, DATA_32, DATA_32, 0, 0].entries()) {
      guest.view.setUint32(third + SEGMENTS + index * 4, value, true);
    }
    guest.load(0x30000, [0x58, HLT]); // pop eax; hlt
    equal(guest.run([0xea, ...far(SECOND_TASK)]), EXIT_HLT);
    deepEqual([name, guest.state.gpr(state.RAX), guest.state.rip], [name, BigInt(error), 0x30002n]);
    equal(guest.view.getUint32(SECOND_TSS + EIP, true), DATA);
  }
});

test('the T bit traps before the first instruction of the new task, with DR6.BT (SDM vol. 3B, 17.3.1.5)', () => {
  using guest = new TaskGuest();
  guest.field(TRAP, 1);
  const frame = guest.delivered32([0xea, ...far(SECOND_TASK)]);
  deepEqual([frame.vector, frame.eip], [1, DATA]);
  equal(guest.state.u32(state.OFFSET_DR + 48) & (1 << 15), 1 << 15);
});

test('a TSS descriptor of DPL 0 cannot be reached from CPL 3, a task gate of DPL 3 can (SDM vol. 3A, 7.2.2)', () => {
  using guest = new TaskGuest();
  guest.enterUser(USER_CODE_32);
  const frame = guest.delivered32([0xea, ...far(SECOND_TASK)]);
  deepEqual([frame.vector, frame.errorCode], [13, SECOND_TASK]);

  using gate = new TaskGuest();
  gate.enterUser(USER_CODE_32);
  equal(gate.run([0x9a, ...far(TASK_GATE | 3)]), EXIT_HLT);
  equal(gate.state.cpl, 0);
});
