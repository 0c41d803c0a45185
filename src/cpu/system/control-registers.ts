/** MOV to and from control registers, CLTS, LMSW, SMSW, and the mode switches that come with them (SDM vol. 3A, 2.5). */
import { WATCH_GO, type WatchedControl } from '../engine.ts';
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import { CR0_TRANSLATION, CR4_TRANSLATION } from '../mmu/translation-control.ts';
import { PHYSICAL_BITS } from '../mmu/walk.ts';
import * as state from '../state.ts';
import { readRm16, writeRm16v } from './operand-access.ts';
import type { SystemCpu } from './system-cpu.ts';
import { refuseUserMode } from './user-mode-prevention.ts';

export const CR0_WRITABLE =
  state.CR0_PE |
  state.CR0_MP |
  state.CR0_EM |
  state.CR0_TS |
  state.CR0_NE |
  state.CR0_WP |
  state.CR0_AM |
  state.CR0_NW |
  state.CR0_CD |
  state.CR0_PG;
/** What this processor has of CR4; CPUID says the same. */
export const CR4_WRITABLE =
  state.CR4_TSD |
  state.CR4_DE |
  state.CR4_PSE |
  state.CR4_PAE |
  state.CR4_MCE |
  state.CR4_PGE |
  state.CR4_PCE |
  state.CR4_OSFXSR |
  state.CR4_OSXMMEXCPT |
  state.CR4_UMIP |
  state.CR4_FSGSBASE |
  state.CR4_PCIDE |
  state.CR4_OSXSAVE |
  state.CR4_SMEP |
  state.CR4_SMAP;
/** A change of these loads the PDPTEs of PAE paging again (SDM vol. 3A, 4.4.1). */
const CR0_PDPTES = (state.CR0_PG | state.CR0_CD | state.CR0_NW) >>> 0;
const CR4_PDPTES = state.CR4_PSE | state.CR4_PAE | state.CR4_PGE | state.CR4_SMEP;

const CR3_NOFLUSH_HI = 0x80000000;
const CR3_RESERVED_HI = -1 << (PHYSICAL_BITS - 32);
const PDPTE_PRESENT = 1n;
/** Bits 2:1, 8:5 and those above the physical address (SDM vol. 3A, table 4-8). */
const PDPTE_RESERVED = 0x1e6n | BigInt.asUintN(64, -1n << BigInt(PHYSICAL_BITS));

export function moveFromControl(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const number = operands.register(1);
  if (!isControlRegister(cpu, number)) return cpu.invalidOpcode();
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const value = readControl(cpu, number);
  cpu.state.setGpr(operands.register(0), cpu.state.is64Bit ? value : BigInt.asUintN(32, value));
  return SYSTEM_NEXT;
}

export function moveToControl(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const number = operands.register(0);
  if (!isControlRegister(cpu, number)) return cpu.invalidOpcode();
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const source = operands.register(1);
  // Address spaces change often.
  if (number === 3) return writeCr3(cpu, cpu.state.gprLo(source), cpu.state.is64Bit ? cpu.state.gprHi(source) : 0);
  const register = cpu.state.gpr(source);
  return writeControl(cpu, number, cpu.state.is64Bit ? register : BigInt.asUintN(32, register));
}

export function clearTaskSwitched(cpu: SystemCpu): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const cr0 = cpu.state.u32(state.OFFSET_CR0);
  const left = watched(cpu, 'cr0', (cr0 & ~state.CR0_TS) >>> 0, 0);
  if (left !== undefined) return left;
  cpu.state.setU32(state.OFFSET_CR0, cr0 & ~state.CR0_TS);
  if ((cr0 & state.CR0_TS) !== 0) cpu.hooks.modeChanged();
  return SYSTEM_NEXT;
}

/** LMSW: PE, MP, EM and TS; PE can be set, not cleared. */
export function loadMachineStatus(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const word = readRm16(cpu, operands, 0);
  if (word < 0) return SYSTEM_FAULT;
  const cr0 = cpu.state.u32(state.OFFSET_CR0);
  return writeCr0(cpu, BigInt(((cr0 & ~0xe) | (word & 0xf)) >>> 0));
}

export function storeMachineStatus(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (refuseUserMode(cpu)) return SYSTEM_FAULT;
  return writeRm16v(cpu, operands, cpu.state.u64(state.OFFSET_CR0)) ? SYSTEM_NEXT : SYSTEM_FAULT;
}

/**
 * Loads the four PDPTEs that CR3 points at, where they are registers: not in a guest's guest with nested paging. False,
 * with nothing changed, where one has reserved bits.
 */
export function loadPdptes(cpu: SystemCpu, cr3: bigint): boolean {
  if (cpu.mmu.walker.outer !== undefined) return true;
  const table = Number(cr3 & 0xffffffe0n);
  const entries: bigint[] = [];
  for (let index = 0; index < 4; index++) {
    const entry = cpu.readPhysical64(table + index * 8);
    if (entry === undefined) return false;
    if ((entry & PDPTE_PRESENT) !== 0n && (entry & PDPTE_RESERVED) !== 0n) return false;
    entries.push(entry);
  }
  for (const [index, entry] of entries.entries()) cpu.state.setU64(state.OFFSET_PDPTE + index * 8, entry);
  return true;
}

/** PAE paging without long mode: PDPTEs are registers. */
export function usesPdptes(cpu: SystemCpu, cr0 = cpu.state.u32(state.OFFSET_CR0)): boolean {
  const pae = (cpu.state.u32(state.OFFSET_CR4) & state.CR4_PAE) !== 0;
  return (cr0 & state.CR0_PG) !== 0 && pae && !cpu.isLongMode;
}

/** CR0, CR3 or CR4 takes a value on behalf of somebody else than the guest. False, with nothing changed: #GP. */
export function setControl(cpu: SystemCpu, register: 'cr0' | 'cr3' | 'cr4', lo: number, hi: number): boolean {
  const value = BigInt(lo >>> 0) | (BigInt(hi >>> 0) << 32n);
  cpu.unwatched = true;
  const result =
    register === 'cr0' ? writeCr0(cpu, value) : register === 'cr3' ? writeCr3(cpu, lo, hi) : writeCr4(cpu, value);
  cpu.unwatched = false;
  cpu.state.setU32(state.OFFSET_EVENT, 0);
  return result === SYSTEM_NEXT;
}

function watched(cpu: SystemCpu, register: WatchedControl, lo: number, hi: number): SystemResult | undefined {
  return cpu.watched(cpu.watch?.writesControl(register, lo, hi) ?? WATCH_GO);
}

function isControlRegister(cpu: SystemCpu, number: number): boolean {
  return number === 0 || (number >= 2 && number <= 4) || (number === 8 && cpu.state.is64Bit);
}

function readControl(cpu: SystemCpu, number: number): bigint {
  if (number === 8) return BigInt((cpu.svm.virtualTpr ?? cpu.intercepts.readTpr()) & 0xf);
  const offset = [state.OFFSET_CR0, 0, state.OFFSET_CR2, state.OFFSET_CR3, state.OFFSET_CR4][number] as number;
  return cpu.state.u64(offset);
}

function writeControl(cpu: SystemCpu, number: number, value: bigint): SystemResult {
  switch (number) {
    case 0:
      return writeCr0(cpu, value);
    case 2:
      cpu.state.setU64(state.OFFSET_CR2, value);
      return SYSTEM_NEXT;
    case 4:
      return writeCr4(cpu, value);
    default:
      if (value > 0xfn) return cpu.generalProtection();
      writeTpr(cpu, Number(value));
      return SYSTEM_NEXT;
  }
}

function writeTpr(cpu: SystemCpu, priority: number): void {
  if (cpu.svm.virtualTpr === undefined) {
    cpu.intercepts.writeTpr(priority);
    return;
  }
  cpu.svm.virtualTpr = priority;
  // A virtual interrupt may have waited for that.
  cpu.hooks.stop();
}

function writeCr0(cpu: SystemCpu, value: bigint): SystemResult {
  const { state: registers } = cpu;
  if (value > 0xffffffffn) return cpu.generalProtection();
  const before = registers.u32(state.OFFSET_CR0);
  const after = ((Number(value) & CR0_WRITABLE) | state.CR0_ET) >>> 0;
  const has = (bit: number): boolean => (after & bit) !== 0;
  if ((has(state.CR0_PG) && !has(state.CR0_PE)) || (has(state.CR0_NW) && !has(state.CR0_CD))) {
    return cpu.generalProtection();
  }
  const changed = (before ^ after) >>> 0;
  const efer = registers.u32(state.OFFSET_EFER);
  let lma = efer & state.EFER_LMA;
  if ((changed & state.CR0_PG) !== 0) {
    if (has(state.CR0_PG)) {
      if (!mayEnablePaging(cpu, efer)) return cpu.generalProtection();
      lma = (efer & state.EFER_LME) !== 0 ? state.EFER_LMA : 0;
    } else {
      const pcide = (registers.u32(state.OFFSET_CR4) & state.CR4_PCIDE) !== 0;
      if (registers.is64Bit || pcide) return cpu.generalProtection();
      lma = 0;
    }
  }
  const left = watched(cpu, 'cr0', after, 0);
  if (left !== undefined) return left;
  const pae = (registers.u32(state.OFFSET_CR4) & state.CR4_PAE) !== 0;
  if (has(state.CR0_PG) && pae && lma === 0 && (changed & CR0_PDPTES) !== 0) {
    if (!loadPdptes(cpu, registers.u64(state.OFFSET_CR3))) return cpu.generalProtection();
  }
  registers.setU32(state.OFFSET_CR0, after);
  registers.setU32(state.OFFSET_EFER, (efer & ~state.EFER_LMA) | lma);
  if ((changed & CR0_TRANSLATION) !== 0) cpu.hooks.flushTlb();
  cpu.hooks.modeChanged();
  return SYSTEM_NEXT;
}

// IA-32e mode is entered from compatibility: PAE on, and CS not already a 64-bit segment (SDM vol. 3A, 9.8.5).
function mayEnablePaging(cpu: SystemCpu, efer: number): boolean {
  if ((efer & state.EFER_LME) === 0) return true;
  const pae = (cpu.state.u32(state.OFFSET_CR4) & state.CR4_PAE) !== 0;
  const isLongCode = (cpu.state.segmentAttributes(state.CS) & state.ATTRIBUTE_L) !== 0;
  return pae && !isLongCode;
}

// Global pages survive; the others of the PCID that is loaded do so where bit 63 says so (SDM vol. 3A, 4.10.4.1).
function writeCr3(cpu: SystemCpu, lo: number, hi: number): SystemResult {
  const { state: registers } = cpu;
  const pcide = (registers.u32(state.OFFSET_CR4) & state.CR4_PCIDE) !== 0;
  const keeps = pcide && (hi & CR3_NOFLUSH_HI) !== 0;
  const addressHi = (keeps ? hi & ~CR3_NOFLUSH_HI : hi) >>> 0;
  if (cpu.isLongMode && (addressHi & CR3_RESERVED_HI) !== 0) return cpu.generalProtection();
  const left = cpu.watch === undefined ? undefined : watched(cpu, 'cr3', lo, hi);
  if (left !== undefined) return left;
  if (usesPdptes(cpu) && !loadPdptes(cpu, BigInt(lo))) return cpu.generalProtection();
  const isSame = lo === registers.u32(state.OFFSET_CR3) && addressHi === registers.u32(state.OFFSET_CR3 + 4);
  registers.setHalves(state.OFFSET_CR3, lo, addressHi);
  if (keeps && isSame) return SYSTEM_NEXT;
  cpu.mmu.loadContext(pcide ? lo & 0xfff : 0, keeps);
  return SYSTEM_NEXT;
}

function writeCr4(cpu: SystemCpu, value: bigint): SystemResult {
  const { state: registers } = cpu;
  if ((value & ~BigInt(CR4_WRITABLE)) !== 0n) return cpu.generalProtection();
  const before = registers.u32(state.OFFSET_CR4);
  const after = Number(value);
  const changed = before ^ after;
  if (cpu.isLongMode && (after & state.CR4_PAE) === 0) return cpu.generalProtection();
  if ((changed & after & state.CR4_PCIDE) !== 0) {
    if (!cpu.isLongMode || (registers.u32(state.OFFSET_CR3) & 0xfff) !== 0) return cpu.generalProtection();
  }
  const left = watched(cpu, 'cr4', after, 0);
  if (left !== undefined) return left;
  const paging = (registers.u32(state.OFFSET_CR0) & state.CR0_PG) !== 0;
  if (paging && !cpu.isLongMode && (after & state.CR4_PAE) !== 0 && (changed & CR4_PDPTES) !== 0) {
    if (!loadPdptes(cpu, registers.u64(state.OFFSET_CR3))) return cpu.generalProtection();
  }
  registers.setU32(state.OFFSET_CR4, after);
  if ((changed & CR4_TRANSLATION) !== 0) cpu.hooks.flushTlb();
  cpu.hooks.modeChanged();
  return SYSTEM_NEXT;
}
