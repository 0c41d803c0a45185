/** LAR, LSL, VERR, VERW, ARPL: what code may find out about a selector without a fault. */
import { readStatusFlags, writeStatusFlags } from '../emit/flags.ts';
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import {
  type Descriptor,
  dplOf,
  findDescriptor,
  isConforming,
  isReadable,
  isSegment,
  isWritableData,
  TYPE_CALL_GATE,
  TYPE_CALL_GATE_16,
  TYPE_LDT,
  TYPE_TASK_GATE,
  TYPE_TSS_AVAILABLE,
  TYPE_TSS_AVAILABLE_16,
  TYPE_TSS_BUSY,
  TYPE_TSS_BUSY_16,
  typeOf,
} from './descriptors.ts';
import { readRm16, writeGpr } from './operand-access.ts';
import type { SystemCpu } from './system-cpu.ts';

// SDM vol. 2A, tables 3-54 and 3-65: which system descriptors have access rights, which a limit; in long mode fewer.
const LEGACY_WITH_LIMIT = [TYPE_TSS_AVAILABLE_16, TYPE_LDT, TYPE_TSS_BUSY_16, TYPE_TSS_AVAILABLE, TYPE_TSS_BUSY];
const LEGACY_WITH_RIGHTS = [...LEGACY_WITH_LIMIT, TYPE_CALL_GATE_16, TYPE_TASK_GATE, TYPE_CALL_GATE];
const LONG_WITH_LIMIT = [TYPE_LDT, TYPE_TSS_AVAILABLE, TYPE_TSS_BUSY];
const LONG_WITH_RIGHTS = [...LONG_WITH_LIMIT, TYPE_CALL_GATE];

export function loadAccessRights(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const legal = cpu.isLongMode ? LONG_WITH_RIGHTS : LEGACY_WITH_RIGHTS;
  return query(cpu, operands, 1, (descriptor) => {
    if (!isSegment(descriptor) && !legal.includes(typeOf(descriptor))) return false;
    if (!isVisible(cpu, descriptor)) return false;
    writeGpr(cpu, operands.register(0), BigInt((descriptor.hi & 0x00ffff00) >>> 0), operands.size);
    return true;
  });
}

export function loadSegmentLimit(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const legal = cpu.isLongMode ? LONG_WITH_LIMIT : LEGACY_WITH_LIMIT;
  return query(cpu, operands, 1, (descriptor) => {
    if (!isSegment(descriptor) && !legal.includes(typeOf(descriptor))) return false;
    if (!isVisible(cpu, descriptor)) return false;
    writeGpr(cpu, operands.register(0), BigInt(descriptor.limit), operands.size);
    return true;
  });
}

export function verifyRead(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  return query(cpu, operands, 0, (descriptor) => isReadable(descriptor) && isVisible(cpu, descriptor));
}

export function verifyWrite(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  return query(cpu, operands, 0, (descriptor) => isWritableData(descriptor) && isVisible(cpu, descriptor));
}

/** ARPL: raises the RPL of the first selector to that of the second. */
export function adjustRpl(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isProtected || cpu.isVm86) return cpu.invalidOpcode();
  const selector = readRm16(cpu, operands, 0);
  if (selector < 0) return SYSTEM_FAULT;
  const rpl = cpu.state.gprLo(operands.register(1)) & 3;
  const raised = (selector & 3) < rpl;
  const value = raised ? (selector & 0xfffc) | rpl : selector;
  if (!raised) {
    // Not written then: a read-only destination does not fault.
  } else if (operands.isMemory(0)) {
    cpu.data.setUint16(0, value, true);
    if (!cpu.write(operands.addressLo, operands.addressHi, 2)) return SYSTEM_FAULT;
  } else {
    writeGpr(cpu, operands.register(0), BigInt(value), 16);
  }
  setZero(cpu, raised);
  return SYSTEM_NEXT;
}

// Looks at the selector's descriptor; ZF says whether `accept` liked it. Null and out of the table: ZF = 0.
function query(
  cpu: SystemCpu,
  operands: SystemOperands,
  index: number,
  accept: (descriptor: Descriptor) => boolean,
): SystemResult {
  if (!cpu.isProtected || cpu.isVm86) return cpu.invalidOpcode();
  const selector = readRm16(cpu, operands, index);
  if (selector < 0) return SYSTEM_FAULT;
  const descriptor = findDescriptor(cpu, selector);
  if (descriptor === 'fault') return SYSTEM_FAULT;
  setZero(cpu, descriptor !== undefined && accept(descriptor));
  return SYSTEM_NEXT;
}

// Conforming code is visible to all; anything else to its DPL and what is more privileged.
function isVisible(cpu: SystemCpu, descriptor: Descriptor): boolean {
  if (isConforming(descriptor)) return true;
  return dplOf(descriptor) >= cpu.cpl && dplOf(descriptor) >= (descriptor.selector & 3);
}

function setZero(cpu: SystemCpu, zero: boolean): void {
  writeStatusFlags(cpu.state, (readStatusFlags(cpu.state) & ~state.FLAG_ZF) | (zero ? state.FLAG_ZF : 0));
}
