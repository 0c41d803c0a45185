/** Linear addresses of offsets in segments, with the checks of SDM vol. 3A, 5.3 and vol. 1, 3.4.2.1. */
import * as state from '../state.ts';
import { isCanonical, type SystemCpu } from './system-cpu.ts';

/** Whether a segment of a legacy mode lets `bytes` at an offset be read or written. */
export function segmentAllows(
  attributes: number,
  limit: number,
  offset: number,
  bytes: number,
  isWrite: boolean,
): boolean {
  if ((attributes & state.ATTRIBUTE_P) === 0) return false;
  const isCode = (attributes & 8) !== 0;
  if (isWrite && (isCode || (attributes & 2) === 0)) return false;
  if (!isWrite && isCode && (attributes & 2) === 0) return false;
  const last = offset + bytes - 1;
  if (!isCode && (attributes & 4) !== 0) {
    // Expand-down: valid above the limit, up to 64 KiB or 4 GiB by B.
    const top = (attributes & state.ATTRIBUTE_DB) !== 0 ? 0xffffffff : 0xffff;
    return offset > limit && last <= top;
  }
  return last <= limit;
}

/** A segment of a legacy mode: base plus offset into scratch, or the exception of an access that is not allowed. */
export function checkedLinear(cpu: SystemCpu, segment: number, offset: number, bytes: number, isWrite: boolean): void {
  const { state: registers } = cpu;
  const attributes = registers.segmentAttributes(segment);
  if (segmentAllows(attributes, registers.segmentLimit(segment), offset, bytes, isWrite)) {
    setLinear(registers, segment, offset);
  } else {
    cpu.raise(segment === state.SS ? state.EXCEPTION_SS : state.EXCEPTION_GP, 0);
  }
}

/** Base plus offset into scratch, unchecked. */
export function setLinear(registers: state.VcpuState, segment: number, offset: number): void {
  const base = registers.u32(state.OFFSET_SEGMENTS + segment * state.SEGMENT_SIZE + state.SEGMENT_BASE);
  registers.setHalves(state.OFFSET_SCRATCH, (base + offset) >>> 0, 0);
}

/** Linear address of an offset in a segment; undefined after #GP(0), or #SS(0) for SS. */
export function segmentLinear(
  cpu: SystemCpu,
  segment: number,
  offset: bigint,
  bytes: number,
  isWrite: boolean,
): bigint | undefined {
  const { state: registers } = cpu;
  const vector = segment === state.SS ? state.EXCEPTION_SS : state.EXCEPTION_GP;
  if (registers.is64Bit) {
    const base = segment >= state.FS ? registers.segmentBase(segment) : 0n;
    const address = BigInt.asUintN(64, base + offset);
    if (isCanonical(address) && isCanonical(BigInt.asUintN(64, address + BigInt(bytes - 1)))) return address;
    cpu.raise(vector, 0);
    return undefined;
  }
  const attributes = registers.segmentAttributes(segment);
  if (!segmentAllows(attributes, registers.segmentLimit(segment), Number(offset), bytes, isWrite)) {
    cpu.raise(vector, 0);
    return undefined;
  }
  return BigInt.asUintN(32, registers.segmentBase(segment) + offset);
}
