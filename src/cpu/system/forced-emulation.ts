/**
 * UD2, and what Xen makes of it where its option `hvm_fep` is on: followed by "xen" it is the forced emulation prefix
 * (public/arch-x86/xen.h, XEN_EMULATE_PREFIX), by which a guest has one instruction emulated. Here all are: RIP goes
 * past the prefix, and the instruction runs as any other.
 */
import { SYSTEM_JUMP, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { codeBytes } from './code-bytes.ts';
import { breakpointsEnabled } from './debug.ts';
import type { SystemCpu } from './system-cpu.ts';

/** ud2; .ascii "xen" */
export const FORCED_EMULATION_PREFIX = [0x0f, 0x0b, 0x78, 0x65, 0x6e] as const;

export function undefined2(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (cpu.intercepts.forcesEmulation !== true || operands.length !== 2 || !isPrefix(cpu)) return cpu.invalidOpcode();
  const { state: registers } = cpu;
  cpu.advance(FORCED_EMULATION_PREFIX.length);
  // Prefix and instruction are one: nothing gets in between, neither an interrupt nor a trap.
  registers.setHalves(state.OFFSET_SHADOW_RIP, registers.u32(state.OFFSET_RIP), registers.u32(state.OFFSET_RIP + 4));
  cpu.trapInhibited = true;
  // Breakpoints are looked for at the prefix; the emulator does not look for any.
  const rest = registers.u32(state.OFFSET_RFLAGS_REST) & ~state.FLAG_RF;
  registers.setU32(state.OFFSET_RFLAGS_REST, breakpointsEnabled(registers) ? rest | state.FLAG_RF : rest);
  return SYSTEM_JUMP;
}

function isPrefix(cpu: SystemCpu): boolean {
  const bytes = codeBytes(cpu, FORCED_EMULATION_PREFIX.length);
  return FORCED_EMULATION_PREFIX.every((byte, index) => bytes[index] === byte);
}
