/** What the host cannot show: the pointers of an instruction we chose, and the layouts of real mode. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { execute, X87_DONE, X87_PENDING, X87_STORE, x87Operand } from './x87.ts';
import { X87_REGISTERS_BYTES, X87State } from './x87-state.ts';
import { X87Unit } from './x87-unit.ts';

const FLDENV = [0xd9, 0x20] as const;
const FNSTENV = [0xd9, 0x30] as const;

test('an instruction leaves its opcode and its addresses in FOP, FIP and FDP; a control instruction does not', () => {
  const unit = afterLoad();
  execute(unit, ...FNSTENV);
  equal(unit.operand.getUint32(12, true), 0x12345);
  equal(unit.operand.getUint32(16, true), 0x0010 | (0x105 << 16));
  equal(unit.operand.getUint32(20, true), 0x56789);
  equal(unit.operand.getUint16(24, true), 0x0018);
});

test('the environments of real mode have linear addresses, and come back (SDM vol. 1, figures 8-10 and 8-12)', () => {
  for (const operandSize16 of [false, true]) {
    const unit = afterLoad();
    unit.state.fip = 0x2345n;
    unit.state.fdp = 0x6789n;
    unit.realMode = true;
    unit.operandSize16 = operandSize16;
    execute(unit, ...FNSTENV);
    const words = operandSize16
      ? [0x2445, (0x0 << 12) | 0x105, 0x6909, 0x0 << 12]
      : [0xffff2445, (0x0 << 12) | 0x105, 0xffff6909, 0x0 << 12];
    const read = (i: number) =>
      operandSize16 ? unit.operand.getUint16(6 + i * 2, true) : unit.operand.getUint32(12 + i * 4, true);
    deepEqual([0, 1, 2, 3].map(read), words);
    unit.state.initialise();
    execute(unit, ...FLDENV);
    equal(unit.state.fip, 0x2445n);
    equal(unit.state.fdp, 0x6909n);
    equal(unit.state.fop, 0x105);
  }
});

test('FNSTENV writes 28 bytes, or 14 with 16-bit operand size, and masks all exceptions', () => {
  equal(x87Operand(...FNSTENV, false)?.bytes, 28);
  equal(x87Operand(...FNSTENV, true)?.bytes, 14);
  const unit = newUnit();
  unit.state.fcw = 0x340;
  equal(execute(unit, ...FNSTENV), X87_STORE);
  equal(unit.operand.getUint16(0, true), 0x340);
  equal(unit.state.fcw, 0x37f);
});

test('unmasking a flag that is already up makes the next waiting instruction fault, until FNCLEX', () => {
  const unit = newUnit();
  execute(unit, 0xd9, 0xc0); // FLD ST(0) of an empty stack: IE, masked
  unit.operand.setUint16(0, 0x37e, true);
  equal(execute(unit, 0xd9, 0x28), X87_DONE); // FLDCW
  equal(unit.state.pending, true);
  equal(execute(unit, 0xd9, 0xe8), X87_PENDING); // FLD1
  execute(unit, 0xdb, 0xe2); // FNCLEX
  equal(execute(unit, 0xd9, 0xe8), X87_DONE);
});

test('an MMX instruction finds all registers in use at fixed places, EMMS empties them', () => {
  const unit = newUnit();
  execute(unit, 0xd9, 0xe8);
  equal(unit.state.top, 7);
  unit.state.enterMmx();
  unit.state.markMmxWrite(0);
  equal(unit.state.top, 0);
  equal(unit.state.ftw, 0xff);
  equal(unit.state.signExponent(0), 0xffff);
  unit.state.emms();
  equal(unit.state.ftw, 0);
});

function newUnit(): X87Unit {
  const state = new X87State(new DataView(new ArrayBuffer(256)), 0, X87_REGISTERS_BYTES);
  state.initialise();
  return new X87Unit(state);
}

/** A unit that has executed FLD m32 (D9 /0, ModRM 05). */
function afterLoad(): X87Unit {
  const unit = newUnit();
  unit.ip = 0x12345n;
  unit.cs = 0x10;
  unit.dataPointer = 0x56789n;
  unit.ds = 0x18;
  equal(execute(unit, 0xd9, 0x05), X87_DONE);
  return unit;
}
