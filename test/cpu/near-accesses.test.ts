/**
 * Accesses that one look-up in the TLB may serve: several by one register, and one that a loop repeats. What is true of
 * the first need not be true of the others.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
/** Two pages of linear memory, in frames that are not next to each other. */
const PAGES = 0x40000000;
const SECOND = PAGES + 0x1000;
const TABLE = 0x91000;
const FRAMES = [0x400000, 0x500000] as const;
/** Offset in the program. */
const FUNCTION = 0x100;
const WRITABLE = 3;
const READ_ONLY = 1;

class Guest extends SystemGuest {
  constructor(make: EngineMaker) {
    super({}, make);
    this.view.setBigUint64(0x2008, 0x90003n, true);
    this.view.setBigUint64(0x90000, BigInt(TABLE) | 3n, true);
    for (const page of [0, 1] as const) this.map(page, WRITABLE);
  }

  map(page: 0 | 1, bits: number): void {
    this.view.setBigUint64(TABLE + page * 8, BigInt(FRAMES[page] | bits), true);
    this.vcpu.flushTlb();
  }

  /** What a program ends with: the vector of an exception and the offset of the instruction, none at its HLT. */
  end(source: string): { vector: number; offset: number } | undefined {
    const { bytes } = assembler.assemble(`${source}\nhlt`, { origin: CODE });
    const exit = this.run([...bytes]);
    if (Number(this.state.rip) === CODE + bytes.length) {
      equal(exit, EXIT_HLT);
      return undefined;
    }
    const { vector, rip } = this.frame(exit);
    return { vector, offset: rip - CODE };
  }

  lengthOf(source: string): number {
    return assembler.assemble(source, { origin: CODE }).bytes.length;
  }

  word(page: 0 | 1, offset: number): number {
    return Number(this.view.getBigUint64(FRAMES[page] + offset, true));
  }
}

const NON_CANONICAL = [1n << 62n, (1n << 62n) + 0xff0n, (1n << 63n) + 1n];

forEveryEngine('a loop whose first access is to no canonical address ends there', (make) => {
  using guest = new Guest(make);
  const counter = 'mov rcx, 4';
  for (const address of NON_CANONICAL) {
    for (const access of ['mov rbx, [rax]', 'mov [rax], rdx', 'add [rax], rdx']) {
      guest.state.setGpr(state.RAX, BigInt(PAGES));
      guest.state.setGpr(state.RSI, address);
      guest.state.setGpr(state.R8, 20n);
      guest.state.setGpr(state.RDX, BigInt(CODE + FUNCTION));
      guest.load(CODE + FUNCTION, [
        ...assembler.assemble(`${counter}\nnext: ${access}\ndec rcx\njnz next\nret`, { origin: CODE }).bytes,
      ]);
      // Its last call is with RSI, when the function is known.
      const found = guest.end(`next: call rdx\ndec r8\ncmovz rax, rsi\njns next`);
      const expected = { vector: state.EXCEPTION_GP, offset: FUNCTION + guest.lengthOf(counter) };
      deepEqual(found, expected, `${access} at ${address.toString(16)}`);
    }
  }
});

forEveryEngine('accesses near each other may be in two pages', (make) => {
  using guest = new Guest(make);
  const fields = `
    mov rdi, ${SECOND - 24}
    mov rcx, 2
    mov rdx, 0x0000000500000004
  next:
    mov qword [rdi], 1
    mov qword [rdi + 16], 2
    mov qword [rdi + 24], 3
    mov [rdi + 20], rdx
    add qword [rdi + 40], 7
    mov rax, [rdi + 20]
    dec rcx
    jnz next`;
  equal(guest.end(fields), undefined);
  deepEqual([guest.word(0, 4096 - 24), guest.word(1, 16)], [1, 14]);
  // Its low half is at the end of the first page.
  equal(guest.view.getUint32(FRAMES[0] + 4092, true), 4);
  equal(guest.view.getUint32(FRAMES[1], true), 5);
  equal(guest.state.gpr(state.RAX), 0x0000000500000004n);
});

forEveryEngine('of pushes in a row those before the fault are done, and no other', (make) => {
  using guest = new Guest(make);
  guest.interruptGate(state.EXCEPTION_PF, 0, 1);
  guest.map(0, 0);
  const before = `mov rsp, ${SECOND + 16}\nmov rax, 5\npush rax\npush rsp`;
  deepEqual(guest.end(`${before}\npush rax\npush rax\nmov rax, 6`), {
    vector: state.EXCEPTION_PF,
    offset: guest.lengthOf(before),
  });
  deepEqual([guest.word(1, 8), guest.word(1, 0)], [5, SECOND + 8]);
  equal(guest.state.gpr(state.RAX), 5n);
  equal(guest.state.u64(state.OFFSET_CR2), BigInt(SECOND - 8));
});

forEveryEngine('what may be read may not be written for that', (make) => {
  using guest = new Guest(make);
  guest.map(0, READ_ONLY);
  const before = `mov rdi, ${PAGES + 64}\nmov rax, [rdi]\nmov rax, [rdi + 8]`;
  deepEqual(guest.end(`${before}\nmov [rdi + 16], rax\nmov rax, [rdi + 24]`), {
    vector: state.EXCEPTION_PF,
    offset: guest.lengthOf(before),
  });
});

forEveryEngine('a register that may have changed on the way is no longer the same', (make) => {
  using guest = new Guest(make);
  for (const [offset, value] of [64, 128, 192].entries())
    guest.view.setBigUint64(FRAMES[0] + value, BigInt(offset), true);
  const program = `
    mov rdi, ${PAGES + 64}
    mov rsi, ${PAGES + 128}
    mov rax, [rdi]
    cmp rax, 0
    cmove rdi, rsi
    add rax, [rdi]
    mov rcx, 8
    mov rdx, rdi
    rep stosq
    add rax, [rdi]
    sub rdi, 64
    add rax, [rdx + 64]
`;
  guest.end(program);
  equal(guest.state.gpr(state.RDI), BigInt(PAGES + 128));
  // 0, 1, 2 behind what was filled, and 2 again.
  equal(guest.state.gpr(state.RAX), 5n);
});
