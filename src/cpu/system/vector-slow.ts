/**
 * Vector operations that generated code leaves to TypeScript, on operands in the state block: floating point beyond what
 * WebAssembly gives bit for bit, string comparison, CRC32. An operation is a kind and what the kind says of the rest.
 */
import { x87Slow } from '../fpu/x87-slow.ts';
import { sseSlow, sseSlowDotProduct, sseSlowPacked } from '../fpu/sse-slow.ts';
import { reciprocalEstimate, reciprocalSquareRootEstimate } from '../fpu/sse-estimate.ts';
import * as state from '../state.ts';
import { crc32c } from './crc32c.ts';
import { compareStrings } from './string-compare.ts';

// Kinds, in bits 16 and up of an operation.
/** Bits 15:0: an operation of fpu/sse-operations.ts with its immediate. */
export const VECTOR_SCALAR = 0 << 16;
export const VECTOR_PACKED = 1 << 16;
/** Bits 7:0: imm8. */
export const VECTOR_DOT_F32 = 2 << 16;
export const VECTOR_DOT_F64 = 3 << 16;
/** On the four elements of B. */
export const VECTOR_RECIPROCAL = 4 << 16;
export const VECTOR_RECIPROCAL_ROOT = 5 << 16;
/** PCMPxSTRx of A with B; see string-compare.ts. Bits 7:0: imm8. Explicit lengths are the first two words of the result. */
export const VECTOR_STRING_IMPLICIT = 6 << 16;
export const VECTOR_STRING_EXPLICIT = 7 << 16;
/** Bits 7:0: bytes of B that are added to the check sum in A. */
export const VECTOR_CRC32 = 8 << 16;
/** Bits 10:0: opcode, as FOP has it. See fpu/x87-slow.ts. */
export const VECTOR_X87 = 9 << 16;

/**
 * Computes RESULT from A and B. Returns the vector of an exception to raise (#XM, #UD), or 0. MXCSR has its sticky flags
 * either way; RESULT means nothing after an exception.
 */
export function vectorSlow(cpu: state.VcpuState, operation: number): number {
  const low = operation & 0xffff;
  switch (operation - low) {
    case VECTOR_SCALAR:
      return scalar(cpu, low);
    case VECTOR_PACKED:
      load(cpu);
      sseSlowPacked(low, cpu.u32(state.OFFSET_MXCSR), a, b, packedOut);
      return finishPacked(cpu);
    case VECTOR_DOT_F32:
    case VECTOR_DOT_F64:
      load(cpu);
      sseSlowDotProduct(operation - low === VECTOR_DOT_F64, low, cpu.u32(state.OFFSET_MXCSR), a, b, packedOut);
      return finishPacked(cpu);
    case VECTOR_RECIPROCAL:
      return estimate(cpu, reciprocalEstimate);
    case VECTOR_RECIPROCAL_ROOT:
      return estimate(cpu, reciprocalSquareRootEstimate);
    case VECTOR_STRING_IMPLICIT:
      compareStrings(cpu, low, false);
      return 0;
    case VECTOR_STRING_EXPLICIT:
      compareStrings(cpu, low, true);
      return 0;
    case VECTOR_X87:
      return x87Slow(cpu, low);
    default:
      cpu.setU32(state.OFFSET_VECTOR_RESULT, crc32c(cpu, low));
      return 0;
  }
}

const a = new Uint32Array(4);
const b = new Uint32Array(4);
const scalarOut = new Uint32Array(4);
const packedOut = new Uint32Array(6);

function scalar(cpu: state.VcpuState, operation: number): number {
  const aLo = cpu.u32(state.OFFSET_VECTOR_A);
  const aHi = cpu.u32(state.OFFSET_VECTOR_A + 4);
  const bLo = cpu.u32(state.OFFSET_VECTOR_B);
  const bHi = cpu.u32(state.OFFSET_VECTOR_B + 4);
  sseSlow(operation, cpu.u32(state.OFFSET_MXCSR), aLo, aHi, bLo, bHi, scalarOut);
  cpu.setHalves(state.OFFSET_VECTOR_RESULT, scalarOut[0] as number, scalarOut[1] as number);
  cpu.setU32(state.OFFSET_MXCSR, scalarOut[2] as number);
  return scalarOut[3] === 0 ? 0 : floatException(cpu);
}

function load(cpu: state.VcpuState): void {
  for (let i = 0; i < 4; i++) {
    a[i] = cpu.u32(state.OFFSET_VECTOR_A + i * 4);
    b[i] = cpu.u32(state.OFFSET_VECTOR_B + i * 4);
  }
}

function finishPacked(cpu: state.VcpuState): number {
  for (let i = 0; i < 4; i++) cpu.setU32(state.OFFSET_VECTOR_RESULT + i * 4, packedOut[i] as number);
  cpu.setU32(state.OFFSET_MXCSR, packedOut[4] as number);
  return packedOut[5] === 0 ? 0 : floatException(cpu);
}

function estimate(cpu: state.VcpuState, of: (bits: number) => number): number {
  for (let i = 0; i < 16; i += 4) cpu.setU32(state.OFFSET_VECTOR_RESULT + i, of(cpu.u32(state.OFFSET_VECTOR_B + i)));
  return 0;
}

/** SDM vol. 3A, 13.1.5: without OSXMMEXCPT a system does not know #XM. */
function floatException(cpu: state.VcpuState): number {
  const known = (cpu.u32(state.OFFSET_CR4) & state.CR4_OSXMMEXCPT) !== 0;
  return known ? state.EXCEPTION_XM : state.EXCEPTION_UD;
}
