/** What far transfers share: fit code segments, targets inside them, and data segments that the outer level may not keep. */
import * as state from '../state.ts';
import { type Descriptor, dplOf, isCode, isConforming, isPresent, loadHidden } from './descriptors.ts';
import { isCanonical, type SystemCpu } from './system-cpu.ts';

/** 64-bit code where long mode is active. */
export function isLongCode(cpu: SystemCpu, code: Descriptor): boolean {
  return cpu.isLongMode && (code.attributes & state.ATTRIBUTE_L) !== 0;
}

/** Raises #GP or #NP unless the descriptor is present code that is not both L and D; false after raising. */
export function checkCode(cpu: SystemCpu, code: Descriptor): boolean {
  const both = state.ATTRIBUTE_L | state.ATTRIBUTE_DB;
  if (!isCode(code) || (cpu.isLongMode && (code.attributes & both) === both)) {
    cpu.generalProtection(code.selector & 0xfffc);
    return false;
  }
  return true;
}

export function checkCodePresent(cpu: SystemCpu, code: Descriptor): boolean {
  if (isPresent(code)) return true;
  cpu.raise(state.EXCEPTION_NP, code.selector & 0xfffc);
  return false;
}

/** #GP(0) unless the target is canonical, or within the limit; false after raising. */
export function checkTarget(cpu: SystemCpu, code: Descriptor, rip: bigint): boolean {
  const isGood = isLongCode(cpu, code) ? isCanonical(rip) : rip <= BigInt(code.limit);
  if (!isGood) cpu.generalProtection();
  return isGood;
}

/** The privilege rule for returns: code of the selector's RPL, not below CPL (SDM vol. 2A, IRET). */
export function checkReturnCode(cpu: SystemCpu, selector: number, code: Descriptor): boolean {
  const rpl = selector & 3;
  const dpl = dplOf(code);
  if (!checkCode(cpu, code)) return false;
  if (rpl < cpu.cpl || (isConforming(code) ? dpl > rpl : dpl !== rpl)) {
    cpu.generalProtection(selector & 0xfffc);
    return false;
  }
  return checkCodePresent(cpu, code);
}

/** Loads CS and CPL from the selector's RPL. */
export function loadCode(cpu: SystemCpu, selector: number, code: Descriptor): void {
  cpu.cpl = selector & 3;
  loadHidden(cpu, state.CS, selector, code);
}

/** On the way to an outer level, data segments that it may not use become null (SDM vol. 2A, IRET). */
export function dropInnerSegments(cpu: SystemCpu): void {
  const { state: registers } = cpu;
  for (const segment of [state.ES, state.DS, state.FS, state.GS]) {
    const attributes = registers.segmentAttributes(segment);
    if ((attributes & state.ATTRIBUTE_P) === 0) continue;
    const isConformingCode = (attributes & 0xc) === 0xc;
    if (((attributes >>> 5) & 3) >= cpu.cpl || isConformingCode) continue;
    // The base stays: in 64-bit mode FS and GS work without their descriptors.
    registers.setSegment(segment, 0, 0, 0, registers.segmentBase(segment));
  }
}
