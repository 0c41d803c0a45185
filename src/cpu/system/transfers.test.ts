import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, DATA, STACK_TOP } from '../testing/processor.ts';
import {
  CALL_GATE,
  CONFORMING_CODE,
  GDT,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_CODE_32,
  KERNEL_DATA,
  KERNEL_STACK,
  SPARE,
  SystemGuest,
  TASK,
  USER_CODE,
  USER_CODE_32,
  USER_DATA,
  USER_STACK,
} from './testing/system-guest.ts';

const HLT = 0xf4;
const IRETQ = [0x48, 0xcf];
const IRETD = [0xcf];
const SYSCALL = [0x0f, 0x05];
const SYSRETQ = [0x48, 0x0f, 0x07];
const NON_CANONICAL = 0x0000800000000000n;

/** Pushes words of `bytes`, the first one lowest, and leaves RSP at it. */
function push(guest: SystemGuest, bytes: 2 | 4 | 8, ...words: readonly (number | bigint)[]): void {
  const top = Number(guest.state.gpr(state.RSP)) - bytes * words.length;
  for (const [index, word] of words.entries()) {
    const at = top + index * bytes;
    if (bytes === 8) guest.view.setBigUint64(at, BigInt(word), true);
    else if (bytes === 4) guest.view.setUint32(at, Number(word), true);
    else guest.view.setUint16(at, Number(word), true);
  }
  guest.state.setGpr(state.RSP, BigInt(top));
}

test('IRETQ to CPL 3 loads everything and makes DPL 0 data segments null (SDM vol. 2A, IRET)', () => {
  using guest = new SystemGuest();
  push(guest, 8, DATA, USER_CODE, state.FLAG_IF | 2, USER_STACK, USER_DATA);
  guest.state.setSegment(state.FS, 0, 0, 0, 0x1234n);
  guest.load(DATA, [HLT]);
  const { vector, rip, cs, rsp, ss, rflags } = guest.delivered(IRETQ);
  deepEqual([vector, rip, cs, rsp, ss], [13, DATA, USER_CODE, USER_STACK, USER_DATA]);
  equal(rflags & state.FLAG_IF, state.FLAG_IF);
  equal(guest.state.segmentSelector(state.DS), 0);
  equal(guest.state.segmentBase(state.FS), 0x1234n);
});

test('IRETQ within CPL 0 takes RSP and SS from the frame too, SS null or not (SDM vol. 2A, IRET)', () => {
  for (const ss of [0, KERNEL_DATA]) {
    using guest = new SystemGuest();
    push(guest, 8, DATA, KERNEL_CODE, 2, 0x35008, ss);
    guest.load(DATA, [HLT]);
    equal(guest.run(IRETQ), EXIT_HLT);
    equal(guest.state.gpr(state.RSP), 0x35008n);
    equal(guest.state.segmentSelector(state.SS), ss);
  }
});

test('IRET refuses frames that make no sense, with the selector as error code (SDM vol. 2A, IRET)', () => {
  const frames = {
    'null CS': [DATA, 0, 2, STACK_TOP, KERNEL_DATA, 13, 0],
    'data as CS': [DATA, KERNEL_DATA, 2, STACK_TOP, KERNEL_DATA, 13, KERNEL_DATA],
    'CS past the table': [DATA, 0x1008, 2, STACK_TOP, KERNEL_DATA, 13, 0x1008],
    'RPL is not DPL': [DATA, KERNEL_CODE | 3, 2, STACK_TOP, USER_DATA, 13, KERNEL_CODE],
    'SS RPL is not CS RPL': [DATA, USER_CODE, 2, STACK_TOP, KERNEL_DATA, 13, KERNEL_DATA],
    'null SS at CPL 3': [DATA, USER_CODE, 2, STACK_TOP, 3, 13, 0],
    'non-canonical RIP': [NON_CANONICAL, KERNEL_CODE, 2, STACK_TOP, KERNEL_DATA, 13, 0],
  };
  for (const [name, [rip, cs, flags, rsp, ss, vector, error]] of Object.entries(frames)) {
    using guest = new SystemGuest();
    push(guest, 8, rip as number, cs as number, flags as number, rsp as number, ss as number);
    const before = guest.state.gpr(state.RSP);
    const frame = guest.delivered(IRETQ);
    deepEqual([name, frame.vector, frame.errorCode, frame.rip], [name, vector, error, CODE]);
    equal(BigInt(frame.rsp), before);
  }
});

test('IRET with NT set is #GP(0) in long mode (SDM vol. 2A, IRET)', () => {
  using guest = new SystemGuest();
  push(guest, 8, DATA, KERNEL_CODE, 2, STACK_TOP, KERNEL_DATA);
  guest.rflags = state.FLAG_NT;
  equal(guest.delivered(IRETQ).vector, 13);
});

test('IRETQ at CPL 3 keeps IOPL, and IF where IOPL is below 3 (SDM vol. 2A, IRET)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  guest.rflags = state.FLAG_IF;
  push(guest, 8, DATA, USER_CODE, state.FLAG_IOPL | state.FLAG_DF | 2, USER_STACK, USER_DATA);
  guest.load(DATA, [HLT]);
  const { rflags } = guest.delivered(IRETQ);
  equal(rflags & (state.FLAG_IOPL | state.FLAG_IF | state.FLAG_DF), state.FLAG_IF | state.FLAG_DF);
});

test('IRETQ to compatibility mode: 32-bit code, ESP zero-extended', () => {
  using guest = new SystemGuest();
  push(guest, 8, DATA, USER_CODE_32, 2, USER_STACK, USER_DATA);
  // 48 is DEC EAX in 32-bit code, REX.W in 64-bit code.
  guest.load(DATA, [0x48, HLT]);
  guest.state.setGpr(state.RAX, 5n);
  const { rip, cs } = guest.delivered(IRETQ);
  deepEqual([rip, cs, guest.state.gpr(state.RAX)], [DATA + 1, USER_CODE_32, 4n]);
});

test('IRETD in 64-bit mode pops five words of 32 bits', () => {
  using guest = new SystemGuest();
  push(guest, 4, DATA, KERNEL_CODE, 2, 0x35000, KERNEL_DATA);
  guest.load(DATA, [HLT]);
  equal(guest.run(IRETD), EXIT_HLT);
  equal(guest.state.gpr(state.RSP), 0x35000n);
});

test('SYSCALL: RCX and R11 keep RIP and RFLAGS, SFMASK clears flags, RSP stays (SDM vol. 2B, SYSCALL)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  guest.rflags = state.FLAG_IF | state.FLAG_DF;
  guest.state.setU64(state.OFFSET_LSTAR, BigInt(DATA));
  guest.state.setU64(state.OFFSET_SFMASK, BigInt(state.FLAG_IF));
  guest.load(DATA, [HLT]);
  equal(guest.run(SYSCALL), EXIT_HLT);
  equal(guest.state.gpr(state.RCX), BigInt(CODE + 2));
  equal(guest.state.gpr(state.R11), BigInt(state.FLAG_IF | state.FLAG_DF | 2));
  equal(guest.rflags, state.FLAG_DF);
  deepEqual(
    [guest.state.cpl, guest.state.segmentSelector(state.CS), guest.state.segmentSelector(state.SS)],
    [0, 8, 16],
  );
  equal(guest.state.gpr(state.RSP), BigInt(USER_STACK));
});

test('SYSCALL from compatibility mode goes to CSTAR; without EFER.SCE it is #UD (AMD APM vol. 3, SYSCALL)', () => {
  using guest = new SystemGuest();
  guest.enterUser(USER_CODE_32);
  guest.state.setU64(state.OFFSET_CSTAR, BigInt(DATA));
  guest.load(DATA, [HLT]);
  equal(guest.run(SYSCALL), EXIT_HLT);
  equal(guest.state.rip, BigInt(DATA + 1));

  using other = new SystemGuest();
  other.state.setU32(state.OFFSET_EFER, other.state.u32(state.OFFSET_EFER) & ~state.EFER_SCE);
  equal(other.delivered(SYSCALL).vector, 6);
});

test('SYSRET to 64-bit and to 32-bit code; R11 gives all flags but RF and VM (SDM vol. 2B, SYSRET)', () => {
  for (const [bytes, selector] of [
    [SYSRETQ, USER_CODE],
    [SYSRETQ.slice(1), USER_CODE_32 & ~3],
  ] as const) {
    using guest = new SystemGuest();
    guest.state.setU64(state.OFFSET_STAR, BigInt(0x18) << 48n);
    guest.state.setGpr(state.RCX, BigInt(DATA));
    guest.state.setGpr(state.R11, BigInt(state.FLAG_RF | state.FLAG_VM | state.FLAG_IF | state.FLAG_CF));
    guest.load(DATA, [HLT]);
    const frame = guest.delivered(bytes);
    deepEqual([frame.vector, frame.rip, frame.cs, frame.ss], [13, DATA, selector | 3, USER_DATA]);
    equal(frame.rflags & ~state.FLAG_RF, state.FLAG_IF | state.FLAG_CF | 2);
  }
});

test('SYSRET with a non-canonical RCX is #GP(0) at CPL 0 (SDM vol. 2B, SYSRET)', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RCX, NON_CANONICAL);
  const frame = guest.delivered(SYSRETQ);
  deepEqual([frame.vector, frame.errorCode, frame.cs], [13, 0, KERNEL_CODE]);
});

test('SYSENTER and SYSEXIT: selectors are offsets from SYSENTER_CS (SDM vol. 2B, SYSENTER, SYSEXIT)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  guest.rflags = state.FLAG_IF;
  guest.state.setU64(state.OFFSET_SYSENTER_CS, BigInt(KERNEL_CODE));
  guest.state.setU64(state.OFFSET_SYSENTER_ESP, BigInt(KERNEL_STACK));
  guest.state.setU64(state.OFFSET_SYSENTER_EIP, BigInt(DATA));
  guest.load(DATA, [HLT, 0x48, 0x0f, 0x35]); // hlt; sysexitq
  equal(guest.run([0x0f, 0x34]), EXIT_HLT);
  deepEqual([guest.state.cpl, guest.rflags & state.FLAG_IF], [0, 0]);
  equal(guest.state.gpr(state.RSP), BigInt(KERNEL_STACK));
  guest.state.setGpr(state.RCX, BigInt(USER_STACK));
  guest.state.setGpr(state.RDX, BigInt(CODE + 0x100));
  guest.load(CODE + 0x100, [HLT]);
  const frame = guest.frame(guest.continue());
  deepEqual([frame.rip, frame.cs, frame.ss], [CODE + 0x100, (KERNEL_CODE + 32) | 3, (KERNEL_CODE + 40) | 3]);
});

test('far CALL through a 64-bit call gate switches to RSP0 and copies no parameters (SDM vol. 3A, 5.8.5.1)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  guest.view.setUint16(DATA + 4, CALL_GATE | 3, true);
  guest.state.setGpr(state.RBX, BigInt(DATA));
  equal(guest.run([0xff, 0x1b]), EXIT_HLT); // call far [rbx]
  equal(guest.state.rip, BigInt(HANDLERS + 0x80 * 16 + 1));
  const stack = KERNEL_STACK - 32;
  equal(guest.state.gpr(state.RSP), BigInt(stack));
  const words = [0, 8, 16, 24].map((offset) => Number(guest.view.getBigUint64(stack + offset, true)));
  deepEqual(words, [CODE + 2, USER_CODE, USER_STACK, USER_DATA]);
});

test('far RET goes back out, dropping parameters from both stacks (SDM vol. 2B, RET)', () => {
  using guest = new SystemGuest();
  push(guest, 8, DATA, USER_CODE, 0x1111, USER_STACK, USER_DATA);
  guest.load(DATA, [HLT]);
  const frame = guest.delivered([0x48, 0xca, 8, 0]); // retfq 8
  deepEqual([frame.rip, frame.cs, frame.rsp], [DATA, USER_CODE, USER_STACK + 8]);
});

test('far JMP to a conforming segment keeps CPL; to DPL 0 code from CPL 3 it is #GP(selector)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  guest.view.setUint32(DATA, DATA + 0x100, true);
  guest.view.setUint16(DATA + 4, CONFORMING_CODE, true);
  guest.load(DATA + 0x100, [HLT]);
  guest.state.setGpr(state.RBX, BigInt(DATA));
  const conforming = guest.delivered([0xff, 0x2b]);
  deepEqual([conforming.vector, conforming.rip, conforming.cs], [13, DATA + 0x100, CONFORMING_CODE | 3]);

  using other = new SystemGuest();
  other.enterUser();
  other.view.setUint16(DATA + 4, KERNEL_CODE, true);
  other.state.setGpr(state.RBX, BigInt(DATA));
  const refused = other.delivered([0xff, 0x2b]);
  deepEqual([refused.vector, refused.errorCode, refused.rip], [13, KERNEL_CODE, CODE]);
});

test('far transfers to a TSS are #GP(selector) in long mode (SDM vol. 2A, JMP)', () => {
  using guest = new SystemGuest();
  guest.view.setUint16(DATA + 4, TASK, true);
  guest.state.setGpr(state.RBX, BigInt(DATA));
  const frame = guest.delivered([0xff, 0x2b]);
  deepEqual([frame.vector, frame.errorCode], [13, TASK]);
});

test('far CALL to 32-bit code within CPL 0 pushes CS and EIP and changes mode', () => {
  using guest = new SystemGuest();
  guest.view.setUint32(DATA, DATA + 0x100, true);
  guest.view.setUint16(DATA + 4, KERNEL_CODE_32, true);
  guest.state.setGpr(state.RBX, BigInt(DATA));
  guest.state.setGpr(state.RAX, 1n);
  guest.load(DATA + 0x100, [0x48, HLT]); // dec eax; hlt
  equal(guest.run([0xff, 0x1b]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0n);
  equal(guest.view.getUint32(STACK_TOP - 8, true), CODE + 2);
  equal(guest.view.getUint32(STACK_TOP - 4, true), KERNEL_CODE);
});

test('loading CS sets the accessed bit of its descriptor', () => {
  using guest = new SystemGuest();
  guest.descriptor(SPARE, 0, 0xfffff, 0xa09a);
  guest.view.setUint32(DATA, DATA + 0x100, true);
  guest.view.setUint16(DATA + 4, SPARE, true);
  guest.state.setGpr(state.RBX, BigInt(DATA));
  guest.load(DATA + 0x100, [HLT]);
  equal(guest.run([0xff, 0x2b]), EXIT_HLT);
  equal(guest.memory[GDT + SPARE + 5], 0x9b);
});
