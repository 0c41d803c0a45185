/** The x87 register file inside the vCPU state block. SDM vol. 1, 8.1. */
import type { Float } from './float.ts';
import { packF80SignExponent, packF80Significand, unpackF80 } from './float.ts';

// Status word, above the six exception flags.
export const FSW_SF = 0x0040;
export const FSW_ES = 0x0080;
export const FSW_C0 = 0x0100;
export const FSW_C1 = 0x0200;
export const FSW_C2 = 0x0400;
export const FSW_TOP_SHIFT = 11;
export const FSW_TOP = 0x3800;
export const FSW_C3 = 0x4000;
export const FSW_B = 0x8000;
export const FSW_EXCEPTIONS = 0x003f;

/** What FOP keeps of an opcode. */
export const FOP_BITS = 0x7ff;

export const FCW_INITIAL = 0x037f;
/** Bits of FCW that can be written; bit 6 reads as one, the rest as zero. */
export const FCW_WRITABLE = 0x1f3f;
export const FCW_FIXED = 0x0040;

/** Where things are in the two areas that the constructor is given. */
const SLOT_BYTES = 16;
export const CONTROL_FCW = 0;
export const CONTROL_FSW = 2;
export const CONTROL_FTW = 4;
export const CONTROL_FOP = 6;
export const CONTROL_FIP = 8;
export const CONTROL_FDP = 16;
export const CONTROL_FCS = 24;
export const CONTROL_FDS = 26;
export const X87_REGISTERS_BYTES = 8 * SLOT_BYTES;
export const X87_CONTROL_BYTES = 28;

/**
 * Eight slots of 16 bytes, slot i being physical register Ri (10 bytes; MMi is its low 8), and the control area:
 * u16 FCW, FSW (with TOP), FTW (abridged as FXSAVE has it: bit i set = Ri is not empty), FOP; u64 FIP, FDP; u16 FCS, FDS.
 * Arguments called `i` count from the top of the stack: ST(i).
 */
export class X87State {
  readonly #view: DataView;
  readonly #registers: number;
  readonly #control: number;

  /** `registers`, `control`: offsets of the two areas in `view`. */
  constructor(view: DataView, registers: number, control: number) {
    this.#view = view;
    this.#registers = registers;
    this.#control = control;
  }

  get fcw(): number {
    return this.#view.getUint16(this.#control + CONTROL_FCW, true);
  }

  /** Reserved bits are forced; ES and B of the status word follow the new masks. */
  set fcw(value: number) {
    this.#view.setUint16(this.#control + CONTROL_FCW, (value & FCW_WRITABLE) | FCW_FIXED, true);
    this.#writeStatus(this.fsw);
  }

  get fsw(): number {
    return this.#view.getUint16(this.#control + CONTROL_FSW, true);
  }

  /** ES and B are not stored but follow from the flags and the masks, whatever `value` says. */
  set fsw(value: number) {
    this.#writeStatus(value);
  }

  /** An unmasked exception waits for the next waiting instruction. */
  get pending(): boolean {
    return (this.fsw & FSW_ES) !== 0;
  }

  get ftw(): number {
    return this.#view.getUint16(this.#control + CONTROL_FTW, true);
  }

  set ftw(value: number) {
    this.#view.setUint16(this.#control + CONTROL_FTW, value & 0xff, true);
  }

  get fop(): number {
    return this.#view.getUint16(this.#control + CONTROL_FOP, true);
  }

  set fop(value: number) {
    this.#view.setUint16(this.#control + CONTROL_FOP, value & FOP_BITS, true);
  }

  get fip(): bigint {
    return this.#view.getBigUint64(this.#control + CONTROL_FIP, true);
  }

  set fip(value: bigint) {
    this.#view.setBigUint64(this.#control + CONTROL_FIP, value, true);
  }

  get fdp(): bigint {
    return this.#view.getBigUint64(this.#control + CONTROL_FDP, true);
  }

  set fdp(value: bigint) {
    this.#view.setBigUint64(this.#control + CONTROL_FDP, value, true);
  }

  get fcs(): number {
    return this.#view.getUint16(this.#control + CONTROL_FCS, true);
  }

  set fcs(value: number) {
    this.#view.setUint16(this.#control + CONTROL_FCS, value, true);
  }

  get fds(): number {
    return this.#view.getUint16(this.#control + CONTROL_FDS, true);
  }

  set fds(value: number) {
    this.#view.setUint16(this.#control + CONTROL_FDS, value, true);
  }

  get top(): number {
    return (this.fsw & FSW_TOP) >> FSW_TOP_SHIFT;
  }

  set top(value: number) {
    this.fsw = (this.fsw & ~FSW_TOP) | ((value & 7) << FSW_TOP_SHIFT);
  }

  /** FNINIT: the registers keep their bits, and are empty. */
  initialise(): void {
    this.fcw = FCW_INITIAL;
    this.fsw = 0;
    this.ftw = 0;
    this.fop = 0;
    this.fip = 0n;
    this.fdp = 0n;
    this.fcs = 0;
    this.fds = 0;
  }

  /** EMMS: all registers empty. */
  emms(): void {
    this.ftw = 0;
  }

  /** What every MMX instruction but EMMS does to the x87 state: TOP = 0, no register empty (SDM vol. 1, 9.5.1). */
  enterMmx(): void {
    this.top = 0;
    this.ftw = 0xff;
  }

  /** What a write to MMi does beyond its 8 bytes: the exponent of Ri becomes all ones. */
  markMmxWrite(register: number): void {
    this.#view.setUint16(this.#registers + register * SLOT_BYTES + 8, 0xffff, true);
  }

  isEmpty(i: number): boolean {
    return (this.ftw & (1 << this.#physical(i))) === 0;
  }

  markEmpty(i: number): void {
    this.ftw = this.ftw & ~(1 << this.#physical(i));
  }

  signExponent(i: number): number {
    return this.#view.getUint16(this.#slot(i) + 8, true);
  }

  significand(i: number): bigint {
    return this.#view.getBigUint64(this.#slot(i), true);
  }

  /** Writes the bits of ST(i) and marks it not empty. */
  put(i: number, signExponent: number, significand: bigint): void {
    const slot = this.#slot(i);
    this.#view.setBigUint64(slot, significand, true);
    this.#view.setUint16(slot + 8, signExponent, true);
    this.ftw = this.ftw | (1 << this.#physical(i));
  }

  read(i: number): Float {
    return unpackF80(this.signExponent(i), this.significand(i));
  }

  write(i: number, value: Float): void {
    this.put(i, packF80SignExponent(value), packF80Significand(value));
  }

  pop(): void {
    this.markEmpty(0);
    this.top = this.top + 1;
  }

  #writeStatus(value: number): void {
    const pending = (value & ~this.fcw & FSW_EXCEPTIONS) !== 0;
    const word = (value & ~(FSW_ES | FSW_B)) | (pending ? FSW_ES | FSW_B : 0);
    this.#view.setUint16(this.#control + CONTROL_FSW, word, true);
  }

  #physical(i: number): number {
    return (this.top + i) & 7;
  }

  #slot(i: number): number {
    return this.#registers + this.#physical(i) * SLOT_BYTES;
  }
}
