/** Whether a VMCB can be run: else VMRUN ends with VMEXIT_INVALID (APM vol. 2, 15.5.1, "Canonicalization and consistency checks"). */
import * as state from '../state.ts';
import { CR4_WRITABLE } from '../system/control-registers.ts';
import { IA32_EFER_KNOWN, isPat } from '../system/msr.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { attributesFrom } from './guest-state.ts';
import { PHYSICAL_LIMIT } from './physical-memory.ts';
import * as vmcb from './vmcb.ts';

const PAGE_MASK = ~0xfffn;
/** Past the start of either map: the one of ports needs so much, the other must end before the last page. */
const MAP_BYTES = 3 * 4096;
const REFUSED_WHEN_RESERVED = 0xffffffffn;

export function isConsistent(cpu: SystemCpu, block: DataView): boolean {
  return isControlConsistent(cpu, block) && isStateConsistent(block) && isEventConsistent(block);
}

function isControlConsistent(cpu: SystemCpu, block: DataView): boolean {
  const vmrun = vmcb.VMEXIT_VMRUN;
  const word = block.getUint32(vmcb.INTERCEPT_WORDS + (vmrun >>> 5) * 4, true);
  if (((word >>> (vmrun & 31)) & 1) === 0) return false;
  if (block.getUint32(vmcb.GUEST_ASID, true) === 0) return false;
  if (!fits(block, vmcb.IOPM_BASE_PA, MAP_BYTES) || !fits(block, vmcb.MSRPM_BASE_PA, MAP_BYTES)) return false;
  if ((block.getUint32(vmcb.NP_ENABLE, true) & 1) === 0) return true;
  const isPaged = (cpu.state.u32(state.OFFSET_CR0) & state.CR0_PG) !== 0;
  return isPaged && fits(block, vmcb.N_CR3, 4096) && isPat(block.getBigUint64(vmcb.SAVE_G_PAT, true));
}

function isStateConsistent(block: DataView): boolean {
  const register = (at: number): bigint => block.getBigUint64(at, true);
  const cr0 = register(vmcb.SAVE_CR0);
  const cr4 = register(vmcb.SAVE_CR4);
  const efer = register(vmcb.SAVE_EFER);
  const has = (value: bigint, bit: number): boolean => (value & BigInt(bit >>> 0)) !== 0n;
  if (!has(efer, state.EFER_SVME) || (efer & ~BigInt(IA32_EFER_KNOWN)) !== 0n) return false;
  if (cr0 > REFUSED_WHEN_RESERVED || (has(cr0, state.CR0_NW) && !has(cr0, state.CR0_CD))) return false;
  if ((cr4 & ~BigInt(CR4_WRITABLE)) !== 0n) return false;
  if (register(vmcb.SAVE_DR6) > REFUSED_WHEN_RESERVED || register(vmcb.SAVE_DR7) > REFUSED_WHEN_RESERVED) return false;
  if (register(vmcb.SAVE_CR3) >= BigInt(PHYSICAL_LIMIT)) return false;
  if (!has(efer, state.EFER_LME) || !has(cr0, state.CR0_PG)) return !has(cr4, state.CR4_PCIDE);
  if (!has(cr0, state.CR0_PE) || !has(cr4, state.CR4_PAE)) return false;
  const code = attributesFrom(block, vmcb.SAVE_CS);
  return (code & state.ATTRIBUTE_L) === 0 || (code & state.ATTRIBUTE_DB) === 0;
}

function isEventConsistent(block: DataView): boolean {
  const word = block.getUint32(vmcb.EVENTINJ, true);
  if ((word & vmcb.EVENT_V) === 0) return true;
  const vector = word & vmcb.EVENT_VECTOR;
  switch ((word >>> vmcb.EVENT_TYPE_SHIFT) & 7) {
    case vmcb.EVENT_TYPE_INTR:
    case vmcb.EVENT_TYPE_NMI:
    case vmcb.EVENT_TYPE_SOFTWARE:
      return true;
    case vmcb.EVENT_TYPE_EXCEPTION:
      return vector < 32 && vector !== state.EXCEPTION_NMI;
    default:
      return false;
  }
}

function fits(block: DataView, at: number, bytes: number): boolean {
  return (block.getBigUint64(at, true) & PAGE_MASK) <= BigInt(PHYSICAL_LIMIT - bytes);
}
