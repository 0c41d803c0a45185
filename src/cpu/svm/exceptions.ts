/** Exceptions, shutdowns and interrupts that leave a guest (APM vol. 2, 15.12 and 15.13). */
import * as state from '../state.ts';
import type { Event } from '../system/event.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { leaveGuest } from './exit.ts';
import * as vmcb from './vmcb.ts';

/** Leaves the guest if an exception of it is intercepted; `during` is what was being delivered as it came. */
export function leaveForException(cpu: SystemCpu, event: Event, during: Event | undefined): boolean {
  const { svm, state: registers, mmu } = cpu;
  if (event.source !== 'exception' || !svm.intercepts(vmcb.VMEXIT_EXCEPTION + event.vector)) return false;
  const info1 = BigInt(Math.max(event.errorCode, 0));
  let info2 = 0n;
  if (event.vector === state.EXCEPTION_PF) {
    // The address goes to EXITINFO2 instead of CR2.
    info2 = registers.u64(state.OFFSET_CR2);
    registers.setU64(state.OFFSET_CR2, mmu.cr2Before);
  }
  leaveGuest(cpu, vmcb.VMEXIT_EXCEPTION + event.vector, { info1, info2, during });
  return true;
}

/** Leaves the guest instead of shutting down, where that is intercepted. */
export function leaveForShutdown(cpu: SystemCpu): boolean {
  if (!cpu.svm.intercepts(vmcb.VMEXIT_SHUTDOWN)) return false;
  leaveGuest(cpu, vmcb.VMEXIT_SHUTDOWN);
  return true;
}

/**
 * Between two instructions of a guest: leaves it for an NMI or an interrupt that waits, or has its virtual interrupt
 * delivered. False where nothing of that is due.
 */
export function interruptGuest(cpu: SystemCpu): boolean {
  const { svm } = cpu;
  const code = interruptExit(cpu);
  if (code !== undefined) {
    leaveGuest(cpu, code);
    return true;
  }
  if (cpu.isShadowed || !isOpen(cpu) || !svm.control.hasVirtualInterrupt) return false;
  svm.control.vintr &= ~vmcb.V_IRQ;
  svm.virtualInterruptsChanged();
  cpu.undelivered = { vector: svm.control.virtualVector, errorCode: -1, source: 'external' };
  return true;
}

function interruptExit(cpu: SystemCpu): number | undefined {
  const { svm } = cpu;
  if (cpu.nmiPending && cpu.takesNmi && svm.intercepts(vmcb.VMEXIT_NMI)) return vmcb.VMEXIT_NMI;
  if (cpu.isShadowed) return undefined;
  if (cpu.windowRequested && svm.takesInterrupts && svm.leavesForInterrupts) return vmcb.VMEXIT_INTR;
  const isVirtual = isOpen(cpu) && svm.control.hasVirtualInterrupt;
  return isVirtual && svm.intercepts(vmcb.VMEXIT_VINTR) ? vmcb.VMEXIT_VINTR : undefined;
}

function isOpen({ state: registers, svm }: SystemCpu): boolean {
  return svm.globalInterruptFlag && (registers.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_IF) !== 0;
}
