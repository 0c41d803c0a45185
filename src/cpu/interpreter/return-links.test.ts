import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { RAX, RBX, RCX, RDX, RSP } from '../state.ts';
import { CODE, DATA, PML4, STACK_TOP, TestProcessor } from '../testing/processor.ts';

const CALLED = 0x12000;
// call CALLED; inc ebx; jmp back
const LOOP = [0xe8, ...int32(CALLED - (CODE + 5)), 0xff, 0xc3, 0xeb, 0xf7];
// inc edx; jmp $
const ELSEWHERE = [0xff, 0xc2, 0xeb, 0xfe];
const RET = 0xc3;

test('a call that returned often comes back elsewhere where the function changed the address space', () => {
  using cpu = new TestProcessor();
  cpu.state.setGpr(RDX, 0n);
  const other = 0x5000;
  mapOtherwise(cpu, other);
  cpu.load(DATA + 5, ELSEWHERE);
  // mov cr3, rax; ret
  cpu.load(CALLED, [0x0f, 0x22, 0xd8, RET]);
  cpu.state.setGpr(RAX, BigInt(PML4));
  cpu.run(LOOP, CODE, 100);
  const turns = cpu.state.gpr(RBX);
  ok(turns > 15n);
  cpu.state.setGpr(RAX, BigInt(other));
  cpu.continue(100);
  equal(cpu.state.gpr(RDX), 1n);
  ok(cpu.state.gpr(RBX) <= turns + 1n);
});

test('a return goes where the stack says, not where it went before', () => {
  using cpu = new TestProcessor();
  cpu.state.setGpr(RDX, 0n);
  cpu.load(DATA, ELSEWHERE);
  // dec ecx; jz +1; ret; mov [rsp], rax; ret
  cpu.load(CALLED, [0xff, 0xc9, 0x74, 1, RET, 0x48, 0x89, 0x04, 0x24, RET]);
  cpu.state.setGpr(RCX, 10n);
  cpu.state.setGpr(RAX, BigInt(DATA));
  cpu.run(LOOP, CODE, 200);
  equal(cpu.state.gpr(RBX), 9n);
  equal(cpu.state.gpr(RDX), 1n);
  equal(cpu.state.gpr(RSP), BigInt(STACK_TOP));
});

test('what is behind a call and was changed by the function is executed as it is now', () => {
  using cpu = new TestProcessor();
  cpu.state.setGpr(RDX, 0n);
  // dec ecx; jnz +7; mov [CODE+5], eax; ret
  cpu.load(CALLED, [0xff, 0xc9, 0x75, 7, 0x89, 0x04, 0x25, ...int32(CODE + 5), RET]);
  cpu.state.setGpr(RCX, 10n);
  cpu.state.setGpr(RAX, BigInt(new DataView(Uint8Array.from(ELSEWHERE).buffer).getUint32(0, true)));
  cpu.run(LOOP, CODE, 200);
  equal(cpu.state.gpr(RBX), 9n);
  equal(cpu.state.gpr(RDX), 1n);
});

// 2 MiB as they are, but DATA in the place of CODE.
function mapOtherwise(cpu: TestProcessor, root: number): void {
  for (const level of [0, 1, 2]) cpu.view.setUint32(root + level * 0x1000, (root + (level + 1) * 0x1000) | 7, true);
  for (let page = 0; page < 512; page++) {
    const frame = page * 4096 === CODE ? DATA : page * 4096;
    cpu.view.setUint32(root + 0x3000 + page * 8, frame | 7, true);
  }
}

function int32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
