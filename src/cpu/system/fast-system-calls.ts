/**
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT: transfers with flat segments that no table describes (SDM vol. 3A, 5.8.7, 5.8.8).
 * The first two are every system call of a kernel: no bigint there.
 */
import { SYSTEM_FAULT, SYSTEM_JUMP, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { DR6_BS, noteDebug } from './debug.ts';
import { deliverNow } from './software-interrupts.ts';
import { isCanonical, isCanonicalHigh, type SystemCpu } from './system-cpu.ts';

export const FLAT_LIMIT = 0xffffffff;
// Present, accessed, 4 KiB granular; readable code, writable data.
export const CODE_64 = state.ATTRIBUTE_G | state.ATTRIBUTE_L | state.ATTRIBUTE_P | state.ATTRIBUTE_S | 0xb;
const CODE_32 = state.ATTRIBUTE_G | state.ATTRIBUTE_DB | state.ATTRIBUTE_P | state.ATTRIBUTE_S | 0xb;
export const DATA = state.ATTRIBUTE_G | state.ATTRIBUTE_DB | state.ATTRIBUTE_P | state.ATTRIBUTE_S | 0x3;
export const USER = 3 << 5;

/** What R11 gives back: all but VM, RF and what does not exist. */
export const SYSRET_FLAGS = 0x3c7fd7;

export function systemCall(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const { state: registers } = cpu;
  if ((registers.u32(state.OFFSET_EFER) & state.EFER_SCE) === 0 || !cpu.isProtected || cpu.isVm86) {
    return cpu.invalidOpcode();
  }
  const selector = registers.u16(state.OFFSET_STAR + 4) & 0xfffc;
  if (!cpu.isLongMode) return legacySystemCall(cpu, operands, selector);
  const flags = cpu.rflags;
  cpu.advance(operands.length);
  registers.setGprHalves(state.RCX, registers.u32(state.OFFSET_RIP), registers.u32(state.OFFSET_RIP + 4));
  registers.setGprHalves(state.R11, flags & ~state.FLAG_RF, 0);
  const target = registers.is64Bit ? state.OFFSET_LSTAR : state.OFFSET_CSTAR;
  registers.setHalves(state.OFFSET_RIP, registers.u32(target), registers.u32(target + 4));
  enterKernel(cpu, selector, CODE_64);
  cpu.rflags = flags & ~registers.u32(state.OFFSET_SFMASK) & ~state.FLAG_RF;
  cpu.hooks.modeChanged();
  return trapByResult(cpu, flags);
}

export function systemReturn(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const { state: registers } = cpu;
  if ((registers.u32(state.OFFSET_EFER) & state.EFER_SCE) === 0) return cpu.invalidOpcode();
  if (!cpu.isProtected || (cpu.isLongMode && !registers.is64Bit)) return cpu.invalidOpcode();
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const selector = registers.u16(state.OFFSET_STAR + 6);
  if (operands.size === 64) {
    const ripHi = registers.gprHi(state.RCX);
    if (!isCanonicalHigh(ripHi)) return cpu.generalProtection();
    registers.setHalves(state.OFFSET_RIP, registers.gprLo(state.RCX), ripHi);
    enterUser(cpu, selector + 16, CODE_64, selector + 8);
  } else {
    registers.setHalves(state.OFFSET_RIP, registers.gprLo(state.RCX), 0);
    enterUser(cpu, selector, CODE_32, selector + 8);
  }
  // Outside long mode only IF is set (AMD APM vol. 3, SYSRET).
  const before = cpu.rflags;
  cpu.rflags = cpu.isLongMode ? registers.gprLo(state.R11) & SYSRET_FLAGS : before | state.FLAG_IF;
  cpu.hooks.modeChanged();
  return trapByResult(cpu, before);
}

export function systemEnter(cpu: SystemCpu): SystemResult {
  const { state: registers } = cpu;
  const selector = registers.u16(state.OFFSET_SYSENTER_CS) & 0xfffc;
  if (!cpu.isProtected || selector === 0) return cpu.generalProtection();
  const long = cpu.isLongMode;
  const mask = long ? (1n << 64n) - 1n : 0xffffffffn;
  registers.setGpr(state.RSP, registers.u64(state.OFFSET_SYSENTER_ESP) & mask);
  registers.rip = registers.u64(state.OFFSET_SYSENTER_EIP) & mask;
  enterKernel(cpu, selector, long ? CODE_64 : CODE_32);
  cpu.rflags &= ~(state.FLAG_VM | state.FLAG_IF | state.FLAG_RF);
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

export function systemExit(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const { state: registers } = cpu;
  const selector = registers.u16(state.OFFSET_SYSENTER_CS) & 0xfffc;
  if (!cpu.isProtected || selector === 0 || cpu.cpl !== 0) return cpu.generalProtection();
  const rsp = registers.gpr(state.RCX);
  const rip = registers.gpr(state.RDX);
  if (operands.size === 64) {
    if (!isCanonical(rsp) || !isCanonical(rip)) return cpu.generalProtection();
    registers.setGpr(state.RSP, rsp);
    registers.rip = rip;
    enterUser(cpu, selector + 32, CODE_64, selector + 40);
  } else {
    registers.setGpr(state.RSP, rsp & 0xffffffffn);
    registers.rip = rip & 0xffffffffn;
    enterUser(cpu, selector + 16, CODE_32, selector + 24);
  }
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

// Unlike other instructions these are followed by a single-step trap if they leave TF set, not if they found it so.
function trapByResult(cpu: SystemCpu, before: number): SystemResult {
  const trap = cpu.state.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_TF;
  if (trap === 0) cpu.trapInhibited = true;
  if ((trap & ~before) === 0) return SYSTEM_JUMP;
  noteDebug(cpu.state, DR6_BS);
  cpu.raise(state.EXCEPTION_DB);
  return deliverNow(cpu);
}

// AMD APM vol. 3, SYSCALL: legacy mode takes EIP from STAR and keeps the flags but for IF, VM and RF.
function legacySystemCall(cpu: SystemCpu, operands: SystemOperands, selector: number): SystemResult {
  const { state: registers } = cpu;
  registers.setGpr(state.RCX, cpu.nextRip(operands.length));
  registers.setHalves(state.OFFSET_RIP, registers.u32(state.OFFSET_STAR), 0);
  enterKernel(cpu, selector, CODE_32);
  cpu.rflags &= ~(state.FLAG_IF | state.FLAG_VM | state.FLAG_RF);
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

function enterKernel(cpu: SystemCpu, selector: number, code: number): void {
  cpu.cpl = 0;
  cpu.state.setSegment(state.CS, selector, code, FLAT_LIMIT, 0n);
  cpu.state.setSegment(state.SS, (selector + 8) & 0xffff, DATA, FLAT_LIMIT, 0n);
}

function enterUser(cpu: SystemCpu, code: number, attributes: number, stack: number): void {
  cpu.cpl = 3;
  cpu.state.setSegment(state.CS, (code & 0xffff) | 3, attributes | USER, FLAT_LIMIT, 0n);
  cpu.state.setSegment(state.SS, (stack & 0xffff) | 3, DATA | USER, FLAT_LIMIT, 0n);
}
