import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import * as state from '../state.ts';
import { CODE } from '../testing/processor.ts';
import { SystemGuest } from './testing/system-guest.ts';

const HLT = 0xf4;
/** mov ecx, number; rdmsr */
const readMsr = (number: number) => [0xb9, number & 0xff, number >> 8, 0, 0, 0x0f, 0x32];
/** mov ecx, 1d9h; mov eax, value; xor edx, edx; wrmsr: 14 bytes */
const debugControl = (value: number) => [
  0xb9,
  0xd9,
  1,
  0,
  0,
  0xb8,
  value & 0xff,
  value >> 8,
  0,
  0,
  0x31,
  0xd2,
  0x0f,
  0x30,
];
const LBR = debugControl(1);
const AFTER = CODE + LBR.length;

/** What a register holds once code has run with branches recorded. */
function recorded(code: readonly number[], register: number): number {
  using guest = new SystemGuest();
  guest.run([...LBR, ...code, ...readMsr(register), HLT]);
  return guest.state.gprLo(state.RAX);
}

test('the last branch is recorded, from where and to where, also to the next instruction', () => {
  deepEqual([recorded([0xeb, 0], 0x1db), recorded([0xeb, 0], 0x1dc)], [AFTER, AFTER + 2]);
});

test('calls and returns through memory and stack are branches; conditional ones only where they are taken', () => {
  const callAndReturn = [0xe8, 2, 0, 0, 0, 0xeb, 1, 0xc3]; // call 1f; jmp 2f; 1: ret; 2:
  deepEqual([recorded(callAndReturn, 0x1db), recorded(callAndReturn, 0x1dc)], [AFTER + 5, AFTER + 8]);
  const notTaken = [0xeb, 0, 0x31, 0xc0, 0x75, 1, 0x90, 0x0f, 0x85, 1, 0, 0, 0, 0x90]; // jmp; xor; jnz +1; nop; jnz +1; nop
  deepEqual([recorded(notTaken, 0x1db), recorded(notTaken, 0x1dc)], [AFTER, AFTER + 2]);
  const taken = [0x31, 0xc0, 0x74, 1, 0x90]; // xor; jz +1; nop
  deepEqual([recorded(taken, 0x1db), recorded(taken, 0x1dc)], [AFTER + 2, AFTER + 5]);
});

test('nothing is recorded while LBR is clear', () => {
  using guest = new SystemGuest();
  guest.run([0xeb, 0, ...readMsr(0x1db), HLT]);
  deepEqual(guest.state.gprLo(state.RAX), 0);
});

test('what was the last branch as an exception came is kept apart', () => {
  using guest = new SystemGuest();
  guest.delivered([...LBR, 0xeb, 0, 0x0f, 0x0b]);
  guest.state.rip = BigInt(CODE + 0x800);
  guest.run([...readMsr(0x1dd), HLT], CODE + 0x800);
  const from = guest.state.gprLo(state.RAX);
  guest.run([...readMsr(0x1de), HLT], CODE + 0x800);
  deepEqual([from, guest.state.gprLo(state.RAX)], [AFTER, AFTER + 2]);
});

test('#DB ends the recording before its handler runs', () => {
  using guest = new SystemGuest();
  guest.delivered([...LBR, 0xf1]); // int1
  deepEqual(guest.state.u32(state.OFFSET_DEBUGCTL), 0);
});

test('branch stepping and trace messages are not there: their bits are #GP (XSA-269)', () => {
  for (const value of [1 << 1, 1 << 6, 1 << 7, 1 << 8]) {
    using guest = new SystemGuest();
    deepEqual(guest.delivered(debugControl(value)).vector, 13);
  }
});
