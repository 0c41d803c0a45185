/** #VMEXIT: from a guest back to who runs it (APM vol. 2, 15.6). */
import type { RefusedAccess } from '../engine.ts';
import { SYSTEM_JUMP, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { DR7_FIXED } from '../system/debug.ts';
import type { Event } from '../system/event.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { storeGuest } from './guest-state.ts';
import { TASK_SWITCH_HAS_ERROR } from './task-switch.ts';
import * as vmcb from './vmcb.ts';

/** What an exit code alone does not say. */
export interface ExitDetails {
  readonly info1?: bigint;
  readonly info2?: bigint;
  /** RIP of the next instruction, where an instruction was intercepted. */
  readonly nextRip?: bigint;
  /** What was being delivered. */
  readonly during?: Event | undefined;
}

const NOTHING: ExitDetails = {};
const OFFSET_DR7 = state.OFFSET_DR + 7 * 8;

/** Leaves the guest with its RIP as it is in the state; RIP is then behind the VMRUN of who runs it. */
export function leaveGuest(cpu: SystemCpu, code: number, details: ExitDetails = NOTHING): SystemResult {
  const { state: registers, svm } = cpu;
  const block = svm.memory.page(svm.control.address, true);
  // Another processor may have taken the page away meanwhile: then there is nowhere to tell.
  if (block !== undefined) {
    storeGuest(cpu, block);
    storeControl(cpu, block);
    storeReason(block, code, details);
  }
  leaveGuestMode(cpu);
  svm.host.restore(registers);
  registers.setU32(OFFSET_DR7, DR7_FIXED);
  registers.setU32(state.OFFSET_CR0, (registers.u32(state.OFFSET_CR0) | state.CR0_PE) >>> 0);
  cpu.rflags = svm.host.rflags & ~state.FLAG_VM;
  cpu.cpl = 0;
  svm.globalInterruptFlag = false;
  registers.setU64(state.OFFSET_SHADOW_RIP, state.NO_SHADOW);
  registers.setU32(state.OFFSET_EVENT, 0);
  // No trap of the guest's last instruction is for its host.
  cpu.trapInhibited = true;
  // Single-stepped, VMRUN is done now.
  cpu.trapDue = (svm.host.rflags & state.FLAG_TF) !== 0;
  cpu.mmu.dataHits = 0;
  cpu.mmu.refused = undefined;
  cpu.undelivered = undefined;
  cpu.hooks.flushTlb();
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

/** The guest is gone, as after INIT: nothing of it counts any more. */
export function leaveGuestMode(cpu: SystemCpu): void {
  const { state: registers, svm } = cpu;
  registers.setU32(state.OFFSET_SVM, registers.u32(state.OFFSET_SVM) & ~state.SVM_GUEST_MODE);
  registers.setU32(state.OFFSET_EXCEPTION_EXITS, 0);
  registers.setU64(state.OFFSET_GUEST_TSC_OFFSET, 0n);
  svm.entered = false;
  svm.pending = undefined;
  svm.virtualInterruptsChanged();
  if (cpu.mmu.walker.outer !== undefined) cpu.mmu.translateBy(svm.nested, undefined);
}

/** Between runs others than the guest may have reset the processor. */
export function settleReset(cpu: SystemCpu): void {
  const { svm } = cpu;
  if (svm.entered && !svm.inGuest) leaveGuestMode(cpu);
}

/** Why VMRUN or #VMEXIT says what it does. */
export function storeReason(block: DataView, code: number, { info1, info2, nextRip, during }: ExitDetails): void {
  block.setBigInt64(vmcb.EXITCODE, BigInt(code), true);
  block.setBigUint64(vmcb.EXITINFO1, info1 ?? 0n, true);
  block.setBigUint64(vmcb.EXITINFO2, info2 ?? 0n, true);
  block.setBigUint64(vmcb.EXITINTINFO, during === undefined ? 0n : encodeEvent(during), true);
  block.setBigUint64(vmcb.NRIP, nextRip ?? 0n, true);
  block.setUint8(vmcb.FETCHED_BYTES, 0);
}

/**
 * An access that nested paging refused, or an exit that an instruction asked for in its middle: leaves the guest, whose
 * RIP is at that instruction. False where it is nothing of the guest's.
 */
export function leaveHeldUp(cpu: SystemCpu, refused: RefusedAccess | undefined): boolean {
  const { svm, undelivered } = cpu;
  if (!svm.inGuest) return false;
  if (svm.pending !== undefined) {
    const { code, info1, info2 } = svm.pending;
    const errorCode = undelivered?.errorCode ?? -1;
    const error = errorCode < 0 ? 0n : TASK_SWITCH_HAS_ERROR | BigInt(errorCode);
    leaveGuest(cpu, code, { info1, info2: info2 | error, during: undelivered });
    return true;
  }
  const { errorCode } = svm.pages;
  if (refused === undefined || cpu.mmu.walker.outer === undefined || errorCode === undefined) return false;
  const place = refused.inTables ? vmcb.NPF_TABLES_HI : vmcb.NPF_FINAL_HI;
  const info1 = (BigInt(place) << 32n) | BigInt(errorCode);
  leaveGuest(cpu, vmcb.VMEXIT_NPF, { info1, info2: BigInt(refused.gpa), during: undelivered });
  return true;
}

// What the processor changes of the control area while the guest runs.
function storeControl({ state: registers, svm }: SystemCpu, block: DataView): void {
  block.setUint32(vmcb.VINTR, svm.control.vintr >>> 0, true);
  const isShadowed = registers.u64(state.OFFSET_SHADOW_RIP) === registers.rip;
  block.setBigUint64(vmcb.INTERRUPT_SHADOW, isShadowed ? 1n : 0n, true);
  block.setBigUint64(vmcb.EVENTINJ, block.getBigUint64(vmcb.EVENTINJ, true) & ~BigInt(vmcb.EVENT_V), true);
}

// As EVENTINJ has them (APM vol. 2, 15.20). INT3 and INTO are exceptions there.
function encodeEvent({ vector, errorCode, source }: Event): bigint {
  let type: number = vmcb.EVENT_TYPE_EXCEPTION;
  if (source === 'external') type = vector === state.EXCEPTION_NMI ? vmcb.EVENT_TYPE_NMI : vmcb.EVENT_TYPE_INTR;
  else if (source === 'software' && vector !== state.EXCEPTION_BP && vector !== state.EXCEPTION_OF) {
    type = vmcb.EVENT_TYPE_SOFTWARE;
  }
  const word = (vmcb.EVENT_V | (type << vmcb.EVENT_TYPE_SHIFT) | vector) >>> 0;
  if (errorCode < 0) return BigInt(word);
  return BigInt((word | vmcb.EVENT_EV) >>> 0) | (BigInt(errorCode >>> 0) << 32n);
}
