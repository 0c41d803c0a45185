import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_BUDGET } from '../engine.ts';
import { RAX, RBX, RCX, RDI, RSP } from '../state.ts';
import { CODE, DATA, TestProcessor } from '../testing/processor.ts';

// mov eax, imm32; jmp $
const movEax = (value: number): number[] => [0xb8, value, 0, 0, 0];
const STAY = [0xeb, 0xfe];

test('an instruction that was written by the one before it is seen (SDM vol. 3A, 8.1.3: same processor)', () => {
  using cpu = new TestProcessor();
  // mov byte [rip+1], 7; mov eax, 1; jmp $  — the store changes the immediate of the MOV after it
  equal(cpu.run([0xc6, 0x05, 1, 0, 0, 0, 7, ...movEax(1), ...STAY], CODE, 100), EXIT_BUDGET);
  equal(cpu.state.gpr(RAX), 7n);
});

// Most pairs that begin so have one handler together.
for (const [name, store, at] of [
  ['PUSH', [0x50], 1],
  ['MOV', [0x48, 0x89, 0x07], 3],
] as const) {
  test(`what ${name} writes over the instruction after it is executed, not what was there`, () => {
    using cpu = new TestProcessor();
    // mov rbx, rcx; jmp $
    cpu.state.setGpr(RAX, 0x90_9090_feeb_cb8948n);
    cpu.state.setGpr(RCX, 5n);
    cpu.state.setGpr(RSP, BigInt(CODE + at + 8));
    cpu.state.setGpr(RDI, BigInt(CODE + at));
    // mov rbx, rdx; jmp $
    cpu.run([...store, 0x48, 0x89, 0xd3, ...STAY, 0x90, 0x90, 0x90], CODE, 100);
    equal(cpu.state.gpr(RBX), 5n);
  });
}

test('code that ran, was changed from another page and runs again is the new code', () => {
  using cpu = new TestProcessor();
  cpu.load(DATA, [...movEax(1), 0xc3]);
  // call DATA; mov ebx, eax; mov byte [DATA+1], 9; call DATA; jmp $
  const call = (from: number): number[] => [0xe8, ...int32(DATA - (from + 5))];
  const store = [0xc6, 0x04, 0x25, ...int32(DATA + 1), 9];
  cpu.run([...call(CODE), 0x89, 0xc3, ...store, ...call(CODE + 15), ...STAY], CODE, 100);
  equal(cpu.state.gpr(RBX), 1n);
  equal(cpu.state.gpr(RAX), 9n);
});

test('a loop linked to itself ends when it is patched from outside', () => {
  using cpu = new TestProcessor();
  // inc ecx; jmp back
  cpu.run([0xff, 0xc1, 0xeb, 0xfc], CODE, 1000);
  ok(cpu.state.gpr(RCX) > 400n);
  cpu.load(CODE + 2, STAY);
  cpu.continue(10);
  const count = cpu.state.gpr(RCX);
  cpu.continue(1000);
  equal(cpu.state.gpr(RCX), count);
});

test('an instruction across two pages is taken anew when either page changes', () => {
  using cpu = new TestProcessor();
  const at = DATA - 3;
  const code = [...movEax(1), ...STAY];
  cpu.run(code, at, 100);
  equal(cpu.state.gpr(RAX), 1n);
  cpu.load(DATA - 2, [5]);
  cpu.run(
    code.map((byte, index) => (index === 1 ? 5 : byte)),
    at,
    100,
  );
  equal(cpu.state.gpr(RAX), 5n);
  cpu.load(DATA, [0, 1]);
  cpu.state.rip = BigInt(at);
  cpu.continue(100);
  equal(cpu.state.gpr(RAX), 0x01000005n);
});

test('data beside code can be written without dropping the code', () => {
  using cpu = new TestProcessor();
  // inc dword [CODE + 0x800]; inc ecx; cmp ecx, 1000; jne back; jmp $
  const code = [0xff, 0x04, 0x25, ...int32(CODE + 0x800), 0xff, 0xc1, 0x81, 0xf9, ...int32(1000), 0x75, 0xef, ...STAY];
  cpu.run(code, CODE, 10_000);
  equal(cpu.view.getUint32(CODE + 0x800, true), 1000);
});

test('instructions are counted one by one, across linked and looked-up branches', () => {
  using cpu = new TestProcessor();
  const before = cpu.vcpu.instructions;
  // mov ecx, 10; dec ecx; jne back; jmp $ until the budget ends
  const code = [0xb9, ...int32(10), 0xff, 0xc9, 0x75, 0xfc, ...STAY];
  cpu.run(code, CODE, 1 + 10 * 2 + 5);
  equal(cpu.vcpu.instructions - before, 26);
});

function int32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
