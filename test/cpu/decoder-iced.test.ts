/**
 * The decoder against iced-x86, on random bytes in 16-, 32- and 64-bit code: which bytes are an instruction, how long
 * it is, and what its operands are. Where the two may differ is named below; all else is a fault of ours.
 */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { DECODED, Decoder } from '../../src/cpu/decode/decoder.ts';
import { rowsOf } from '../../src/cpu/decode/rows.ts';
import { OpcodeTable } from '../../src/cpu/decode/table.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { MODE_CODE_32, MODE_CODE_64 } from '../../src/cpu/mode.ts';
import { IcedReader } from './iced/iced-reader.ts';
import { ourOperands } from './iced/our-operands.ts';
import { randomInstruction, SLOT_BYTES } from './iced/random-bytes.ts';
import { CHECKED_LATER, expectation, operandsComparable } from './iced/expectations.ts';
import { Random } from './native/random.ts';

const ROUNDS = 400_000;
const BATCH = 4096;
const MODES = [
  [16, 0],
  [32, MODE_CODE_32],
  [64, MODE_CODE_64],
] as const;

const table = new OpcodeTable(rowsOf(ALL_INSTRUCTIONS));

for (const [bits, mode] of MODES) {
  test(`${bits}-bit code decodes as iced-x86 decodes it`, () => {
    const random = new Random(bits);
    const decoder = new Decoder(table);
    const bytes = new Uint8Array(BATCH * SLOT_BYTES);
    const found = new Map<string, string>();
    for (let round = 0; round < ROUNDS; round += BATCH) {
      for (let i = 0; i < BATCH; i++)
        randomInstruction(random, bits, bytes.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES));
      const iced = new IcedReader(bytes, bits);
      for (let i = 0; i < BATCH; i++) {
        const at = i * SLOT_BYTES;
        const theirs = iced.read(at);
        const status = decoder.decode(bytes, at, at + SLOT_BYTES, mode);
        const { result } = decoder;
        const expected = expectation(theirs);
        const isValid = status === DECODED;
        let what: string | undefined;
        if (isValid && expected === 'invalid' && CHECKED_LATER.has(result.opcode)) continue;
        if (isValid !== (expected === 'valid'))
          what = isValid ? `is ${result.candidate?.instruction.mnemonic} to us` : 'is invalid to us';
        else if (isValid && result.length !== theirs.length)
          what = `has ${result.length} bytes to us, not ${theirs.length}`;
        else if (isValid && operandsComparable(theirs))
          what = operandDifference(ourOperands(result, at), theirs.operands, bits);
        if (what === undefined) continue;
        const hex = Buffer.from(bytes.subarray(at, at + SLOT_BYTES - 1)).toString('hex');
        const key = `${theirs.code} ${what.replace(/[0-9a-f]{3,}|-?\d+/g, '#')}`;
        if (!found.has(key)) found.set(key, `${hex}: ${theirs.code} (${theirs.text}) ${what}`);
      }
      iced.free();
    }
    equal(Array.from(found.values()).slice(0, 40).join('\n'), '');
  });
}

function operandDifference(ours: readonly string[], theirs: readonly string[], bits: number): string | undefined {
  const [a, b] = [plain(ours, bits), plain(theirs, bits)];
  return a === b ? undefined : `has operands ${a} to us, not ${b}`;
}

// The top of the x87 stack is named by some tables only; in 64-bit code all segments but FS and GS are one.
function plain(operands: readonly string[], bits: number): string {
  const named = operands.filter((operand) => operand !== 'ST0').join(', ');
  return bits === 64 ? named.replace(/(\[|implicit )(ES|CS|SS|DS)/g, '$1DS') : named;
}
