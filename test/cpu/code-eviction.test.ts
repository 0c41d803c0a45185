import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_BUDGET, EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { RAX, RBX, RCX } from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';

// Code goes when room is needed, in the middle of what a guest does, and is shared between frames that hold the same:
// neither may change what the guest computes.

const assembler = new Assembler(ALL_INSTRUCTIONS);
/** Segments of 2,048 records, of which half are kept free. */
const LITTLE_ROOM = 8 * 2048 * 16;
/** How often the driver calls a function: what compiles whatever it comes to is slow. */
const TIERS = [
  { tier: 'interpreter', regions: false, rounds: 400 },
  { tier: 'hot regions', regions: true, rounds: 400 },
  { tier: 'regions', regions: 'eager', rounds: 60 },
] as const;

/** A processor, and its engine. */
function processor(regions: boolean | 'eager', recordRoom?: number) {
  const engines: InterpreterEngine[] = [];
  const cpu = new TestProcessor({}, (memory) => {
    const options = recordRoom === undefined ? { regions } : { regions, recordRoom };
    const engine = new InterpreterEngine(memory, ALL_INSTRUCTIONS, options);
    engines.push(engine);
    return engine;
  });
  return { cpu, engine: engines[0] as InterpreterEngine };
}

function assemble(source: string, origin: number): number[] {
  return [...assembler.assemble(source, { origin }).bytes];
}

const PAGES = 60;
const FUNCTIONS = 0x100000;

// Each page holds a function of 300 instructions, no two alike, with a loop and a branch that depends on the data.
function functionOf(page: number): string {
  return `
    mov ecx, 3
  again:
    imul ebx, ebx, 1664525
    add ebx, ${1013904223 + page}
    test ebx, ${1 << ((page % 20) + 8)}
    jz even
    rol ebx, ${1 + (page % 30)}
  even:
    ${Array.from({ length: 95 }, (_, index) => `add ebx, ${index * page + 1}\nxor ebx, ${0x1234 * (index + 1)}\nlea ebx, [rbx+rbx*2]`).join('\n')}
    dec ecx
    jnz again
    ret`;
}

// Calls them in an order that is that of their results.
const driver = (rounds: number): string => `
  mov ebx, 12345
  mov esi, ${rounds}
next:
  mov eax, ebx
  shr eax, 9
  xor edx, edx
  mov edi, ${PAGES}
  div edi
  shl edx, 12
  lea rdx, [rdx + ${FUNCTIONS}]
  call rdx
  dec esi
  jnz next
  hlt
`;

/** What the driver computes. */
function result(regions: boolean | 'eager', recordRoom: number | undefined, rounds: number, budget: number) {
  const { cpu, engine } = processor(regions, recordRoom);
  for (let page = 0; page < PAGES; page++) {
    const at = FUNCTIONS + page * 4096;
    cpu.load(at, assemble(functionOf(page), at));
  }
  cpu.load(CODE, assemble(driver(rounds), CODE));
  cpu.state.rip = BigInt(CODE);
  cpu.vcpu.exactBudget = true;
  const start = cpu.vcpu.instructions;
  while (cpu.continue(budget) === EXIT_BUDGET);
  return { value: cpu.state.gpr(RBX), count: cpu.vcpu.instructions - start, engine };
}

for (const { tier, regions, rounds } of TIERS) {
  test(`whatever goes to make room, code computes the same, in as many instructions [${tier}]`, () => {
    const expected = result(false, undefined, rounds, 1_000_000);
    for (const budget of [1_000_000, 977]) {
      const { value, count, engine } = result(regions, LITTLE_ROOM, rounds, budget);
      ok(engine.code.counts.evictions > 8, `${engine.code.counts.evictions} segments made room`);
      equal(value, expected.value);
      equal(count, expected.count);
    }
  });

  test(`pages with the same code are decoded once, and what one of them becomes is its own affair [${tier}]`, () => {
    const { cpu, engine } = processor(regions);
    const [first, second, third] = [0x200000, 0x300000, 0x400000];
    // Adds one and returns.
    const body = (value: number) => assemble(`times 200 add eax, ${value}\nret`, 0);
    for (const at of [first, second, third]) cpu.load(at, body(1));
    const call = (at: number): bigint => {
      cpu.load(CODE, assemble(`xor eax, eax\nmov ecx, 50\nagain: call ${at}\ndec ecx\njnz again\nhlt`, CODE));
      cpu.state.rip = BigInt(CODE);
      equal(cpu.continue(), EXIT_HLT);
      return cpu.state.gpr(RAX);
    };
    equal(call(first), 10_000n);
    const before = engine.code.counts.decoded;
    equal(call(second), 10_000n);
    equal(call(third), 10_000n);
    ok(engine.code.counts.decoded - before < 50, 'only the calls were decoded');

    // A device, or a hypercall, writes one of them.
    cpu.load(second, body(2));
    equal(call(second), 20_000n);
    equal(call(first), 10_000n);
    // The guest writes another: the first of its additions becomes an addition of 9.
    cpu.load(CODE, assemble(`mov byte [${first + 2}], 9\nhlt`, CODE));
    cpu.state.rip = BigInt(CODE);
    equal(cpu.continue(), EXIT_HLT);
    equal(call(first), 10_400n);
    equal(call(third), 10_000n);
    equal(call(second), 20_000n);
    // Back to what it was.
    cpu.load(second, body(1));
    equal(call(second), 10_000n);
  });

  test(`what a guest changed in its code is still there for who has it as it was [${tier}]`, () => {
    const { cpu, engine } = processor(regions);
    const [first, second] = [0x200000, 0x300000];
    // Patches itself, in the middle of its own code, and goes on.
    const patched = 'mov byte [patch + 1], 7\npatch: mov eax, 1';
    const body = (at: number) => assemble(`times 200 add ebx, 1\n${patched}\nadd eax, ebx\nhlt`, at);
    const run = (at: number): bigint => {
      cpu.state.setGpr(RBX, 0n);
      cpu.state.rip = BigInt(at);
      equal(cpu.continue(), EXIT_HLT);
      return cpu.state.gpr(RAX);
    };
    // The address in the patch is that of the first: the second is a copy of it, and patches the first again.
    cpu.load(first, body(first));
    equal(run(first), 207n);
    const before = engine.code.counts.decoded;
    cpu.load(second, body(first));
    equal(run(second), 201n);
    ok(engine.code.counts.decoded - before < 100, `${engine.code.counts.decoded - before} instructions were decoded`);
    equal(run(first), 207n);
    equal(run(second), 201n);
  });

  test(`pages that are alike only where code was decoded so far part where they differ [${tier}]`, () => {
    const { cpu } = processor(regions);
    // The same start; where RBX says so, on to code that is not the same.
    const body = (value: number) =>
      assemble(`test ebx, ebx\njnz other\nmov eax, 1\nhlt\ntimes 256 nop\nother: mov eax, ${value}\nhlt`, 0);
    const run = (at: number, rbx: bigint): bigint => {
      cpu.state.setGpr(RBX, rbx);
      cpu.state.rip = BigInt(at);
      equal(cpu.continue(), EXIT_HLT);
      return cpu.state.gpr(RAX);
    };
    const [first, second] = [0x200000, 0x300000];
    cpu.load(first, body(5));
    cpu.load(second, body(5));
    for (let times = 0; times < 3; times++) for (const at of [first, second]) equal(run(at, 0n), 1n);
    // Beside what was decoded, so that nobody has to be told; then in one page and the other.
    cpu.load(second, body(7));
    equal(run(first, 1n), 5n);
    equal(run(second, 0n), 1n);
    equal(run(second, 1n), 7n);
    equal(run(first, 1n), 5n);
    equal(run(second, 1n), 7n);
  });

  test(`an instruction across two pages that both change again and again is what they are [${tier}]`, () => {
    const { cpu } = processor(regions);
    const rounds = tier === 'regions' ? 60 : 600;
    const at = 0x300000 - 2;
    cpu.load(at, assemble('mov eax, 0\nret', at));
    // Its immediate is half in the one page and half in the other. Sometimes one of them stays as it is.
    const source = `
      mov ecx, ${rounds}
    again:
      test cl, 3
      jz second
      mov [${at + 1}], cl
    second:
      mov edx, ecx
      shr edx, 1
      mov [${at + 2}], dl
      call ${at}
      add ebx, eax
      dec ecx
      jnz again
      hlt`;
    cpu.load(CODE, assemble(source, CODE));
    cpu.state.setGpr(RBX, 0n);
    cpu.state.rip = BigInt(CODE);
    while (cpu.continue(1_000_000) === EXIT_BUDGET);
    let [sum, low] = [0, 0];
    for (let count = rounds; count > 0; count--) {
      if (count % 4 !== 0) low = count & 0xff;
      sum += low + (((count >> 1) & 0xff) << 8);
    }
    equal(cpu.state.gpr(RBX), BigInt(sum));
  });

  test(`who writes his own code gives the thread back in time, and goes on right [${tier}]`, () => {
    const { cpu } = processor(regions);
    // The immediate of the instruction after it changes each time round.
    cpu.load(
      CODE,
      assemble(
        'mov ecx, 20000\nagain: inc byte [patched + 1]\npatched: mov eax, 0\nadd ebx, eax\ndec ecx\njnz again\nhlt',
        CODE,
      ),
    );
    cpu.state.setGpr(RBX, 0n);
    cpu.state.rip = BigInt(CODE);
    let runs = 1;
    for (; cpu.continue(1_000_000) === EXIT_BUDGET; runs++);
    ok(runs > 10, `in ${runs} runs`);
    equal(cpu.state.gpr(RCX), 0n);
    let sum = 0;
    for (let round = 1; round <= 20000; round++) sum += round & 0xff;
    equal(cpu.state.gpr(RBX), BigInt(sum));
  });
}

test('writes beside code find the page as they do any other, until code is decoded there', () => {
  const { cpu, engine } = processor(false);
  const data = CODE + 0x400;
  cpu.load(CODE, assemble(`mov ecx, 1000\nagain: add dword [${data}], 3\ndec ecx\njnz again\nhlt`, CODE));
  cpu.state.rip = BigInt(CODE);
  equal(cpu.continue(), EXIT_HLT);
  equal(cpu.view.getUint32(data, true), 3000);
  equal(engine.code.invalidations, 0);
  // Now these bytes are code, and then they are written again: mov eax, 1 becomes mov eax, 5.
  const source = `call ${data}\nmov ebx, eax\nadd dword [${data + 1}], 4\ncall ${data}\nhlt`;
  cpu.load(CODE, assemble(source, CODE));
  cpu.load(data, assemble('mov eax, 1\nret', data));
  cpu.state.rip = BigInt(CODE);
  equal(cpu.continue(), EXIT_HLT);
  equal(cpu.state.gpr(RBX), 1n);
  equal(cpu.state.gpr(RAX), 5n);
  equal(engine.code.invalidations, 1);
});
