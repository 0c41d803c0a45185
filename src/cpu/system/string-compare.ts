/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: SDM vol. 2B, 4.1. */
import { OFFSET_VECTOR_A, OFFSET_VECTOR_B, OFFSET_VECTOR_RESULT, type VcpuState } from '../state.ts';

// imm8 (SDM vol. 2B, 4.1.2 to 4.1.6)
const WORDS = 1 << 0;
const SIGNED = 1 << 1;
const AGGREGATION = 3 << 2;
const EQUAL_ANY = 0 << 2;
const RANGES = 1 << 2;
const EQUAL_EACH = 2 << 2;
const NEGATIVE = 1 << 4;
const MASKED = 1 << 5;

/**
 * Compares the string in A with the one in B. With `explicit`, the first two words of RESULT are their lengths in
 * elements, already made positive and cut to what fits. Into RESULT go IntRes2 and, with bit 0 for A and bit 1 for B,
 * which of the two ends before its last element.
 */
export function compareStrings(cpu: VcpuState, imm8: number, explicit: boolean): void {
  const count = (imm8 & WORDS) !== 0 ? 8 : 16;
  read(cpu, OFFSET_VECTOR_A, imm8, first);
  read(cpu, OFFSET_VECTOR_B, imm8, second);
  const lengthA = explicit ? cpu.u32(OFFSET_VECTOR_RESULT) : terminated(first, count);
  const lengthB = explicit ? cpu.u32(OFFSET_VECTOR_RESULT + 4) : terminated(second, count);
  let result = aggregate(imm8 & AGGREGATION, count, lengthA, lengthB);
  if ((imm8 & NEGATIVE) !== 0) result ^= (imm8 & MASKED) !== 0 ? ones(lengthB) : ones(count);
  cpu.setU32(OFFSET_VECTOR_RESULT, result);
  cpu.setU32(OFFSET_VECTOR_RESULT + 4, (lengthA < count ? 1 : 0) | (lengthB < count ? 2 : 0));
}

const first = new Int32Array(16);
const second = new Int32Array(16);

function read(cpu: VcpuState, at: number, imm8: number, into: Int32Array): void {
  const { view } = cpu;
  const signed = (imm8 & SIGNED) !== 0;
  if ((imm8 & WORDS) !== 0) {
    for (let i = 0; i < 8; i++) into[i] = signed ? view.getInt16(at + i * 2, true) : view.getUint16(at + i * 2, true);
  } else {
    for (let i = 0; i < 16; i++) into[i] = signed ? view.getInt8(at + i) : view.getUint8(at + i);
  }
}

function terminated(elements: Int32Array, count: number): number {
  for (let i = 0; i < count; i++) if (elements[i] === 0) return i;
  return count;
}

/** IntRes1. What an element past its string's end compares as is table 4-7's. */
function aggregate(how: number, count: number, lengthA: number, lengthB: number): number {
  let result = 0;
  for (let j = 0; j < count; j++) if (elementMatches(how, j, count, lengthA, lengthB)) result |= 1 << j;
  return result;
}

function elementMatches(how: number, j: number, count: number, lengthA: number, lengthB: number): boolean {
  switch (how) {
    case EQUAL_ANY:
      return j < lengthB && isAnyOf(second[j] as number, lengthA);
    case RANGES:
      return j < lengthB && isInRange(second[j] as number, lengthA);
    case EQUAL_EACH:
      if (j >= lengthA || j >= lengthB) return j >= lengthA && j >= lengthB;
      return first[j] === second[j];
    default:
      return startsAt(j, count, lengthA, lengthB);
  }
}

function isAnyOf(element: number, lengthA: number): boolean {
  for (let i = 0; i < lengthA; i++) if (first[i] === element) return true;
  return false;
}

function isInRange(element: number, lengthA: number): boolean {
  for (let i = 0; i + 1 < lengthA; i += 2) {
    if (element >= (first[i] as number) && element <= (first[i + 1] as number)) return true;
  }
  return false;
}

/** Whether A begins at element j of B, as far as B is in the register. */
function startsAt(j: number, count: number, lengthA: number, lengthB: number): boolean {
  for (let i = 0; i < lengthA && i + j < count; i++) {
    if (i + j >= lengthB || first[i] !== second[i + j]) return false;
  }
  return true;
}

function ones(n: number): number {
  return (1 << n) - 1;
}
