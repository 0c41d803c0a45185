/**
 * XSAVE, XSAVEOPT and XRSTOR for XCR0 = x87 | SSE, in the standard format; the compacted one is not advertised.
 * SDM vol. 1, 13.4 to 13.9. The legacy region of the image is that of FXSAVE.
 */
import type { ImageFormat, VectorState } from './fxsave.ts';
import {
  clearXmm,
  FXSAVE_BYTES,
  imageMxcsr,
  initialiseX87,
  mxcsrIsValid,
  restoreMxcsr,
  restoreX87,
  restoreXmm,
  saveMxcsr,
  saveX87,
  saveXmm,
  x87IsInitial,
  xmmIsInitial,
} from './fxsave.ts';

/** Misaligned: #GP. */
export const XSAVE_ALIGNMENT = 64;
/** The legacy region and the header: what CPUID.0DH reports for this XCR0. */
export const XSAVE_BYTES = 576;
export const XCR0_X87 = 1;
export const XCR0_SSE = 2;

export const HEADER_XSTATE_BV = FXSAVE_BYTES;
export const HEADER_XCOMP_BV = FXSAVE_BYTES + 8;
/** Bytes 8 to 23 of the header must be zero in the standard format. */
const HEADER_MUST_BE_ZERO_END = FXSAVE_BYTES + 24;

/** XSETBV: what XCR0 may hold; anything else is #GP. */
export function xcr0IsValid(value: bigint): boolean {
  return value === 1n || value === 3n;
}

/**
 * Writes what XSAVE writes at `at` of `image`; other bytes of the 576 stay as they are, so a copy must be read first.
 * `requested`: EAX, the lower half of the requested-feature bitmap; no component is in the upper one.
 */
export function xsave(
  state: VectorState,
  image: DataView,
  at: number,
  requested: number,
  xcr0: number,
  format: ImageFormat,
): void {
  const components = requested & xcr0;
  if ((components & XCR0_X87) !== 0) saveX87(state.x87, image, at, format.wide);
  if ((components & XCR0_SSE) !== 0) {
    saveMxcsr(state, image, at);
    saveXmm(state, image, at, format.mode64);
  }
  writeHeader(image, at, components, componentsInUse(state, format.mode64));
}

/** As `xsave`, leaving out components that are in their initial configuration (XSTATE_BV tells which). */
export function xsaveopt(
  state: VectorState,
  image: DataView,
  at: number,
  requested: number,
  xcr0: number,
  format: ImageFormat,
): void {
  const components = requested & xcr0;
  const inUse = componentsInUse(state, format.mode64);
  const saved = components & inUse;
  if ((saved & XCR0_X87) !== 0) saveX87(state.x87, image, at, format.wide);
  if ((components & XCR0_SSE) !== 0) saveMxcsr(state, image, at);
  if ((saved & XCR0_SSE) !== 0) saveXmm(state, image, at, format.mode64);
  writeHeader(image, at, components, inUse);
}

/** Returns false for #GP, with nothing changed: the header or MXCSR have bits set that must not be. */
export function xrstor(
  state: VectorState,
  image: DataView,
  at: number,
  requested: number,
  xcr0: number,
  format: ImageFormat,
): boolean {
  const present = image.getBigUint64(at + HEADER_XSTATE_BV, true);
  if ((present & ~BigInt(xcr0)) !== 0n) return false;
  for (let i = HEADER_XCOMP_BV; i < HEADER_MUST_BE_ZERO_END; i += 8) {
    if (image.getBigUint64(at + i, true) !== 0n) return false;
  }
  const components = requested & xcr0;
  // MXCSR is loaded whether or not XSTATE_BV has the SSE bit.
  const sse = (components & XCR0_SSE) !== 0;
  if (sse && !mxcsrIsValid(imageMxcsr(image, at))) return false;
  const loaded = components & Number(present);
  if ((loaded & XCR0_X87) !== 0) restoreX87(state.x87, image, at, format.wide);
  else if ((components & XCR0_X87) !== 0) initialiseX87(state.x87);
  if (!sse) return true;
  restoreMxcsr(state, image, at);
  if ((loaded & XCR0_SSE) !== 0) restoreXmm(state, image, at, format.mode64);
  else clearXmm(state, format.mode64);
  return true;
}

/** XINUSE, and what XGETBV with ECX = 1 reports: the components not in their initial configuration. MXCSR is not looked at. */
export function componentsInUse(state: VectorState, mode64: boolean): number {
  return (x87IsInitial(state.x87) ? 0 : XCR0_X87) | (xmmIsInitial(state, mode64) ? 0 : XCR0_SSE);
}

/** XSTATE_BV: of the requested components those in use, of the others what was there. */
function writeHeader(image: DataView, at: number, components: number, inUse: number): void {
  const before = image.getUint32(at + HEADER_XSTATE_BV, true);
  image.setUint32(at + HEADER_XSTATE_BV, (before & ~components) | (components & inUse), true);
}
