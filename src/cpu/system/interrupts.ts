/** Delivery of exceptions and interrupts through the IDT (SDM vol. 3A, chapter 6). */
import { EVENT_REFUSED } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import type { Event } from './event.ts';
import { deliverProtected, deliverReal } from './legacy-delivery.ts';
import { deliverLong } from './long-delivery.ts';
import type { SystemCpu } from './system-cpu.ts';

export type { Event, EventSource } from './event.ts';

/** Delivered, or the processor shut down: a triple fault. */
export type Delivery = 'delivered' | 'shutdown';

/**
 * Delivers an event; RIP in the state is what is pushed. Exceptions while delivering become double faults, then a
 * shutdown (SDM vol. 3A, 6.15, interrupt 8). What nested paging refused on the way is delivered when the vCPU runs
 * next: `SystemCpu.undelivered`.
 */
export function deliver(cpu: SystemCpu, event: Event): Delivery {
  let current = event;
  for (;;) {
    cpu.state.setU32(state.OFFSET_EVENT, 0);
    if (deliverOnce(cpu, current)) return 'delivered';
    if ((cpu.state.u32(state.OFFSET_EVENT) & EVENT_REFUSED) !== 0) {
      cpu.state.setU32(state.OFFSET_EVENT, 0);
      cpu.undelivered = current;
      cpu.hooks.stop();
      return 'delivered';
    }
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
