/** Segment descriptors and selectors (SDM vol. 3A, 3.4). */
import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

/** An 8-byte descriptor; the upper half of 16-byte ones is read apart. */
export interface Descriptor {
  readonly selector: number;
  readonly attributes: number;
  /** In bytes, scaled by G. */
  readonly limit: number;
  readonly base: bigint;
  readonly lo: number;
  readonly hi: number;
}

/** A descriptor of a system segment or a gate, whose base is 64 bits wide in long mode. */
export interface SystemDescriptor extends Descriptor {
  /** Bits 95:64 of a 16-byte descriptor, 0 outside long mode. */
  readonly upper: number;
}

export const TYPE_TSS_AVAILABLE_16 = 1;
export const TYPE_LDT = 2;
export const TYPE_TSS_BUSY_16 = 3;
export const TYPE_CALL_GATE_16 = 4;
export const TYPE_TASK_GATE = 5;
export const TYPE_INTERRUPT_GATE_16 = 6;
export const TYPE_TRAP_GATE_16 = 7;
export const TYPE_TSS_AVAILABLE = 9;
export const TYPE_TSS_BUSY = 11;
export const TYPE_CALL_GATE = 12;
export const TYPE_INTERRUPT_GATE = 14;
export const TYPE_TRAP_GATE = 15;

export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

export function typeOf(descriptor: Descriptor): number {
  return descriptor.attributes & state.ATTRIBUTE_TYPE;
}
export function dplOf(descriptor: Descriptor): number {
  return (descriptor.attributes >>> 5) & 3;
}
export function isPresent(descriptor: Descriptor): boolean {
  return (descriptor.attributes & state.ATTRIBUTE_P) !== 0;
}
/** Code or data, not a system descriptor. */
export function isSegment(descriptor: Descriptor): boolean {
  return (descriptor.attributes & state.ATTRIBUTE_S) !== 0;
}
export function isCode(descriptor: Descriptor): boolean {
  return isSegment(descriptor) && (descriptor.attributes & 8) !== 0;
}
export function isConforming(descriptor: Descriptor): boolean {
  return isCode(descriptor) && (descriptor.attributes & 4) !== 0;
}
export function isWritableData(descriptor: Descriptor): boolean {
  return isSegment(descriptor) && (descriptor.attributes & 0xa) === 2;
}
export function isReadable(descriptor: Descriptor): boolean {
  return isSegment(descriptor) && ((descriptor.attributes & 8) === 0 || (descriptor.attributes & 2) !== 0);
}

/**
 * Reads a descriptor from the GDT or LDT. Undefined after raising: `vector` with the selector as error code where it is
 * past the table's limit, or a page fault.
 */
export function readDescriptor(cpu: SystemCpu, selector: number, vector = state.EXCEPTION_GP): Descriptor | undefined {
  if (!isInTable(cpu, selector, 8)) {
    cpu.raise(vector, selector & 0xfffc);
    return undefined;
  }
  return cpu.readBased(tableOf(selector), selector & 0xfff8, 8) ? parse(cpu, selector) : undefined;
}

/** As `readDescriptor` for LDTs, TSSs and call gates, which in long mode are 16 bytes; `base` is complete. */
export function readSystemDescriptor(cpu: SystemCpu, selector: number): SystemDescriptor | undefined {
  const bytes = cpu.isLongMode ? 16 : 8;
  if (!isInTable(cpu, selector, bytes)) {
    cpu.generalProtection(selector & 0xfffc);
    return undefined;
  }
  if (!cpu.readBased(tableOf(selector), selector & 0xfff8, bytes)) return undefined;
  const upper = cpu.isLongMode ? cpu.data.getUint32(8, true) : 0;
  const low = parse(cpu, selector);
  return { ...low, base: low.base | (BigInt(upper) << 32n), upper };
}

/** For instructions that ask rather than fault: undefined for null selectors and those past the table. */
export function findDescriptor(cpu: SystemCpu, selector: number): Descriptor | undefined | 'fault' {
  if (isNull(selector) || !isInTable(cpu, selector, 8)) return undefined;
  return cpu.readBased(tableOf(selector), selector & 0xfff8, 8) ? parse(cpu, selector) : 'fault';
}

/** Sets the accessed bit of a segment descriptor in memory. False after a fault. */
export function markAccessed(cpu: SystemCpu, descriptor: Descriptor): boolean {
  return (descriptor.attributes & 1) !== 0 || writeAccessByte(cpu, descriptor, ((descriptor.hi >>> 8) & 0xff) | 1);
}

/** Writes the byte with type, S, DPL and P of a descriptor in memory. False after a fault. */
export function writeAccessByte(cpu: SystemCpu, descriptor: Descriptor, byte: number): boolean {
  cpu.data.setUint8(0, byte);
  return cpu.writeBased(tableOf(descriptor.selector), (descriptor.selector & 0xfff8) + 5, 1);
}

// Where the state has the base of the table that a selector means.
function tableOf(selector: number): number {
  return (selector & 4) === 0 ? state.OFFSET_GDTR : LDTR_BASE;
}

const LDTR_BASE = state.OFFSET_SEGMENTS + state.LDTR * state.SEGMENT_SIZE + state.SEGMENT_BASE;

function isInTable(cpu: SystemCpu, selector: number, bytes: number): boolean {
  const last = (selector & 0xfff8) + bytes - 1;
  const { state: registers } = cpu;
  if ((selector & 4) === 0) return last <= registers.u32(state.OFFSET_GDTR + 8);
  const usable = (registers.segmentAttributes(state.LDTR) & state.ATTRIBUTE_P) !== 0;
  return usable && last <= registers.segmentLimit(state.LDTR);
}

// The eight bytes in the buffer. Descriptors change rarely: the one known by this selector is mostly the same still.
function parse(cpu: SystemCpu, selector: number): Descriptor {
  const lo = cpu.data.getUint32(0, true);
  const hi = cpu.data.getUint32(4, true);
  const known = cpu.descriptors[selector];
  if (known !== undefined && known.lo === lo && known.hi === hi) return known;
  const granular = (hi & 0x800000) !== 0;
  const raw = (lo & 0xffff) | (hi & 0xf0000);
  const descriptor = {
    selector,
    attributes: (hi >>> 8) & 0xf0ff,
    limit: granular ? ((raw << 12) | 0xfff) >>> 0 : raw,
    base: BigInt(((lo >>> 16) | ((hi & 0xff) << 16) | (hi & 0xff000000)) >>> 0),
    lo,
    hi,
  };
  cpu.descriptors[selector] = descriptor;
  return descriptor;
}

/** Loads the hidden part from a descriptor. */
export function loadHidden(cpu: SystemCpu, segment: number, selector: number, descriptor: Descriptor): void {
  const attributes = descriptor.attributes | (isSegment(descriptor) ? 1 : 0);
  cpu.state.setSegment(segment, selector, attributes, descriptor.limit, descriptor.base);
}

/** A null selector: nothing can be accessed through it; in 64-bit mode FS, GS keep working by their MSRs. */
export function loadNull(cpu: SystemCpu, segment: number, selector: number): void {
  // AMD keeps base and limit, Intel clears the base; a zero base is what software may rely on.
  cpu.state.setSegment(segment, selector, 0, 0, 0n);
}

/** Readable, writable data: what real mode makes of any segment, CS too, and virtual-8086 mode at DPL 3. */
export const REAL_MODE_SEGMENT = 0x93;
export const VM86_SEGMENT = 0xf3;

/** Real and virtual-8086 mode: the base is the selector times 16. In real mode the limit stays. */
export function loadRealMode(cpu: SystemCpu, segment: number, selector: number): void {
  const limit = cpu.isVm86 ? 0xffff : cpu.state.segmentLimit(segment);
  const attributes = cpu.isVm86 ? VM86_SEGMENT : REAL_MODE_SEGMENT;
  cpu.state.setSegment(segment, selector, attributes, limit, BigInt(selector) << 4n);
}

/**
 * MOV and POP to DS, ES, FS, GS, SS and the far pointer loads (SDM vol. 2B, MOV; vol. 3A, 5.6 to 5.7).
 * False after raising.
 */
export function loadDataSegment(cpu: SystemCpu, segment: number, selector: number): boolean {
  if (!cpu.isProtected || cpu.isVm86) {
    loadRealMode(cpu, segment, selector);
    cpu.hooks.modeChanged();
    return true;
  }
  if (segment === state.SS) return loadStackSegment(cpu, selector);
  if (isNull(selector)) {
    loadNull(cpu, segment, selector);
    cpu.hooks.modeChanged();
    return true;
  }
  const descriptor = readDescriptor(cpu, selector);
  if (descriptor === undefined) return false;
  const rpl = selector & 3;
  const privileged = !isConforming(descriptor) && (dplOf(descriptor) < rpl || dplOf(descriptor) < cpu.cpl);
  if (!isReadable(descriptor) || privileged) {
    cpu.raise(state.EXCEPTION_GP, selector & 0xfffc);
    return false;
  }
  if (!isPresent(descriptor)) {
    cpu.raise(state.EXCEPTION_NP, selector & 0xfffc);
    return false;
  }
  if (!markAccessed(cpu, descriptor)) return false;
  loadHidden(cpu, segment, selector, descriptor);
  cpu.hooks.modeChanged();
  return true;
}

function loadStackSegment(cpu: SystemCpu, selector: number): boolean {
  if (isNull(selector)) {
    // A null SS is for 64-bit code below CPL 3 (SDM vol. 2B, MOV).
    if (!cpu.state.is64Bit || cpu.cpl === 3 || (selector & 3) !== cpu.cpl) {
      cpu.raise(state.EXCEPTION_GP, selector & 0xfffc);
      return false;
    }
    cpu.state.setSegment(state.SS, selector, cpu.cpl << 5, 0, 0n);
    cpu.hooks.modeChanged();
    return true;
  }
  const descriptor = readStackDescriptor(cpu, selector, cpu.cpl, state.EXCEPTION_GP);
  if (descriptor === undefined) return false;
  if (!markAccessed(cpu, descriptor)) return false;
  loadHidden(cpu, state.SS, selector, descriptor);
  cpu.hooks.modeChanged();
  return true;
}

/** A descriptor fit for SS at a privilege level; undefined after raising `vector`, or #SS where it is not present. */
export function readStackDescriptor(
  cpu: SystemCpu,
  selector: number,
  level: number,
  vector: number,
): Descriptor | undefined {
  const descriptor = readDescriptor(cpu, selector, vector);
  if (descriptor === undefined) return undefined;
  if ((selector & 3) !== level || dplOf(descriptor) !== level || !isWritableData(descriptor)) {
    cpu.raise(vector, selector & 0xfffc);
    return undefined;
  }
  if (!isPresent(descriptor)) {
    cpu.raise(state.EXCEPTION_SS, selector & 0xfffc);
    return undefined;
  }
  return descriptor;
}
