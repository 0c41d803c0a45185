/** INT n, INT3, INTO, INT1 (SDM vol. 2A, INT n/INTO/INT3/INT1). */
import { EXIT_SHUTDOWN, WATCH_GO } from '../engine.ts';
import {
  SYSTEM_EXIT,
  SYSTEM_FAULT,
  SYSTEM_JUMP,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
} from '../instructions/define.ts';
import { readStatusFlags } from '../emit/flags.ts';
import * as state from '../state.ts';
import { deliver, deliverOnce, type EventSource, takeEvent } from './interrupts.ts';
import type { SystemCpu } from './system-cpu.ts';

export function interrupt(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  // Virtual-8086 mode extensions are not there: IOPL alone decides.
  if (cpu.isVm86 && cpu.iopl < 3) return cpu.generalProtection();
  return raise(cpu, operands, operands.immediate & 0xff, 'software');
}

export function breakpoint(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const left = cpu.watched(cpu.watch?.breakpoint(operands.length) ?? WATCH_GO);
  return left ?? raise(cpu, operands, state.EXCEPTION_BP, 'software');
}

export function interruptOnOverflow(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if ((readStatusFlags(cpu.state) & state.FLAG_OF) === 0) return SYSTEM_NEXT;
  return raise(cpu, operands, state.EXCEPTION_OF, 'software');
}

/** INT1: a debug trap that no DPL guards. */
export function debugTrap(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  return raise(cpu, operands, state.EXCEPTION_DB, 'exception');
}

/** Delivers an exception that belongs to the state as it is now, not to the instruction that led there. */
export function deliverNow(cpu: SystemCpu): SystemResult {
  if (deliver(cpu, takeEvent(cpu)) === 'delivered') return SYSTEM_JUMP;
  cpu.exit = EXIT_SHUTDOWN;
  return SYSTEM_EXIT;
}

// What is pushed is the RIP of the next instruction; an exception while delivering is this one's.
function raise(cpu: SystemCpu, operands: SystemOperands, vector: number, source: EventSource): SystemResult {
  const { rip } = cpu.state;
  const task = cpu.state.segmentSelector(state.TR);
  cpu.advance(operands.length);
  if (deliverOnce(cpu, { vector, errorCode: -1, source })) {
    // Delivery cleared TF: the handler's first instruction is not trapped (SDM vol. 3B, 17.3.1.4).
    cpu.trapInhibited = true;
    return SYSTEM_JUMP;
  }
  // A task gate that got as far as its task: the exception is that task's.
  if (cpu.state.segmentSelector(state.TR) !== task) return deliverNow(cpu);
  cpu.state.rip = rip;
  return SYSTEM_FAULT;
}
