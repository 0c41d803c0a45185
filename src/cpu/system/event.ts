/** What delivery of exceptions and interrupts is about, and what its forms share (SDM vol. 3A, 6.12 to 6.14). */
import * as state from '../state.ts';
import { recordsBranches } from './branch-records.ts';
import { enterDebugHandler } from './debug.ts';
import { type Descriptor, dplOf, isCode, isConforming, isPresent, readDescriptor } from './descriptors.ts';
import type { SystemCpu } from './system-cpu.ts';

/** Where an event comes from: for software interrupts the gate's DPL counts, all others set EXT in error codes. */
export type EventSource = 'exception' | 'external' | 'software';

export interface Event {
  readonly vector: number;
  /** -1 where the vector has none. */
  readonly errorCode: number;
  readonly source: EventSource;
}

/** Error code for the gate itself: its index, IDT, and EXT unless software asked. */
export function gateError(event: Event): number {
  return event.vector * 8 + 2 + (event.source === 'software' ? 0 : 1);
}

/** EXT in the error codes of faults on the way. */
export function externalBit(event: Event): number {
  return event.source === 'software' ? 0 : 1;
}

/** The gate's code segment and the privilege level the handler runs at; undefined after raising. */
export function readTarget(
  cpu: SystemCpu,
  event: Event,
  selector: number,
): { code: Descriptor; level: number } | undefined {
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

/** Error codes of descriptor faults during delivery carry EXT; page faults' do not. */
export function addExternal(cpu: SystemCpu, ext: number): void {
  const { state: registers } = cpu;
  if ((registers.u32(state.OFFSET_EVENT) & 0xff) - 1 === state.EXCEPTION_PF) return;
  registers.setU32(state.OFFSET_EVENT_DATA, registers.u32(state.OFFSET_EVENT_DATA) | ext);
}

/** RF is set in what faults push, so that IRET does not hit the same breakpoint (SDM vol. 3B, 17.3.1.1). */
export function savedFlags(cpu: SystemCpu, event: Event): number {
  const isFault =
    event.source === 'exception' && event.vector !== state.EXCEPTION_DB && event.vector !== state.EXCEPTION_BP;
  return cpu.rflags | (isFault && event.vector !== state.EXCEPTION_OF ? state.FLAG_RF : 0);
}

/** The last step: flags as the handler gets them. `masks`: through an interrupt gate. */
export function enterHandler(cpu: SystemCpu, event: Event, masks: boolean): void {
  let cleared = state.FLAG_TF | state.FLAG_NT | state.FLAG_RF | state.FLAG_VM;
  if (masks) cleared |= state.FLAG_IF;
  const rest = cpu.state.u32(state.OFFSET_RFLAGS_REST);
  cpu.state.setU32(state.OFFSET_RFLAGS_REST, rest & ~cleared);
  if (event.vector === state.EXCEPTION_NMI && event.source === 'external') cpu.nmiBlocked = true;
  if (recordsBranches(cpu.state)) cpu.branches.interrupted();
  if (event.vector === state.EXCEPTION_DB) enterDebugHandler(cpu.state);
  cpu.hooks.modeChanged();
}
