/** What a region may rely on beyond its own page: where calls lead, what is mapped there, and instructions across two pages. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_BUDGET, EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { InterpreterEngine } from '../../src/cpu/interpreter/engine.ts';
import { RBX } from '../../src/cpu/state.ts';
import { CODE, TestProcessor } from '../../src/cpu/testing/processor.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const TIERS = [
  { tier: 'interpreter', regions: false, rounds: 3000 },
  { tier: 'hot regions', regions: true, rounds: 600_000 },
  { tier: 'regions', regions: 'eager', rounds: 3000 },
] as const;

/** Linear addresses of two pages, whose entries the guest itself may change. */
const NEAR = 0x40000000;
const TABLE = 0x91000;
const FRAMES = [0x400000, 0x401000, 0x402000] as const;

class Guest extends TestProcessor {
  readonly engine: InterpreterEngine;

  constructor(regions: boolean | 'eager') {
    const engines: InterpreterEngine[] = [];
    super({}, (memory) => {
      const engine = new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions });
      engines.push(engine);
      return engine;
    });
    this.engine = engines[0] as InterpreterEngine;
    this.view.setBigUint64(0x2008, 0x90003n, true);
    this.view.setBigUint64(0x90000, BigInt(TABLE) | 3n, true);
    for (const [page, frame] of FRAMES.entries()) this.map(page, frame);
  }

  map(page: number, frame: number): void {
    this.view.setBigUint64(TABLE + page * 8, BigInt(frame) | 3n, true);
  }

  assemble(at: number, source: string, origin = at): void {
    this.load(at, [...assembler.assemble(source, { origin }).bytes]);
  }

  /** EBX after a program. */
  result(source: string): number {
    this.assemble(CODE, `${source}\nhlt`);
    this.state.rip = BigInt(CODE);
    // In small pieces: between them what is hot is translated.
    let exit = this.continue(2000);
    while (exit === EXIT_BUDGET) exit = this.continue(2000);
    equal(exit, EXIT_HLT);
    return Number(this.state.gpr(RBX) & 0xffffffffn);
  }
}

/** How the function is called, and what else it does: what is long is not taken in by regions that call it. */
const CALLS = [
  ['direct', `call ${NEAR}`, ''],
  ['indirect', `mov ebp, ${NEAR}\n call rbp`, ''],
  ['direct, of a long function', `call ${NEAR}`, 'nop\n'.repeat(100)],
] as const;

/** Calls `function` so many times and adds up what it returns; every 256th time does something else before. */
const loop = (rounds: number, something: string, call: string = CALLS[0][1]): string => `
  mov esi, ${rounds}
  xor ebx, ebx
next:
  mov edx, esi
  and edx, 0xff
  jnz call
  ${something}
call:
  ${call}
  add ebx, eax
  dec esi
  jnz next`;

for (const { tier, regions, rounds } of TIERS) {
  const changes = Math.floor(rounds / 256);

  for (const [name, call, rest] of CALLS) {
    test(`a call leads to what is mapped there now [${name}, ${tier}]`, () => {
      using guest = new Guest(regions);
      for (const [value, frame] of FRAMES.entries()) guest.assemble(frame, `mov eax, ${value + 1}\n${rest}ret`);
      const swap = `
      mov rdi, [${TABLE}]
      mov rax, [${TABLE + 8}]
      mov [${TABLE}], rax
      mov [${TABLE + 8}], rdi
      mov edi, ${NEAR}
      invlpg [rdi]`;
      let [sum, value] = [0, 1];
      for (let left = rounds; left > 0; left--) {
        if (left % 256 === 0) value = 3 - value;
        sum = (sum + value) >>> 0;
      }
      equal(guest.result(loop(rounds, swap, call)), sum);
      if (regions === true) ok((guest.engine.regions?.made.promoted ?? 0) > 0, 'the loop took the function in');
    });

    test(`and to what was written there last [${name}, ${tier}]`, () => {
      using guest = new Guest(regions);
      guest.assemble(FRAMES[0], `mov eax, 0\n${rest}ret`);
      // The immediate.
      const rewrite = `inc dword [${FRAMES[0] + 1}]`;
      let [sum, value] = [0, 0];
      for (let left = rounds; left > 0; left--) {
        if (left % 256 === 0) value++;
        sum = (sum + value) >>> 0;
      }
      equal(guest.result(loop(rounds, rewrite, call)), sum);
      ok(changes > 10);
    });
  }

  test(`an indirect call leads to where it is told, and that is not always where it went before [${tier}]`, () => {
    using guest = new Guest(regions);
    guest.assemble(FRAMES[0], 'mov eax, 1\nret', NEAR);
    guest.assemble(FRAMES[1], 'mov eax, 1000\nret', NEAR + 4096);
    const call = `
      xor ebp, ebp
      test esi, 15
      setz bpl
      shl ebp, 12
      add ebp, ${NEAR}
      call rbp`;
    const others = Math.floor(rounds / 16);
    equal(guest.result(loop(rounds, 'nop', call)), others * 1000 + rounds - others);
    if (regions === true) ok((guest.engine.regions?.made.promoted ?? 0) > 0, 'the loop took a function in');
  });

  test(`a return leads to where it is told, and that is not always behind the call [${tier}]`, () => {
    using guest = new Guest(regions);
    // Every 16th call goes on 5 bytes later: past the `add ebx, 100`.
    guest.assemble(FRAMES[0], 'test esi, 15\nmov eax, 1\njnz done\nadd qword [rsp], 6\ndone: ret', NEAR);
    const program = `
      mov esi, ${rounds}
      xor ebx, ebx
    next:
      call ${NEAR}
      add ebx, 100000
      add ebx, eax
      dec esi
      jnz next`;
    const skipped = Math.floor(rounds / 16);
    equal(guest.result(program), Number(BigInt.asUintN(32, BigInt(rounds + (rounds - skipped) * 100000))));
  });

  test(`an instruction across two pages is what both of them hold [${tier}]`, () => {
    using guest = new Guest(regions);
    // The immediate's last byte is the first one of the second page.
    guest.assemble(FRAMES[0] + 4096 - 4, 'mov eax, 0x01000001\nret', NEAR + 4096 - 4);
    const [first, second] = [FRAMES[0] + 4093, FRAMES[1]];
    const change = `inc byte [${second}]\nxor byte [${first}], 2`;
    const program = loop(rounds, change).replace(`call ${NEAR}`, `call ${NEAR + 4096 - 4}`);
    let [sum, value] = [0, 0x01000001];
    for (let left = rounds; left > 0; left--) {
      if (left % 256 === 0) value = ((value + 0x01000000) ^ 2) >>> 0;
      sum = (sum + value) >>> 0;
    }
    equal(guest.result(program), sum);
  });
}
