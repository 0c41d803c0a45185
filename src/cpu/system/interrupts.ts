/** Delivery of exceptions and interrupts through the IDT (SDM vol. 3A, chapter 6). */
import { PRIVILEGE_SUPERVISOR } from '../mmu/walk.ts';
import * as state from '../state.ts';
import {
  type Descriptor,
  dplOf,
  isCode,
  isConforming,
  isPresent,
  loadHidden,
  loadRealMode,
  markAccessed,
  readDescriptor,
  readStackDescriptor,
  TYPE_INTERRUPT_GATE,
  TYPE_INTERRUPT_GATE_16,
  TYPE_TASK_GATE,
  TYPE_TRAP_GATE,
  TYPE_TRAP_GATE_16,
} from './descriptors.ts';
import { enterDebugHandler } from './debug.ts';
import { isCanonical, type SystemCpu } from './system-cpu.ts';
import { pushTaskError, switchTask } from './task-switch.ts';

/** Where an event comes from: for software interrupts the gate's DPL counts, all others set EXT in error codes. */
export type EventSource = 'exception' | 'external' | 'software';

export interface Event {
  readonly vector: number;
  /** -1 where the vector has none. */
  readonly errorCode: number;
  readonly source: EventSource;
}

/** Delivered, or the processor shut down: a triple fault. */
export type Delivery = 'delivered' | 'shutdown';

/**
 * Delivers an event; RIP in the state is what is pushed. Exceptions while delivering become double faults, then a
 * shutdown (SDM vol. 3A, 6.15, interrupt 8).
 */
export function deliver(cpu: SystemCpu, event: Event): Delivery {
  let current = event;
  for (;;) {
    cpu.state.setU32(state.OFFSET_EVENT, 0);
    if (deliverOnce(cpu, current)) return 'delivered';
    const second = takeEvent(cpu);
    if (current.vector === state.EXCEPTION_DF && current.source === 'exception') return 'shutdown';
    current = makesDoubleFault(current, second.vector)
      ? { vector: state.EXCEPTION_DF, errorCode: 0, source: 'exception' }
      : { vector: second.vector, errorCode: second.errorCode, source: 'exception' };
  }
}

/** The exception noted in the state, taken from it. */
export function takeEvent(cpu: SystemCpu): Event {
  const word = cpu.state.u32(state.OFFSET_EVENT);
  cpu.state.setU32(state.OFFSET_EVENT, 0);
  const hasError = (word & 0x100) !== 0;
  return {
    vector: (word & 0xff) - 1,
    errorCode: hasError ? cpu.state.u32(state.OFFSET_EVENT_DATA) : -1,
    source: 'exception',
  };
}

const CONTRIBUTORY = new Set([
  state.EXCEPTION_DE,
  state.EXCEPTION_TS,
  state.EXCEPTION_NP,
  state.EXCEPTION_SS,
  state.EXCEPTION_GP,
]);

/** SDM vol. 3A, table 6-5 */
function makesDoubleFault(first: Event, second: number): boolean {
  if (first.source !== 'exception') return false;
  if (first.vector === state.EXCEPTION_PF) return second === state.EXCEPTION_PF || CONTRIBUTORY.has(second);
  if (first.vector === state.EXCEPTION_DF) return true;
  return CONTRIBUTORY.has(first.vector) && CONTRIBUTORY.has(second);
}

/** Delivers an event without regard to what came before; false after raising another exception. */
export function deliverOnce(cpu: SystemCpu, event: Event): boolean {
  if (!cpu.isProtected) return deliverReal(cpu, event.vector);
  return cpu.isLongMode ? deliverLong(cpu, event) : deliverProtected(cpu, event);
}

/** Error code for the gate itself: its index, IDT, and EXT unless software asked. */
function gateError(event: Event): number {
  return event.vector * 8 + 2 + (event.source === 'software' ? 0 : 1);
}

function externalBit(event: Event): number {
  return event.source === 'software' ? 0 : 1;
}

interface Gate {
  readonly type: number;
  readonly selector: number;
  readonly offset: bigint;
  /** Interrupt stack table index, 0 for none. */
  readonly ist: number;
}

const LEGACY_GATES = [TYPE_INTERRUPT_GATE_16, TYPE_TRAP_GATE_16, TYPE_TASK_GATE];

function readGate(cpu: SystemCpu, event: Event, size: 8 | 16): Gate | undefined {
  const offset = event.vector * size;
  const base = cpu.state.u64(state.OFFSET_IDTR);
  if (offset + size - 1 > cpu.state.u32(state.OFFSET_IDTR + 8)) {
    cpu.generalProtection(gateError(event));
    return undefined;
  }
  if (!cpu.readSystem(base + BigInt(offset), size)) return undefined;
  const lo = cpu.data.getUint32(0, true);
  const hi = cpu.data.getUint32(4, true);
  const type = (hi >>> 8) & 0x1f;
  const is16 = size === 8 && LEGACY_GATES.includes(type);
  if (type !== TYPE_INTERRUPT_GATE && type !== TYPE_TRAP_GATE && !is16) {
    cpu.generalProtection(gateError(event));
    return undefined;
  }
  if (event.source === 'software' && ((hi >>> 13) & 3) < cpu.cpl) {
    cpu.generalProtection(gateError(event));
    return undefined;
  }
  if ((hi & 0x8000) === 0) {
    cpu.raise(state.EXCEPTION_NP, gateError(event));
    return undefined;
  }
  const upper = size === 16 ? BigInt(cpu.data.getUint32(8, true)) << 32n : 0n;
  const low = is16 ? lo & 0xffff : ((lo & 0xffff) | (hi & 0xffff0000)) >>> 0;
  return { type, selector: lo >>> 16, offset: upper | BigInt(low), ist: size === 16 ? hi & 7 : 0 };
}

/** The gate's code segment and the privilege level the handler runs at; undefined after raising. */
function readTarget(cpu: SystemCpu, event: Event, selector: number): { code: Descriptor; level: number } | undefined {
  const ext = externalBit(event);
  if ((selector & 0xfffc) === 0) {
    cpu.generalProtection(ext);
    return undefined;
  }
  const code = readDescriptor(cpu, selector);
  if (code === undefined) {
    addExternal(cpu, ext);
    return undefined;
  }
  if (!isCode(code) || dplOf(code) > cpu.cpl) {
    cpu.generalProtection((selector & 0xfffc) | ext);
    return undefined;
  }
  if (!isPresent(code)) {
    cpu.raise(state.EXCEPTION_NP, (selector & 0xfffc) | ext);
    return undefined;
  }
  return { code, level: isConforming(code) ? cpu.cpl : dplOf(code) };
}

// Error codes of descriptor faults during delivery carry EXT; page faults' do not.
function addExternal(cpu: SystemCpu, ext: number): void {
  const { state: registers } = cpu;
  if ((registers.u32(state.OFFSET_EVENT) & 0xff) - 1 === state.EXCEPTION_PF) return;
  registers.setU32(state.OFFSET_EVENT_DATA, registers.u32(state.OFFSET_EVENT_DATA) | ext);
}

function deliverLong(cpu: SystemCpu, event: Event): boolean {
  const gate = readGate(cpu, event, 16);
  if (gate === undefined) return false;
  const target = readTarget(cpu, event, gate.selector);
  if (target === undefined) return false;
  const { code, level } = target;
  if ((code.attributes & (state.ATTRIBUTE_L | state.ATTRIBUTE_DB)) !== state.ATTRIBUTE_L) {
    cpu.generalProtection((gate.selector & 0xfffc) | externalBit(event));
    return false;
  }
  const stack = longStack(cpu, event, gate.ist, level);
  if (stack === undefined) return false;
  const hasError = event.errorCode >= 0;
  const frame = (stack & ~15n) - (hasError ? 48n : 40n);
  if (!pushLong(cpu, event, frame, level)) return false;
  if (!isCanonical(gate.offset)) {
    cpu.generalProtection(externalBit(event));
    return false;
  }
  if (!markAccessed(cpu, code)) return false;
  const outerLevel = cpu.cpl;
  cpu.cpl = level;
  loadHidden(cpu, state.CS, (gate.selector & 0xfffc) | level, code);
  if (level !== outerLevel) cpu.state.setSegment(state.SS, level, level << 5, 0, 0n);
  cpu.state.setGpr(state.RSP, BigInt.asUintN(64, frame));
  cpu.state.rip = gate.offset;
  enterHandler(cpu, event, gate.type === TYPE_INTERRUPT_GATE);
  return true;
}

/** RSP of a handler in long mode: the interrupted one, or from the TSS; undefined after raising. */
export function longStack(cpu: SystemCpu, event: Event, ist: number, level: number): bigint | undefined {
  if (ist === 0 && level === cpu.cpl) return cpu.state.gpr(state.RSP);
  // SDM vol. 3A, figure 8-11: RSP0 at 4, IST1 at 36
  const offset = ist === 0 ? 4 + level * 8 : 36 + (ist - 1) * 8;
  const selector = cpu.state.segmentSelector(state.TR);
  if (offset + 7 > cpu.state.segmentLimit(state.TR)) {
    cpu.raise(state.EXCEPTION_TS, (selector & 0xfffc) | externalBit(event));
    return undefined;
  }
  if (!cpu.readSystem(cpu.state.segmentBase(state.TR) + BigInt(offset), 8)) return undefined;
  const stack = cpu.data.getBigUint64(0, true);
  if (!isCanonical(stack)) {
    cpu.raise(state.EXCEPTION_SS, externalBit(event));
    return undefined;
  }
  return stack;
}

function pushLong(cpu: SystemCpu, event: Event, frame: bigint, level: number): boolean {
  const { state: registers, data } = cpu;
  let at = 0;
  if (event.errorCode >= 0) {
    data.setBigUint64(0, BigInt(event.errorCode), true);
    at = 8;
  }
  data.setBigUint64(at, registers.rip, true);
  data.setBigUint64(at + 8, BigInt(registers.segmentSelector(state.CS)), true);
  data.setBigUint64(at + 16, BigInt(savedFlags(cpu, event)), true);
  data.setBigUint64(at + 24, registers.gpr(state.RSP), true);
  data.setBigUint64(at + 32, BigInt(registers.segmentSelector(state.SS)), true);
  if (!isCanonical(BigInt.asUintN(64, frame))) {
    cpu.raise(state.EXCEPTION_SS, externalBit(event));
    return false;
  }
  // A handler at CPL 3 pushes with user rights, all others with the supervisor's.
  return cpu.writeAs(frame, at + 40, level === 3 ? 2 : PRIVILEGE_SUPERVISOR);
}

/** RF is set in what faults push, so that IRET does not hit the same breakpoint (SDM vol. 3B, 17.3.1.1). */
function savedFlags(cpu: SystemCpu, event: Event): number {
  const isFault =
    event.source === 'exception' && event.vector !== state.EXCEPTION_DB && event.vector !== state.EXCEPTION_BP;
  return cpu.rflags | (isFault && event.vector !== state.EXCEPTION_OF ? state.FLAG_RF : 0);
}

function enterHandler(cpu: SystemCpu, event: Event, masks: boolean): void {
  let cleared = state.FLAG_TF | state.FLAG_NT | state.FLAG_RF | state.FLAG_VM;
  if (masks) cleared |= state.FLAG_IF;
  const rest = cpu.state.u32(state.OFFSET_RFLAGS_REST);
  cpu.state.setU32(state.OFFSET_RFLAGS_REST, rest & ~cleared);
  if (event.vector === state.EXCEPTION_NMI && event.source === 'external') cpu.nmiBlocked = true;
  if (event.vector === state.EXCEPTION_DB) enterDebugHandler(cpu.state);
  cpu.hooks.modeChanged();
}

function deliverProtected(cpu: SystemCpu, event: Event): boolean {
  const gate = readGate(cpu, event, 8);
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
  return cpu.writeAs(address, bytes, level === 3 ? 2 : PRIVILEGE_SUPERVISOR);
}

/** Real mode: the vector table at IDTR, three words pushed (SDM vol. 3A, 20.1.4). */
function deliverReal(cpu: SystemCpu, vector: number): boolean {
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
