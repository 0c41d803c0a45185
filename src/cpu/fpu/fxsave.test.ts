/** FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XRSTOR: a random image goes in and comes out again, here and on the host. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fxrstor, fxsave, initialiseX87, MXCSR_MASK, type VectorState } from './fxsave.ts';
import { below, type Random, random64, sampleF80 } from './testing/float-samples.ts';
import {
  MEMORY_AT,
  newState,
  oracleSkip,
  RAX_AT,
  randomWords,
  runOnHost,
  SIGNAL_AT,
  fuzzTimes,
} from './testing/host-oracle.ts';
import { X87_REGISTERS_BYTES, X87State } from './x87-state.ts';
import { XSAVE_BYTES, xrstor, xsave, xsaveopt } from './xsave.ts';

const CASES = 1000 * fuzzTimes;
/** Two images, the second where XSAVE's alignment allows it. */
const SECOND = 640;
const MEMORY = SECOND + XSAVE_BYTES;
const XCR0 = 3;
const MODE64 = { wide: false, mode64: true };
const WIDE = { wide: true, mode64: true };

test('FXRSTOR and FXSAVE move the image of the processor', { skip: oracleSkip }, (t) => {
  for (const format of [MODE64, WIDE]) {
    const rex = format.wide ? [0x48] : [];
    // fxrstor [rdi]; fxsave [rdi + SECOND]
    const code = [...rex, 0x0f, 0xae, 0x0f, ...rex, 0x0f, 0xae, 0x87, ...displacement()];
    const differences = compareWithHost(code, 0x5eed0301, (state, image) => {
      if (!fxrstor(state, image, MEMORY_AT, format)) return false;
      fxsave(state, image, MEMORY_AT + SECOND, format);
      return true;
    });
    t.diagnostic(`wide ${format.wide}: ${CASES} cases, ${differences.length} differences`);
    equal(differences.length, 0, differences.slice(0, 5).join('\n'));
  }
});

test('XRSTOR, then XSAVE and XSAVEOPT, of any components', { skip: oracleSkip }, (t) => {
  for (const [name, digit, save] of [['XSAVE', 4, xsave] as const, ['XSAVEOPT', 6, xsaveopt] as const]) {
    // xrstor [rdi]; xsave [rdi + SECOND]
    const code = [0x0f, 0xae, 0x2f, 0x0f, 0xae, 0x87 | (digit << 3), ...displacement()];
    const differences = compareWithHost(code, 0x5eed0302, (state, image) => {
      const requested = image.getUint32(RAX_AT, true);
      if (!xrstor(state, image, MEMORY_AT, requested, XCR0, MODE64)) return false;
      save(state, image, MEMORY_AT + SECOND, requested, XCR0, MODE64);
      return true;
    });
    t.diagnostic(`${name}: ${CASES} cases, ${differences.length} differences`);
    equal(differences.length, 0, differences.slice(0, 5).join('\n'));
  }
});

test('the 32-bit forms leave XMM8 to XMM15 alone', () => {
  const state = newVectorState();
  const format = { wide: false, mode64: false };
  state.view.setUint32(state.xmmAt + 7 * 16, 7, true);
  state.view.setUint32(state.xmmAt + 8 * 16, 8, true);
  const image = new DataView(new ArrayBuffer(512));
  fxsave(state, image, 0, format);
  equal(image.getUint32(160 + 7 * 16, true), 7);
  equal(image.getUint32(160 + 8 * 16, true), 0);
  equal(fxrstor(state, new DataView(new ArrayBuffer(512)), 0, format), true);
  equal(state.view.getUint32(state.xmmAt + 7 * 16, true), 0);
  equal(state.view.getUint32(state.xmmAt + 8 * 16, true), 8);
});

test('the compacted format and components beyond XCR0 are refused', () => {
  const refused = (write: (image: DataView) => void) => {
    const state = newVectorState();
    const before = new Uint8Array(state.view.buffer.slice(0));
    const image = new DataView(new ArrayBuffer(XSAVE_BYTES));
    write(image);
    const accepted = xrstor(state, image, 0, 7, XCR0, MODE64);
    if (!accepted) deepEqual(new Uint8Array(state.view.buffer), before);
    return !accepted;
  };
  equal(
    refused(() => {}),
    false,
  );
  equal(
    refused((image) => image.setUint32(512, 4, true)),
    true,
  );
  equal(
    refused((image) => image.setUint8(527, 0x80)),
    true,
  );
  equal(
    refused((image) => image.setUint8(535, 1)),
    true,
  );
  equal(
    refused((image) => image.setUint32(24, 0x10000, true)),
    true,
  );
});

/** Runs the code on the host, and `run` on ours, over random images; returns what came out different. */
function compareWithHost(
  code: number[],
  seed: number,
  run: (state: VectorState, memory: DataView) => boolean,
): string[] {
  const random = randomWords(seed);
  const states = Array.from({ length: CASES }, () => sampleImages(random));
  const suspects = different(code, states, run);
  // An interrupt between the two instructions can make the host mark a component used: what differs must differ again.
  return suspects.flatMap(({ before }) => different(code, [before], run)).map(({ message }) => message);
}

function different(
  code: number[],
  states: DataView[],
  run: (state: VectorState, memory: DataView) => boolean,
): { before: DataView; message: string }[] {
  const after = runOnHost({ code, memoryBytes: MEMORY, states });
  return states.flatMap((before, i) => {
    const host = after[i] as DataView;
    const mine = new DataView(before.buffer.slice(0));
    const done = run(newVectorState(), mine);
    const theirs = host.getUint32(SIGNAL_AT, true) === 0 ? show(host) : '#GP';
    const ours = done ? show(mine) : '#GP';
    if (ours === theirs) return [];
    const eax = before.getUint32(RAX_AT, true);
    return [{ before, message: `eax ${eax}\n from ${show(before)}\n host ${theirs}\n ours ${ours}` }];
  });
}

function newVectorState(): VectorState {
  const view = new DataView(new ArrayBuffer(1024));
  const x87 = new X87State(view, 512, 512 + X87_REGISTERS_BYTES);
  initialiseX87(x87);
  view.setUint32(256, 0x1f80, true);
  return { x87, view, xmmAt: 0, mxcsrAt: 256 };
}

/** A first image that the restoring instruction mostly accepts, and random bytes where the second goes. */
function sampleImages(random: Random): DataView {
  const state = newState(MEMORY);
  for (let at = 0; at < MEMORY; at += 4) state.setUint32(MEMORY_AT + at, random(), true);
  const image = MEMORY_AT;
  state.setUint16(image, random() & 0xffff, true);
  for (let at = 6; at < 24; at += 2) state.setUint16(image + at, 0, true);
  state.setUint32(image + 24, random() & (below(random, 16) === 0 ? 0xffffff & ~0x20000 : MXCSR_MASK), true);
  if (below(random, 2) === 0) state.setUint32(image + 24, 0x1f80, true);
  for (let i = 0; i < 8; i++) {
    const { signExponent, significand } = sampleF80(random);
    state.setBigUint64(image + 32 + i * 16, significand, true);
    state.setUint16(image + 32 + i * 16 + 8, signExponent, true);
  }
  if (below(random, 4) === 0) for (let at = 160; at < 416; at += 4) state.setUint32(image + at, 0, true);
  for (let at = 512; at < XSAVE_BYTES; at += 8) state.setBigUint64(image + at, 0n, true);
  state.setUint32(image + 512, random() & 3, true);
  if (below(random, 16) === 0) state.setUint8(image + 520 + below(random, 56), 1 << below(random, 7));
  state.setBigUint64(MEMORY_AT + SECOND + 512, random64(random) & 3n, true);
  // Only these components, of all that the host has; but XSAVE of none is not interesting, so mostly some.
  state.setBigUint64(RAX_AT, BigInt(random() & 3), true);
  return state;
}

/** The second image, without FOP, the pointers and MXCSR_MASK, which processors treat in their own ways. */
function show(state: DataView): string {
  const bytes = new Uint8Array(state.buffer, state.byteOffset + MEMORY_AT + SECOND, XSAVE_BYTES);
  const hex = (from: number, to: number) =>
    Array.from(bytes.subarray(from, to), (b) => b.toString(16).padStart(2, '0')).join('');
  return `${hex(0, 6)} mxcsr ${hex(24, 28)}\n  st ${hex(32, 160)}\n  xmm ${hex(160, 416)}\n  rest ${hex(416, 512)}\n  header ${hex(512, 576)}`;
}

function displacement(): number[] {
  return [SECOND & 0xff, SECOND >> 8, 0, 0];
}
