import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, DATA } from '../testing/processor.ts';
import { LegacyGuest } from './testing/legacy-guest.ts';
import { GDT, LDT, LOCAL_TABLE, SystemGuest, TASK, USER_DATA } from './testing/system-guest.ts';

const HLT = 0xf4;
const READ_CR0 = [0x0f, 0x20, 0xc0];
const WRITE_CR0 = [0x0f, 0x22, 0xc0];
const WRITE_CR3 = [0x0f, 0x22, 0xd8];
const WRITE_CR4 = [0x0f, 0x22, 0xe0];
const WRMSR = [0x0f, 0x30];
const RDMSR = [0x0f, 0x32];

/** Runs bytes with RAX given: -1 where they got past, else the vector. */
function run(guest: SystemGuest, bytes: readonly number[], rax: bigint): number {
  guest.state.setGpr(state.RAX, rax);
  const exit = guest.run([...bytes, HLT]);
  return guest.state.rip === BigInt(CODE + bytes.length + 1) ? -1 : guest.frame(exit).vector;
}

test('MOV to CR0 refuses PG without PE, NW without CD, upper bits, and leaving long mode from 64-bit code', () => {
  const cases = [
    ['as it is', 0x80010021n, -1],
    ['PG without PE', 0x80010020n, 13],
    ['NW without CD', 0xa0010021n, 13],
    ['bit 32', 0x180010021n, 13],
    ['PG clear', 0x00010021n, 13],
    ['reserved bits are ignored', 0x8001ffe1n, -1],
  ] as const;
  for (const [name, value, expected] of cases) {
    using guest = new SystemGuest();
    deepEqual([name, run(guest, WRITE_CR0, value)], [name, expected]);
  }
});

test('MOV to CR4 refuses bits this processor lacks, PAE clear in long mode, PCIDE with a PCID in CR3', () => {
  const pae = BigInt(state.CR4_PAE);
  const cases = [
    ['PAE', pae, 0x1000n, -1],
    ['no PAE', 0n, 0x1000n, 13],
    ['VMXE', pae | (1n << 13n), 0x1000n, 13],
    ['LA57', pae | (1n << 12n), 0x1000n, 13],
    ['PCIDE', pae | BigInt(state.CR4_PCIDE), 0x1000n, -1],
    ['PCIDE, CR3 has low bits', pae | BigInt(state.CR4_PCIDE), 0x1008n, 13],
  ] as const;
  for (const [name, value, cr3, expected] of cases) {
    using guest = new SystemGuest();
    guest.state.setU64(state.OFFSET_CR3, cr3);
    deepEqual([name, run(guest, WRITE_CR4, value)], [name, expected]);
  }
});

test('MOV to CR3: bits past the physical address are #GP; bit 63 is not kept, and needs PCIDE', () => {
  using guest = new SystemGuest();
  equal(run(guest, WRITE_CR3, (1n << 40n) | 0x1000n), 13);
  using other = new SystemGuest();
  equal(run(other, WRITE_CR3, (1n << 63n) | 0x1000n), 13);
  using pcid = new SystemGuest();
  pcid.state.setU32(state.OFFSET_CR4, pcid.state.u32(state.OFFSET_CR4) | state.CR4_PCIDE);
  equal(run(pcid, WRITE_CR3, (1n << 63n) | 0x1005n), -1);
  equal(pcid.state.u64(state.OFFSET_CR3), 0x1005n);
});

test('CR8 is the task priority, which the platform keeps; CR1 and CR5 are #UD', () => {
  let priority = 3;
  using guest = new SystemGuest({
    readTpr: () => priority,
    writeTpr: (value) => {
      priority = value;
    },
  });
  equal(run(guest, [0x44, 0x0f, 0x20, 0xc0], 0n), -1);
  equal(guest.state.gpr(state.RAX), 3n);
  equal(run(guest, [0x44, 0x0f, 0x22, 0xc0], 9n), -1);
  equal(priority, 9);
  equal(run(guest, [0x44, 0x0f, 0x22, 0xc0], 16n), 13);
  using other = new SystemGuest();
  equal(run(other, [0x0f, 0x20, 0xe8], 0n), 6);
});

test('LMSW sets PE but cannot clear it; SMSW shows CR0; CLTS clears TS', () => {
  using guest = new SystemGuest();
  equal(run(guest, [0x0f, 0x01, 0xf0], 0x8n), -1);
  equal(guest.state.u32(state.OFFSET_CR0) & 0xf, state.CR0_PE | state.CR0_TS);
  equal(run(guest, [0x0f, 0x06, 0x0f, 0x01, 0xe0], 0n), -1);
  equal(guest.state.gprLo(state.RAX), guest.state.u32(state.OFFSET_CR0));
  equal(guest.state.u32(state.OFFSET_CR0) & state.CR0_TS, 0);
});

test('x87 and SSE instructions are #NM while CR0.TS is set, and run after CLTS', () => {
  using guest = new SystemGuest();
  guest.state.setU32(state.OFFSET_CR0, guest.state.u32(state.OFFSET_CR0) | state.CR0_TS);
  equal(guest.delivered([0xd9, 0xe8]).vector, 7); // fld1
  equal(run(guest, [0x0f, 0x06, 0x0f, 0x57, 0xc0], 0n), -1); // clts; xorps
});

test('UMIP keeps SGDT, SIDT, SLDT, SMSW and STR from user mode (SDM vol. 3A, 2.5)', () => {
  for (const bytes of [
    [0x0f, 0x01, 0x03],
    [0x0f, 0x01, 0x0b],
    [0x0f, 0x00, 0xc0],
    [0x0f, 0x01, 0xe0],
    [0x0f, 0x00, 0xc8],
  ]) {
    using guest = new SystemGuest();
    guest.enterUser();
    guest.state.setGpr(state.RBX, BigInt(DATA));
    equal(guest.delivered([...bytes, HLT]).rip, CODE + bytes.length);
    using hidden = new SystemGuest();
    hidden.enterUser();
    hidden.state.setGpr(state.RBX, BigInt(DATA));
    hidden.state.setU32(state.OFFSET_CR4, hidden.state.u32(state.OFFSET_CR4) | state.CR4_UMIP);
    equal(hidden.delivered(bytes).rip, CODE);
  }
});

test('MSRs of the processor take canonical addresses and valid types only', () => {
  const nonCanonical = 1n << 47n;
  const cases = [
    [0xc0000100, 0xffff800000000000n, -1],
    [0xc0000100, nonCanonical, 13],
    [0xc0000101, nonCanonical, 13],
    [0xc0000102, nonCanonical, 13],
    [0xc0000082, nonCanonical, 13],
    [0x176, nonCanonical, 13],
    [0xc0000103, 1n << 32n, 13],
    [0x277, 0x0007040600070406n, -1],
    [0x277, 0x0007040600070402n, 13],
    [0xc0000080, 0xd01n, -1],
    [0xc0000080, 0x1d01n, 13],
    [0xc0000080, 0xc01n, 13],
    [0x12345, 0n, 13],
  ] as const;
  for (const [index, value, expected] of cases) {
    using guest = new SystemGuest();
    guest.state.setGpr(state.RCX, BigInt(index));
    guest.state.setGpr(state.RDX, value >> 32n);
    deepEqual([index.toString(16), run(guest, WRMSR, value & 0xffffffffn)], [index.toString(16), expected]);
    if (expected !== -1 || index === 0xc0000080) continue;
    equal(run(guest, RDMSR, 0n), -1);
    equal((guest.state.gpr(state.RDX) << 32n) | guest.state.gpr(state.RAX), value);
  }
});

test('other MSRs are asked of the platform', () => {
  const written: number[] = [];
  using guest = new SystemGuest({
    readMsr: (index, out) => {
      out.set([index + 1, 7]);
      return index === 0x1b;
    },
    writeMsr: (...words) => {
      written.push(...words);
      return true;
    },
  });
  guest.state.setGpr(state.RCX, 0x1bn);
  equal(run(guest, [...RDMSR, ...WRMSR], 0n), -1);
  deepEqual(written, [0x1b, 0x1c, 7]);
  guest.state.setGpr(state.RCX, 0x1cn);
  equal(run(guest, RDMSR, 0n), 13);
});

test('RDTSC adds the offset with carry; CR4.TSD keeps it from user mode; RDTSCP also gives TSC_AUX', () => {
  using guest = new SystemGuest();
  guest.state.setU64(state.OFFSET_TSC_OFFSET, 0x1_ffffffffn);
  guest.state.setU32(state.OFFSET_TSC_AUX, 42);
  equal(run(guest, [0x0f, 0x31, 0x0f, 0x01, 0xf9], 0n), -1);
  deepEqual([guest.state.gpr(state.RAX), guest.state.gpr(state.RDX), guest.state.gpr(state.RCX)], [0n, 2n, 42n]);
  guest.enterUser();
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_TSD);
  equal(guest.delivered([0x0f, 0x31]).rip, CODE);
});

test('writing the TSC moves the offset', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RCX, 0x10n);
  guest.state.setGpr(state.RDX, 5n);
  equal(run(guest, [...WRMSR, 0x0f, 0x31], 0x1000n), -1);
  deepEqual([guest.state.gpr(state.RAX), guest.state.gpr(state.RDX)], [0x1001n, 5n]);
});

test('CPUID asks the platform; OSXSAVE follows CR4 (SDM vol. 2A, CPUID)', () => {
  using guest = new SystemGuest({
    cpuid: (leaf, subleaf, out) => {
      out.set([leaf, subleaf, 1 << 26, 4]);
      return true;
    },
  });
  guest.state.setGpr(state.RCX, 9n);
  equal(run(guest, [0x0f, 0xa2], 1n), -1);
  deepEqual([guest.state.gpr(state.RAX), guest.state.gpr(state.RBX)], [1n, 9n]);
  equal(guest.state.gpr(state.RCX), 1n << 26n);
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_OSXSAVE);
  equal(run(guest, [0x0f, 0xa2], 1n), -1);
  equal(guest.state.gpr(state.RCX), 3n << 26n);
});

test('CPUID is #GP(0) where the platform says so (SDM vol. 4, MSR_MISC_FEATURES_ENABLES: CPUID faulting)', () => {
  using guest = new SystemGuest({ cpuid: () => false });
  equal(run(guest, [0x0f, 0xa2], 1n), 13);
  equal(guest.state.gpr(state.RAX), 1n);
});

test('LGDT and SGDT are ten bytes in 64-bit mode; a non-canonical base is #GP', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RBX, BigInt(DATA));
  guest.view.setUint16(DATA, 0x77, true);
  guest.view.setBigUint64(DATA + 2, 0xffff800000001234n, true);
  guest.memory.fill(0xaa, DATA + 0x20, DATA + 0x40);
  equal(run(guest, [0x0f, 0x01, 0x1b, 0x0f, 0x01, 0x4b, 0x20], 0n), -1); // lidt [rbx]; sidt [rbx+20h]
  deepEqual([...guest.memory.subarray(DATA + 0x20, DATA + 0x2b)], [...guest.memory.subarray(DATA, DATA + 10), 0xaa]);
  guest.state.setU64(state.OFFSET_IDTR, 0x4000n);
  guest.state.setU32(state.OFFSET_IDTR + 8, 0xfff);
  guest.view.setBigUint64(DATA + 2, 1n << 47n, true);
  equal(run(guest, [0x0f, 0x01, 0x13], 0n), 13);
});

test('LTR takes an available TSS of 16 bytes and makes it busy; LLDT the same of an LDT', () => {
  using guest = new SystemGuest();
  guest.memory[GDT + TASK + 5] = 0x89;
  guest.view.setUint32(GDT + TASK + 8, 0xffff8000, true);
  equal(run(guest, [0x0f, 0x00, 0xd8], BigInt(TASK)), -1);
  equal(guest.memory[GDT + TASK + 5], 0x8b);
  equal(guest.state.segmentBase(state.TR), 0xffff800000008000n);
  guest.state.setSegment(state.TR, TASK, 0x8b, 0x67, 0x8000n);
  equal(run(guest, [0x0f, 0x00, 0xd8], BigInt(TASK)), 13);
  equal(run(guest, [0x0f, 0x00, 0xd0], BigInt(LOCAL_TABLE)), -1);
  deepEqual([guest.state.segmentBase(state.LDTR), guest.state.segmentLimit(state.LDTR)], [BigInt(LDT), 0x1f]);
  equal(run(guest, [0x0f, 0x00, 0xd0], 0n), -1);
  equal(run(guest, [0x0f, 0x00, 0xd0], BigInt(LOCAL_TABLE | 4)), 13);
});

test('LAR, LSL, VERR, VERW say with ZF what may be known of a selector (SDM vol. 2A, LAR)', () => {
  const ask = (bytes: readonly number[], selector: number, user = false): [boolean, number] => {
    using guest = new LegacyGuest();
    if (user) guest.enterUser(0x1b);
    guest.state.setGpr(state.RCX, BigInt(selector));
    guest.run([...bytes, 0x0f, 0x94, 0xc2, HLT]); // setz dl
    return [(guest.state.gprLo(state.RDX) & 1) === 1, guest.state.gprLo(state.RAX)];
  };
  const LAR = [0x0f, 0x02, 0xc1];
  const LSL = [0x0f, 0x03, 0xc1];
  deepEqual(ask(LAR, 0x10), [true, 0xcf9300]);
  deepEqual(ask(LSL, 0x10), [true, 0xffffffff]);
  deepEqual(ask(LSL, 0x80), [true, 0xfff]);
  equal(ask(LAR, 0)[0], false);
  equal(ask(LAR, 0x10, true)[0], false);
  equal(ask(LSL, 0x58)[0], false);
  equal(ask(LAR, 0x58)[0], true);
  equal(ask([0x0f, 0x00, 0xe1], 0x98)[0], false);
  equal(ask([0x0f, 0x00, 0xe1], 0x08)[0], true);
  equal(ask([0x0f, 0x00, 0xe9], 0x90)[0], false);
  equal(ask([0x0f, 0x00, 0xe9], 0x10)[0], true);
});

test('ARPL raises a requested privilege level', () => {
  using guest = new LegacyGuest();
  guest.state.setGpr(state.RAX, 0xffff0010n);
  guest.state.setGpr(state.RCX, 3n);
  equal(guest.run([0x63, 0xc8, HLT]), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0xffff0013n);
});

test('SWAPGS exchanges the bases; MOV to GS loads the one in use', () => {
  using guest = new SystemGuest();
  guest.state.setU64(state.OFFSET_KERNEL_GS_BASE, 0xffff800000000000n);
  guest.state.setSegment(state.GS, 0, 0, 0, 0x5000n);
  guest.view.setUint32(0x5010, 0x99, true);
  equal(run(guest, [0x65, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0, 0x0f, 0x01, 0xf8], 0n), -1);
  equal(guest.state.gpr(state.RAX), 0x99n);
  deepEqual(
    [guest.state.segmentBase(state.GS), guest.state.u64(state.OFFSET_KERNEL_GS_BASE)],
    [0xffff800000000000n, 0x5000n],
  );
  equal(run(guest, [0x8e, 0xe8], BigInt(USER_DATA)), -1);
  equal(guest.state.segmentBase(state.GS), 0n);
});

test('FSGSBASE instructions need CR4.FSGSBASE; a non-canonical base is #GP (SDM vol. 2B, WRFSBASE)', () => {
  const WRFSBASE = [0xf3, 0x48, 0x0f, 0xae, 0xd0];
  const RDFSBASE = [0xf3, 0x48, 0x0f, 0xae, 0xc1];
  using guest = new SystemGuest();
  equal(run(guest, WRFSBASE, 0n), 6);
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_FSGSBASE);
  equal(run(guest, [...WRFSBASE, ...RDFSBASE], 0xffff800000000123n), -1);
  equal(guest.state.gpr(state.RCX), 0xffff800000000123n);
  equal(run(guest, [0xf3, 0x0f, 0xae, 0xd0], 0x1_00000005n), -1);
  equal(guest.state.segmentBase(state.FS), 5n);
  equal(run(guest, WRFSBASE, 1n << 47n), 13);
});

test('XSETBV takes x87 and x87 with SSE; XSAVE and XRSTOR bring the registers back', () => {
  using guest = new SystemGuest();
  equal(run(guest, [0x0f, 0x01, 0xd0], 0n), 6);
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_OSXSAVE);
  guest.state.setGpr(state.RCX, 0n);
  guest.state.setGpr(state.RDX, 0n);
  equal(run(guest, [0x0f, 0x01, 0xd1], 2n), 13);
  equal(run(guest, [0x0f, 0x01, 0xd1], 7n), 13);
  guest.state.setGpr(state.RCX, 0n);
  guest.state.setGpr(state.RDX, 0n);
  equal(run(guest, [0x0f, 0x01, 0xd1, 0x0f, 0x01, 0xd0], 3n), -1);
  equal(guest.state.gpr(state.RAX), 3n);
  guest.state.setU64(state.OFFSET_XMM + 16, 0x1234n);
  guest.state.setGpr(state.RBX, BigInt(DATA));
  // xsave64 [rbx]; xorps xmm1, xmm1; xrstor64 [rbx]
  equal(run(guest, [0x48, 0x0f, 0xae, 0x23, 0x0f, 0x57, 0xc9, 0x48, 0x0f, 0xae, 0x2b], 3n), -1);
  equal(guest.state.u64(state.OFFSET_XMM + 16), 0x1234n);
  guest.state.setGpr(state.RBX, BigInt(DATA + 16));
  equal(run(guest, [0x48, 0x0f, 0xae, 0x23], 3n), 13);
});

test('debug registers: fixed bits, aliases, and general detect (SDM vol. 3B, 17.2)', () => {
  using guest = new SystemGuest();
  equal(run(guest, [0x0f, 0x23, 0xf0, 0x0f, 0x21, 0xf1], 0n), -1); // dr6, then rcx
  equal(guest.state.gpr(state.RCX), 0xffff0ff0n);
  equal(run(guest, [0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xe9], 1n), -1); // dr7, then dr5
  equal(guest.state.gpr(state.RCX), 0x401n);
  equal(run(guest, [0x0f, 0x23, 0xf8], 1n << 32n), 13);
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_DE);
  equal(run(guest, [0x0f, 0x21, 0xe9], 0n), 6);
  guest.state.setU32(state.OFFSET_DR + 56, 0x400 | (1 << 13));
  const frame = guest.delivered([0x0f, 0x21, 0xc0]);
  deepEqual([frame.vector, frame.rip], [1, CODE]);
  deepEqual(
    [guest.state.u32(state.OFFSET_DR + 48) & 0x2000, guest.state.u32(state.OFFSET_DR + 56) & 0x2000],
    [0x2000, 0],
  );
});

test('PAE paging outside long mode: the PDPTEs are loaded with CR3 and checked (SDM vol. 3A, 4.4.1)', () => {
  using guest = new LegacyGuest();
  guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | state.CR4_PAE);
  guest.state.setU32(state.OFFSET_CR3, 0x90000);
  guest.view.setUint32(0x90000, 0x91001, true);
  guest.view.setUint32(0x91000, 0x83, true); // the first 2 MiB
  guest.view.setUint32(0x91008, 0x200083, true);
  const enable = [...READ_CR0, 0x0d, 0, 0, 0, 0x80, ...WRITE_CR0]; // or eax, PG
  equal(guest.run([...enable, HLT]), EXIT_HLT);
  equal(guest.state.u64(state.OFFSET_PDPTE), 0x91001n);
  guest.view.setUint32(0x90008, 0x3, true); // RW is reserved in a PDPTE
  guest.state.setGpr(state.RAX, 0x90000n);
  equal(guest.delivered32([0x0f, 0x22, 0xd8]).vector, 13);
  equal(guest.state.u64(state.OFFSET_PDPTE + 8), 0n);
});

test('entering long mode from protected mode: LME, PAE, PG, then a far jump (SDM vol. 3A, 9.8.5)', () => {
  using guest = new LegacyGuest();
  guest.descriptor(0xa8, 0, 0xfffff, 0xa09b);
  const code = [
    ...[0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x0d, 0, 1, 0, 0, 0x0f, 0x30], // EFER.LME
    ...[0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xe0], // CR4.PAE
    ...[0xb8, 0x00, 0x10, 0, 0, 0x0f, 0x22, 0xd8], // CR3
    ...[...READ_CR0, 0x0d, 0, 0, 0, 0x80, ...WRITE_CR0], // CR0.PG
    ...[0xea, 0, 0, 2, 0, 0xa8, 0], // jmp far A8:20000
  ];
  guest.load(DATA, [0x48, 0xff, 0xc0, HLT]); // inc rax
  equal(guest.run(code), EXIT_HLT);
  equal(guest.state.is64Bit, true);
  equal(guest.state.u32(state.OFFSET_EFER) & (state.EFER_LMA | state.EFER_LME), state.EFER_LMA | state.EFER_LME);
});
