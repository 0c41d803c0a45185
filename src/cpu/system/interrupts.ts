/** Delivery of exceptions and interrupts through the IDT (SDM vol. 3A, chapter 6). */
import { EVENT_REFUSED } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import { leaveForException, leaveForShutdown } from '../svm/exceptions.ts';
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
  if (leaveForException(cpu, event, undefined)) return 'delivered';
  cpu.state.setU32(state.OFFSET_EVENT, 0);
  return deliverOnce(cpu, event) ? 'delivered' : deliverWhatItRaised(cpu, event);
}

/** The same for what is injected into a guest's guest: it leaves nothing, and another RIP is pushed. */
export function deliverInjected(cpu: SystemCpu, event: Event, returnRip: bigint): Delivery {
  const { rip } = cpu.state;
  cpu.state.rip = returnRip;
  cpu.state.setU32(state.OFFSET_EVENT, 0);
  if (deliverOnce(cpu, event)) return 'delivered';
  cpu.state.rip = rip;
  return deliverWhatItRaised(cpu, event);
}

function deliverWhatItRaised(cpu: SystemCpu, event: Event): Delivery {
  let current = event;
  for (;;) {
    if ((cpu.state.u32(state.OFFSET_EVENT) & EVENT_REFUSED) !== 0) {
      cpu.state.setU32(state.OFFSET_EVENT, 0);
      cpu.undelivered = current;
      cpu.hooks.stop();
      return 'delivered';
    }
    const second = takeEvent(cpu);
    if (leaveForException(cpu, second, current)) return 'delivered';
    if (current.vector === state.EXCEPTION_DF && current.source === 'exception') {
      return leaveForShutdown(cpu) ? 'delivered' : 'shutdown';
    }
    const isDouble = makesDoubleFault(current, second.vector);
    const next: Event = isDouble ? { vector: state.EXCEPTION_DF, errorCode: 0, source: 'exception' } : second;
    if (isDouble && leaveForException(cpu, next, current)) return 'delivered';
    current = next;
    if (deliverOnce(cpu, current)) return 'delivered';
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
