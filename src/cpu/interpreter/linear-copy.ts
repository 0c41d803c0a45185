/** Guest memory at linear addresses, as Xen copies it: see EngineVcpu.readLinear. */
import { EVENT_REFUSED, type Mmu } from '../mmu/mmu.ts';
import { type Privilege, PRIVILEGE_SUPERVISOR_AC, PRIVILEGE_USER } from '../mmu/walk.ts';
import { TLB_WRITE_OFFSET } from '../emit/tlb-layout.ts';
import type { DirectAccess } from '../system/direct-access.ts';
import { OFFSET_CR2, OFFSET_EVENT, type VcpuState } from '../state.ts';

export function readLinear(
  registers: VcpuState,
  mmu: Mmu,
  addressLo: number,
  addressHi: number,
  into: Uint8Array,
): boolean {
  return copyByPages(registers, mmu, addressLo, addressHi, into, false);
}

export function writeLinear(
  registers: VcpuState,
  mmu: Mmu,
  addressLo: number,
  addressHi: number,
  from: Uint8Array,
): boolean {
  return copyByPages(registers, mmu, addressLo, addressHi, from, true);
}

/** Where it is that they would copy from or to, if the TLB has it: see EngineVcpu.hostOf. */
export function hostOfLinear(
  registers: VcpuState,
  direct: DirectAccess,
  addressLo: number,
  addressHi: number,
  bytes: number,
  isWrite: boolean,
): number {
  return direct.find(addressLo, addressHi, bytes, privilegeOf(registers), isWrite ? TLB_WRITE_OFFSET : 0);
}

// As the guest's kernel would, SMAP aside; from user mode with the user's rights.
function privilegeOf(registers: VcpuState): Privilege {
  return registers.cpl === 3 ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR_AC;
}

/** Copies bytes of guest memory page by page. A failure raises nothing in the guest: what the walk noted is undone. */
function copyByPages(
  registers: VcpuState,
  mmu: Mmu,
  addressLo: number,
  addressHi: number,
  bytes: Uint8Array,
  isWrite: boolean,
): boolean {
  const privilege = privilegeOf(registers);
  const event = registers.u32(OFFSET_EVENT);
  const cr2Lo = registers.u32(OFFSET_CR2);
  const cr2Hi = registers.u32(OFFSET_CR2 + 4);
  let done = 0;
  let lo = addressLo >>> 0;
  let hi = addressHi >>> 0;
  if ((lo & 0xfff) + bytes.length <= 4096 && bytes.length > 0) {
    if (copyPart(mmu, lo, hi, bytes, privilege, isWrite)) return true;
  }
  while (done < bytes.length) {
    const length = Math.min(4096 - (lo & 0xfff), bytes.length - done);
    const part = bytes.subarray(done, done + length);
    const copied =
      copyPart(mmu, lo, hi, part, privilege, isWrite) ||
      (isRefused(registers) && copyUnrestricted(mmu, lo, hi, part, privilege, isWrite));
    if (copied) registers.setU32(OFFSET_EVENT, event);
    else {
      registers.setU32(OFFSET_EVENT, event);
      registers.setHalves(OFFSET_CR2, cr2Lo, cr2Hi);
      return false;
    }
    done += length;
    const next = lo + length;
    if (next > 0xffffffff) hi = (hi + 1) >>> 0;
    lo = next >>> 0;
  }
  return true;
}

function copyPart(mmu: Mmu, lo: number, hi: number, part: Uint8Array, privilege: Privilege, isWrite: boolean): boolean {
  if (isWrite) return mmu.writeFrom(lo, hi, part.length, privilege, part);
  return mmu.readInto(lo, hi, part.length, privilege, part);
}

function copyUnrestricted(
  mmu: Mmu,
  lo: number,
  hi: number,
  part: Uint8Array,
  privilege: Privilege,
  isWrite: boolean,
): boolean {
  return mmu.unrestricted(() => copyPart(mmu, lo, hi, part, privilege, isWrite));
}

// A watcher is for what the guest does, and this is Xen.
function isRefused(registers: VcpuState): boolean {
  return (registers.u32(OFFSET_EVENT) & EVENT_REFUSED) !== 0;
}
