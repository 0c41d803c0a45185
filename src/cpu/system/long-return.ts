/** IRETQ in 64-bit code (SDM vol. 2A, IRET): how every exception and interrupt of a kernel ends. No bigint here. */
import { SYSTEM_FAULT, SYSTEM_JUMP, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { checkReturnCode, dropInnerSegments, isLongCode, loadCode } from './code-segments.ts';
import {
  type Descriptor,
  isNull,
  loadHidden,
  markAccessed,
  readDescriptor,
  readStackDescriptor,
} from './descriptors.ts';
import { changeableFlags, changeFlags } from './flags.ts';
import { setStackPointer } from './stack.ts';
import { isCanonicalHigh, type SystemCpu } from './system-cpu.ts';

const OFFSET_RSP = state.OFFSET_GPR + state.RSP * 8;
const FRAME_BYTES = 40;

export function returnLong(cpu: SystemCpu): SystemResult {
  const { state: registers, data } = cpu;
  const stackHi = registers.u32(OFFSET_RSP + 4);
  if (!isCanonicalHigh(stackHi)) return cpu.raise(state.EXCEPTION_SS, 0);
  const privilege = cpu.mmu.currentPrivilege();
  if (!cpu.readAt(registers.u32(OFFSET_RSP), stackHi, FRAME_BYTES, privilege)) return SYSTEM_FAULT;
  const ripLo = data.getUint32(0, true);
  const ripHi = data.getUint32(4, true);
  const cs = data.getUint16(8, true);
  const flags = data.getUint32(16, true);
  const rspLo = data.getUint32(24, true);
  const rspHi = data.getUint32(28, true);
  const ss = data.getUint16(32, true);
  if (isNull(cs)) return cpu.generalProtection();
  const code = readDescriptor(cpu, cs);
  if (code === undefined || !checkReturnCode(cpu, cs, code)) return SYSTEM_FAULT;
  const stack = checkStack(cpu, code, cs & 3, ss);
  if (stack === undefined) return SYSTEM_FAULT;
  const isGood = isLongCode(cpu, code) ? isCanonicalHigh(ripHi) : ripHi === 0 && ripLo <= code.limit;
  if (!isGood) return cpu.generalProtection();
  if (!markAccessed(cpu, code) || (stack !== 'null' && !markAccessed(cpu, stack))) return SYSTEM_FAULT;
  const isOuter = (cs & 3) > cpu.cpl;
  const mask = changeableFlags(cpu, 64) | state.FLAG_RF;
  loadCode(cpu, cs, code);
  if (stack === 'null') registers.setSegment(state.SS, ss, (ss & 3) << 5, 0, 0n);
  else loadHidden(cpu, state.SS, ss, stack);
  if (isLongCode(cpu, code)) registers.setHalves(OFFSET_RSP, rspLo, rspHi);
  else setStackPointer(cpu, BigInt(rspLo));
  registers.setHalves(state.OFFSET_RIP, ripLo, ripHi);
  changeFlags(cpu, flags, mask);
  if (isOuter) dropInnerSegments(cpu);
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

// The descriptor for SS, or 'null' where that is allowed; undefined after raising.
function checkStack(cpu: SystemCpu, code: Descriptor, level: number, ss: number): Descriptor | 'null' | undefined {
  if (!isNull(ss)) return readStackDescriptor(cpu, ss, level, state.EXCEPTION_GP);
  if (isLongCode(cpu, code) && level !== 3 && (ss & 3) === level) return 'null';
  cpu.generalProtection();
  return undefined;
}
