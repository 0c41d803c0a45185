/** Hardware task switches of the legacy modes (SDM vol. 3A, chapter 7). Long mode has none. */
import * as state from '../state.ts';
import { loadPdptes, usesPdptes } from './control-registers.ts';
import { DR6_BT, noteDebug } from './debug.ts';
import {
  type Descriptor,
  dplOf,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isReadable,
  isSegment,
  loadHidden,
  loadNull,
  markAccessed,
  readDescriptor,
  readStackDescriptor,
  TYPE_LDT,
  TYPE_TSS_AVAILABLE,
  TYPE_TSS_AVAILABLE_16,
  TYPE_TSS_BUSY,
  TYPE_TSS_BUSY_16,
  typeOf,
  VM86_SEGMENT,
} from './descriptors.ts';
import { leavesForTaskSwitch } from '../svm/task-switch.ts';
import { setBusy } from './descriptor-tables.ts';
import { stackSize, setStackPointer, stackPointer, writeBelowStack } from './stack.ts';
import type { SystemCpu } from './system-cpu.ts';

/** What switches: CALL and interrupts nest, IRET returns, JMP leaves the old task behind. */
export type TaskSwitchKind = 'jump' | 'call' | 'return';

/** Where a task state segment has what (SDM vol. 3A, figures 7-2 and 7-10). Each field is `width` bytes. */
interface Layout {
  readonly width: 2 | 4;
  readonly bytes: number;
  readonly ip: number;
  readonly segments: number;
  readonly segmentCount: number;
  readonly ldt: number;
}
// IP, FLAGS, the eight general registers and the segment registers follow one another.
const LAYOUT_16: Layout = { width: 2, bytes: 44, ip: 14, segments: 34, segmentCount: 4, ldt: 42 };
const LAYOUT_32: Layout = { width: 4, bytes: 104, ip: 0x20, segments: 0x48, segmentCount: 6, ldt: 0x60 };
const CR3_32 = 0x1c;
const DEBUG_TRAP_32 = 0x64;

/** The new task's state as its TSS had it. */
interface Task {
  readonly cr3: number | undefined;
  readonly eip: number;
  readonly eflags: number;
  readonly registers: readonly number[];
  readonly segments: readonly number[];
  readonly ldt: number;
  readonly trap: boolean;
}

/**
 * How a switch went: done; an exception of the old task, with nothing changed; or one of the new task, RIP being its
 * EIP.
 */
export type TaskSwitch = 'done' | 'old task faults' | 'new task faults';

/** Switches to the task of a TSS selector; RIP in the state is where the old task goes on. Privilege is checked. */
export function switchTask(cpu: SystemCpu, selector: number, kind: TaskSwitchKind, errorBit = 0): TaskSwitch {
  const descriptor = readTaskDescriptor(cpu, selector, kind, errorBit);
  if (descriptor === undefined || leavesForTaskSwitch(cpu, selector, kind)) return 'old task faults';
  const layout = layoutOf(descriptor);
  if (!cpu.readSystem(descriptor.base, layout.bytes)) return 'old task faults';
  const task = parse(cpu, layout);
  if (!leaveOldTask(cpu, descriptor, kind)) return 'old task faults';
  cpu.state.setSegment(state.TR, selector, descriptor.attributes | 2, descriptor.limit, descriptor.base);
  return loadTask(cpu, task, kind) ? 'done' : 'new task faults';
}

/** Pushes an exception's error code on the stack of the task that handles it. False after raising. */
export function pushTaskError(cpu: SystemCpu, errorCode: number): boolean {
  const bytes = (cpu.state.segmentAttributes(state.TR) & 8) !== 0 ? 4 : 2;
  cpu.data.setUint32(0, errorCode, true);
  if (!writeBelowStack(cpu, bytes)) return false;
  setStackPointer(cpu, BigInt.asUintN(stackSize(cpu), stackPointer(cpu) - BigInt(bytes)));
  return true;
}

function layoutOf(descriptor: { readonly attributes: number }): Layout {
  return (descriptor.attributes & 8) !== 0 ? LAYOUT_32 : LAYOUT_16;
}

function readTaskDescriptor(
  cpu: SystemCpu,
  selector: number,
  kind: TaskSwitchKind,
  errorBit: number,
): Descriptor | undefined {
  const error = (selector & 0xfffc) | errorBit;
  // A link that does not hold is an invalid TSS, anything else a protection fault.
  const vector = kind === 'return' ? state.EXCEPTION_TS : state.EXCEPTION_GP;
  if ((selector & 4) !== 0) {
    cpu.raise(vector, error);
    return undefined;
  }
  const descriptor = readDescriptor(cpu, selector, vector);
  if (descriptor === undefined) return undefined;
  const types = kind === 'return' ? [TYPE_TSS_BUSY, TYPE_TSS_BUSY_16] : [TYPE_TSS_AVAILABLE, TYPE_TSS_AVAILABLE_16];
  if (isSegment(descriptor) || !types.includes(typeOf(descriptor))) {
    cpu.raise(vector, error);
    return undefined;
  }
  if (!isPresent(descriptor)) {
    cpu.raise(state.EXCEPTION_NP, error);
    return undefined;
  }
  const { bytes } = layoutOf(descriptor);
  // The 32-bit TSS need not have the last word but one: its limit may be 67H.
  if (descriptor.limit < bytes - 1) {
    cpu.raise(state.EXCEPTION_TS, error);
    return undefined;
  }
  return descriptor;
}

function parse(cpu: SystemCpu, layout: Layout): Task {
  const { data } = cpu;
  const field = (at: number): number => (layout.width === 4 ? data.getUint32(at, true) : data.getUint16(at, true));
  const fields = (at: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => field(at + index * layout.width));
  const wide = layout.width === 4;
  // A 16-bit task leaves the upper halves of general registers set.
  const registers = fields(layout.ip + 2 * layout.width, 8).map((value) => (wide ? value : value | 0xffff0000) >>> 0);
  return {
    cr3: wide ? data.getUint32(CR3_32, true) : undefined,
    eip: field(layout.ip),
    eflags: field(layout.ip + layout.width),
    registers,
    segments: fields(layout.segments, layout.segmentCount).map((value) => value & 0xffff),
    ldt: field(layout.ldt) & 0xffff,
    trap: wide && (data.getUint16(DEBUG_TRAP_32, true) & 1) !== 0,
  };
}

// Everything in memory that a switch writes.
function leaveOldTask(cpu: SystemCpu, descriptor: Descriptor, kind: TaskSwitchKind): boolean {
  const old = cpu.state.segmentSelector(state.TR);
  if (!saveOldTask(cpu, kind)) return false;
  if (kind !== 'call' && !clearOldBusy(cpu, old)) return false;
  if (kind === 'call') {
    cpu.data.setUint16(0, old, true);
    if (!cpu.writeSystem(descriptor.base, 2)) return false;
  }
  return kind === 'return' || setBusy(cpu, descriptor, true);
}

function saveOldTask(cpu: SystemCpu, kind: TaskSwitchKind): boolean {
  const { state: registers, data } = cpu;
  const layout = layoutOf({ attributes: registers.segmentAttributes(state.TR) });
  let at = 0;
  const put = (value: number): void => {
    if (layout.width === 4) data.setUint32(at, value, true);
    else data.setUint16(at, value & 0xffff, true);
    at += layout.width;
  };
  put(Number(registers.rip & 0xffffffffn));
  put(kind === 'return' ? cpu.rflags & ~state.FLAG_NT : cpu.rflags);
  for (let index = 0; index < 8; index++) put(registers.gprLo(index));
  for (let segment = 0; segment < layout.segmentCount; segment++) put(registers.segmentSelector(segment));
  return cpu.writeSystem(registers.segmentBase(state.TR) + BigInt(layout.ip), at);
}

function clearOldBusy(cpu: SystemCpu, selector: number): boolean {
  const descriptor = readDescriptor(cpu, selector);
  return descriptor !== undefined && setBusy(cpu, descriptor, false);
}

// From here on the new task runs: what faults is its own.
function loadTask(cpu: SystemCpu, task: Task, kind: TaskSwitchKind): boolean {
  const { state: registers } = cpu;
  const paging = (registers.u32(state.OFFSET_CR0) & state.CR0_PG) !== 0;
  registers.setU32(state.OFFSET_CR0, registers.u32(state.OFFSET_CR0) | state.CR0_TS);
  if (task.cr3 !== undefined && paging) {
    registers.setU64(state.OFFSET_CR3, BigInt(task.cr3));
    cpu.hooks.flushTlb();
    if (usesPdptes(cpu) && !loadPdptes(cpu, BigInt(task.cr3))) return fail(cpu, 0);
  }
  registers.rip = BigInt(task.eip);
  for (const [index, value] of task.registers.entries()) registers.setGpr(index, BigInt(value));
  cpu.rflags = kind === 'call' ? task.eflags | state.FLAG_NT : task.eflags;
  for (let segment = 0; segment < 6; segment++) registers.setSegment(segment, task.segments[segment] ?? 0, 0, 0, 0n);
  registers.setSegment(state.LDTR, task.ldt, 0, 0, 0n);
  const loaded = loadLdt(cpu, task.ldt) && loadSegments(cpu, task);
  cpu.hooks.modeChanged();
  if (!loaded) return false;
  if (task.eip > registers.segmentLimit(state.CS)) return fail(cpu, 0, state.EXCEPTION_GP);
  if (!task.trap) return true;
  noteDebug(registers, DR6_BT);
  cpu.raise(state.EXCEPTION_DB);
  return false;
}

function fail(cpu: SystemCpu, selector: number, vector = state.EXCEPTION_TS): false {
  cpu.raise(vector, selector & 0xfffc);
  return false;
}

function loadLdt(cpu: SystemCpu, selector: number): boolean {
  if (isNull(selector)) return true;
  if ((selector & 4) !== 0) return fail(cpu, selector);
  const descriptor = readDescriptor(cpu, selector, state.EXCEPTION_TS);
  if (descriptor === undefined) return false;
  if (isSegment(descriptor) || typeOf(descriptor) !== TYPE_LDT || !isPresent(descriptor)) return fail(cpu, selector);
  cpu.state.setSegment(state.LDTR, selector, descriptor.attributes, descriptor.limit, descriptor.base);
  return true;
}

function loadSegments(cpu: SystemCpu, task: Task): boolean {
  if (cpu.isVm86) {
    cpu.cpl = 3;
    for (const [segment, selector] of task.segments.entries()) {
      cpu.state.setSegment(segment, selector, VM86_SEGMENT, 0xffff, BigInt(selector) << 4n);
    }
    return true;
  }
  const code = task.segments[state.CS] as number;
  cpu.cpl = code & 3;
  if (!loadStack(cpu, task.segments[state.SS] as number)) return false;
  if (!loadCode(cpu, code)) return false;
  return task.segments.every((selector, segment) => {
    return segment === state.CS || segment === state.SS || loadData(cpu, segment, selector);
  });
}

function loadCode(cpu: SystemCpu, selector: number): boolean {
  if (isNull(selector)) return fail(cpu, selector);
  const descriptor = readDescriptor(cpu, selector, state.EXCEPTION_TS);
  if (descriptor === undefined) return false;
  const rpl = selector & 3;
  const fits = isConforming(descriptor) ? dplOf(descriptor) <= rpl : dplOf(descriptor) === rpl;
  if (!isCode(descriptor) || !fits) return fail(cpu, selector);
  if (!isPresent(descriptor)) return fail(cpu, selector, state.EXCEPTION_NP);
  if (!markAccessed(cpu, descriptor)) return false;
  loadHidden(cpu, state.CS, selector, descriptor);
  return true;
}

function loadStack(cpu: SystemCpu, selector: number): boolean {
  if (isNull(selector)) return fail(cpu, selector);
  const descriptor = readStackDescriptor(cpu, selector, cpu.cpl, state.EXCEPTION_TS);
  if (descriptor === undefined || !markAccessed(cpu, descriptor)) return false;
  loadHidden(cpu, state.SS, selector, descriptor);
  return true;
}

function loadData(cpu: SystemCpu, segment: number, selector: number): boolean {
  if (isNull(selector)) {
    loadNull(cpu, segment, selector);
    return true;
  }
  const descriptor = readDescriptor(cpu, selector, state.EXCEPTION_TS);
  if (descriptor === undefined) return false;
  const level = Math.max(cpu.cpl, selector & 3);
  if (!isReadable(descriptor) || (!isConforming(descriptor) && dplOf(descriptor) < level)) return fail(cpu, selector);
  if (!isPresent(descriptor)) return fail(cpu, selector, state.EXCEPTION_NP);
  if (!markAccessed(cpu, descriptor)) return false;
  loadHidden(cpu, segment, selector, descriptor);
  return true;
}
