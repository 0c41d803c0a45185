import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_BUDGET, EXIT_LEAVE, EXIT_WINDOW, type Intercepts } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { ELEMENTS_AT_ONCE } from '../../src/cpu/instructions/string.ts';
import { FLAG_IF, OFFSET_RFLAGS_REST, RAX, RBX, RCX, RDI, RDX, RSI } from '../../src/cpu/state.ts';
import { HANDLERS, SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE, DATA } from '../../src/cpu/testing/processor.ts';
import { ENGINES, type EngineMaker, forEveryEngine } from './engines.ts';

// Whatever the budgets are, the same number of instructions leads to the same state (engine.ts, exactBudget).

const assembler = new Assembler(ALL_INSTRUCTIONS);
const MMIO = 0x3000_0000;

function guest(make: EngineMaker, source: string, platform: Partial<Intercepts> = {}): SystemGuest {
  const it = new SystemGuest(platform, make);
  it.vcpu.exactBudget = true;
  const symbols = { DATA, MMIO };
  it.load(CODE, [...assembler.assemble(source, { origin: CODE, symbols }).bytes]);
  it.state.rip = BigInt(CODE);
  return it;
}

const MIXED = `
  mov rax, on_ud
  mov [0x4000 + 6 * 16], ax
  shr rax, 16
  mov [0x4000 + 6 * 16 + 6], ax
again:
  mov ecx, 5
  lea rsi, [DATA]
count:
  mov eax, [rsi+rcx*4]
  add eax, ecx
  mov [rsi+rcx*4], eax
  test ecx, ecx
  jz out
  dec ecx
  jnz count
out:
  call leaf
  ud2
  inc byte [patched + 1]
patched:
  mov edx, 1
  xor ebx, edx
  lea rdi, [DATA + 0x100]
  mov ecx, 40
  rep movsb
  jmp page_end
leaf:
  push rbx
  times 130 add r8, r9
  pop rbx
  ret
on_ud:
  add qword [rsp], 2
  iretq
align 4096
  resb 4096 - 9
page_end:
  add ebx, 1
  add edx, 1
  add r10d, ebx                     ; ends where the page does
  cmp ebx, 3
  jl page_end
  xor ebx, edx
  cmp ebx, 3
  jne again
  jmp again
`;
const STEPS = 1500;

forEveryEngine('after n instructions the state is the same, however they were portioned', (make) => {
  const trace = portions(ENGINES[0]?.make ?? make, [1]);
  for (const sizes of [[2], [3], [7], [111], [112], [113], [150, 1], [500], [STEPS], [1, 2, 3, 5, 8, 13, 21, 34]]) {
    const other = portions(make, sizes);
    for (const [count, state] of other) equal(state, trace.get(count), `after ${count} in portions of ${sizes}`);
  }
});

/** The registers after each portion, by the number of instructions so far. */
function portions(make: EngineMaker, sizes: readonly number[]): Map<number, string> {
  using it = guest(make, MIXED);
  const start = it.vcpu.instructions;
  const states = new Map<number, string>();
  for (let done = 0, i = 0; done < STEPS; i++) {
    const size = Math.min(sizes[i % sizes.length] as number, STEPS - done);
    equal(it.continue(size), EXIT_BUDGET);
    done += size;
    equal(it.vcpu.instructions - start, done);
    const registers = [RAX, RBX, RCX, RDX, RSI, RDI].map((register) => it.state.gpr(register).toString(16));
    states.set(done, `${it.state.rip.toString(16)} ${registers.join(' ')}`);
  }
  return states;
}

forEveryEngine(
  'intercepts see the number of instructions before theirs: ports, MMIO in hot loops, hypercall or not',
  (make) => {
    const seen: number[] = [];
    const note = (): number => seen.push(it.vcpu.instructions);
    const platform = { readPort: note, readMmio: note, writeMmio: note };
    using it = guest(
      make,
      'mov ecx, 3\nagain: add eax, 1\nin al, 0x80\nmov edx, [MMIO]\nmov [MMIO], edx\ndec ecx\njnz again',
      platform,
    );
    it.vcpu.run(19);
    deepEqual(seen, [2, 3, 4, 8, 9, 10, 14, 15, 16]);
  },
);

forEveryEngine('whoever asks to leave gets it after the instruction, in the middle of a block too', (make) => {
  using it = guest(make, 'times 5 inc eax\nmov [MMIO], eax\ntimes 5 inc eax\njmp $', {
    writeMmio: () => it.vcpu.leave(),
  });
  equal(it.continue(1000), EXIT_LEAVE);
  equal(it.state.gpr(RAX), 5n);
  it.continue(3);
  equal(it.state.gpr(RAX), 8n);
});

forEveryEngine('a repeated instruction counts by its elements, in blocks or one by one', (make) => {
  for (const address of [0x100000, MMIO]) {
    using it = guest(make, 'rep stosb\njmp $');
    it.state.setGpr(RDI, BigInt(address));
    it.state.setGpr(RCX, BigInt(ELEMENTS_AT_ONCE * 2 + 1));
    it.continue(1);
    equal(it.state.gpr(RCX), BigInt(ELEMENTS_AT_ONCE + 1));
    it.continue(2);
    equal(it.state.gpr(RCX), 0n);
    equal(it.state.rip, BigInt(CODE + 2));
  }
});

forEveryEngine('a budget does not end where STI holds interrupts off: nothing comes between it and HLT', (make) => {
  using it = guest(make, 'nop\nsti\nnop\njmp $');
  const before = it.vcpu.instructions;
  equal(it.continue(2), EXIT_BUDGET);
  equal(it.vcpu.instructions - before, 3);
  equal(it.vcpu.interruptible(), true);
});

forEveryEngine(
  'an interrupt window opens after the instruction that STI protects, at the end of a page too',
  (make) => {
    using it = guest(make, 'nop');
    it.load(CODE + 4095, [0xfb, 0x90, 0x90, 0xeb, 0xfe]);
    it.state.setU32(OFFSET_RFLAGS_REST, it.state.u32(OFFSET_RFLAGS_REST) & ~FLAG_IF);
    it.state.rip = BigInt(CODE + 4095);
    it.vcpu.requestWindow();
    equal(it.continue(1000), EXIT_WINDOW);
    equal(it.state.rip, BigInt(CODE + 4097));
  },
);

forEveryEngine('an interrupt window opens after the POPF that sets IF, whatever comes after it in its run', (make) => {
  using it = guest(make, 'push 0x202\npopfq\nnop\nnop\nagain:\njmp again');
  it.state.setU32(OFFSET_RFLAGS_REST, it.state.u32(OFFSET_RFLAGS_REST) & ~FLAG_IF);
  it.vcpu.requestWindow();
  const before = it.vcpu.instructions;
  equal(it.continue(1000), EXIT_WINDOW);
  equal(it.vcpu.instructions - before, 2);
  equal(it.state.rip, BigInt(CODE + 6));
});

forEveryEngine('a guest whose exceptions only raise exceptions uses up its budget', (make) => {
  using it = guest(make, 'ud2');
  it.interruptGate(6, 0, 1);
  it.load(HANDLERS + 6 * 16, [0x0f, 0x0b]);
  equal(it.continue(1000), EXIT_BUDGET);
});
