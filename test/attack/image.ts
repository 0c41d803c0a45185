/** What is in an attacker's memory before it starts: page tables, descriptors, handlers, code, a control block. */
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as vmcb from '../../src/cpu/svm/vmcb.ts';
import type { Attacker, Mode } from './attack.ts';
import * as place from './places.ts';
import type { Width } from './random-line.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const PRESENT = 0x67;
const LARGE = 0xe7;
/** Present, writable, not the user's: what kernels that are kept from users' pages execute and use. */
const KERNEL = 0x63;
const SMEP_SMAP = 0x300000;
/** Vectors with an error code. */
const ERROR_CODES = new Set([8, 10, 11, 12, 13, 14, 17]);
/** Lines of code begin at multiples of this, so that the handler of an exception knows where the next one does. */
const LINE = 16;

export function widthOf(mode: Mode): Width {
  if (mode === 'real' || mode === 'vm86') return 16;
  return mode === 'long' ? 64 : 32;
}

/** A domain's first 2 MiB. */
export function image(attackers: readonly Attacker[], scattered: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(place.RAM_PAGES * 4096);
  const view = new DataView(bytes.buffer);
  const [first] = attackers as readonly [Attacker, ...Attacker[]];
  const kernelPages = (first.cr4 & SMEP_SMAP) !== 0 && !first.isUser ? place.DATA >> 12 : 0;
  longTables(view, scattered, kernelPages);
  legacyTables(view, scattered, kernelPages);
  descriptors(view);
  handlers(bytes, view, first);
  control(view, place.CODE + place.INNER_CODE);
  for (const [index, attacker] of attackers.entries()) {
    const at = place.CODE + index * place.CODE_SIZE;
    bytes.set(assemble(attacker, attacker.lines, at).subarray(0, place.INNER_CODE), at + attacker.shift);
    const inner = assemble(attacker, attacker.inner, at + place.INNER_CODE);
    bytes.set(inner.subarray(0, 0x1f00), at + place.INNER_CODE);
  }
  return bytes;
}

/** Lines at multiples of LINE, but for what the attacker shifts all by. Throws where one is none. */
function assemble({ mode }: Attacker, lines: readonly string[], origin: number): Uint8Array {
  const source = lines.map((line) => `align ${LINE}\n${line}`).join('\n');
  return assembler.assemble(`${source}\nalign ${LINE}\nhlt\njmp $-1`, { origin, width: widthOf(mode) }).bytes;
}

function longTables(view: DataView, scattered: readonly number[], kernelPages: number): void {
  const entry = (table: number, index: number, value: number): void => {
    view.setUint32(table + index * 8, value, true);
  };
  for (const root of [place.PML4, place.PML4_OTHER]) {
    entry(root, 0, place.PDPT | PRESENT);
    for (const index of [255, 256, 511]) entry(root, index, place.PDPT_ENDS | PRESENT);
  }
  entry(place.PML4_OTHER, 1, place.PDPT | PRESENT);
  entry(place.PDPT, 0, place.PD | PRESENT);
  entry(place.PDPT, 1, LARGE);
  entry(place.PDPT, 3, place.PD | PRESENT);
  entry(place.PDPT, 4, place.PD | PRESENT);
  entry(place.PD, 0, place.PT | PRESENT);
  entry(place.PD, 1, place.PT_ALIAS | PRESENT);
  entry(place.PD, 2, LARGE);
  entry(place.PD, 3, 0x200000 | LARGE);
  entry(place.PD, 511, place.PT_ALIAS | PRESENT);
  entry(place.PDPT_ENDS, 0, place.PD_ENDS | PRESENT);
  entry(place.PDPT_ENDS, 511, place.PD_ENDS | PRESENT);
  entry(place.PD_ENDS, 0, place.PT_ALIAS | PRESENT);
  entry(place.PD_ENDS, 511, place.PT_ENDS | PRESENT);
  for (let page = 0; page < 512; page++) {
    entry(place.PT, page, (page * 4096) | (isKernel(page, kernelPages) ? KERNEL : PRESENT));
    entry(place.PT_ALIAS, page, ((scattered[page] ?? page) * 4096) | PRESENT);
    entry(place.PT_ENDS, page, ((scattered[511 - page] ?? page) * 4096) | PRESENT);
    entry(place.NESTED_TABLES + 0x3000, page, (page * 4096) | PRESENT);
  }
  for (let level = 0; level < 3; level++) {
    entry(place.NESTED_TABLES + level * 4096, 0, (place.NESTED_TABLES + (level + 1) * 4096) | PRESENT);
  }
}

function legacyTables(view: DataView, scattered: readonly number[], kernelPages: number): void {
  const entry = (table: number, index: number, value: number): void => view.setUint32(table + index * 4, value, true);
  entry(place.DIRECTORY, 0, place.PT_32 | PRESENT);
  entry(place.DIRECTORY, 1, LARGE);
  entry(place.DIRECTORY, 0x300, LARGE);
  entry(place.DIRECTORY, 0x3ff, place.PT_32 | PRESENT);
  for (let page = 0; page < 512; page++) {
    entry(place.PT_32, page, (page * 4096) | (isKernel(page, kernelPages) ? KERNEL : PRESENT));
    entry(place.PT_32, 512 + page, ((scattered[page] ?? page) * 4096) | PRESENT);
  }
  for (let index = 0; index < 4; index++) view.setUint32(place.PDPTES + index * 8, place.PD | 1, true);
}

// Code and tables, and the stack.
function isKernel(page: number, kernelPages: number): boolean {
  return page < kernelPages || (kernelPages > 0 && page === (place.STACK - 1) >> 12);
}

function descriptors(view: DataView): void {
  const put = (selector: number, base: number, limit: number, attributes: number): void => {
    const at = place.GDT + (selector & 0xfff8);
    view.setUint32(at, (limit & 0xffff) | ((base & 0xffff) << 16), true);
    const high = ((base >>> 16) & 0xff) | ((attributes & 0xf0ff) << 8) | (limit & 0xf0000) | (base & 0xff000000);
    view.setUint32(at + 4, high, true);
  };
  put(place.KERNEL_CODE, 0, 0xfffff, 0xa09b);
  put(place.KERNEL_DATA, 0, 0xfffff, 0xc093);
  put(place.USER_CODE_32, 0, 0xfffff, 0xc0fb);
  put(place.USER_DATA, 0, 0xfffff, 0xc0f3);
  put(place.USER_CODE, 0, 0xfffff, 0xa0fb);
  put(place.KERNEL_CODE_32, 0, 0xfffff, 0xc09b);
  put(place.TASK, place.TSS, 0x67, 0x8b);
  put(place.SMALL_DATA, place.DATA + 8, 0xff7, 0x4093);
  put(place.EXPAND_DOWN, place.DATA, 0xfff, 0x4097);
  put(place.KERNEL_CODE_16, 0, 0xffff, 0x009b);
}

/** Each gate, and a handler that goes on at the next line, until there were too many. */
function handlers(bytes: Uint8Array, view: DataView, { mode, shift, vectorLines }: Attacker): void {
  const isLong = mode === 'long' || mode === 'compatibility';
  const width = isLong ? 64 : mode === 'real' ? 16 : 32;
  const [stack, size, end] = {
    16: ['bp', 'word', 'iret'],
    32: ['esp', 'dword', 'iretd'],
    64: ['rsp', 'qword', 'iretq'],
  }[width] as [string, string, string];
  // 16-bit code has no addresses by SP.
  const [before, after] = width === 16 ? ['push bp\nmov bp, sp\n', '\npop bp'] : ['', ''];
  const at = width === 16 ? 'bp+2' : stack;
  const source = `dec dword [${place.PATIENCE}]\njs stop\n${vectorLines.join('\n')}\n${before}sub ${size} [${at}], ${shift}\nand ${size} [${at}], ${-LINE}\nadd ${size} [${at}], ${LINE + shift}${after}\n${end}\nstop: hlt\njmp stop`;
  bytes.set(assembler.assemble(source, { origin: place.HANDLER, width }).bytes, place.HANDLER);
  view.setUint32(place.PATIENCE, PATIENCE, true);
  for (let vector = 0; vector < 256; vector++) {
    const handler = place.HANDLERS + vector * LINE;
    const drop = ERROR_CODES.has(vector) && width !== 16 ? `add ${stack}, ${width / 8}\n` : '';
    const stub = assembler.assemble(`${drop}jmp ${place.HANDLER}`, { origin: handler, width }).bytes;
    bytes.set(stub, handler);
    gate(view, vector, handler, isLong);
    if (mode === 'real') view.setUint32(vector * 4, handler, true);
  }
  view.setUint32(place.TSS + 4, place.KERNEL_STACK, true);
  if (!isLong) view.setUint32(place.TSS + 8, place.KERNEL_DATA, true);
  view.setUint32(place.TSS + 0x24, place.IST_STACK, true);
  view.setUint16(place.TSS + 0x66, 0x68, true);
}

const PATIENCE = 400;

function gate(view: DataView, vector: number, handler: number, isLong: boolean): void {
  const at = place.IDT + vector * (isLong ? 16 : 8);
  const selector = isLong ? place.KERNEL_CODE : place.KERNEL_CODE_32;
  view.setUint32(at, handler | (selector << 16), true);
  const dpl = vector === 0x80 || vector === 3 ? 3 : 0;
  // Faults of 64-bit code get a stack that is one, whatever RSP is.
  const ist = isLong && vector < 32 ? 1 : 0;
  view.setUint32(at + 4, ist | ((0x8e | (dpl << 5)) << 8), true);
}

/** A guest's guest: 64-bit code with the same tables. */
function control(view: DataView, inner: number): void {
  const field = (at: number, value: number): void => view.setUint32(place.VMCB + at, value, true);
  const segment = (at: number, selector: number, attributes: number): void => {
    view.setUint16(place.VMCB + at, selector, true);
    view.setUint16(place.VMCB + at + vmcb.SEGMENT_ATTRIBUTES, attributes, true);
    field(at + vmcb.SEGMENT_LIMIT, 0xffffffff);
  };
  // VMRUN itself must be.
  field(vmcb.INTERCEPT_WORDS + (vmcb.VMEXIT_VMRUN >>> 5) * 4, 1 << (vmcb.VMEXIT_VMRUN & 31));
  field(vmcb.GUEST_ASID, 1);
  field(vmcb.IOPM_BASE_PA, place.IOPM);
  field(vmcb.MSRPM_BASE_PA, place.MSRPM);
  field(vmcb.NP_ENABLE, 1);
  field(vmcb.N_CR3, place.NESTED_TABLES);
  segment(vmcb.SAVE_CS, place.KERNEL_CODE, 0xa9b);
  for (const at of [vmcb.SAVE_ES, vmcb.SAVE_SS, vmcb.SAVE_DS]) segment(at, place.KERNEL_DATA, 0xc93);
  field(vmcb.SAVE_GDTR + vmcb.SEGMENT_BASE, place.GDT);
  field(vmcb.SAVE_IDTR + vmcb.SEGMENT_BASE, place.IDT);
  field(vmcb.SAVE_IDTR + vmcb.SEGMENT_LIMIT, 0xfff);
  field(vmcb.SAVE_EFER, 0x1d01);
  field(vmcb.SAVE_CR4, 0x6b0);
  field(vmcb.SAVE_CR3, place.PML4);
  field(vmcb.SAVE_CR0, 0x80010031);
  field(vmcb.SAVE_RFLAGS, 2);
  field(vmcb.SAVE_RIP, inner);
  field(vmcb.SAVE_RSP, place.STACK - 0x1000);
}
