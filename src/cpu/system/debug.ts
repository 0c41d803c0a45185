/** Debug registers (SDM vol. 3B, 17.2) and instruction breakpoints. */
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import { DR7_ENABLED } from '../mmu/data-breakpoints.ts';
import * as state from '../state.ts';
import { DEBUGCTL_LBR, recordsBranches } from './branch-records.ts';
import type { SystemCpu } from './system-cpu.ts';

export const DR6_BD = 1 << 13;
export const DR6_BS = 1 << 14;
export const DR6_BT = 1 << 15;
/** Bits that read as one; bit 12 reads as zero. */
export const DR6_FIXED = 0xffff0ff0;
const DR6_WRITABLE = 0xe00f;
export const DR7_GD = 1 << 13;
/** Bit 10 reads as one. */
export const DR7_FIXED = 0x400;
const DR7_WRITABLE = 0xffff23ff;

const OFFSET_DR6 = state.OFFSET_DR + 6 * 8;
const OFFSET_DR7 = state.OFFSET_DR + 7 * 8;

export function moveFromDebug(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const number = debugRegister(cpu, operands.register(1));
  if (number < 0) return SYSTEM_FAULT;
  cpu.state.setGpr(operands.register(0), debugValue(cpu, number));
  return SYSTEM_NEXT;
}

export function moveToDebug(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const number = debugRegister(cpu, operands.register(0));
  if (number < 0) return SYSTEM_FAULT;
  const value = cpu.state.gpr(operands.register(1));
  const given = cpu.state.is64Bit ? value : BigInt.asUintN(32, value);
  if (number >= 6 && given > 0xffffffffn) return cpu.generalProtection();
  setDebugRegister(cpu.state, number, given);
  if (number === 7) cpu.hooks.modeChanged();
  return SYSTEM_NEXT;
}

/** Writes DR0 to DR3, DR6 or DR7 with their fixed bits. */
export function setDebugRegister(registers: state.VcpuState, number: number, value: bigint): void {
  const low = Number(BigInt.asUintN(32, value));
  let stored = value;
  if (number === 6) stored = BigInt(((low & DR6_WRITABLE) | DR6_FIXED) >>> 0);
  if (number === 7) stored = BigInt(((low & DR7_WRITABLE) | DR7_FIXED) >>> 0);
  registers.setU64(state.OFFSET_DR + number * 8, stored);
}

/** Notes in DR6 why #DB is about to be delivered: DR6_BS for a single step, DR6_BT for a task switch. */
export function noteDebug(registers: state.VcpuState, cause: number): void {
  registers.setU32(OFFSET_DR6, (registers.u32(OFFSET_DR6) | DR6_FIXED | cause) >>> 0);
}

/** What the processor does as it delivers #DB: the handler may use the debug registers, and is not recorded. */
export function enterDebugHandler(registers: state.VcpuState): void {
  registers.setU32(OFFSET_DR7, registers.u32(OFFSET_DR7) & ~DR7_GD);
  registers.setU32(state.OFFSET_DEBUGCTL, registers.u32(state.OFFSET_DEBUGCTL) & ~DEBUGCTL_LBR);
}

/** Any breakpoint is enabled: whoever runs code must look. */
export function breakpointsEnabled(registers: state.VcpuState): boolean {
  return (registers.u32(OFFSET_DR7) & DR7_ENABLED) !== 0;
}

/**
 * Raises #DB if an enabled instruction breakpoint is at the instruction about to run, unless RF says that it was
 * reported already. RIP in the state is that instruction's. True after raising. Called before each instruction that is
 * run by itself, which is when branches are recorded too.
 */
export function checkInstructionBreakpoint(cpu: SystemCpu): boolean {
  const { state: registers } = cpu;
  if (recordsBranches(registers)) cpu.branches.beforeInstruction(cpu);
  const dr7 = registers.u32(OFFSET_DR7);
  if ((dr7 & DR7_ENABLED) === 0) return false;
  const rest = registers.u32(state.OFFSET_RFLAGS_REST);
  if ((rest & state.FLAG_RF) !== 0) {
    registers.setU32(state.OFFSET_RFLAGS_REST, rest & ~state.FLAG_RF);
    return false;
  }
  const base = registers.is64Bit ? 0n : registers.segmentBase(state.CS);
  const linear = BigInt.asUintN(registers.is64Bit ? 64 : 32, base + registers.rip);
  let hit = 0;
  for (let index = 0; index < 4; index++) {
    const isExecution = ((dr7 >>> (16 + index * 4)) & 3) === 0;
    const isEnabled = ((dr7 >>> (index * 2)) & 3) !== 0;
    if (isEnabled && isExecution && registers.u64(state.OFFSET_DR + index * 8) === linear) hit |= 1 << index;
  }
  if (hit === 0) return false;
  noteDebug(registers, hit);
  cpu.raise(state.EXCEPTION_DB);
  return true;
}

// The register that a number means, -1 after raising: DR4 and DR5 are DR6 and DR7 unless CR4.DE is set.
function debugRegister(cpu: SystemCpu, number: number): number {
  const extensions = (cpu.state.u32(state.OFFSET_CR4) & state.CR4_DE) !== 0;
  if (number > 7 || (extensions && (number === 4 || number === 5))) {
    cpu.invalidOpcode();
    return -1;
  }
  if (!cpu.isPrivileged()) return -1;
  if ((cpu.state.u32(OFFSET_DR7) & DR7_GD) !== 0) {
    noteDebug(cpu.state, DR6_BD);
    cpu.raise(state.EXCEPTION_DB);
    return -1;
  }
  return number === 4 || number === 5 ? number + 2 : number;
}

function debugValue(cpu: SystemCpu, number: number): bigint {
  if (number === 6) return BigInt((cpu.state.u32(OFFSET_DR6) | DR6_FIXED) >>> 0);
  if (number === 7) return BigInt((cpu.state.u32(OFFSET_DR7) | DR7_FIXED) >>> 0);
  const value = cpu.state.u64(state.OFFSET_DR + number * 8);
  return cpu.state.is64Bit ? value : BigInt.asUintN(32, value);
}
