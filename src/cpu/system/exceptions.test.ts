import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_BUDGET, EXIT_HLT, EXIT_HYPERCALL, EXIT_SHUTDOWN, EXIT_WINDOW } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, DATA, STACK_TOP } from '../testing/processor.ts';
import {
  HANDLERS,
  IDT,
  IST_STACK,
  KERNEL_CODE,
  KERNEL_STACK,
  SystemGuest,
  TSS,
  USER_CODE,
  USER_DATA,
  USER_STACK,
} from './testing/system-guest.ts';

const HLT = 0xf4;
const NOP = 0x90;
const UD2 = [0x0f, 0x0b];
const OFFSET_DR6 = state.OFFSET_DR + 6 * 8;

test('a fault pushes the RIP of its own instruction, SS and RSP, with RF set (SDM vol. 3A, 6.14.2)', () => {
  using guest = new SystemGuest();
  const { rip, cs, rsp, rflags, vector, errorCode } = guest.delivered([NOP, ...UD2]);
  deepEqual({ vector, errorCode, rip, cs, rsp }, { vector: 6, errorCode: -1, rip: CODE + 1, cs: 8, rsp: STACK_TOP });
  equal(rflags & state.FLAG_RF, state.FLAG_RF);
});

test('the frame is aligned to 16 bytes before anything is pushed (SDM vol. 3A, 6.14.2)', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RSP, BigInt(STACK_TOP - 3));
  equal(guest.delivered(UD2).rsp, STACK_TOP - 3);
  equal(guest.state.gpr(state.RSP), BigInt(STACK_TOP - 16 - 40));
});

test('from CPL 3 the handler runs on RSP0 with a null SS (SDM vol. 3A, 6.14.4)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  const frame = guest.delivered(UD2);
  deepEqual([frame.cs, frame.ss, frame.rsp], [USER_CODE, USER_DATA, USER_STACK]);
  equal(guest.state.gpr(state.RSP), BigInt(KERNEL_STACK - 40));
  equal(guest.state.segmentSelector(state.SS), 0);
  equal(guest.state.cpl, 0);
});

test('an interrupt stack table entry is used whatever the CPL (SDM vol. 3A, 6.14.5)', () => {
  using guest = new SystemGuest();
  guest.interruptGate(6, 0, 1);
  guest.delivered(UD2);
  equal(guest.state.gpr(state.RSP), BigInt(IST_STACK - 40));
  equal(guest.state.segmentSelector(state.SS), 0x10);
});

test('an interrupt gate clears IF, a trap gate does not; both clear TF and NT (SDM vol. 3A, 6.12.1.3)', () => {
  for (const [type, kept] of [
    [14, 0],
    [15, state.FLAG_IF],
  ] as const) {
    using guest = new SystemGuest();
    guest.interruptGate(6, 0, 0, type);
    guest.rflags = state.FLAG_IF | state.FLAG_NT;
    equal(guest.delivered(UD2).rflags & state.FLAG_NT, state.FLAG_NT);
    equal(guest.rflags & (state.FLAG_IF | state.FLAG_NT), kept);
  }
});

test('privileged instructions at CPL 3 are #GP(0)', () => {
  const instructions = {
    hlt: [HLT],
    cli: [0xfa],
    sti: [0xfb],
    'mov cr0, rax': [0x0f, 0x22, 0xc0],
    'mov rax, cr3': [0x0f, 0x20, 0xd8],
    'mov dr0, rax': [0x0f, 0x23, 0xc0],
    clts: [0x0f, 0x06],
    rdmsr: [0x0f, 0x32],
    wrmsr: [0x0f, 0x30],
    invlpg: [0x0f, 0x01, 0x38],
    'lgdt [rax]': [0x0f, 0x01, 0x10],
    'ltr ax': [0x0f, 0x00, 0xd8],
    swapgs: [0x0f, 0x01, 0xf8],
    sysret: [0x48, 0x0f, 0x07],
    wbinvd: [0x0f, 0x09],
    'in al, dx': [0xec],
    'out 0x80, al': [0xe6, 0x80],
  };
  for (const [name, bytes] of Object.entries(instructions)) {
    using guest = new SystemGuest();
    guest.enterUser();
    guest.state.setGpr(state.RAX, BigInt(DATA));
    const { vector, errorCode, rip } = guest.delivered(bytes);
    deepEqual([name, vector, errorCode, rip], [name, 13, 0, CODE]);
  }
});

test('INT n needs a gate whose DPL is not below CPL; the error code names the gate (SDM vol. 3A, 6.12.1.1)', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  const refused = guest.delivered([0xcd, 0x80]);
  deepEqual([refused.vector, refused.errorCode, refused.rip], [13, 0x80 * 8 + 2, CODE]);
});

test('INT n pushes the RIP of the next instruction, without RF', () => {
  using guest = new SystemGuest();
  guest.enterUser();
  guest.interruptGate(0x80, 3);
  const { vector, rip, rflags } = guest.delivered([0xcd, 0x80]);
  deepEqual([vector, rip, rflags & state.FLAG_RF], [0x80, CODE + 2, 0]);
});

test('INT3 is one byte and a trap', () => {
  using guest = new SystemGuest();
  guest.interruptGate(3, 3);
  guest.enterUser();
  const { vector, rip } = guest.delivered([0xcc]);
  deepEqual([vector, rip], [3, CODE + 1]);
});

test('a gate that is not present is #NP with its index and EXT (SDM vol. 3A, 6.13)', () => {
  using guest = new SystemGuest();
  guest.memory[IDT + 6 * 16 + 5] = 0x0e;
  const { vector, errorCode, rip } = guest.delivered(UD2);
  deepEqual([vector, errorCode, rip], [11, 6 * 8 + 2 + 1, CODE]);
});

test('a page fault while delivering a page fault is a double fault with error code 0 (SDM vol. 3A, table 6-5)', () => {
  using guest = new SystemGuest();
  // #PF runs on a stack that is not mapped: the page above 1 GiB.
  guest.view.setUint32(TSS + 0x24, 0x50000000, true);
  guest.interruptGate(14, 0, 1);
  // mov rax, [0x40000000]
  const { vector, errorCode, rip } = guest.delivered([0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0x40]);
  deepEqual([vector, errorCode, rip], [8, 0, CODE]);
});

test('an exception while delivering a double fault shuts the processor down (SDM vol. 3A, 6.15)', () => {
  using guest = new SystemGuest();
  guest.state.setU32(state.OFFSET_IDTR + 8, 0);
  equal(guest.run(UD2), EXIT_SHUTDOWN);
  equal(guest.continue(), EXIT_SHUTDOWN);
});

test('a benign exception and then a page fault are delivered one after the other (SDM vol. 3A, table 6-5)', () => {
  using guest = new SystemGuest();
  guest.view.setUint32(TSS + 0x24, 0x50000000, true);
  guest.interruptGate(6, 0, 1);
  const { vector, errorCode } = guest.delivered(UD2);
  deepEqual([vector, errorCode], [14, 2]);
  equal(guest.state.u64(state.OFFSET_CR2), 0x50000000n - 40n);
});

test('the instruction after STI runs before an interrupt is taken (SDM vol. 2B, STI)', () => {
  using guest = new SystemGuest();
  guest.load(CODE, [0xfb, NOP, NOP, HLT]);
  guest.state.rip = BigInt(CODE);
  guest.vcpu.requestWindow();
  equal(guest.vcpu.run(1000), EXIT_WINDOW);
  equal(guest.state.rip, BigInt(CODE + 2));
  guest.vcpu.injectInterrupt(0x30);
  const { vector, rip } = guest.frame(guest.continue());
  deepEqual([vector, rip], [0x30, CODE + 2]);
});

test('STI; HLT halts with the interrupt still to come', () => {
  using guest = new SystemGuest();
  guest.load(CODE, [0xfb, HLT]);
  guest.state.rip = BigInt(CODE);
  guest.vcpu.requestWindow();
  equal(guest.vcpu.run(1000), EXIT_HLT);
  equal(guest.state.rip, BigInt(CODE + 2));
  equal(guest.vcpu.interruptible(), true);
});

test('the instruction after MOV SS runs before an interrupt is taken (SDM vol. 2B, MOV)', () => {
  using guest = new SystemGuest();
  guest.rflags = state.FLAG_IF;
  guest.state.setGpr(state.RAX, 0x10n);
  guest.load(CODE, [0x8e, 0xd0, NOP, HLT]);
  guest.state.rip = BigInt(CODE);
  equal(guest.vcpu.run(1), EXIT_BUDGET);
  equal(guest.state.rip > BigInt(CODE + 2), true);
});

test('a single step is a trap after each instruction, with DR6.BS (SDM vol. 3B, 17.3.1.4)', () => {
  using guest = new SystemGuest();
  guest.rflags = state.FLAG_TF;
  const { vector, rip, rflags } = guest.delivered([NOP, NOP]);
  deepEqual([vector, rip], [1, CODE + 1]);
  equal(rflags & state.FLAG_TF, state.FLAG_TF);
  equal(guest.rflags & state.FLAG_TF, 0);
  equal(guest.state.u32(OFFSET_DR6) & 0xe00f, 1 << 14);
});

test('POPF that sets TF traps after the instruction that follows it', () => {
  using guest = new SystemGuest();
  guest.view.setUint32(STACK_TOP - 8, state.FLAG_TF | 2, true);
  guest.state.setGpr(state.RSP, BigInt(STACK_TOP - 8));
  const { vector, rip } = guest.delivered([0x9d, NOP, NOP]);
  deepEqual([vector, rip], [1, CODE + 2]);
});

test('MOV SS puts the trap off until the next instruction is done (SDM vol. 3A, 6.8.3)', () => {
  using guest = new SystemGuest();
  guest.rflags = state.FLAG_TF;
  guest.state.setGpr(state.RAX, 0x10n);
  const { vector, rip } = guest.delivered([0x8e, 0xd0, NOP, NOP]); // mov ss, eax
  deepEqual([vector, rip], [1, CODE + 3]);
});

test('STI does not put the trap off', () => {
  using guest = new SystemGuest();
  guest.rflags = state.FLAG_TF;
  const { vector, rip } = guest.delivered([0xfb, NOP, NOP]);
  deepEqual([vector, rip], [1, CODE + 1]);
});

test('an interrupt by software clears TF as it is delivered, so its handler is not trapped', () => {
  for (const [code, expected] of [
    [[0xcc], 3],
    [[0xcd, 0x40], 0x40],
    [[0xf1], 1],
  ] as const) {
    using guest = new SystemGuest();
    guest.rflags = state.FLAG_TF;
    const { vector, rip, rflags } = guest.delivered([...code]);
    deepEqual([vector, rip, rflags & state.FLAG_TF], [expected, CODE + code.length, state.FLAG_TF]);
    equal(guest.state.u32(OFFSET_DR6) & (1 << 14), 0);
  }
});

test('SYSCALL is trapped by TF as SFMASK leaves it', () => {
  for (const [mask, expected] of [
    [0, [1, DATA]],
    [state.FLAG_TF, [0x40, DATA + 2]],
  ] as const) {
    using guest = new SystemGuest();
    guest.load(DATA, [0xcd, 0x40]);
    guest.state.setU64(state.OFFSET_LSTAR, BigInt(DATA));
    guest.state.setU32(state.OFFSET_SFMASK, mask);
    guest.enterUser();
    guest.rflags = state.FLAG_TF;
    const { vector, rip } = guest.delivered([0x0f, 0x05]);
    deepEqual([vector, rip], expected);
  }
});

test('SYSRET that sets TF traps before the first instruction it returns to', () => {
  using guest = new SystemGuest();
  guest.load(DATA, [NOP, NOP]);
  guest.state.setGpr(state.RCX, BigInt(DATA));
  guest.state.setGpr(state.R11, BigInt(state.FLAG_TF | 2));
  const { vector, rip, cs, rflags } = guest.delivered([0x48, 0x0f, 0x07]);
  deepEqual([vector, rip, cs & 3, rflags & state.FLAG_TF], [1, DATA, 3, state.FLAG_TF]);
});

test('IRET that sets TF traps after the instruction it returns to', () => {
  using guest = new SystemGuest();
  const frame = STACK_TOP - 40;
  for (const [index, value] of [DATA, KERNEL_CODE, state.FLAG_TF | 2, STACK_TOP, 0x10].entries()) {
    guest.view.setUint32(frame + index * 8, value, true);
  }
  guest.state.setGpr(state.RSP, BigInt(frame));
  guest.load(DATA, [NOP, NOP]);
  const { vector, rip } = guest.delivered([0x48, 0xcf]);
  deepEqual([vector, rip], [1, DATA + 1]);
});

test('a second NMI waits for the IRET of the first (SDM vol. 3A, 6.7.1)', () => {
  using guest = new SystemGuest();
  guest.load(HANDLERS + 2 * 16, [0xff, 0xc3, 0xf4, 0x48, 0xcf]); // inc ebx; hlt; iretq
  guest.load(CODE, [NOP, HLT]);
  guest.state.rip = BigInt(CODE);
  guest.vcpu.injectNmi();
  equal(guest.vcpu.run(100), EXIT_HLT);
  guest.vcpu.injectNmi();
  equal(guest.state.gpr(state.RBX), 1n);
  // IRET unblocks: the second NMI is taken at once and halts in the handler again.
  equal(guest.vcpu.run(100), EXIT_HLT);
  equal(guest.state.gpr(state.RBX), 2n);
  equal(guest.state.rip, BigInt(HANDLERS + 2 * 16 + 3));
});

test('an instruction breakpoint is a fault before the instruction, with its DR6 bit (SDM vol. 3B, 17.3.1.1)', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RAX, BigInt(CODE + 7));
  guest.state.setGpr(state.RCX, 1n); // L0, execution
  // mov dr0, rax; mov dr7, rcx; nop; nop
  const { vector, rip } = guest.delivered([0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xf9, NOP, NOP]);
  deepEqual([vector, rip], [1, CODE + 7]);
  equal(guest.state.u32(OFFSET_DR6) & 0xe00f, 1);
});

test('RF lets the instruction at a breakpoint run once (SDM vol. 3B, 17.3.1.1)', () => {
  using guest = new SystemGuest();
  guest.state.setU64(state.OFFSET_DR, BigInt(CODE));
  guest.state.setU32(state.OFFSET_DR + 7 * 8, 1);
  guest.rflags = state.FLAG_RF;
  const { vector, rip } = guest.delivered([0xff, 0xc0, 0xeb, 0xfc]); // inc eax; jmp back
  deepEqual([vector, rip], [1, CODE]);
  equal(guest.state.gpr(state.RAX), 1n);
});

test('a data breakpoint is a trap after the access, for writes or for both (SDM vol. 3B, 17.3.1.2)', () => {
  const cases = [
    // what RW asks for, the instruction, whether it traps
    [1, [0xc7, 0x06, 1, 0, 0, 0], true], // mov dword [rsi], 1
    [1, [0x8b, 0x06, NOP, NOP, NOP, NOP], false], // mov eax, [rsi]
    [3, [0x8b, 0x06, NOP, NOP, NOP, NOP], true],
    [1, [0xff, 0x46, 0xfe, NOP, NOP, NOP], true], // inc dword [rsi - 2]: touches two of the four bytes
    [1, [0xc6, 0x46, 0x04, 1, NOP, NOP], false], // mov byte [rsi + 4], 1
  ] as const;
  for (const [kind, code, traps] of cases) {
    using guest = new SystemGuest();
    guest.state.setU64(state.OFFSET_DR, BigInt(DATA));
    guest.state.setU32(state.OFFSET_DR + 7 * 8, 1 | (kind << 16) | (3 << 18));
    guest.state.setGpr(state.RSI, BigInt(DATA));
    const { vector, rip } = guest.delivered([...code, 0x0f, 0x0b]); // … ud2
    equal(vector, traps ? 1 : 6);
    if (traps) equal(rip, CODE + (code[1] === 0x06 ? (code[0] === 0xc7 ? 6 : 2) : 3));
    equal(guest.state.u32(OFFSET_DR6) & 0xf, traps ? 1 : 0);
  }
});

test('a data breakpoint sees what instructions of the system access: selectors, flags, FPU and table registers', () => {
  const cases = [
    [[0x8e, 0x06], 3], // mov es, [rsi]
    [[0x8c, 0x06], 1], // mov [rsi], es
    [[0x0f, 0xae, 0x06], 1], // fxsave [rsi]
    [[0x0f, 0x01, 0x06], 1], // sgdt [rsi]
    [[0x48, 0x89, 0xf4, 0x9d], 3], // mov rsp, rsi; popfq
  ] as const;
  for (const [code, kind] of cases) {
    using guest = new SystemGuest();
    watch(guest, kind);
    const { vector, rip } = guest.delivered([...code, 0x0f, 0x0b]); // … ud2
    deepEqual([vector, rip], [1, CODE + code.length], `${code}`);
    equal(guest.state.u32(OFFSET_DR6) & 0xf, 1);
  }
});

test('a data breakpoint of MOV SS or POP SS waits until the next instruction is done (SDM vol. 3A, 6.8.3)', () => {
  using guest = new SystemGuest();
  watch(guest, 3);
  guest.view.setUint16(DATA, 0x10, true);
  const { vector, rip } = guest.delivered([0x8e, 0x16, NOP, NOP]); // mov ss, [rsi]
  deepEqual([vector, rip], [1, CODE + 3]);
  equal(guest.state.u32(OFFSET_DR6) & 0xf, 1);
});

test('a data breakpoint of MOV SS comes before the handler of a software interrupt (SDM vol. 3A, 6.8.3)', () => {
  using guest = new SystemGuest();
  watch(guest, 3);
  guest.view.setUint16(DATA, 0x10, true);
  const { vector, rip } = guest.delivered([0x8e, 0x16, 0xcc, NOP]); // mov ss, [rsi]; int3
  deepEqual([vector, rip], [1, HANDLERS + 3 * 16]);
});

test('a single step over VMMCALL traps once the hypercall is done', () => {
  using guest = new SystemGuest();
  guest.rflags = state.FLAG_TF;
  guest.load(CODE, [0x0f, 0x01, 0xd9, NOP, NOP]);
  guest.state.rip = BigInt(CODE);
  equal(guest.vcpu.run(100), EXIT_HYPERCALL);
  equal(guest.state.rip, BigInt(CODE + 3));
  guest.vcpu.run(100);
  equal(guest.state.u32(OFFSET_DR6) & 0xe00f, 1 << 14);
});

/** A breakpoint on the four bytes at DATA, to which RSI points; `kind`: R/W of DR7. */
function watch(guest: SystemGuest, kind: 1 | 3): void {
  guest.state.setU64(state.OFFSET_DR, BigInt(DATA));
  guest.state.setU32(state.OFFSET_DR + 7 * 8, 1 | (kind << 16) | (3 << 18));
  guest.state.setGpr(state.RSI, BigInt(DATA));
}
