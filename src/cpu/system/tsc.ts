/** The time-stamp counter: RDTSC, RDTSCP (SDM vol. 3B, 17.17). The guest's is the host's plus an offset. */
import { SYSTEM_NEXT, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

/** The guest's counter, as lo and hi. */
export function readTsc(cpu: SystemCpu, out: Uint32Array): void {
  cpu.tsc.read(out);
  add(out, cpu.state, state.OFFSET_TSC_OFFSET);
  if (cpu.svm.inGuest) add(out, cpu.state, state.OFFSET_GUEST_TSC_OFFSET);
}

function add(out: Uint32Array, registers: state.VcpuState, offset: number): void {
  const lo = (out[0] as number) + registers.u32(offset);
  out[1] = (out[1] as number) + registers.u32(offset + 4) + (lo > 0xffffffff ? 1 : 0);
  out[0] = lo;
}

/** As `readTsc`, for generated code. */
export function readTscIntoScratch(cpu: SystemCpu): void {
  readTsc(cpu, cpu.words);
  cpu.state.setHalves(state.OFFSET_SCRATCH, cpu.words[0] as number, cpu.words[1] as number);
}

/** Makes the guest's counter go on from a value. */
export function writeTsc(cpu: SystemCpu, lo: number, hi: number): void {
  cpu.tsc.read(cpu.words);
  const host = BigInt(cpu.words[0] as number) | (BigInt(cpu.words[1] as number) << 32n);
  const wanted = BigInt(lo >>> 0) | (BigInt(hi >>> 0) << 32n);
  cpu.state.setU64(state.OFFSET_TSC_OFFSET, BigInt.asUintN(64, wanted - host));
}

export function readTimeStamp(cpu: SystemCpu): SystemResult {
  if (isDisabled(cpu)) return cpu.generalProtection();
  readTsc(cpu, cpu.words);
  cpu.state.setGprHalves(state.RAX, cpu.words[0] as number, 0);
  cpu.state.setGprHalves(state.RDX, cpu.words[1] as number, 0);
  return SYSTEM_NEXT;
}

export function readTimeStampAndProcessor(cpu: SystemCpu): SystemResult {
  const result = readTimeStamp(cpu);
  if (result === SYSTEM_NEXT) cpu.state.setGprHalves(state.RCX, cpu.state.u32(state.OFFSET_TSC_AUX), 0);
  return result;
}

function isDisabled(cpu: SystemCpu): boolean {
  return cpu.cpl !== 0 && (cpu.state.u32(state.OFFSET_CR4) & state.CR4_TSD) !== 0;
}
