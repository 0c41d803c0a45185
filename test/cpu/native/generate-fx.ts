/** x87, MMX and SSE registers as an FXSAVE image (SDM vol. 1, table 10-2). */
import { FX_BYTES } from './protocol.ts';
import type { Random } from './random.ts';

export const FX_FCW = 0;
export const FX_FSW = 2;
export const FX_FTW = 4;
export const FX_MXCSR = 24;
export const FX_ST = 32;
export const FX_XMM = 160;
export const FX_XMM_END = 416;

export function randomFx(random: Random): Uint8Array {
  const image = new Uint8Array(FX_BYTES);
  const view = new DataView(image.buffer);
  const rounding = random.oneIn(3) ? random.below(4) : 0;
  const precision = random.oneIn(3) ? random.pick([0, 2, 3]) : 3;
  const masks = random.oneIn(6) ? random.below(64) : 0x3f;
  view.setUint16(FX_FCW, 0x40 | (rounding << 10) | (precision << 8) | masks, true);
  // No pending exceptions: those would be reported before the instruction did anything.
  view.setUint16(FX_FSW, (random.below(8) << 11) | (random.u32() & 0x4700), true);
  image[FX_FTW] = random.oneIn(4) ? random.below(256) : 0xff;
  let mxcsr = 0x1f80;
  if (random.oneIn(3)) mxcsr |= random.below(4) << 13;
  if (random.oneIn(6)) mxcsr |= 0x8000;
  if (random.oneIn(6)) mxcsr |= 0x40;
  if (random.oneIn(6)) mxcsr &= ~(random.below(64) << 7);
  if (random.oneIn(2)) mxcsr |= 0x20;
  view.setUint32(FX_MXCSR, mxcsr, true);
  for (let i = 0; i < 8; i++) st(view, FX_ST + i * 16, random);
  const element = random.oneIn(3) ? random.pick([roundF64, roundF32]) : undefined;
  for (let i = 0; i < 16; i++) {
    if (element === undefined) xmm(view, FX_XMM + i * 16, random);
    else for (const half of [0, 8]) view.setBigUint64(FX_XMM + i * 16 + half, element(random), true);
  }
  return image;
}

function st(view: DataView, at: number, random: Random): void {
  const sign = random.oneIn(2) ? 0x8000 : 0;
  const fraction = random.oneIn(2) ? random.u64() : BigInt(random.below(256)) << 56n;
  const integer = 1n << 63n;
  switch (random.below(8)) {
    case 0:
      view.setBigUint64(at, random.u64(), true);
      view.setUint16(at + 8, random.below(0x10000), true);
      return;
    case 1:
      view.setBigUint64(at, random.pick([0n, integer, integer | 1n, integer | (integer >> 1n), 1n]), true);
      view.setUint16(at + 8, sign | random.pick([0, 0x7fff, 1, 0x7ffe]), true);
      return;
    default:
      view.setBigUint64(at, integer | fraction, true);
      view.setUint16(at + 8, sign | (0x3fff - 20 + random.below(random.oneIn(4) ? 100 : 40)), true);
  }
}

/** Near one, with any number of zeros at the end: what comes of two of them is as often exact as not. */
function roundF64(random: Random): bigint {
  if (random.oneIn(16)) return BigInt(random.below(2)) << 63n;
  const zeros = BigInt(random.below(53));
  const fraction = ((random.u64() & 0xfffffffffffffn) >> zeros) << zeros;
  return (BigInt(random.below(2)) << 63n) | (BigInt(0x3ff - 6 + random.below(12)) << 52n) | fraction;
}

/** The same of two singles. */
function roundF32(random: Random): bigint {
  const single = (): number => {
    if (random.oneIn(16)) return random.below(2) << 31;
    const zeros = random.below(24);
    const fraction = ((random.u32() & 0x7fffff) >>> zeros) << zeros;
    return (random.below(2) << 31) | ((0x7f - 6 + random.below(12)) << 23) | fraction;
  };
  return (BigInt(single() >>> 0) << 32n) | BigInt(single() >>> 0);
}

function xmm(view: DataView, at: number, random: Random): void {
  switch (random.below(3)) {
    case 0:
      view.setBigUint64(at, random.value(), true);
      view.setBigUint64(at + 8, random.value(), true);
      return;
    case 1:
      view.setBigUint64(at, random.f64(), true);
      view.setBigUint64(at + 8, random.f64(), true);
      return;
    default:
      for (let lane = 0; lane < 16; lane += 4) view.setUint32(at + lane, random.f32(), true);
  }
}
