/** What generated code does by itself for kernels is what TypeScript does: random states, on an engine of each kind. */
import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { RFLAGS_REST, readStatusFlags, writeStatusFlags } from '../emit/flags.ts';
import { EXIT_SHUTDOWN } from '../engine.ts';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import * as state from '../state.ts';
import * as guests from '../system/testing/system-guest.ts';
import { SystemGuest } from '../system/testing/system-guest.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { CODE, DATA, type EngineMaker, PML4, STACK_TOP } from '../testing/processor.ts';
import { InterpreterEngine } from './engine.ts';

const CASES = 400;
/** Of interrupts: some are past the IDT's last gate. */
const VECTORS = 34;
/** No shortcut has a part in these. */
const PLAIN = ['SYSRETD', 'IRETD', 'INT3', 'MOV from CR1', 'MOV from CR8', 'MOV from segment 7', 'a jump'];
const COMPARED_BYTES = 0x62000;
/** 4 KiB pages for the first 2 MiB. */
const DIRECTORY = 0x60000;
const TABLE = 0x61000;
const USER_PAGES = [CODE, DATA, STACK_TOP - 1].map((place) => place >>> 12);
const UNMAPPED = 0x4000_0000n;
const NOT_CANONICAL = 0x0000_8000_0000_0000n;

const SELECTORS = [0, 1, 2, 3, guests.KERNEL_CODE, guests.KERNEL_DATA, guests.USER_CODE, guests.USER_DATA];
const RARE_SELECTORS = [
  guests.USER_CODE_32,
  guests.KERNEL_CODE_32,
  guests.TASK,
  guests.LOCAL_TABLE,
  guests.CONFORMING_CODE,
  guests.ABSENT_DATA,
  guests.KERNEL_CODE | 4,
  guests.KERNEL_CODE | 3,
  guests.SPARE,
  guests.SPARE | 3,
  0xf8,
  0x100,
];
const STACKS = [
  STACK_TOP,
  guests.KERNEL_STACK,
  guests.IST_STACK,
  0x30800,
  0x30818,
  0x30805,
  0x30010,
  0x30018,
  0x30028,
  0x30030,
  0x30035,
];
const XSAVE_GROUP = 0xae;
const CODES: Readonly<Record<string, readonly number[]>> = {
  SYSCALL: [0x0f, 0x05],
  SYSRETQ: [0x48, 0x0f, 0x07],
  SYSRETD: [0x0f, 0x07],
  IRETQ: [0x48, 0xcf],
  IRETD: [0xcf],
  POPFQ: [0x9d],
  POPF: [0x66, 0x9d],
  'a load': [0x48, 0x8b, 0x03], // mov rax, [rbx]
  'a store': [0x48, 0x89, 0x03],
  'a push': [0x53],
  'a division': [0x48, 0xf7, 0xf1], // div rcx
  'a jump': [0xff, 0xe3], // jmp rbx
  UD2: [0x0f, 0x0b],
  INT3: [0xcc],
  'MOV from CR2': [0x0f, 0x20, 0xd0],
  'MOV from CR1': [0x0f, 0x20, 0xc8],
  'MOV from CR8': [0x44, 0x0f, 0x20, 0xc0],
  'MOV from FS': [0x8c, 0xe1],
  'MOV from GS, 16 bits': [0x66, 0x8c, 0xe9],
  'MOV from segment 7': [0x8c, 0xf9],
  XSAVEOPT: [0x48, 0x0f, XSAVE_GROUP, 0x33], // xsaveopt64 [rbx]
  XRSTOR: [0x48, 0x0f, XSAVE_GROUP, 0x2b],
  RDTSC: [0x0f, 0x31],
  RDTSCP: [0x0f, 0x01, 0xf9],
  'an interrupt': [],
};

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  bits64(): bigint {
    return (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
  }
}

interface Inner {
  readonly cpu: SystemCpu;
  system: (handler: number, pc: number) => number;
}

/** A guest on an engine with shortcuts or without. It is made again when it was shut down. */
class Subject {
  guest: SystemGuest;
  /** How often TypeScript did something. */
  asked = 0;
  readonly #make: EngineMaker;

  constructor(shortcuts: boolean) {
    this.#make = shortcuts ? withShortcuts : without;
    this.guest = this.#guest();
  }

  run(seed: number, bytes: readonly number[]): object {
    const { guest } = this;
    arrange(guest, seed, bytes);
    const before = guest.vcpu.instructions;
    const isInterrupt = bytes.length === 0;
    if (isInterrupt) guest.vcpu.injectInterrupt(seed % VECTORS);
    const exit = guest.vcpu.run(isInterrupt ? 0 : 1);
    const outcome = { exit, instructions: guest.vcpu.instructions - before, ...registersOf(guest) };
    if (exit === EXIT_SHUTDOWN) {
      guest[Symbol.dispose]();
      this.guest = this.#guest();
    }
    return outcome;
  }

  get memory(): Buffer {
    const { buffer, byteOffset } = this.guest.memory;
    return Buffer.from(buffer, byteOffset, COMPARED_BYTES);
  }

  #guest(): SystemGuest {
    const guest = new SystemGuest({}, this.#make);
    guest.vcpu.exactBudget = true;
    guest.view.setUint32(0x2000, DIRECTORY | 7, true);
    guest.view.setUint32(DIRECTORY, TABLE | 7, true);
    for (let page = 0; page < 512; page++) guest.view.setBigUint64(TABLE + page * 8, plain(page), true);
    // From the first access on generated code may walk the tables.
    guest.run([0x48, 0xa1, 0, 0, 2, 0, 0, 0, 0, 0], CODE, 1); // mov rax, [DATA]
    const vcpu = guest.vcpu as unknown as Inner;
    const { system } = vcpu;
    vcpu.system = (handler, pc) => {
      this.asked++;
      return system(handler, pc);
    };
    const { hooks } = vcpu.cpu;
    const modeChanged = hooks.modeChanged.bind(hooks);
    hooks.modeChanged = () => {
      this.asked++;
      modeChanged();
    };
    return guest;
  }
}

const engineWith =
  (shortcuts: boolean): EngineMaker =>
  (memory) =>
    new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions: false, shortcuts });
const withShortcuts = engineWith(true);
const without = engineWith(false);

for (const [name, bytes] of Object.entries(CODES)) {
  test(`${name}: generated code does what TypeScript does`, () => {
    const [fast, slow] = [new Subject(true), new Subject(false)] as const;
    for (let seed = 0; seed < CASES; seed++) {
      const outcomes = [fast, slow].map((subject) => subject.run(seed, bytes));
      deepEqual(outcomes[0], outcomes[1], `seed ${seed}`);
      ok(fast.memory.equals(slow.memory), `memory, seed ${seed}`);
    }
    if (!PLAIN.includes(name)) ok(fast.asked < slow.asked, 'TypeScript was asked less often');
    for (const { guest } of [fast, slow]) guest[Symbol.dispose]();
  });
}

function arrange(guest: SystemGuest, seed: number, bytes: readonly number[]): void {
  const random = new Random(seed);
  const { state: registers, view } = guest;
  for (let number = 0; number < 16; number++) registers.setGpr(number, random.bits64());
  registers.setGpr(state.RBX, address(random));
  registers.setGpr(state.RCX, random.chance(30) ? 0n : address(random));
  registers.setGpr(state.RSP, stack(random));
  arrangeTables(guest, random);
  arrangePages(guest, random);
  arrangeFrame(guest, random);
  const user = random.chance(40);
  registers.setU32(state.OFFSET_CPL, user ? 3 : 0);
  const base = random.chance(2) ? 0x1000n : 0n;
  const code = user ? [guests.USER_CODE, 0xa0fb] : [guests.KERNEL_CODE, 0xa09b];
  registers.setSegment(state.CS, code[0] as number, code[1] as number, 0xffffffff, base);
  registers.setSegment(state.SS, random.one(SELECTORS), random.one([0, 0xc093, 0xc0f3]), 0xffffffff, 0n);
  for (const segment of [state.ES, state.DS, state.FS, state.GS]) {
    registers.setSegment(segment, random.one(SELECTORS), random.one([0, 0, 0xc0f3, 0xc0f3, 0xc093]), 0xffffffff, 7n);
  }
  const flags = random.below(2 ** 22) & RFLAGS_REST & ~(state.FLAG_VM | state.FLAG_TF | state.FLAG_NT);
  registers.setU32(state.OFFSET_RFLAGS_REST, flags | rareFlags(random));
  writeStatusFlags(registers, random.below(2 ** 12));
  // Changes of SMAP flush everything, and then TypeScript is asked first.
  const smap = (seed & 32) !== 0 ? state.CR4_SMAP : 0;
  registers.setU32(
    state.OFFSET_CR4,
    0x6a0 | (random.chance(95) ? state.CR4_OSXSAVE : 0) | smap | (random.chance(20) ? state.CR4_TSD : 0),
  );
  registers.setU32(state.OFFSET_CR0, (random.one([0, state.CR0_AM]) | 0x80010021) >>> 0);
  if (bytes[2] === XSAVE_GROUP) arrangeVectors(guest, random);
  registers.setU64(state.OFFSET_CR2, random.bits64());
  registers.setU32(state.OFFSET_EFER, 0xd00 | (random.chance(95) ? 1 : 0));
  registers.setU64(state.OFFSET_STAR, (random.bits64() & ~(0xffffn << 32n)) | (BigInt(random.one(SELECTORS)) << 32n));
  registers.setU64(state.OFFSET_LSTAR, random.bits64() >> 20n);
  registers.setU64(state.OFFSET_SFMASK, BigInt(random.below(2 ** 22)));
  registers.setU32(state.OFFSET_NMI_BLOCKED, random.chance(5) ? 1 : 0);
  registers.setU32(state.OFFSET_WINDOW, random.chance(5) ? 1 : 0);
  registers.setU32(state.OFFSET_TSC_AUX, random.below(2 ** 32));
  registers.setU32(state.OFFSET_EVENT, 0);
  view.setUint32(CODE, 0, true);
  guest.load(CODE, bytes);
  registers.rip = BigInt(CODE);
}

function arrangeTables(guest: SystemGuest, random: Random): void {
  const { state: registers, view } = guest;
  registers.setU32(state.OFFSET_GDTR + 8, random.chance(95) ? 0xff : random.below(0x100));
  registers.setU32(state.OFFSET_IDTR + 8, random.chance(95) ? 0xfff : random.below(0x200));
  registers.setSegment(state.TR, guests.TASK, 0x8b, random.chance(95) ? 0x67 : random.below(0x68), BigInt(guests.TSS));
  guest.descriptor(guests.SPARE, random.one([0, 0, 0x1000]), 0xfffff, 0x80 | random.below(0x10000));
  guest.descriptor(guests.KERNEL_CODE, 0, random.one([0xfffff, 0xffff]), random.chance(95) ? 0xa09b : 0xa09a);
  guest.descriptor(guests.USER_DATA, 0, 0xfffff, random.chance(95) ? 0xc0f3 : 0xc0f2);
  for (let vector = 0; vector < 32; vector++) {
    const type = random.chance(90) ? random.one([14, 15]) : random.below(16);
    const selector = random.chance(90) ? guests.KERNEL_CODE : selectorOf(random);
    const ist = random.chance(70) ? 0 : random.below(8);
    guest.longGate(guests.IDT + vector * 16, selector, guests.HANDLERS + vector * 16, type, random.below(4), ist);
    if (random.chance(3)) view.setUint32(guests.IDT + vector * 16 + 8, random.one([0xffff8000, 0x8000]), true);
    if (random.chance(3)) view.setUint8(guests.IDT + vector * 16 + 5, type);
  }
  view.setBigUint64(guests.TSS + 4, stack(random), true);
  for (let ist = 0; ist < 7; ist++) view.setBigUint64(guests.TSS + 0x24 + ist * 8, stack(random), true);
}

// Most are plain.
function arrangePages(guest: SystemGuest, random: Random): void {
  for (let page = 0; page < 512; page++) guest.view.setBigUint64(TABLE + page * 8, plain(page), true);
  const pages = [...STACKS, guests.GDT, guests.IDT, guests.TSS, DATA].map((place) => (place - 1) >>> 12);
  for (const page of pages) {
    if (!random.chance(1)) continue;
    const bits = random.one([0n, 0x65n, 0x63n, 0x47n, 0x27n, 0x07n, 0x8000_0000_0000_0067n]);
    guest.view.setBigUint64(TABLE + page * 8, BigInt(page * 4096) | bits, true);
  }
  (guest.vcpu as unknown as Inner).cpu.mmu.loadContext(0, false);
}

// What IRET finds.
function arrangeFrame(guest: SystemGuest, random: Random): void {
  const top = guest.state.gpr(state.RSP);
  if (top > BigInt(COMPARED_BYTES - 64)) return;
  const at = Number(top);
  const cs = selectorOf(random);
  const user = (cs & 3) === 3;
  const fitting = user ? guests.USER_DATA : random.one([0, guests.KERNEL_DATA]);
  const words = [
    address(random),
    BigInt(cs),
    BigInt((random.below(2 ** 22) & ~(state.FLAG_TF | state.FLAG_AC)) | rareFlags(random)),
    random.chance(90) ? stack(random) : random.bits64(),
    BigInt(random.chance(80) ? fitting : selectorOf(random)),
  ];
  for (const [index, word] of words.entries()) guest.view.setBigUint64(at + index * 8, word, true);
}

// What XSAVEOPT saves, and what XRSTOR finds.
function arrangeVectors({ state: registers, view }: SystemGuest, random: Random): void {
  if (random.chance(4)) registers.setU32(state.OFFSET_CR0, registers.u32(state.OFFSET_CR0) | state.CR0_TS);
  registers.setU64(state.OFFSET_XCR0, random.chance(90) ? 3n : 1n);
  if (random.chance(60)) registers.setGpr(state.RAX, 3n);
  for (let at = state.OFFSET_XMM; at < state.OFFSET_MXCSR; at += 8) registers.setU64(at, 0n);
  if (random.chance(70)) registers.setU64(state.OFFSET_XMM + random.below(32) * 8, random.bits64());
  for (let at = state.OFFSET_X87; at < state.OFFSET_X87_CONTROL; at += 8) registers.setU64(at, 0n);
  if (random.chance(10)) registers.setU64(state.OFFSET_X87 + random.below(8) * 16, random.bits64());
  if (random.chance(10)) registers.setU16(state.OFFSET_X87 + random.below(8) * 16 + 8, random.below(3));
  const control = [0x37fn, 0n, 0n, 0n];
  if (random.chance(15)) control[random.below(4)] = BigInt(random.below(2) + 0x37e);
  for (const [index, word] of control.entries()) registers.setU64(state.OFFSET_X87_CONTROL + index * 8, word);
  if (random.chance(40)) useX87(registers, random);
  const image = DATA + random.one([0, 0x40, 0x100, 0xdc0, 0xe00, 0x20]);
  registers.setGpr(state.RBX, random.chance(90) ? BigInt(image) : address(random));
  view.setUint32(image + 24, random.chance(90) ? random.below(0x10000) : random.below(2 ** 32), true);
  view.setBigUint64(image + 512, BigInt(random.chance(90) ? random.below(4) : random.below(8)), true);
  const words = random.chance(90) ? x87Words(random) : [0, 0, 0, 0].map(() => random.below(0x10000));
  for (const [index, word] of words.entries()) view.setUint16(image + index * 2, word, true);
  for (const at of [520, 528]) view.setBigUint64(image + at, random.chance(95) ? 0n : 1n, true);
}

// A unit in the midst of a computation.
function useX87(registers: state.VcpuState, random: Random): void {
  for (const [index, word] of x87Words(random).entries()) registers.setU16(state.OFFSET_X87_CONTROL + index * 2, word);
  for (const at of [8, 16]) registers.setU64(state.OFFSET_X87_CONTROL + at, random.bits64());
  registers.setU32(state.OFFSET_X87_CONTROL + 24, random.below(2 ** 32));
  for (let at = state.OFFSET_X87; at < state.OFFSET_X87_CONTROL; at += 16) {
    registers.setU64(at, random.bits64());
    registers.setU16(at + 8, random.below(0x10000));
  }
}

// FCW, FSW, FTW and FOP, with all exceptions masked.
function x87Words(random: Random): number[] {
  return [(random.below(0x20) << 8) | 0x7f, random.below(0x10000) & ~0x8080, random.below(0x100), random.below(0x800)];
}

function registersOf({ state: registers, vcpu }: SystemGuest): object {
  const range = (from: number, to: number): string =>
    Buffer.from(registers.view.buffer, registers.base + from, to - from).toString('hex');
  return {
    gprs: range(state.OFFSET_GPR, state.OFFSET_ZERO),
    rip: registers.rip,
    flags: (registers.u32(state.OFFSET_RFLAGS_REST) & RFLAGS_REST) | readStatusFlags(registers),
    cpl: registers.cpl,
    mode: registers.u32(state.OFFSET_MODE),
    tlb: registers.u32(state.OFFSET_TLB) - registers.base,
    modeTag: registers.u64(state.OFFSET_MODE_TAG),
    segmentsAndControl: range(state.OFFSET_SEGMENTS, state.OFFSET_PDPTE),
    nmiBlocked: registers.u32(state.OFFSET_NMI_BLOCKED),
    vectors: range(state.OFFSET_XMM, state.OFFSET_VECTOR_A),
    event: registers.u32(state.OFFSET_EVENT),
    interruptible: vcpu.interruptible(),
  };
}

function selectorOf(random: Random): number {
  return random.chance(85) ? random.one(SELECTORS) : random.one(RARE_SELECTORS);
}

// An entry for a page that only the kernel has, unless it is one of the user's.
function plain(page: number): bigint {
  return BigInt(page * 4096) | (USER_PAGES.includes(page) ? 0x67n : 0x63n);
}

function stack(random: Random): bigint {
  if (random.chance(98)) return BigInt(random.one(STACKS));
  return random.one([UNMAPPED, NOT_CANONICAL, NOT_CANONICAL + 8n, 0n, 8n, 0xffff_8000_0000_0000n]);
}

function address(random: Random): bigint {
  if (random.chance(70)) return BigInt(random.one([DATA, DATA + 0x123, CODE]));
  return random.one([UNMAPPED, NOT_CANONICAL, 0xffff_8000_0000_0010n, 0x7fff_ffff_fff8n, 0xffff_ffff_ffff_fff0n]);
}

function rareFlags(random: Random): number {
  return random.chance(8)
    ? random.one([state.FLAG_TF, state.FLAG_NT, state.FLAG_AC, state.FLAG_TF | state.FLAG_AC])
    : 0;
}

// The kernel's page tables are in the memory that is compared.
ok(PML4 < COMPARED_BYTES);
