/** Rights that change in the midst of code that is translated as one: what it knew of a page before is of the past. */
import { deepEqual, equal } from 'node:assert/strict';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE, PML4 } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const PAGE = 0x40000000;
const FRAME = 0x400000;
const OTHER_PML4 = 0x95000;
const ENTRY = 0x91000;
const WRITABLE = 7;
const READ_ONLY = 5;

interface Change {
  readonly take: string;
  readonly give: string;
  /** What R8 and R9 have for these. */
  readonly values: (registers: state.VcpuState) => readonly [taken: number, given: number];
  readonly entry?: number;
  readonly prepare?: (registers: state.VcpuState) => void;
}

const CHANGES: readonly Change[] = [
  {
    take: 'mov cr0, r8',
    give: 'mov cr0, r9',
    values: (registers) => [(registers.u32(state.OFFSET_CR0) | state.CR0_WP) >>> 0, registers.u32(state.OFFSET_CR0)],
    entry: READ_ONLY,
    prepare: (registers) => registers.setU32(state.OFFSET_CR0, registers.u32(state.OFFSET_CR0) & ~state.CR0_WP),
  },
  {
    take: 'mov [rsi], r8\ninvlpg [rdi]',
    give: 'mov [rsi], r9\ninvlpg [rdi]',
    values: () => [FRAME | READ_ONLY, FRAME | WRITABLE],
  },
  { take: 'mov cr3, r8', give: 'mov cr3, r9', values: () => [OTHER_PML4, PML4] },
  {
    take: 'clac',
    give: 'stac',
    values: () => [0, 0],
    prepare: (registers) => {
      registers.setU32(state.OFFSET_CR4, registers.u32(state.OFFSET_CR4) | state.CR4_SMAP);
      registers.setU32(state.OFFSET_RFLAGS_REST, registers.u32(state.OFFSET_RFLAGS_REST) | state.FLAG_AC);
    },
  },
  {
    take: 'push r8\npopfq',
    give: 'push r9\npopfq',
    values: () => [2, 2 | state.FLAG_AC],
    prepare: (registers) => {
      registers.setU32(state.OFFSET_CR4, registers.u32(state.OFFSET_CR4) | state.CR4_SMAP);
      registers.setU32(state.OFFSET_RFLAGS_REST, registers.u32(state.OFFSET_RFLAGS_REST) | state.FLAG_AC);
    },
  },
  {
    take: 'mov cr4, r8',
    give: 'mov cr4, r9',
    values: (registers) => [registers.u32(state.OFFSET_CR4) | state.CR4_SMAP, registers.u32(state.OFFSET_CR4)],
  },
];

class Guest extends SystemGuest {
  constructor(make: EngineMaker) {
    super({}, make);
    this.view.setBigUint64(0x2008, 0x90007n, true);
    this.view.setBigUint64(0x90000, BigInt(ENTRY) | 7n, true);
    // Without the page.
    this.view.setBigUint64(OTHER_PML4, 0x96007n, true);
    this.view.setBigUint64(0x96000, 0x83n, true);
    // The kernel's own pages are no user's.
    this.view.setUint32(0x2000, 0x83, true);
  }
}

for (const { take, give, values, entry = WRITABLE, prepare } of CHANGES) {
  for (const access of ['mov [rdi + 8], rcx', 'add [rdi + 8], rcx', 'mov [rdi + rdx], rcx']) {
    forEveryEngine(`${access} faults behind ${take.replace('\n', ', ')}`, (make) => {
      using guest = new Guest(make);
      const { state: registers } = guest;
      const before = `next: mov [rdi], rcx\n${take}`;
      const { bytes } = assembler.assemble(`${before}\n${access}\n${give}\ndec rcx\njnz next\nhlt`, { origin: CODE });
      const offset = assembler.assemble(before, { origin: CODE }).bytes.length;
      guest.view.setBigUint64(ENTRY, BigInt(FRAME | entry), true);
      prepare?.(registers);
      guest.vcpu.flushTlb();
      const [taken, given] = values(registers);
      for (const [register, value] of [
        [state.RDI, PAGE],
        [state.RSI, ENTRY],
        [state.RDX, 8],
        [state.RCX, 6],
        [state.R9, given],
      ] as const)
        registers.setGpr(register, BigInt(value));
      // Where R8 gives too, nothing faults, unless no register says so.
      if (taken !== given) {
        registers.setGpr(state.R8, BigInt(given));
        equal(guest.run([...bytes]), EXIT_HLT);
        registers.setGpr(state.RCX, 6n);
      }
      registers.setGpr(state.R8, BigInt(taken));
      guest.view.setBigUint64(FRAME + 8, 0n, true);
      const { vector, rip } = guest.frame(guest.run([...bytes]));
      deepEqual([vector, rip - CODE], [state.EXCEPTION_PF, offset]);
      deepEqual([registers.gpr(state.RCX), guest.view.getBigUint64(FRAME + 8, true)], [6n, 0n]);
    });
  }
}
