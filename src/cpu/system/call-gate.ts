/** Calls and jumps through call gates (SDM vol. 3A, 5.8.3 to 5.8.5). */
import { SYSTEM_FAULT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import { PRIVILEGE_SUPERVISOR } from '../mmu/walk.ts';
import * as state from '../state.ts';
import { checkCode, checkCodePresent, checkTarget, isLongCode, loadCode } from './code-segments.ts';
import {
  type Descriptor,
  dplOf,
  isConforming,
  isNull,
  isPresent,
  loadHidden,
  markAccessed,
  readDescriptor,
  readSystemDescriptor,
  TYPE_CALL_GATE,
  TYPE_CALL_GATE_16,
  typeOf,
} from './descriptors.ts';
import type { Event } from './event.ts';
import { innerStack } from './legacy-delivery.ts';
import { longStack } from './long-delivery.ts';
import { dropStack, readStack, writeBelowStack } from './stack.ts';
import type { SystemCpu } from './system-cpu.ts';

interface Gate {
  readonly selector: number;
  readonly offset: bigint;
  /** Parameters copied to an inner stack, each `bytes` wide; none in long mode. */
  readonly parameters: number;
  /** Width of what is pushed. */
  readonly bytes: 2 | 4 | 8;
}

/** Stack faults on the way in carry no EXT: software asked for this. */
const CALLER: Event = { vector: -1, errorCode: -1, source: 'software' };

/** The gate's privilege was checked. */
export function throughGate(
  cpu: SystemCpu,
  operands: SystemOperands,
  gateSelector: number,
  kind: 'jump' | 'call',
): SystemResult {
  const gate = readGate(cpu, gateSelector);
  if (gate === undefined) return SYSTEM_FAULT;
  if (isNull(gate.selector)) return cpu.generalProtection();
  const code = readDescriptor(cpu, gate.selector);
  if (code === undefined || !checkCode(cpu, code)) return SYSTEM_FAULT;
  const dpl = dplOf(code);
  const mayStay = isConforming(code) ? dpl <= cpu.cpl : dpl === cpu.cpl;
  const entersInner = kind === 'call' && !isConforming(code) && dpl < cpu.cpl;
  const isWide = !cpu.isLongMode || isLongCode(cpu, code);
  if ((!mayStay && !entersInner) || !isWide) return cpu.generalProtection(gate.selector & 0xfffc);
  if (!checkCodePresent(cpu, code)) return SYSTEM_FAULT;
  if (entersInner) return enterInner(cpu, operands, gate, code);
  if (!checkTarget(cpu, code, gate.offset) || !markAccessed(cpu, code)) return SYSTEM_FAULT;
  if (kind === 'call') {
    putReturn(cpu, operands, gate.bytes);
    if (!writeBelowStack(cpu, gate.bytes * 2)) return SYSTEM_FAULT;
    dropStack(cpu, -gate.bytes * 2);
  }
  loadCode(cpu, (gate.selector & 0xfffc) | cpu.cpl, code);
  cpu.hooks.modeChanged();
  return cpu.jump(gate.offset);
}

function readGate(cpu: SystemCpu, selector: number): Gate | undefined {
  const gate = readSystemDescriptor(cpu, selector);
  if (gate === undefined) return undefined;
  const type = typeOf(gate);
  if (type !== TYPE_CALL_GATE && type !== TYPE_CALL_GATE_16) {
    cpu.generalProtection(selector & 0xfffc);
    return undefined;
  }
  if (!isPresent(gate)) {
    cpu.raise(state.EXCEPTION_NP, selector & 0xfffc);
    return undefined;
  }
  const low = gate.lo & 0xffff;
  const offset = type === TYPE_CALL_GATE ? (low | (gate.hi & 0xffff0000)) >>> 0 : low;
  return {
    selector: gate.lo >>> 16,
    offset: BigInt(offset) | (BigInt(gate.upper) << 32n),
    parameters: cpu.isLongMode ? 0 : gate.hi & 0x1f,
    bytes: cpu.isLongMode ? 8 : type === TYPE_CALL_GATE ? 4 : 2,
  };
}

// To the level of the code segment, on the stack that the TSS has for it.
function enterInner(cpu: SystemCpu, operands: SystemOperands, gate: Gate, code: Descriptor): SystemResult {
  if (!checkTarget(cpu, code, gate.offset)) return SYSTEM_FAULT;
  const entered = cpu.isLongMode ? pushLong(cpu, operands, code) : pushLegacy(cpu, operands, gate, code);
  if (!entered) return SYSTEM_FAULT;
  loadCode(cpu, (gate.selector & 0xfffc) | dplOf(code), code);
  cpu.hooks.modeChanged();
  return cpu.jump(gate.offset);
}

function pushLong(cpu: SystemCpu, operands: SystemOperands, code: Descriptor): boolean {
  const level = dplOf(code);
  if (!longStack(cpu, CALLER, 0, level, cpu.words)) return false;
  const { state: registers, data } = cpu;
  const top = BigInt(cpu.words[0] as number) | (BigInt(cpu.words[1] as number) << 32n);
  putReturn(cpu, operands, 8);
  data.setBigUint64(16, registers.gpr(state.RSP), true);
  data.setBigUint64(24, BigInt(registers.segmentSelector(state.SS)), true);
  const frame = BigInt.asUintN(64, top - 32n);
  if (!cpu.writeAs(frame, 32, PRIVILEGE_SUPERVISOR) || !markAccessed(cpu, code)) return false;
  registers.setSegment(state.SS, level, level << 5, 0, 0n);
  registers.setGpr(state.RSP, frame);
  return true;
}

// SS and ESP of the caller, the parameters, CS and EIP.
function pushLegacy(cpu: SystemCpu, operands: SystemOperands, gate: Gate, code: Descriptor): boolean {
  const { state: registers, data } = cpu;
  const { bytes, parameters } = gate;
  if (parameters > 0 && !readStack(cpu, 0, parameters * bytes)) return false;
  const copied = cpu.buffer.slice(0, parameters * bytes);
  const stack = innerStack(cpu, CALLER, dplOf(code));
  if (stack === undefined || stack.descriptor === undefined) return false;
  putReturn(cpu, operands, bytes);
  cpu.buffer.set(copied, bytes * 2);
  const above = bytes * 2 + copied.length;
  data.setUint32(above, registers.gprLo(state.RSP), true);
  data.setUint32(above + bytes, registers.segmentSelector(state.SS), true);
  const total = above + bytes * 2;
  const pointer = stack.wide ? (stack.pointer - total) >>> 0 : (stack.pointer - total) & 0xffff;
  const address = BigInt.asUintN(32, stack.base + BigInt(pointer));
  if (!cpu.writeAs(address, total, PRIVILEGE_SUPERVISOR) || !markAccessed(cpu, code)) return false;
  loadHidden(cpu, state.SS, stack.selector, stack.descriptor);
  if (stack.wide) registers.setGprHalves(state.RSP, pointer, 0);
  else registers.setU16(state.OFFSET_GPR + state.RSP * 8, pointer);
  return true;
}

// The next RIP and CS at the start of the buffer.
function putReturn(cpu: SystemCpu, operands: SystemOperands, bytes: number): void {
  cpu.data.setBigUint64(0, cpu.nextRip(operands.length), true);
  cpu.data.setBigUint64(bytes, BigInt(cpu.state.segmentSelector(state.CS)), true);
}
