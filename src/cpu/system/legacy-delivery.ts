/** Delivery in protected, virtual-8086 and real mode (SDM vol. 3A, 6.12, 20.1.4 and 20.3). */
import { PRIVILEGE_SUPERVISOR, PRIVILEGE_USER } from '../mmu/walk.ts';
import * as state from '../state.ts';
import {
  type Descriptor,
  loadHidden,
  loadRealMode,
  markAccessed,
  readStackDescriptor,
  TYPE_INTERRUPT_GATE,
  TYPE_INTERRUPT_GATE_16,
  TYPE_TASK_GATE,
  TYPE_TRAP_GATE,
  TYPE_TRAP_GATE_16,
} from './descriptors.ts';
import { addExternal, type Event, enterHandler, externalBit, gateError, readTarget, savedFlags } from './event.ts';
import type { SystemCpu } from './system-cpu.ts';
import { pushTaskError, switchTask } from './task-switch.ts';

/** Through a gate of the 8-byte kind; false after raising another exception. */
export function deliverProtected(cpu: SystemCpu, event: Event): boolean {
  const gate = readGate(cpu, event);
  if (gate === undefined) return false;
  if (gate.type === TYPE_TASK_GATE) return deliverToTask(cpu, event, gate.selector);
  const target = readTarget(cpu, event, gate.selector);
  if (target === undefined) return false;
  const { code, level } = target;
  if (cpu.isVm86 && level !== 0) {
    cpu.generalProtection((gate.selector & 0xfffc) | externalBit(event));
    return false;
  }
  const size = gate.type === TYPE_INTERRUPT_GATE || gate.type === TYPE_TRAP_GATE ? 4 : 2;
  const isInner = level !== cpu.cpl || cpu.isVm86;
  const stack = isInner ? innerStack(cpu, event, level) : currentStack(cpu);
  if (stack === undefined) return false;
  const words = frameWords(cpu, event, isInner);
  if (!pushProtected(cpu, stack, words, size, level)) return false;
  if (!markAccessed(cpu, code)) return false;
  const wasVm86 = cpu.isVm86;
  cpu.cpl = level;
  loadHidden(cpu, state.CS, (gate.selector & 0xfffc) | level, code);
  if (stack.descriptor !== undefined) loadHidden(cpu, state.SS, stack.selector, stack.descriptor);
  const top = stack.pointer - words.length * size;
  if (stack.wide) cpu.state.setGprHalves(state.RSP, top >>> 0, 0);
  else cpu.state.setU16(state.OFFSET_GPR + state.RSP * 8, top & 0xffff);
  cpu.state.rip = gate.offset;
  if (wasVm86) {
    for (const segment of [state.ES, state.DS, state.FS, state.GS]) cpu.state.setSegment(segment, 0, 0, 0, 0n);
  }
  enterHandler(cpu, event, gate.type === TYPE_INTERRUPT_GATE || gate.type === TYPE_INTERRUPT_GATE_16);
  return true;
}

interface Gate {
  readonly type: number;
  readonly selector: number;
  readonly offset: bigint;
}

const LEGACY_TYPES = [TYPE_INTERRUPT_GATE, TYPE_TRAP_GATE, TYPE_INTERRUPT_GATE_16, TYPE_TRAP_GATE_16, TYPE_TASK_GATE];

function readGate(cpu: SystemCpu, event: Event): Gate | undefined {
  const offset = event.vector * 8;
  if (offset + 7 > cpu.state.u32(state.OFFSET_IDTR + 8)) {
    cpu.generalProtection(gateError(event));
    return undefined;
  }
  if (!cpu.readBased(state.OFFSET_IDTR, offset, 8)) return undefined;
  const lo = cpu.data.getUint32(0, true);
  const hi = cpu.data.getUint32(4, true);
  const type = (hi >>> 8) & 0x1f;
  const isRefused = event.source === 'software' && ((hi >>> 13) & 3) < cpu.cpl;
  if (!LEGACY_TYPES.includes(type) || isRefused) {
    cpu.generalProtection(gateError(event));
    return undefined;
  }
  if ((hi & 0x8000) === 0) {
    cpu.raise(state.EXCEPTION_NP, gateError(event));
    return undefined;
  }
  const is32 = type === TYPE_INTERRUPT_GATE || type === TYPE_TRAP_GATE;
  const low = is32 ? ((lo & 0xffff) | (hi & 0xffff0000)) >>> 0 : lo & 0xffff;
  return { type, selector: lo >>> 16, offset: BigInt(low) };
}

// Task gates: the handler is a task of its own (SDM vol. 3A, 6.12.2). The outgoing task resumes at RIP.
function deliverToTask(cpu: SystemCpu, event: Event, selector: number): boolean {
  if (switchTask(cpu, selector, 'call', externalBit(event)) !== 'done') return false;
  if (event.vector === state.EXCEPTION_NMI && event.source === 'external') cpu.nmiBlocked = true;
  return event.errorCode < 0 || pushTaskError(cpu, event.errorCode);
}

/** A stack in a legacy mode. */
export interface Stack {
  readonly selector: number;
  readonly descriptor: Descriptor | undefined;
  readonly base: bigint;
  readonly pointer: number;
  /** ESP, not SP. */
  readonly wide: boolean;
}

function currentStack(cpu: SystemCpu): Stack {
  const wide = (cpu.state.segmentAttributes(state.SS) & state.ATTRIBUTE_DB) !== 0;
  const pointer = cpu.state.gprLo(state.RSP);
  return {
    selector: cpu.state.segmentSelector(state.SS),
    descriptor: undefined,
    base: cpu.state.segmentBase(state.SS),
    pointer: wide ? pointer : pointer & 0xffff,
    wide,
  };
}

/** SS and ESP of an inner level, from the task state segment (SDM vol. 3A, 7.2.1). */
export function innerStack(cpu: SystemCpu, event: Event, level: number): Stack | undefined {
  const is32 = (cpu.state.segmentAttributes(state.TR) & 8) !== 0;
  const [offset, bytes] = is32 ? [4 + level * 8, 8] : [2 + level * 4, 4];
  const ext = externalBit(event);
  if (offset + bytes - 1 > cpu.state.segmentLimit(state.TR)) {
    cpu.raise(state.EXCEPTION_TS, (cpu.state.segmentSelector(state.TR) & 0xfffc) | ext);
    return undefined;
  }
  if (!cpu.readSystem(cpu.state.segmentBase(state.TR) + BigInt(offset), bytes)) return undefined;
  const pointer = is32 ? cpu.data.getUint32(0, true) : cpu.data.getUint16(0, true);
  const selector = cpu.data.getUint16(is32 ? 4 : 2, true);
  if ((selector & 0xfffc) === 0) {
    cpu.raise(state.EXCEPTION_TS, ext);
    return undefined;
  }
  const descriptor = readStackDescriptor(cpu, selector, level, state.EXCEPTION_TS);
  if (descriptor === undefined) {
    addExternal(cpu, ext);
    return undefined;
  }
  if (!markAccessed(cpu, descriptor)) return undefined;
  const wide = (descriptor.attributes & state.ATTRIBUTE_DB) !== 0;
  return { selector, descriptor, base: descriptor.base, pointer, wide };
}

/** What is pushed, in the order of the pushes. */
function frameWords(cpu: SystemCpu, event: Event, isInner: boolean): number[] {
  const { state: registers } = cpu;
  const words: number[] = [];
  if (cpu.isVm86) {
    for (const segment of [state.GS, state.FS, state.DS, state.ES]) words.push(registers.segmentSelector(segment));
  }
  if (isInner) words.push(registers.segmentSelector(state.SS), registers.gprLo(state.RSP));
  words.push(savedFlags(cpu, event), registers.segmentSelector(state.CS), Number(registers.rip & 0xffffffffn));
  if (event.errorCode >= 0) words.push(event.errorCode);
  return words;
}

function pushProtected(cpu: SystemCpu, stack: Stack, words: readonly number[], size: 2 | 4, level: number): boolean {
  const bytes = words.length * size;
  for (const [index, word] of words.entries()) {
    const at = bytes - (index + 1) * size;
    if (size === 4) cpu.data.setUint32(at, word, true);
    else cpu.data.setUint16(at, word, true);
  }
  const pointer = stack.wide ? (stack.pointer - bytes) >>> 0 : (stack.pointer - bytes) & 0xffff;
  const address = BigInt.asUintN(32, stack.base + BigInt(pointer));
  return cpu.writeAs(address, bytes, level === 3 ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR);
}

/** Real mode: the vector table at IDTR, three words pushed (SDM vol. 3A, 20.1.4). */
export function deliverReal(cpu: SystemCpu, vector: number): boolean {
  const { state: registers } = cpu;
  if (vector * 4 + 3 > registers.u32(state.OFFSET_IDTR + 8)) {
    cpu.raise(state.EXCEPTION_GP);
    return false;
  }
  if (!cpu.readSystem(registers.u64(state.OFFSET_IDTR) + BigInt(vector * 4), 4)) return false;
  const offset = cpu.data.getUint16(0, true);
  const selector = cpu.data.getUint16(2, true);
  const pointer = (registers.gprLo(state.RSP) - 6) & 0xffff;
  cpu.data.setUint16(0, Number(registers.rip & 0xffffn), true);
  cpu.data.setUint16(2, registers.segmentSelector(state.CS), true);
  cpu.data.setUint16(4, cpu.rflags & 0xffff, true);
  if (!cpu.writeSystem(registers.segmentBase(state.SS) + BigInt(pointer), 6)) return false;
  registers.setU16(state.OFFSET_GPR + state.RSP * 8, pointer);
  loadRealMode(cpu, state.CS, selector);
  registers.rip = BigInt(offset);
  const rest = registers.u32(state.OFFSET_RFLAGS_REST);
  registers.setU32(state.OFFSET_RFLAGS_REST, rest & ~(state.FLAG_IF | state.FLAG_TF | state.FLAG_AC));
  cpu.hooks.modeChanged();
  return true;
}
