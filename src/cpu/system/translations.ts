/** INVLPG and INVPCID (SDM vol. 3A, 4.10.4.1). */
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { isCanonical, type SystemCpu } from './system-cpu.ts';

const INDIVIDUAL_ADDRESS = 0;
const SINGLE_CONTEXT = 1;
const ALL_WITH_GLOBALS = 2;
const LAST_TYPE = 3;

export function invalidatePage(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  cpu.hooks.flushPage(operands.addressLo, operands.addressHi);
  return SYSTEM_NEXT;
}

export function invalidateByPcid(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const { state: registers } = cpu;
  const number = operands.register(0);
  const type = registers.gprLo(number);
  if (type > LAST_TYPE || (registers.is64Bit && registers.gprHi(number) !== 0)) return cpu.generalProtection();
  if (!cpu.read(operands.addressLo, operands.addressHi, 16)) return SYSTEM_FAULT;
  const pcid = Number(cpu.data.getBigUint64(0, true) & 0xfffn);
  const hasReserved = cpu.data.getBigUint64(0, true) > 0xfffn;
  const address = cpu.data.getBigUint64(8, true);
  const usesPcids = (registers.u32(state.OFFSET_CR4) & state.CR4_PCIDE) !== 0;
  if (hasReserved || (type <= SINGLE_CONTEXT && !usesPcids && pcid !== 0)) return cpu.generalProtection();
  if (type === INDIVIDUAL_ADDRESS && !isCanonical(address)) return cpu.generalProtection();
  invalidate(cpu, type, pcid);
  return SYSTEM_NEXT;
}

function invalidate(cpu: SystemCpu, type: number, pcid: number): void {
  const { mmu, hooks } = cpu;
  const { state: registers } = cpu;
  const usesPcids = (registers.u32(state.OFFSET_CR4) & state.CR4_PCIDE) !== 0;
  const isCurrent = !usesPcids || pcid === (registers.u32(state.OFFSET_CR3) & 0xfff);
  if (type === INDIVIDUAL_ADDRESS && isCurrent) {
    hooks.flushPage(cpu.data.getUint32(8, true), cpu.data.getUint32(12, true));
  } else if (type <= SINGLE_CONTEXT) {
    // What is kept of other contexts cannot be told apart by address.
    mmu.flushContext(pcid, isCurrent);
  } else if (type === ALL_WITH_GLOBALS) {
    hooks.flushTlb();
  } else {
    mmu.flushContexts();
  }
}
