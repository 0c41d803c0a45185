/** The state after RESET, INIT and start-up IPI (SDM vol. 3A, table 9-1 and 8.4). */
import { writeStatusFlags } from '../emit/flags.ts';
import * as state from '../state.ts';
import { SIGNATURE } from './cpuid.ts';
import { REAL_MODE_SEGMENT } from './descriptors.ts';
import { DR6_FIXED, DR7_FIXED } from './debug.ts';

const REAL_MODE_LIMIT = 0xffff;
const PAT_RESET = 0x0007040600070406n;
const MXCSR_RESET = 0x1f80;
/** After RESET the x87 registers hold zeros, not nothing (FCW 40H; tags valid). */
const FCW_RESET = 0x40;
const ABRIDGED_TAGS_RESET = 0xff;
const OFFSET_FTW = state.OFFSET_X87_CONTROL + 4;

/** Everything as after power-up: real mode, at the reset vector. */
export function resetState(registers: state.VcpuState): void {
  for (let at = 0; at < state.VCPU_STATE_SIZE; at += 4) registers.setU32(at, 0);
  registers.setU64(state.OFFSET_SHADOW_RIP, state.NO_SHADOW);
  registers.setU32(state.OFFSET_CR0, state.CR0_CD | state.CR0_NW | state.CR0_ET);
  registers.setU64(state.OFFSET_PAT, PAT_RESET);
  registers.setU64(state.OFFSET_XCR0, 1n);
  registers.setU32(state.OFFSET_MXCSR, MXCSR_RESET);
  registers.setU16(state.OFFSET_X87_CONTROL, FCW_RESET);
  registers.setU16(OFFSET_FTW, ABRIDGED_TAGS_RESET);
  startInRealMode(registers);
}

/** INIT: as RESET, but floating point, the TSC and model-specific registers stay, and so do CR0.CD and CR0.NW. */
export function initState(registers: state.VcpuState): void {
  const caching = registers.u32(state.OFFSET_CR0) & (state.CR0_CD | state.CR0_NW);
  for (let register = 0; register < 16; register++) registers.setGpr(register, 0n);
  for (const offset of [state.OFFSET_CR2, state.OFFSET_CR3, state.OFFSET_CR4, state.OFFSET_EFER]) {
    registers.setU64(offset, 0n);
  }
  for (let index = 0; index < 4; index++) registers.setU64(state.OFFSET_DR + index * 8, 0n);
  // No guest of the guest's runs, and the global interrupt flag is set.
  registers.setU32(state.OFFSET_SVM, 0);
  registers.setU32(state.OFFSET_EXCEPTION_EXITS, 0);
  registers.setU64(state.OFFSET_SHADOW_RIP, state.NO_SHADOW);
  registers.setU32(state.OFFSET_CR0, caching | state.CR0_ET);
  registers.setU64(state.OFFSET_XCR0, 1n);
  startInRealMode(registers);
}

/** Start-up IPI: real mode at vector * 4 KiB, once INIT was received. */
export function startUp(registers: state.VcpuState, vector: number): void {
  const selector = (vector & 0xff) << 8;
  registers.setSegment(state.CS, selector, REAL_MODE_SEGMENT, REAL_MODE_LIMIT, BigInt(selector) << 4n);
  registers.rip = 0n;
}

function startInRealMode(registers: state.VcpuState): void {
  registers.setU32(state.OFFSET_RFLAGS_REST, 0);
  writeStatusFlags(registers, 0);
  registers.setU32(state.OFFSET_CPL, 0);
  for (let segment = 0; segment < 6; segment++) {
    registers.setSegment(segment, 0, REAL_MODE_SEGMENT, REAL_MODE_LIMIT, 0n);
  }
  registers.setSegment(state.CS, 0xf000, REAL_MODE_SEGMENT, REAL_MODE_LIMIT, 0xffff0000n);
  registers.setSegment(state.LDTR, 0, 0x82, REAL_MODE_LIMIT, 0n);
  registers.setSegment(state.TR, 0, 0x8b, REAL_MODE_LIMIT, 0n);
  for (const table of [state.OFFSET_GDTR, state.OFFSET_IDTR]) {
    registers.setU64(table, 0n);
    registers.setU32(table + 8, REAL_MODE_LIMIT);
  }
  registers.setU64(state.OFFSET_DR + 6 * 8, BigInt(DR6_FIXED));
  registers.setU64(state.OFFSET_DR + 7 * 8, BigInt(DR7_FIXED));
  registers.setGpr(state.RDX, BigInt(SIGNATURE));
  registers.rip = 0xfff0n;
}
