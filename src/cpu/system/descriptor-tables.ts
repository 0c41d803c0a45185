/** LGDT, LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR (SDM vol. 3A, 2.4). */
import { WATCH_GO, type WatchedTable } from '../engine.ts';
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import {
  type Descriptor,
  isNull,
  isPresent,
  isSegment,
  readSystemDescriptor,
  type SystemDescriptor,
  TYPE_LDT,
  TYPE_TSS_AVAILABLE,
  TYPE_TSS_AVAILABLE_16,
  typeOf,
  writeAccessByte,
} from './descriptors.ts';
import { readRm16, writeRm16v } from './operand-access.ts';
import { isCanonical, type SystemCpu } from './system-cpu.ts';
import { refuseUserMode } from './user-mode-prevention.ts';

/** LGDT and LIDT: limit, then base; `register` is OFFSET_GDTR or OFFSET_IDTR. */
export function loadTableRegister(cpu: SystemCpu, operands: SystemOperands, register: number): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const left = watched(cpu, register === state.OFFSET_GDTR ? 'gdtr' : 'idtr', true);
  if (left !== undefined) return left;
  const wide = cpu.state.is64Bit;
  if (!cpu.read(operands.addressLo, operands.addressHi, wide ? 10 : 6)) return SYSTEM_FAULT;
  const limit = cpu.data.getUint16(0, true);
  let base = wide ? cpu.data.getBigUint64(2, true) : BigInt(cpu.data.getUint32(2, true));
  if (!wide && operands.size === 16) base &= 0xffffffn;
  if (wide && !isCanonical(base)) return cpu.generalProtection();
  cpu.state.setU64(register, base);
  cpu.state.setU32(register + 8, limit);
  return SYSTEM_NEXT;
}

export function storeTableRegister(cpu: SystemCpu, operands: SystemOperands, register: number): SystemResult {
  if (refuseUserMode(cpu)) return SYSTEM_FAULT;
  const left = watched(cpu, register === state.OFFSET_GDTR ? 'gdtr' : 'idtr', false);
  if (left !== undefined) return left;
  cpu.data.setUint16(0, cpu.state.u32(register + 8) & 0xffff, true);
  cpu.data.setBigUint64(2, cpu.state.u64(register), true);
  const bytes = cpu.state.is64Bit ? 10 : 6;
  return cpu.write(operands.addressLo, operands.addressHi, bytes) ? SYSTEM_NEXT : SYSTEM_FAULT;
}

export function loadLocalTable(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isProtected || cpu.isVm86) return cpu.invalidOpcode();
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const left = watched(cpu, 'ldtr', true);
  if (left !== undefined) return left;
  const selector = readRm16(cpu, operands, 0);
  if (selector < 0) return SYSTEM_FAULT;
  if (isNull(selector)) {
    cpu.state.setSegment(state.LDTR, selector, 0, 0, 0n);
    return SYSTEM_NEXT;
  }
  const descriptor = systemSegment(cpu, selector, [TYPE_LDT]);
  if (descriptor === undefined) return SYSTEM_FAULT;
  cpu.state.setSegment(state.LDTR, selector, descriptor.attributes, descriptor.limit, descriptor.base);
  return SYSTEM_NEXT;
}

export function loadTaskRegister(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isProtected || cpu.isVm86) return cpu.invalidOpcode();
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const left = watched(cpu, 'tr', true);
  if (left !== undefined) return left;
  const selector = readRm16(cpu, operands, 0);
  if (selector < 0) return SYSTEM_FAULT;
  if (isNull(selector)) return cpu.generalProtection();
  const types = cpu.isLongMode ? [TYPE_TSS_AVAILABLE] : [TYPE_TSS_AVAILABLE, TYPE_TSS_AVAILABLE_16];
  const descriptor = systemSegment(cpu, selector, types);
  if (descriptor === undefined || !setBusy(cpu, descriptor, true)) return SYSTEM_FAULT;
  cpu.state.setSegment(state.TR, selector, descriptor.attributes | 2, descriptor.limit, descriptor.base);
  return SYSTEM_NEXT;
}

/** SLDT and STR: the selector of LDTR or TR. */
export function storeSelector(cpu: SystemCpu, operands: SystemOperands, segment: number): SystemResult {
  if (!cpu.isProtected || cpu.isVm86) return cpu.invalidOpcode();
  if (refuseUserMode(cpu)) return SYSTEM_FAULT;
  const left = watched(cpu, segment === state.LDTR ? 'ldtr' : 'tr', false);
  if (left !== undefined) return left;
  return writeRm16v(cpu, operands, BigInt(cpu.state.segmentSelector(segment))) ? SYSTEM_NEXT : SYSTEM_FAULT;
}

/** Sets or clears the busy bit of a TSS descriptor in memory; false after a fault. */
export function setBusy(cpu: SystemCpu, descriptor: Descriptor, busy: boolean): boolean {
  const byte = (descriptor.hi >>> 8) & 0xff;
  return writeAccessByte(cpu, descriptor, busy ? byte | 2 : byte & ~2);
}

function watched(cpu: SystemCpu, table: WatchedTable, isWrite: boolean): SystemResult | undefined {
  return cpu.watched(cpu.watch?.usesTable(table, isWrite) ?? WATCH_GO);
}

// A present descriptor of one of the types, in the GDT; undefined after raising.
function systemSegment(cpu: SystemCpu, selector: number, types: readonly number[]): SystemDescriptor | undefined {
  if ((selector & 4) !== 0) {
    cpu.generalProtection(selector & 0xfffc);
    return undefined;
  }
  const descriptor = readSystemDescriptor(cpu, selector);
  if (descriptor === undefined) return undefined;
  if (isSegment(descriptor) || !types.includes(typeOf(descriptor)) || !isCanonical(descriptor.base)) {
    cpu.generalProtection(selector & 0xfffc);
    return undefined;
  }
  if (!isPresent(descriptor)) {
    cpu.raise(state.EXCEPTION_NP, selector & 0xfffc);
    return undefined;
  }
  return descriptor;
}
