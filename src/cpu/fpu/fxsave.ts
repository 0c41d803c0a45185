/** FXSAVE and FXRSTOR: the 512-byte image. SDM vol. 1, 10.5; vol. 2A, FXSAVE, tables 3-43 to 3-46. */
import { FCW_INITIAL, type X87State } from './x87-state.ts';

/** Misaligned: #GP. */
export const FXSAVE_ALIGNMENT = 16;
export const FXSAVE_BYTES = 512;
/** The MXCSR bits that may be set: what FXSAVE reports, and what LDMXCSR and the restoring instructions accept. */
export const MXCSR_MASK = 0xffff;
export const MXCSR_INITIAL = 0x1f80;

export const IMAGE_FCW = 0;
export const IMAGE_FSW = 2;
export const IMAGE_FTW = 4;
export const IMAGE_FOP = 6;
export const IMAGE_FIP = 8;
const IMAGE_FCS = 12;
export const IMAGE_FDP = 16;
const IMAGE_FDS = 20;
export const IMAGE_MXCSR = 24;
const IMAGE_MXCSR_MASK = 28;
export const IMAGE_ST = 32;
export const IMAGE_XMM = 160;
const SLOT_BYTES = 16;

/** The registers that FXSAVE and XSAVE move, in the vCPU state block. */
export interface VectorState {
  readonly x87: X87State;
  readonly view: DataView;
  /** Offset of XMM0 in `view`; 16 bytes each. */
  readonly xmmAt: number;
  /** Offset of the u32 MXCSR. */
  readonly mxcsrAt: number;
}

/** How an instruction was encoded, and where it runs. */
export interface ImageFormat {
  /** REX.W: FIP and FDP are 64 bits, without selectors. */
  readonly wide: boolean;
  /** 64-bit mode: 16 XMM registers, otherwise 8. */
  readonly mode64: boolean;
}

/**
 * Writes what FXSAVE writes at `at` of `image`; other bytes of the 512 stay as they are. `image` may be the guest's
 * memory itself, or a copy that is written back.
 */
export function fxsave(state: VectorState, image: DataView, at: number, format: ImageFormat): void {
  saveX87(state.x87, image, at, format.wide);
  saveMxcsr(state, image, at);
  saveXmm(state, image, at, format.mode64);
}

/** Returns false for #GP, with nothing changed: MXCSR has reserved bits set. */
export function fxrstor(state: VectorState, image: DataView, at: number, format: ImageFormat): boolean {
  if (!mxcsrIsValid(imageMxcsr(image, at))) return false;
  restoreX87(state.x87, image, at, format.wide);
  restoreMxcsr(state, image, at);
  restoreXmm(state, image, at, format.mode64);
  return true;
}

/** False: LDMXCSR, FXRSTOR and XRSTOR raise #GP. */
export function mxcsrIsValid(mxcsr: number): boolean {
  return (mxcsr & ~MXCSR_MASK) === 0;
}

export function imageMxcsr(image: DataView, at: number): number {
  return image.getUint32(at + IMAGE_MXCSR, true);
}

/** Component 0 of the image: control words, pointers, ST to ST(7). */
export function saveX87(x87: X87State, image: DataView, at: number, wide: boolean): void {
  image.setUint16(at + IMAGE_FCW, x87.fcw, true);
  image.setUint16(at + IMAGE_FSW, x87.fsw, true);
  image.setUint16(at + IMAGE_FTW, x87.ftw, true);
  image.setUint16(at + IMAGE_FOP, x87.fop, true);
  image.setBigUint64(at + IMAGE_FIP, x87.fip, true);
  image.setBigUint64(at + IMAGE_FDP, x87.fdp, true);
  if (!wide) {
    image.setUint32(at + IMAGE_FCS, x87.fcs, true);
    image.setUint32(at + IMAGE_FDS, x87.fds, true);
  }
  for (let i = 0; i < 8; i++) {
    const slot = at + IMAGE_ST + i * SLOT_BYTES;
    image.setBigUint64(slot, x87.significand(i), true);
    image.setBigUint64(slot + 8, BigInt(x87.signExponent(i)), true);
  }
}

export function restoreX87(x87: X87State, image: DataView, at: number, wide: boolean): void {
  x87.fcw = image.getUint16(at + IMAGE_FCW, true);
  x87.fsw = image.getUint16(at + IMAGE_FSW, true);
  x87.fop = image.getUint16(at + IMAGE_FOP, true);
  const fip = image.getBigUint64(at + IMAGE_FIP, true);
  const fdp = image.getBigUint64(at + IMAGE_FDP, true);
  x87.fip = wide ? fip : BigInt.asUintN(32, fip);
  x87.fdp = wide ? fdp : BigInt.asUintN(32, fdp);
  x87.fcs = wide ? 0 : image.getUint16(at + IMAGE_FCS, true);
  x87.fds = wide ? 0 : image.getUint16(at + IMAGE_FDS, true);
  for (let i = 0; i < 8; i++) {
    const slot = at + IMAGE_ST + i * SLOT_BYTES;
    x87.put(i, image.getUint16(slot + 8, true), image.getBigUint64(slot, true));
  }
  // After the registers: putting one marks it not empty.
  x87.ftw = image.getUint8(at + IMAGE_FTW);
}

/** The initial configuration of component 0, registers zeroed (SDM vol. 1, 13.6). */
export function initialiseX87(x87: X87State): void {
  x87.initialise();
  for (let i = 0; i < 8; i++) x87.put(i, 0, 0n);
  x87.ftw = 0;
}

/** True when component 0 is in its initial configuration. */
export function x87IsInitial(x87: X87State): boolean {
  if (x87.fcw !== FCW_INITIAL || x87.fsw !== 0 || x87.ftw !== 0 || x87.fop !== 0) return false;
  if (x87.fip !== 0n || x87.fdp !== 0n || x87.fcs !== 0 || x87.fds !== 0) return false;
  for (let i = 0; i < 8; i++) {
    if (x87.significand(i) !== 0n || x87.signExponent(i) !== 0) return false;
  }
  return true;
}

export function saveMxcsr(state: VectorState, image: DataView, at: number): void {
  image.setUint32(at + IMAGE_MXCSR, state.view.getUint32(state.mxcsrAt, true), true);
  image.setUint32(at + IMAGE_MXCSR_MASK, MXCSR_MASK, true);
}

export function restoreMxcsr(state: VectorState, image: DataView, at: number): void {
  state.view.setUint32(state.mxcsrAt, imageMxcsr(image, at), true);
}

export function saveXmm(state: VectorState, image: DataView, at: number, mode64: boolean): void {
  const bytes = xmmBytes(mode64);
  for (let i = 0; i < bytes; i += 8) {
    image.setBigUint64(at + IMAGE_XMM + i, state.view.getBigUint64(state.xmmAt + i, true), true);
  }
}

export function restoreXmm(state: VectorState, image: DataView, at: number, mode64: boolean): void {
  const bytes = xmmBytes(mode64);
  for (let i = 0; i < bytes; i += 8) {
    state.view.setBigUint64(state.xmmAt + i, image.getBigUint64(at + IMAGE_XMM + i, true), true);
  }
}

export function clearXmm(state: VectorState, mode64: boolean): void {
  const bytes = xmmBytes(mode64);
  for (let i = 0; i < bytes; i += 8) state.view.setBigUint64(state.xmmAt + i, 0n, true);
}

/** True when all XMM registers of the mode are zero. */
export function xmmIsInitial(state: VectorState, mode64: boolean): boolean {
  const bytes = xmmBytes(mode64);
  for (let i = 0; i < bytes; i += 8) {
    if (state.view.getBigUint64(state.xmmAt + i, true) !== 0n) return false;
  }
  return true;
}

function xmmBytes(mode64: boolean): number {
  return (mode64 ? 16 : 8) * SLOT_BYTES;
}
