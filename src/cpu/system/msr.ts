/** Model-specific registers that the processor keeps itself; all others are the platform's (SDM vol. 4, chapter 2). */
import { WATCH_GO } from '../engine.ts';
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { DEBUGCTL_WRITABLE, LAST_BRANCH_FROM_IP, LAST_INT_TO_IP } from './branch-records.ts';
import { isCanonical, type SystemCpu } from './system-cpu.ts';
import { readTsc, writeTsc } from './tsc.ts';

export const IA32_TIME_STAMP_COUNTER = 0x10;
export const IA32_SYSENTER_CS = 0x174;
export const IA32_SYSENTER_ESP = 0x175;
export const IA32_SYSENTER_EIP = 0x176;
export const IA32_DEBUGCTL = 0x1d9;
export const IA32_PAT = 0x277;
export const IA32_EFER = 0xc0000080;
export const IA32_STAR = 0xc0000081;
export const IA32_LSTAR = 0xc0000082;
export const IA32_CSTAR = 0xc0000083;
export const IA32_FMASK = 0xc0000084;
export const IA32_FS_BASE = 0xc0000100;
export const IA32_GS_BASE = 0xc0000101;
export const IA32_KERNEL_GS_BASE = 0xc0000102;
export const IA32_TSC_AUX = 0xc0000103;
/** AMD APM vol. 2, 15.30.4. VM_CR, which is for firmware, is the platform's. */
export const VM_HSAVE_PA = 0xc0010117;

const EFER_WRITABLE = state.EFER_SCE | state.EFER_LME | state.EFER_NXE;
/** All bits of EFER that may be set. */
export const IA32_EFER_KNOWN = EFER_WRITABLE | state.EFER_LMA | state.EFER_SVME;
const PAGE_AND_PHYSICAL_BITS = 0xff_ffff_f000n;

/** Where a register lives in the state, and which values it takes. */
interface Kept {
  readonly offset: number;
  readonly accepts: (value: bigint) => boolean;
}

const isAnything = (): boolean => true;
const isLow32 = (value: bigint): boolean => value <= 0xffffffffn;
/** Memory types 0, 1, 4, 5, 6, 7 in each of eight bytes (SDM vol. 3A, 11.12.2). */
export const isPat = (value: bigint): boolean => {
  for (let rest = value, index = 0; index < 8; index++, rest >>= 8n) {
    if (![0n, 1n, 4n, 5n, 6n, 7n].includes(rest & 0xffn)) return false;
  }
  return true;
};
const baseOf = (segment: number): number => state.OFFSET_SEGMENTS + segment * state.SEGMENT_SIZE + state.SEGMENT_BASE;

const KEPT: ReadonlyMap<number, Kept> = new Map([
  [IA32_SYSENTER_CS, { offset: state.OFFSET_SYSENTER_CS, accepts: isAnything }],
  [IA32_SYSENTER_ESP, { offset: state.OFFSET_SYSENTER_ESP, accepts: isCanonical }],
  [IA32_SYSENTER_EIP, { offset: state.OFFSET_SYSENTER_EIP, accepts: isCanonical }],
  [IA32_DEBUGCTL, { offset: state.OFFSET_DEBUGCTL, accepts: (value: bigint) => (value & ~DEBUGCTL_WRITABLE) === 0n }],
  [IA32_PAT, { offset: state.OFFSET_PAT, accepts: isPat }],
  [IA32_STAR, { offset: state.OFFSET_STAR, accepts: isAnything }],
  [IA32_LSTAR, { offset: state.OFFSET_LSTAR, accepts: isCanonical }],
  [IA32_CSTAR, { offset: state.OFFSET_CSTAR, accepts: isCanonical }],
  [IA32_FMASK, { offset: state.OFFSET_SFMASK, accepts: isLow32 }],
  [IA32_FS_BASE, { offset: baseOf(state.FS), accepts: isCanonical }],
  [IA32_GS_BASE, { offset: baseOf(state.GS), accepts: isCanonical }],
  [IA32_KERNEL_GS_BASE, { offset: state.OFFSET_KERNEL_GS_BASE, accepts: isCanonical }],
  [IA32_TSC_AUX, { offset: state.OFFSET_TSC_AUX, accepts: isLow32 }],
]);

export function readMsrInstruction(cpu: SystemCpu): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  if (!readMsr(cpu, cpu.state.gprLo(state.RCX), cpu.words)) return cpu.generalProtection();
  cpu.state.setGprHalves(state.RAX, cpu.words[0] as number, 0);
  cpu.state.setGprHalves(state.RDX, cpu.words[1] as number, 0);
  return SYSTEM_NEXT;
}

export function writeMsrInstruction(cpu: SystemCpu): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const { state: registers } = cpu;
  const index = registers.gprLo(state.RCX);
  const lo = registers.gprLo(state.RAX);
  const hi = registers.gprLo(state.RDX);
  const left = cpu.watched(cpu.watch?.writesMsr(index, lo, hi) ?? WATCH_GO);
  if (left !== undefined) return left;
  const written = writeMsr(cpu, index, lo, hi);
  return written ? SYSTEM_NEXT : cpu.generalProtection();
}

/** Fills `out` with lo and hi; false where there is no such register. */
export function readMsr(cpu: SystemCpu, index: number, out: Uint32Array): boolean {
  const kept = KEPT.get(index);
  if (kept !== undefined) {
    out[0] = cpu.state.u32(kept.offset);
    out[1] = cpu.state.u32(kept.offset + 4);
    return true;
  }
  switch (index) {
    case IA32_TIME_STAMP_COUNTER:
      readTsc(cpu, out);
      return true;
    case IA32_EFER:
      out[0] = cpu.state.u32(state.OFFSET_EFER);
      out[1] = 0;
      return true;
    case VM_HSAVE_PA:
      return readHostSave(cpu, out);
    default:
      if (isBranchRecord(index)) return readBranchRecord(cpu, index, out);
      return cpu.intercepts.readMsr(index, out);
  }
}

/** False where there is no such register or it does not take the value: #GP(0). */
export function writeMsr(cpu: SystemCpu, index: number, lo: number, hi: number): boolean {
  const kept = KEPT.get(index);
  if (kept !== undefined) {
    if (!kept.accepts((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0))) return false;
    cpu.state.setHalves(kept.offset, lo, hi);
    if (index === IA32_DEBUGCTL) debugControlChanged(cpu);
    return true;
  }
  switch (index) {
    case IA32_TIME_STAMP_COUNTER:
      writeTsc(cpu, lo, hi);
      return true;
    case IA32_EFER:
      return writeEfer(cpu, lo, hi);
    case VM_HSAVE_PA:
      return writeHostSave(cpu, lo, hi);
    default:
      if (isBranchRecord(index)) return writeBranchRecord(cpu, index, lo, hi);
      return cpu.intercepts.writeMsr(index, lo, hi);
  }
}

function debugControlChanged(cpu: SystemCpu): void {
  cpu.branches.start();
  cpu.hooks.modeChanged();
  cpu.hooks.stop();
}

function isBranchRecord(index: number): boolean {
  return index >= LAST_BRANCH_FROM_IP && index <= LAST_INT_TO_IP;
}

function readBranchRecord(cpu: SystemCpu, index: number, out: Uint32Array): boolean {
  const value = cpu.branches.registers[index - LAST_BRANCH_FROM_IP] as bigint;
  out[0] = Number(value & 0xffffffffn);
  out[1] = Number(value >> 32n);
  return true;
}

function writeBranchRecord(cpu: SystemCpu, index: number, lo: number, hi: number): boolean {
  cpu.branches.registers[index - LAST_BRANCH_FROM_IP] = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  return true;
}

function readHostSave(cpu: SystemCpu, out: Uint32Array): boolean {
  out[0] = cpu.state.u32(state.OFFSET_VM_HSAVE_PA);
  out[1] = cpu.state.u32(state.OFFSET_VM_HSAVE_PA + 4);
  return cpu.svm.isOffered;
}

function writeHostSave(cpu: SystemCpu, lo: number, hi: number): boolean {
  const address = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  if (!cpu.svm.isOffered || (address & ~PAGE_AND_PHYSICAL_BITS) !== 0n) return false;
  cpu.state.setU64(state.OFFSET_VM_HSAVE_PA, address);
  return true;
}

// LMA is the processor's own: what is written to it does not matter.
function writeEfer(cpu: SystemCpu, lo: number, hi: number): boolean {
  const writable = cpu.svm.isOffered ? EFER_WRITABLE | state.EFER_SVME : EFER_WRITABLE;
  if (hi !== 0 || (lo & ~(writable | state.EFER_LMA)) !== 0) return false;
  const before = cpu.state.u32(state.OFFSET_EFER);
  const paging = (cpu.state.u32(state.OFFSET_CR0) & state.CR0_PG) !== 0;
  if (paging && ((before ^ lo) & state.EFER_LME) !== 0) return false;
  cpu.state.setU32(state.OFFSET_EFER, (lo & writable) | (before & state.EFER_LMA));
  if (((before ^ lo) & state.EFER_NXE) !== 0) cpu.hooks.flushTlb();
  cpu.hooks.modeChanged();
  return true;
}
