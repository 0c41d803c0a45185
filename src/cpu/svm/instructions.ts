/** VMRUN, VMLOAD, VMSAVE, STGI, CLGI, INVLPGA and VMMCALL (APM vol. 2, 15.5, 15.13 and 15.17). */
import { EXIT_HYPERCALL, EXIT_SHUTDOWN, NESTED_WRITE } from '../engine.ts';
import {
  SYSTEM_EXIT,
  SYSTEM_FAULT,
  SYSTEM_JUMP,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
} from '../instructions/define.ts';
import * as state from '../state.ts';
import { loadPdptes, usesPdptes } from '../system/control-registers.ts';
import type { Event, EventSource } from '../system/event.ts';
import { deliverInjected } from '../system/interrupts.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { isConsistent } from './consistency.ts';
import { leaveGuest, storeReason } from './exit.ts';
import { loadGuest, loadHidden, storeHidden } from './guest-state.ts';
import { PHYSICAL_LIMIT } from './physical-memory.ts';
import * as vmcb from './vmcb.ts';

const PAGE = 4096;

/** VMRUN: runs the guest of the VMCB at rAX. */
export function runGuest(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!mayUse(cpu)) return SYSTEM_FAULT;
  const address = blockAddress(cpu, operands);
  const block = address < 0 ? undefined : cpu.svm.memory.page(address, true);
  if (block === undefined) return cpu.generalProtection();
  const { svm, state: registers } = cpu;
  cpu.advance(operands.length);
  if (!isConsistent(cpu, block)) return refuse(cpu, block);
  svm.host.save(registers, cpu.rflags);
  svm.control.load(address, block);
  enterGuestMode(cpu, block);
  const isPaged = !usesPdptes(cpu) || loadPdptes(cpu, registers.u64(state.OFFSET_CR3));
  return isPaged ? begin(cpu, block) : leaveGuest(cpu, vmcb.VMEXIT_INVALID);
}

/** VMMCALL: to the hypervisor under all, from those that run under no other. */
export function callHypervisor(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (cpu.svm.inGuest) return cpu.invalidOpcode();
  cpu.advance(operands.length);
  cpu.exit = EXIT_HYPERCALL;
  return SYSTEM_EXIT;
}

export function loadState(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!mayUse(cpu)) return SYSTEM_FAULT;
  const block = stateBlock(cpu, operands);
  if (block === undefined) return SYSTEM_FAULT;
  loadHidden(cpu.state, block);
  cpu.hooks.modeChanged();
  return SYSTEM_NEXT;
}

export function saveState(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!mayUse(cpu)) return SYSTEM_FAULT;
  const block = stateBlock(cpu, operands);
  if (block === undefined) return SYSTEM_FAULT;
  storeHidden(cpu.state, block);
  return SYSTEM_NEXT;
}

/** STGI: what waited for the global interrupt flag gets in after it. */
export function setGlobalInterruptFlag(cpu: SystemCpu): SystemResult {
  if (!mayUse(cpu)) return SYSTEM_FAULT;
  cpu.svm.globalInterruptFlag = true;
  cpu.hooks.stop();
  return SYSTEM_NEXT;
}

export function clearGlobalInterruptFlag(cpu: SystemCpu): SystemResult {
  if (!mayUse(cpu)) return SYSTEM_FAULT;
  cpu.svm.globalInterruptFlag = false;
  return SYSTEM_NEXT;
}

/** INVLPGA: translations of a guest, ASID in ECX, are forgotten whenever it starts. ASID 0 is who runs guests. */
export function invalidatePageOfGuest(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!mayUse(cpu)) return SYSTEM_FAULT;
  const address = BigInt.asUintN(operands.addressSize, cpu.state.gpr(state.RAX));
  if (cpu.state.gprLo(state.RCX) === 0 || cpu.svm.inGuest) {
    cpu.hooks.flushPage(Number(address & 0xffffffffn), Number(address >> 32n));
  }
  return SYSTEM_NEXT;
}

/** #UD where SVM is off or without protection, #GP(0) above CPL 0; false after raising. */
export function mayUse(cpu: SystemCpu): boolean {
  if (!cpu.svm.isEnabled || !cpu.isProtected || cpu.isVm86) {
    cpu.invalidOpcode();
    return false;
  }
  return cpu.isPrivileged();
}

// The address in rAX, -1 if it is none of a page.
function blockAddress(cpu: SystemCpu, operands: SystemOperands): number {
  const address = BigInt.asUintN(operands.addressSize, cpu.state.gpr(state.RAX));
  return address % BigInt(PAGE) !== 0n || address >= BigInt(PHYSICAL_LIMIT) ? -1 : Number(address);
}

// For VMLOAD and VMSAVE, which a guest may use on what it takes for physical memory; undefined after raising.
function stateBlock(cpu: SystemCpu, operands: SystemOperands): DataView | undefined {
  const { svm, mmu } = cpu;
  const address = blockAddress(cpu, operands);
  if (address >= 0 && mmu.walker.outer === undefined) {
    const block = svm.memory.page(address, true);
    if (block !== undefined) return block;
  } else if (address >= 0 && svm.pages.lookup(address / PAGE, NESTED_WRITE) > 0) {
    const block = svm.memory.page(svm.pages.deviceAddress(address), true);
    if (block !== undefined) return block;
  }
  cpu.generalProtection();
  return undefined;
}

function refuse(cpu: SystemCpu, block: DataView): SystemResult {
  storeReason(block, vmcb.VMEXIT_INVALID, {});
  cpu.svm.globalInterruptFlag = false;
  return SYSTEM_JUMP;
}

function enterGuestMode(cpu: SystemCpu, block: DataView): void {
  const { svm, state: registers, mmu } = cpu;
  const { control } = svm;
  if (control.nestedPaging) {
    const nCr3 = block.getBigUint64(vmcb.N_CR3, true);
    svm.pages.use(nCr3, registers.u32(state.OFFSET_CR4), registers.u32(state.OFFSET_EFER));
    mmu.translateBy(svm.pages, svm.pages);
    registers.setU64(state.OFFSET_PAT, block.getBigUint64(vmcb.SAVE_G_PAT, true));
  }
  loadGuest(cpu, block);
  svm.entered = true;
  registers.setU32(state.OFFSET_SVM, state.SVM_GUEST_MODE);
  registers.setU32(state.OFFSET_EXCEPTION_EXITS, control.exceptions);
  registers.setU64(state.OFFSET_GUEST_TSC_OFFSET, block.getBigUint64(vmcb.TSC_OFFSET, true));
  const isShadowed = (block.getUint32(vmcb.INTERRUPT_SHADOW, true) & 1) !== 0;
  registers.setU64(state.OFFSET_SHADOW_RIP, isShadowed ? registers.rip : state.NO_SHADOW);
  svm.virtualInterruptsChanged();
  cpu.hooks.flushTlb();
  cpu.hooks.modeChanged();
}

// Delivers what is injected, and has interrupts looked at before the guest's first instruction.
function begin(cpu: SystemCpu, block: DataView): SystemResult {
  cpu.trapInhibited = true;
  cpu.hooks.stop();
  const word = block.getUint32(vmcb.EVENTINJ, true);
  if ((word & vmcb.EVENT_V) === 0) return SYSTEM_JUMP;
  const event = injected(word, block.getUint32(vmcb.EVENTINJ + 4, true));
  const { nmiBlocked } = cpu;
  const returnRip = isSoftware(event) ? block.getBigUint64(vmcb.NRIP, true) : cpu.state.rip;
  const delivery = deliverInjected(cpu, event, returnRip);
  // NMIs of a guest are held off by who injects them.
  cpu.nmiBlocked = nmiBlocked;
  if (delivery === 'delivered') return SYSTEM_JUMP;
  cpu.exit = EXIT_SHUTDOWN;
  return SYSTEM_EXIT;
}

function injected(word: number, errorCode: number): Event {
  const type = (word >>> vmcb.EVENT_TYPE_SHIFT) & 7;
  const isNmi = type === vmcb.EVENT_TYPE_NMI;
  const vector = isNmi ? state.EXCEPTION_NMI : word & vmcb.EVENT_VECTOR;
  let source: EventSource = type === vmcb.EVENT_TYPE_EXCEPTION ? 'exception' : 'external';
  if (type === vmcb.EVENT_TYPE_SOFTWARE) source = 'software';
  return { vector, errorCode: (word & vmcb.EVENT_EV) !== 0 ? errorCode : -1, source };
}

// Returns to the next instruction: INT n, INT3, INTO.
function isSoftware({ vector, source }: Event): boolean {
  if (source === 'software') return true;
  return source === 'exception' && (vector === state.EXCEPTION_BP || vector === state.EXCEPTION_OF);
}
