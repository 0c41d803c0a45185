/**
 * Instructions that generated code executes give what TypeScript gives, which x87.test.ts compares with the host: of all
 * encodings, on states of all kinds. FIP, FDP and FOP, which few hosts show, are looked at here alone.
 */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { readStatusFlags, writeStatusFlags } from '../emit/flags.ts';
import { VectorProcessor } from '../instructions/vector/testing/vector-processor.ts';
import * as state from '../state.ts';
import { CODE, DATA } from '../testing/processor.ts';
import { EFLAGS_AT, MEMORY_AT, newState, randomWords, RAX_AT, X87_AT } from './testing/host-oracle.ts';
import { type Random, random64 } from './testing/float-samples.ts';
import { codeOf, type Encoding, encoding, MEMORY, runOnOurs, sampleState, show } from './testing/x87-host.ts';
import { execute } from './x87.ts';
import { x87Form } from './x87-forms.ts';
import { unitOf } from './x87-slow.ts';

const CASES = 32;
const STATE_BYTES = 108;
const FRSTOR = 0x20;
const FNSAVE = 0x30;
const RDI = 7;
const SELECTOR_CODE = 8;
const SELECTOR_DATA = 16;
const X87_SIZE = 8 * 16;

for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
  test(`${opcode.toString(16)}: generated code does what TypeScript does`, () => {
    using machine = new Machine();
    const random = randomWords(0x5eed0200 + opcode);
    for (const row of encodings(opcode)) {
      const form = x87Form(row.opcode, row.modrm);
      if (form === undefined) continue;
      for (let i = 0; i < CASES; i++) {
        const before = sampleState(random, row, i % 8 === 7);
        const expected = runOnOurs(row, before);
        const theirs = machine.run(row, before);
        equal(
          typeof theirs === 'string' ? theirs : show(theirs),
          typeof expected === 'string' ? expected : show(expected),
          `${row.name} from ${show(before)}`,
        );
        if (typeof theirs === 'string' || form.control) continue;
        machine.expectPointers(row, form.access !== 'none');
      }
    }
  });
}

test('plain numbers are never left to TypeScript, whatever rounding and precision are asked for', () => {
  using machine = new Machine();
  const slow = machine.countSlow();
  const random = randomWords(0x5eed0300);
  for (let i = 0; i < 64; i++) {
    for (const code of PLAIN) {
      machine.fill(random, (0x37f & ~0x300) | (([0, 2, 3][i % 3] as number) << 8) | ((i & 3) << 10));
      equal(machine.execute(code), -1);
    }
  }
  equal(slow(), 0);
});

/** Of numbers from 1 to 32: FADD to FDIVR, FPREM, FSCALE, FSQRT, FRNDINT, compares, loads and stores. */
const PLAIN = [
  ...[0xc1, 0xc9, 0xd1, 0xe1, 0xe9, 0xf1, 0xf9].map((modRm) => [0xd8, modRm]),
  ...[0xc1, 0xe0, 0xe4, 0xe5, 0xe8, 0xee, 0xf8, 0xfa, 0xfc, 0xfd].map((modRm) => [0xd9, modRm]),
  ...[0xc1, 0xe9, 0xf1].map((modRm) => [0xdb, modRm]),
  // [rdi]: m64, m32, and integers
  ...[0x07, 0x0f, 0x17, 0x27, 0x37, 0x3f].flatMap((modRm) => [
    [0xdc, modRm],
    [0xda, modRm],
    [0xde, modRm],
  ]),
  ...[0x07, 0x17, 0x1f].flatMap((modRm) => [
    [0xdd, modRm],
    [0xd9, modRm],
    [0xdb, modRm],
    [0xdf, modRm],
  ]),
  ...[0x2f, 0x3f].flatMap((modRm) => [
    [0xdb, modRm],
    [0xdf, modRm],
  ]),
  [0xd9, 0x3f],
];

class Machine extends VectorProcessor {
  run(row: Encoding, before: DataView): DataView | '#MF' {
    const unit = unitOf(this.state);
    const memory = new Uint8Array(before.buffer, before.byteOffset + MEMORY_AT, MEMORY);
    for (let i = 0; i < STATE_BYTES; i++) unit.operand.setUint8(i, before.getUint8(X87_AT + i));
    unit.state.initialise();
    execute(unit, 0xdd, FRSTOR);
    writeStatusFlags(this.state, before.getUint32(EFLAGS_AT, true));
    this.state.setU64(state.OFFSET_GPR, before.getBigUint64(RAX_AT, true));
    this.state.setGpr(RDI, BigInt(DATA));
    this.state.setU16(state.OFFSET_SEGMENTS + state.CS * state.SEGMENT_SIZE, SELECTOR_CODE);
    this.state.setU16(state.OFFSET_SEGMENTS + state.DS * state.SEGMENT_SIZE, SELECTOR_DATA);
    this.processor.memory.set(memory, DATA);
    this.clearPointers();
    const vector = this.execute(codeOf(row));
    if (vector === state.EXCEPTION_MF) return '#MF';
    equal(vector, -1, `${row.name} raised an exception`);
    return this.#after();
  }

  /** Full registers but ST(7), and a double at RDI that is a positive integer too. */
  fill(random: Random, control: number): void {
    const { state: x87 } = unitOf(this.state);
    x87.initialise();
    x87.fcw = control;
    for (let i = 0; i < 7; i++) x87.put(i, 0x3fff + (random() % 5), random64(random) | (1n << 63n));
    this.state.setGpr(RDI, BigInt(DATA));
    this.processor.view.setFloat64(DATA, 1 + (random() % 1000) / 64, true);
    this.processor.view.setUint32(DATA, 0x40000000 | random(), true);
  }

  /** How often TypeScript is called from now on. */
  countSlow(): () => number {
    let count = 0;
    const vcpu = this.processor.vcpu as unknown as { vectorSlow: (operation: number) => number };
    const { vectorSlow } = vcpu;
    vcpu.vectorSlow = (operation) => {
      count++;
      return vectorSlow(operation);
    };
    return () => count;
  }

  expectPointers({ opcode, modrm, name }: Encoding, hasOperand: boolean): void {
    const { state: x87 } = unitOf(this.state);
    const operand = hasOperand ? { fdp: BigInt(DATA), fds: SELECTOR_DATA } : { fdp: 0n, fds: 0 };
    const digit = modrm < 0xc0 ? modrm & 0x38 : modrm;
    const fop = ((opcode & 7) << 8) | digit;
    const shown = { fip: x87.fip, fcs: x87.fcs, fop: x87.fop, fdp: x87.fdp, fds: x87.fds };
    equal(String(Object.values(shown)), String([BigInt(CODE), SELECTOR_CODE, fop, operand.fdp, operand.fds]), name);
  }

  clearPointers(): void {
    const { state: x87 } = unitOf(this.state);
    Object.assign(x87, { fip: 0n, fcs: 0, fop: 0, fdp: 0n, fds: 0 });
  }

  #after(): DataView {
    const after = newState(MEMORY);
    const unit = unitOf(this.state);
    const registers = this.state.view.buffer.slice(this.state.base, this.state.base + state.VCPU_STATE_SIZE);
    unit.operandSize16 = false;
    execute(unit, 0xdd, FNSAVE);
    for (let i = 0; i < STATE_BYTES; i++) after.setUint8(X87_AT + i, unit.operand.getUint8(i));
    // FNSAVE leaves the unit as FNINIT does.
    const at = this.state.base + state.OFFSET_X87;
    const kept = new Uint8Array(registers, state.OFFSET_X87, X87_SIZE + 28);
    new Uint8Array(this.state.view.buffer, at, X87_SIZE + 28).set(kept);
    after.setUint32(EFLAGS_AT, 0x202 | readStatusFlags(this.state), true);
    after.setBigUint64(RAX_AT, this.state.gpr(state.RAX), true);
    const memory = this.processor.memory.subarray(DATA, DATA + MEMORY);
    new Uint8Array(after.buffer, after.byteOffset + MEMORY_AT, MEMORY).set(memory);
    return after;
  }
}

function encodings(opcode: number): Encoding[] {
  const memory = [0, 1, 2, 3, 4, 5, 6, 7].map((digit) => encoding(opcode, (digit << 3) | RDI));
  const registers = Array.from({ length: 64 }, (_, i) => encoding(opcode, 0xc0 + i));
  return [...memory, ...registers];
}
