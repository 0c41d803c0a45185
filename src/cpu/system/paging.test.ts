import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_HLT } from '../engine.ts';
import * as state from '../state.ts';
import { CODE, PML4 } from '../testing/processor.ts';
import { KERNEL_STACK, SystemGuest, USER_STACK } from './testing/system-guest.ts';

const HLT = 0xf4;
// Page-table entry bits (SDM vol. 3A, table 4-20)
const P = 1n;
const RW = 2n;
const US = 4n;
const A = 1n << 5n;
const D = 1n << 6n;
const PS = 1n << 7n;
const XD = 1n << 63n;
// Page-fault error code (SDM vol. 3A, 4.7)
const ERROR_P = 1;
const ERROR_W = 2;
const ERROR_U = 4;
const ERROR_RSVD = 8;
const ERROR_I = 16;

/** The second entry of the PML4 leads to one page under test. */
const PDPT = 0x90000;
const PD = 0x91000;
const PT = 0x92000;
const PAGE = 0x8000000000;
const FRAME = 0x300000;
const TABLE = P | RW | US;

// With RBX the address of the page.
const LOAD = [0x8b, 0x03, HLT]; // mov eax, [rbx]
const STORE = [0x89, 0x03, HLT]; // mov [rbx], eax
const FETCH = [0xff, 0xe3]; // jmp rbx

class PagedGuest extends SystemGuest {
  constructor(leaf: bigint, tables = TABLE) {
    super();
    this.view.setBigUint64(PML4 + 8, BigInt(PDPT) | tables, true);
    this.view.setBigUint64(PDPT, BigInt(PD) | tables, true);
    this.view.setBigUint64(PD, BigInt(PT) | tables, true);
    this.view.setBigUint64(PT, BigInt(FRAME) | leaf, true);
    this.state.setGpr(state.RBX, BigInt(PAGE));
    this.load(FRAME, [HLT]);
  }

  set cr4(bits: number) {
    this.state.setU32(state.OFFSET_CR4, this.state.u32(state.OFFSET_CR4) | bits);
  }
  set wp(on: boolean) {
    const cr0 = this.state.u32(state.OFFSET_CR0);
    this.state.setU32(state.OFFSET_CR0, on ? cr0 | state.CR0_WP : cr0 & ~state.CR0_WP);
  }
  get leaf(): bigint {
    return this.view.getBigUint64(PT, true);
  }

  /** 'ok', or the error code of the page fault. At CPL 3 HLT itself is #GP. */
  outcome(bytes: readonly number[]): number | 'ok' {
    const exit = this.run(bytes);
    const { rip } = this.state;
    if (exit === EXIT_HLT && (rip === BigInt(CODE + bytes.length) || rip === BigInt(PAGE) + 1n)) return 'ok';
    const { vector, errorCode, rip: faulting } = this.frame(exit);
    if (vector === 13) return 'ok';
    equal(vector, 14);
    equal(this.state.u64(state.OFFSET_CR2), BigInt(PAGE));
    equal(faulting, bytes === FETCH ? PAGE : CODE);
    return errorCode;
  }
}

/** Who accesses how, to which page, under which controls: what is expected (SDM vol. 3A, 4.6.1 and 4.7). */
const RIGHTS: readonly (readonly [
  who: 'user' | 'kernel',
  how: readonly number[],
  leaf: bigint,
  cr4: number,
  wp: boolean,
  expected: number | 'ok',
])[] = [
  ['kernel', LOAD, P, 0, true, 'ok'],
  ['kernel', LOAD, 0n, 0, true, 0],
  ['kernel', STORE, 0n, 0, true, ERROR_W],
  ['kernel', STORE, P | RW, 0, true, 'ok'],
  ['kernel', STORE, P, 0, true, ERROR_P | ERROR_W],
  ['kernel', STORE, P, 0, false, 'ok'],
  ['kernel', STORE, P | US, 0, true, ERROR_P | ERROR_W],
  ['kernel', STORE, P | US, 0, false, 'ok'],
  ['user', LOAD, P | US, 0, true, 'ok'],
  ['user', LOAD, P, 0, true, ERROR_P | ERROR_U],
  ['user', LOAD, 0n, 0, true, ERROR_U],
  ['user', STORE, P | US, 0, true, ERROR_P | ERROR_W | ERROR_U],
  ['user', STORE, P | US, 0, false, ERROR_P | ERROR_W | ERROR_U],
  ['user', STORE, P | US | RW, 0, true, 'ok'],
  ['user', STORE, P | RW, 0, true, ERROR_P | ERROR_W | ERROR_U],
  ['user', FETCH, P | US, 0, true, 'ok'],
  ['user', FETCH, P | US | XD, 0, true, ERROR_P | ERROR_U | ERROR_I],
  ['user', FETCH, P, 0, true, ERROR_P | ERROR_U | ERROR_I],
  ['kernel', FETCH, P, 0, true, 'ok'],
  ['kernel', FETCH, P | XD, 0, true, ERROR_P | ERROR_I],
  ['kernel', FETCH, P | US, 0, true, 'ok'],
  ['kernel', FETCH, P | US, state.CR4_SMEP, true, ERROR_P | ERROR_I],
  ['kernel', LOAD, P | US, state.CR4_SMEP, true, 'ok'],
  ['kernel', LOAD, P | US, state.CR4_SMAP, true, ERROR_P],
  ['kernel', STORE, P | US | RW, state.CR4_SMAP, true, ERROR_P | ERROR_W],
  ['kernel', LOAD, P | XD, 0, true, 'ok'],
  ['user', LOAD, P | US, state.CR4_SMAP | state.CR4_SMEP, true, 'ok'],
  ['kernel', LOAD, P | (1n << 45n), 0, true, ERROR_P | ERROR_RSVD],
];

test('access rights of pages, row by row (SDM vol. 3A, 4.6.1)', () => {
  for (const [who, how, leaf, cr4, wp, expected] of RIGHTS) {
    using guest = new PagedGuest(leaf);
    if (who === 'user') guest.enterUser();
    // Supervisor code of these tests is in user pages: with SMEP it moves to a page of its own.
    if ((cr4 & state.CR4_SMEP) !== 0 || (cr4 & state.CR4_SMAP) !== 0) closeLowMemory(guest, who);
    guest.cr4 = cr4;
    guest.wp = wp;
    deepEqual([who, how, leaf, cr4, wp, guest.outcome(how)], [who, how, leaf, cr4, wp, expected]);
  }
});

// The identity map without its user bit, for supervisor code; user code and its stack keep theirs.
function closeLowMemory(guest: SystemGuest, who: 'user' | 'kernel'): void {
  if (who === 'kernel') {
    guest.view.setBigUint64(0x2000, P | RW | PS, true);
    return;
  }
  // 4 KiB pages of the first 2 MiB: user ones for code and stack only.
  guest.view.setBigUint64(0x2000, 0x93000n | TABLE, true);
  guest.view.setBigUint64(0x93000, 0x94000n | TABLE, true);
  for (let page = 0; page < 512; page++) {
    const isUser = page === CODE >>> 12 || page === (USER_STACK >>> 12) - 1;
    guest.view.setBigUint64(0x94000 + page * 8, (BigInt(page) << 12n) | P | RW | (isUser ? US : 0n), true);
  }
}

test('SMAP: STAC opens user pages to the kernel, CLAC closes them (SDM vol. 3A, 4.6)', () => {
  using guest = new PagedGuest(P | US | RW);
  closeLowMemory(guest, 'kernel');
  guest.cr4 = state.CR4_SMAP;
  equal(guest.run([0x0f, 0x01, 0xcb, ...LOAD]), EXIT_HLT);
  equal(guest.rflags & state.FLAG_AC, state.FLAG_AC);
  const after = guest.delivered([0x0f, 0x01, 0xcb, 0x8b, 0x03, 0x0f, 0x01, 0xca, 0x8b, 0x03]);
  deepEqual([after.vector, after.errorCode, after.rip], [14, ERROR_P, CODE + 8]);
});

test('accessed and dirty bits are set by what is done (SDM vol. 3A, 4.8)', () => {
  using guest = new PagedGuest(P | RW);
  equal(guest.run(LOAD), EXIT_HLT);
  equal(guest.leaf & (A | D), A);
  equal(guest.run(STORE), EXIT_HLT);
  equal(guest.leaf & (A | D), A | D);
  equal(guest.view.getBigUint64(PD, true) & A, A);
});

test('a write that is refused sets no dirty bit', () => {
  using guest = new PagedGuest(P);
  equal(guest.outcome(STORE), ERROR_P | ERROR_W);
  equal(guest.leaf & D, 0n);
});

test('INVLPG makes a changed entry count; MOV to CR3 does so for all (SDM vol. 3A, 4.10.4)', () => {
  for (const flush of [
    [0x0f, 0x01, 0x3b], // invlpg [rbx]
    [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8], // mov rax, cr3; mov cr3, rax
  ]) {
    using guest = new PagedGuest(P | RW);
    guest.view.setUint32(FRAME, 0x11111111, true);
    guest.view.setUint32(FRAME + 0x1000, 0x22222222, true);
    equal(guest.run(LOAD), EXIT_HLT);
    guest.view.setBigUint64(PT, BigInt(FRAME + 0x1000) | P, true);
    equal(guest.run([...flush, ...LOAD]), EXIT_HLT);
    equal(guest.state.gpr(state.RAX), 0x22222222n);
  }
});

test('INVPCID: each type, and what it refuses (SDM vol. 2A, INVPCID)', () => {
  const INVPCID = [0x66, 0x0f, 0x38, 0x82, 0x01, HLT]; // invpcid rax, [rcx]
  const DESCRIPTOR = 0x30000;
  const run = (type: bigint, pcid: bigint, address: bigint, cr4 = 0): number => {
    using guest = new SystemGuest();
    guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) | cr4);
    guest.view.setBigUint64(DESCRIPTOR, pcid, true);
    guest.view.setBigUint64(DESCRIPTOR + 8, address, true);
    guest.state.setGpr(state.RAX, type);
    guest.state.setGpr(state.RCX, BigInt(DESCRIPTOR));
    const exit = guest.run(INVPCID);
    return guest.state.rip === BigInt(CODE + 6) ? -1 : guest.frame(exit).vector;
  };
  for (const type of [0n, 1n, 2n, 3n]) equal(run(type, 0n, 0n), -1);
  equal(run(4n, 0n, 0n), 13);
  equal(run(0n, 1n, 0n), 13);
  equal(run(0n, 1n, 0n, state.CR4_PCIDE), -1);
  equal(run(0n, 0n, 1n << 47n), 13);
  equal(run(2n, 0x1000n, 0n), 13);
});

test('2 MiB and 1 GiB pages; address bits below their size are reserved (SDM vol. 3A, 4.5.4)', () => {
  using guest = new PagedGuest(P);
  guest.view.setUint32(0x400123, 0x33333333, true);
  guest.view.setBigUint64(PD, 0x400000n | P | RW | PS, true);
  guest.state.setGpr(state.RBX, BigInt(PAGE + 0x123));
  equal(guest.run(LOAD), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0x33333333n);
  guest.view.setBigUint64(PDPT, P | RW | PS, true);
  guest.vcpu.flushTlb();
  guest.state.setGpr(state.RBX, BigInt(PAGE + 0x400123));
  equal(guest.run(LOAD), EXIT_HLT);
  equal(guest.state.gpr(state.RAX), 0x33333333n);

  using reserved = new PagedGuest(P);
  reserved.view.setBigUint64(PD, 0x402000n | P | PS, true);
  equal(reserved.outcome(LOAD), ERROR_P | ERROR_RSVD);
});

test('a write across two pages faults on the second before the first changes (SDM vol. 3A, 4.7)', () => {
  using guest = new PagedGuest(P | RW);
  guest.state.setGpr(state.RBX, BigInt(PAGE + 0xffe));
  guest.state.setGpr(state.RAX, 0xffffffffn);
  const frame = guest.delivered(STORE);
  deepEqual([frame.vector, frame.errorCode, guest.state.u64(state.OFFSET_CR2)], [14, ERROR_W, BigInt(PAGE + 0x1000)]);
  equal(guest.view.getUint16(FRAME + 0xffe, true), 0);
});

test('XD with EFER.NXE clear is a reserved bit', () => {
  using guest = new PagedGuest(P | XD);
  guest.state.setU32(state.OFFSET_EFER, guest.state.u32(state.OFFSET_EFER) & ~state.EFER_NXE);
  equal(guest.outcome(LOAD), ERROR_P | ERROR_RSVD);
});

test('rights are those of all levels together', () => {
  using guest = new PagedGuest(P | RW | US, P | US);
  equal(guest.outcome(STORE), ERROR_P | ERROR_W);
});

test('a non-canonical address is #GP(0) (SDM vol. 1, 3.3.7.1)', () => {
  using guest = new SystemGuest();
  guest.state.setGpr(state.RBX, 1n << 47n);
  const { vector, errorCode } = guest.delivered(LOAD);
  deepEqual([vector, errorCode], [13, 0]);
});

test('the kernel stack of the TSS is written with supervisor rights even from CPL 3', () => {
  using guest = new SystemGuest();
  closeLowMemory(guest, 'user');
  guest.enterUser();
  guest.delivered([0x0f, 0x0b]);
  equal(guest.state.gpr(state.RSP), BigInt(KERNEL_STACK - 40));
});
