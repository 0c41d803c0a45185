import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT, EXIT_SHUTDOWN } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, DATA, STACK_TOP } from '../testing/processor.ts';
import { initState, resetState, startUp } from './reset.ts';
import {
  CODE_16,
  CODE_32,
  DATA_32,
  EXECUTE_ONLY,
  EXPAND_DOWN,
  LEGACY_CALL_GATE,
  LegacyGuest,
  READ_ONLY,
  SMALL_CODE,
  SMALL_DATA,
} from './testing/legacy-guest.ts';
import {
  ABSENT_DATA,
  GDT,
  HANDLERS,
  IDT,
  KERNEL_STACK,
  SystemGuest,
  USER_CODE_32,
  USER_DATA,
  USER_STACK,
} from './testing/system-guest.ts';

const HLT = 0xf4;
const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff];
const dword = (value: number): number[] => [...word(value), ...word(value >>> 16)];
/** mov ax, selector; mov ds, ax */
const loadDs = (selector: number): number[] => [0x66, 0xb8, ...word(selector), 0x8e, 0xd8];

test('segment limits: the last byte counts, expand-down the other way round (SDM vol. 3A, 5.3)', () => {
  const cases = [
    [SMALL_DATA, 0xffc, 'ok'],
    [SMALL_DATA, 0xffd, 13],
    [SMALL_DATA, 0xffffffff, 13],
    [EXPAND_DOWN, 0xffc, 13],
    [EXPAND_DOWN, 0x1000, 'ok'],
    [EXPAND_DOWN, 0xfffffffd, 13],
  ] as const;
  for (const [selector, offset, expected] of cases) {
    using guest = new LegacyGuest();
    const code = [...loadDs(selector), 0xa1, ...dword(offset), HLT]; // mov eax, [offset]
    const exit = guest.run(code);
    if (expected === 'ok') {
      deepEqual([selector, offset, guest.state.rip], [selector, offset, BigInt(CODE + code.length)]);
      continue;
    }
    const frame = guest.frame32(exit);
    deepEqual([selector, offset, frame.vector, frame.errorCode, frame.eip], [selector, offset, 13, 0, CODE + 6]);
  }
});

test('INVLPG accesses nothing: neither a limit nor a null selector faults (SDM vol. 2A, INVLPG)', () => {
  for (const [selector, offset] of [
    [SMALL_DATA, 0x1000],
    [EXPAND_DOWN, 0],
    [0, 0],
  ] as const) {
    using guest = new LegacyGuest();
    const code = [...loadDs(selector), 0x0f, 0x01, 0x3d, ...dword(offset), HLT]; // invlpg [offset]
    guest.run(code);
    deepEqual([selector, guest.state.rip], [selector, BigInt(CODE + code.length)]);
  }
});

test('a base is added to offsets; addresses wrap at 4 GiB', () => {
  using guest = new LegacyGuest();
  guest.view.setUint32(0x20010, 0xcafe, true);
  equal(guest.run([...loadDs(SMALL_DATA), 0xa1, ...dword(0x10), HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0xcafen);
  guest.descriptor(SMALL_DATA, 0xfffff000, 0xfffff, 0xc093);
  equal(guest.run([...loadDs(SMALL_DATA), 0xa1, ...dword(0x21010), HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0xcafen);
});

test('writes through read-only or code segments and reads through execute-only ones are #GP(0)', () => {
  using guest = new LegacyGuest();
  const store = guest.delivered32([...loadDs(READ_ONLY), 0xa3, ...dword(DATA)]);
  deepEqual([store.vector, store.errorCode, store.eip], [13, 0, CODE + 6]);
  using other = new LegacyGuest();
  const load = other.delivered32(loadDs(EXECUTE_ONLY));
  deepEqual([load.vector, load.errorCode], [13, EXECUTE_ONLY]);
  using code = new LegacyGuest();
  equal(code.delivered32([0x2e, 0xa3, ...dword(DATA)]).vector, 13); // mov cs:[DATA], eax
});

test('loading segment registers: null, absent, past the table, privilege (SDM vol. 2B, MOV)', () => {
  const cases = [
    [ABSENT_DATA, 11, ABSENT_DATA],
    [0x1000, 13, 0x1000],
    [CODE_32, 'ok', 0],
    [3, 'ok', 0],
  ] as const;
  for (const [selector, expected, error] of cases) {
    using guest = new LegacyGuest();
    const exit = guest.run([...loadDs(selector), HLT]);
    if (expected === 'ok') {
      equal(guest.state.rip, BigInt(CODE + 7));
      continue;
    }
    const frame = guest.frame32(exit);
    deepEqual([selector, frame.vector, frame.errorCode], [selector, expected, error]);
  }
  using user = new LegacyGuest();
  user.enterUser(USER_CODE_32);
  const frame = user.delivered32(loadDs(DATA_32));
  deepEqual([frame.vector, frame.errorCode], [13, DATA_32]);
});

test('a use of a null segment is #GP(0), of SS past its limit #SS(0)', () => {
  using guest = new LegacyGuest();
  const frame = guest.delivered32([...loadDs(0), 0xa1, ...dword(DATA)]);
  deepEqual([frame.vector, frame.errorCode], [13, 0]);

  using stack = new LegacyGuest();
  stack.state.setSegment(state.SS, SMALL_DATA, 0x4093, 0xfff, 0x20000n);
  stack.state.setGpr(state.RSP, 0x1000n);
  stack.state.setGpr(state.RBP, 0xffen);
  const read = stack.delivered32([0x8b, 0x45, 0x00]); // mov eax, [ebp]
  equal(read.vector, 12);
});

test('fetching past the limit of CS is #GP(0) (SDM vol. 3A, 5.3)', () => {
  using guest = new LegacyGuest();
  guest.load(CODE + 0xff0, new Array(16).fill(0x90));
  const frame = guest.delivered32([0xea, ...dword(0xff0), ...word(SMALL_CODE)], DATA);
  deepEqual([frame.vector, frame.errorCode, frame.eip, frame.cs], [13, 0, 0x1000, SMALL_CODE]);
});

test('from CPL 3 a handler runs on SS0:ESP0; EFLAGS, SS and ESP are pushed (SDM vol. 3A, 6.12.1)', () => {
  using guest = new LegacyGuest();
  guest.enterUser(USER_CODE_32);
  const frame = guest.delivered32([0x0f, 0x0b]);
  deepEqual(
    [frame.vector, frame.eip, frame.cs, ...frame.rest.slice(0, 2)],
    [6, CODE, USER_CODE_32, USER_STACK, USER_DATA],
  );
  equal(guest.state.gprLo(state.RSP), KERNEL_STACK - 20);
  equal(guest.state.segmentSelector(state.SS), DATA_32);
});

test('IRETD goes back out to CPL 3', () => {
  using guest = new LegacyGuest();
  const words = [DATA, USER_CODE_32, state.FLAG_IF | 2, USER_STACK, USER_DATA];
  for (const [index, value] of words.entries()) guest.view.setUint32(STACK_TOP - 20 + index * 4, value, true);
  guest.state.setGpr(state.RSP, BigInt(STACK_TOP - 20));
  guest.load(DATA, [HLT]);
  const frame = guest.delivered32([0xcf]);
  deepEqual(
    [frame.vector, frame.eip, frame.cs, ...frame.rest.slice(0, 2)],
    [13, DATA, USER_CODE_32, USER_STACK, USER_DATA],
  );
  equal(guest.state.segmentSelector(state.DS), 0);
});

test('a call gate to an inner level copies parameters to the new stack (SDM vol. 3A, 5.8.5)', () => {
  using guest = new LegacyGuest();
  guest.enterUser(USER_CODE_32);
  // push 11; push 22; call far gate
  const code = [0x6a, 0x11, 0x6a, 0x22, 0x9a, ...dword(0), ...word(LEGACY_CALL_GATE | 3)];
  equal(guest.run(code), EXIT_HLT);
  equal(guest.state.rip, BigInt(HANDLERS + 0x80 * 16 + 1));
  const top = guest.state.gprLo(state.RSP);
  const words = Array.from({ length: 6 }, (_, index) => guest.view.getUint32(top + index * 4, true));
  deepEqual(words, [CODE + code.length, USER_CODE_32, 0x22, 0x11, USER_STACK - 8, USER_DATA]);
  // retf 8 brings it back with both stacks clean
  guest.load(DATA, [0xca, 8, 0]);
  guest.load(CODE + code.length, [HLT]);
  guest.state.rip = BigInt(DATA);
  const back = guest.frame32(guest.continue());
  deepEqual([back.eip, back.cs, back.rest[0]], [CODE + code.length, USER_CODE_32, USER_STACK]);
});

test('16-bit code: operands, addresses and the stack pointer are 16 bits wide', () => {
  using guest = new LegacyGuest();
  guest.descriptor(CODE_16, CODE, 0xffff, 0x009b);
  guest.descriptor(SMALL_DATA, 0x20000, 0xffff, 0x0093);
  guest.state.setGpr(state.RSP, 0x7fff1000n);
  // mov eax, imm (as ax), mov ss, push ax, hlt
  guest.load(CODE, [0xb8, ...word(SMALL_DATA), 0x8e, 0xd0, 0x50, HLT]);
  equal(guest.run([0xea, ...dword(0), ...word(CODE_16)], DATA), EXIT_HLT);
  equal(guest.state.gpr(state.RSP), 0x7fff0ffen);
  equal(guest.view.getUint16(0x20000 + 0xffe, true), SMALL_DATA);
});

test('a processor comes out of reset in real mode at FFFF:FFF0 and its vectors are at 0 (SDM vol. 3A, 9.1)', () => {
  using guest = new SystemGuest();
  resetState(guest.state);
  deepEqual([guest.state.rip, guest.state.segmentBase(state.CS)], [0xfff0n, 0xffff0000n]);
  guest.vcpu.flushTlb();
  guest.state.setSegment(state.CS, CODE >>> 4, 0x93, 0xffff, BigInt(CODE));
  guest.state.setGpr(state.RSP, 0x9000n);
  // int 40h with its vector at 3000:0010, and IRET from there
  guest.memory.fill(0, 0, 0x400);
  guest.load(0x40 * 4, [...word(0x10), ...word(0x3000)]);
  guest.load(0x30010, [0x40, 0xcf]); // inc ax; iret
  guest.load(CODE, [0xfb, 0xcd, 0x40, HLT]); // sti; int 40h; hlt
  guest.state.rip = 0n;
  equal(guest.vcpu.run(100), EXIT_HLT);
  deepEqual([guest.state.gpr(state.RAX), guest.state.gpr(state.RSP), guest.state.rip], [1n, 0x9000n, 4n]);
  equal(guest.rflags & state.FLAG_IF, state.FLAG_IF);
  deepEqual([...guest.memory.subarray(0x8ffa, 0x8ffe)], [3, 0, ...word(CODE >>> 4)]);
});

test('from real mode to protected mode and back (SDM vol. 3A, 9.9)', () => {
  using guest = new LegacyGuest();
  const gdtr = 0x1800;
  guest.load(gdtr, [...word(0xff), ...dword(GDT)]);
  resetState(guest.state);
  guest.vcpu.flushTlb();
  guest.state.setSegment(state.CS, CODE >>> 4, 0x93, 0xffff, BigInt(CODE));
  const real = [
    ...[0x0f, 0x01, 0x16, ...word(gdtr)], // lgdt [gdtr]
    ...[0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0], // mov eax, cr0; or al, 1; mov cr0, eax
    ...[0x66, 0xea, ...dword(DATA), ...word(CODE_32)], // jmp far dword
  ];
  guest.load(CODE, real);
  guest.load(DATA, [...loadDs(DATA_32), 0xb8, ...dword(0x12345678), HLT]);
  guest.state.rip = 0n;
  equal(guest.vcpu.run(100), EXIT_HLT);
  deepEqual([guest.state.gpr(state.RAX), guest.state.segmentLimit(state.DS)], [0x12345678n, 0xffffffff]);
  // jmp to 16-bit code, clear PE, jmp far: DS keeps its big limit
  guest.descriptor(CODE_16, CODE, 0xffff, 0x009b);
  guest.load(CODE + 0x100, [
    ...[0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0], // and al, FE
    ...[0xea, ...word(0x200), ...word(CODE >>> 4)],
  ]);
  guest.load(CODE + 0x200, [0x67, 0x66, 0xa1, ...dword(DATA), HLT]); // mov eax, [DATA]
  guest.load(DATA + 0x100, [0xea, ...dword(0x100), ...word(CODE_16)]);
  guest.state.rip = BigInt(DATA + 0x100);
  equal(guest.vcpu.run(100), EXIT_HLT);
  equal(guest.state.gprLo(state.RAX), guest.view.getUint32(DATA, true));
  equal(guest.state.segmentSelector(state.CS), CODE >>> 4);
});

test('IRET enters virtual-8086 mode, an exception leaves it with all segments pushed (SDM vol. 3A, 20.2)', () => {
  using guest = new LegacyGuest();
  const words = [0x10, 0x2000, state.FLAG_VM | state.FLAG_IF | 2, 0x8000, 0x3000, 0x2100, 0x2200, 0x2300, 0x2400];
  for (const [index, value] of words.entries()) guest.view.setUint32(STACK_TOP - 36 + index * 4, value, true);
  guest.state.setGpr(state.RSP, BigInt(STACK_TOP - 36));
  guest.load(0x20010, [0xb8, 0x34, 0x12, HLT]); // mov ax, 1234; hlt
  const frame = guest.delivered32([0xcf]);
  deepEqual([frame.vector, frame.eip, frame.cs], [13, 0x13, 0x2000]);
  deepEqual(frame.rest, [0x8000, 0x3000, 0x2100, 0x2200, 0x2300, 0x2400]);
  equal(frame.eflags & state.FLAG_VM, state.FLAG_VM);
  equal(guest.state.gpr(state.RAX), 0x1234n);
  deepEqual([guest.state.cpl, guest.state.segmentSelector(state.DS), guest.rflags & state.FLAG_VM], [0, 0, 0]);
});

test('virtual-8086 mode: CLI, PUSHF, POPF, INT n and IRET need IOPL 3, INT3 does not (SDM vol. 3A, 20.2.7)', () => {
  for (const bytes of [[0xfa], [0xfb], [0x9c], [0x9d], [0xcd, 0x40], [0xcf]]) {
    using guest = new LegacyGuest();
    guest.enterVm86(CODE >>> 4, 0);
    guest.load(CODE, bytes);
    guest.state.rip = 0n;
    const frame = guest.frame32(guest.vcpu.run(10));
    deepEqual([bytes, frame.vector, frame.errorCode, frame.eip], [bytes, 13, 0, 0]);
  }
  using guest = new LegacyGuest();
  guest.legacyGate(IDT + 3 * 8, CODE_32, HANDLERS + 3 * 16, 14, 3);
  guest.enterVm86(CODE >>> 4, 0);
  guest.load(CODE, [0xcc]);
  guest.state.rip = 0n;
  equal(guest.frame32(guest.vcpu.run(10)).vector, 3);

  using allowed = new LegacyGuest();
  allowed.enterVm86(CODE >>> 4, 3);
  allowed.load(CODE, [0xfb, 0x9c, 0x5b, 0xfa, HLT]); // sti; pushf; pop bx; cli; hlt
  allowed.state.rip = 0n;
  equal(allowed.frame32(allowed.vcpu.run(10)).vector, 13);
  equal(allowed.state.gprLo(state.RBX) & 0x3200, 0x3200);
});

test('an IDT that is too small shuts real mode down as well', () => {
  using guest = new SystemGuest();
  resetState(guest.state);
  guest.vcpu.flushTlb();
  guest.state.setU32(state.OFFSET_IDTR + 8, 0);
  guest.state.setSegment(state.CS, CODE >>> 4, 0x93, 0xffff, BigInt(CODE));
  guest.load(CODE, [0x0f, 0x0b]);
  guest.state.rip = 0n;
  equal(guest.vcpu.run(10), EXIT_SHUTDOWN);
});

test('INIT and a start-up IPI: real mode at the vector, with the FPU, the TSC and MSRs as they were (SDM vol. 3A, 8.4)', () => {
  using guest = new SystemGuest();
  const { state: registers } = guest;
  registers.setU64(state.OFFSET_LSTAR, 0x1234n);
  registers.setU64(state.OFFSET_XMM, 7n);
  registers.setGpr(state.RBX, 5n);
  initState(registers);
  startUp(registers, CODE >>> 12);
  guest.vcpu.flushTlb();
  guest.load(CODE, [0x8c, 0xc8, HLT]); // mov ax, cs
  equal(guest.vcpu.run(10), EXIT_HLT);
  deepEqual([registers.gpr(state.RAX), registers.gpr(state.RBX)], [BigInt(CODE >>> 4), 0n]);
  deepEqual([registers.u64(state.OFFSET_LSTAR), registers.u64(state.OFFSET_XMM)], [0x1234n, 7n]);
  deepEqual([registers.u32(state.OFFSET_CR0), registers.u32(state.OFFSET_EFER)], [state.CR0_ET, 0]);
});
