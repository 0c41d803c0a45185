/**
 * What instructions of a guest leave it with (APM vol. 2, 15.7 to 15.14). Each is asked before its instruction does
 * anything: undefined where that is to go on. Exceptions that come first, of privilege above all, are left to it.
 */
import type { Intercept, SystemOperands, SystemResult } from '../instructions/define.ts';
import { readStatusFlags } from '../emit/flags.ts';
import * as state from '../state.ts';
import { DR7_GD } from '../system/debug.ts';
import { mayAccess } from '../system/ports.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { type ExitDetails, leaveGuest } from './exit.ts';
import { mapHasMsr, mapHasPort } from './permission-maps.ts';
import * as vmcb from './vmcb.ts';

// Bits of EXITINFO1 (APM vol. 2, 15.10.2)
export const PORT_OUTPUT = 0;
export const PORT_INPUT = 1;
export const PORT_STRING = 4;
const PORT_REPEATS = 8;
export type PortKind = 0 | 1 | 4 | 5;

/** An instruction that any code may use. */
export function anyone(code: number): Intercept {
  return (cpu, operands) => leaveIf(cpu, operands, code);
}

/** One for CPL 0. */
export function privileged(code: number): Intercept {
  return (cpu, operands) => (cpu.cpl === 0 ? leaveIf(cpu, operands, code) : undefined);
}

/** One that does not exist outside of protected mode; above CPL 0 as `isPrivileged` says. */
export function protectedOnly(code: number, isPrivileged: boolean): Intercept {
  return (cpu, operands) => {
    if (!cpu.isProtected || cpu.isVm86 || (isPrivileged && cpu.cpl !== 0)) return undefined;
    return leaveIf(cpu, operands, code);
  };
}

/** One that UMIP may forbid to user mode. */
export function unlessUserMode(code: number): Intercept {
  return (cpu, operands) => {
    const umip = (cpu.state.u32(state.OFFSET_CR4) & state.CR4_UMIP) !== 0;
    return umip && cpu.cpl === 3 ? undefined : leaveIf(cpu, operands, code);
  };
}

/** One of SVM itself. */
export function ofSvm(code: number): Intercept {
  return (cpu, operands) => {
    if (!cpu.svm.isEnabled || !cpu.isProtected || cpu.isVm86 || cpu.cpl !== 0) return undefined;
    return leaveIf(cpu, operands, code);
  };
}

/** RDTSC and RDTSCP */
export function timeStamp(code: number): Intercept {
  return (cpu, operands) => {
    const isDisabled = cpu.cpl !== 0 && (cpu.state.u32(state.OFFSET_CR4) & state.CR4_TSD) !== 0;
    return isDisabled ? undefined : leaveIf(cpu, operands, code);
  };
}

export const writeExtendedControl: Intercept = (cpu, operands) => {
  const isThere = (cpu.state.u32(state.OFFSET_CR4) & state.CR4_OSXSAVE) !== 0;
  return isThere && cpu.cpl === 0 ? leaveIf(cpu, operands, vmcb.VMEXIT_XSETBV) : undefined;
};

export const performanceCounter: Intercept = (cpu, operands) => {
  const isOpen = cpu.cpl === 0 || (cpu.state.u32(state.OFFSET_CR4) & state.CR4_PCE) !== 0;
  return isOpen ? leaveIf(cpu, operands, vmcb.VMEXIT_RDPMC) : undefined;
};

/** PUSHF, POPF, IRET, INT n: virtual-8086 mode needs an IOPL of 3. */
export function byIopl(code: number): Intercept {
  return (cpu, operands) => (cpu.isVm86 && cpu.iopl < 3 ? undefined : leaveIf(cpu, operands, code));
}

/** INT3, INTO and INT1 are intercepted as the exceptions that they raise. */
export const breakpointException = byException(state.EXCEPTION_BP);
export const debugException: Intercept = (cpu, operands) =>
  leaveIf(cpu, operands, vmcb.VMEXIT_ICEBP) ?? leaveIf(cpu, operands, vmcb.VMEXIT_EXCEPTION + state.EXCEPTION_DB);
export const overflowException: Intercept = (cpu, operands) =>
  (readStatusFlags(cpu.state) & state.FLAG_OF) === 0
    ? undefined
    : leaveIf(cpu, operands, vmcb.VMEXIT_EXCEPTION + state.EXCEPTION_OF);

export const readControl: Intercept = (cpu, operands) => {
  if (cpu.cpl !== 0) return undefined;
  const number = operands.register(1);
  return number > 8 ? undefined : leaveIf(cpu, operands, vmcb.VMEXIT_CR0_READ + number);
};

export const writeControl: Intercept = (cpu, operands) => {
  if (cpu.cpl !== 0) return undefined;
  const number = operands.register(0);
  if (number > 8) return undefined;
  const left = leaveIf(cpu, operands, vmcb.VMEXIT_CR0_WRITE + number);
  return left ?? (number === 0 ? selectiveWrite(cpu, operands, cpu.state.gprLo(operands.register(1))) : undefined);
};

/** LMSW, whose operand is known only once it is read: as a selective write it is intercepted always. */
export const loadMachineStatus: Intercept = (cpu, operands) => {
  if (cpu.cpl !== 0) return undefined;
  const left = leaveIf(cpu, operands, vmcb.VMEXIT_CR0_WRITE);
  return left ?? leaveIf(cpu, operands, vmcb.VMEXIT_CR0_SEL_WRITE);
};

export const readDebug: Intercept = (cpu, operands) => debugRegister(cpu, operands, vmcb.VMEXIT_DR0_READ, 1);
export const writeDebug: Intercept = (cpu, operands) => debugRegister(cpu, operands, vmcb.VMEXIT_DR0_WRITE, 0);

export function modelSpecific(isWrite: boolean): Intercept {
  return (cpu, operands) => {
    const { svm } = cpu;
    if (cpu.cpl !== 0 || !svm.intercepts(vmcb.VMEXIT_MSR)) return undefined;
    if (!mapHasMsr(svm.memory, svm.control, cpu.state.gprLo(state.RCX), isWrite)) return undefined;
    return leave(cpu, operands, vmcb.VMEXIT_MSR, { info1: isWrite ? 1n : 0n });
  };
}

/** IN, OUT, INS or OUTS: at which port, and how many bytes at once. */
export function portAccess(
  kind: PortKind,
  portOf: (cpu: SystemCpu, operands: SystemOperands) => number,
  bytesOf: (operands: SystemOperands) => number,
): Intercept {
  return (cpu, operands) => {
    const { svm } = cpu;
    if (!svm.intercepts(vmcb.VMEXIT_IOIO)) return undefined;
    const bytes = bytesOf(operands);
    const number = portOf(cpu, operands);
    // It raises its exception itself.
    if (!mayAccess(cpu, number, bytes)) return undefined;
    if (!mapHasPort(svm.memory, svm.control, number, bytes)) return undefined;
    // Only a string instruction has an address.
    const addressSize = (kind & PORT_STRING) !== 0 ? operands.addressSize : codeWidth(cpu);
    const size = (bytes << 4) | ((addressSize / 16) << 7);
    const repeats = operands.repeat !== '' ? PORT_REPEATS : 0;
    const info1 = BigInt(((number << 16) | size | repeats | kind) >>> 0);
    return leave(cpu, operands, vmcb.VMEXIT_IOIO, { info1, info2: cpu.nextRip(operands.length) });
  };
}

/** VMMCALL, of any privilege. */
export const hypervisorCall = anyone(vmcb.VMEXIT_VMMCALL);
/** VMCALL is Intel's: a guest's hypervisor cannot ask for it, and calls that are not its own go nowhere. */
export const otherHypervisorCall: Intercept = (cpu) => cpu.invalidOpcode();

function byException(vector: number): Intercept {
  return (cpu, operands) => leaveIf(cpu, operands, vmcb.VMEXIT_EXCEPTION + vector);
}

function codeWidth({ state: registers }: SystemCpu): 16 | 32 | 64 {
  if (registers.is64Bit) return 64;
  return (registers.segmentAttributes(state.CS) & state.ATTRIBUTE_DB) !== 0 ? 32 : 16;
}

// Of CR0 all but TS and MP count.
function selectiveWrite(cpu: SystemCpu, operands: SystemOperands, value: number): SystemResult | undefined {
  const changed = (cpu.state.u32(state.OFFSET_CR0) ^ value) & ~(state.CR0_TS | state.CR0_MP);
  return changed === 0 ? undefined : leaveIf(cpu, operands, vmcb.VMEXIT_CR0_SEL_WRITE);
}

function debugRegister(
  cpu: SystemCpu,
  operands: SystemOperands,
  code: number,
  operand: number,
): SystemResult | undefined {
  const number = operands.register(operand);
  const isGuarded = (cpu.state.u32(state.OFFSET_DR + 7 * 8) & DR7_GD) !== 0;
  if (cpu.cpl !== 0 || number > 7 || isGuarded) return undefined;
  return leaveIf(cpu, operands, code + number);
}

function leaveIf(cpu: SystemCpu, operands: SystemOperands, code: number): SystemResult | undefined {
  return cpu.svm.intercepts(code) ? leave(cpu, operands, code) : undefined;
}

function leave(cpu: SystemCpu, operands: SystemOperands, code: number, details: ExitDetails = {}): SystemResult {
  return leaveGuest(cpu, code, { ...details, nextRip: cpu.nextRip(operands.length) });
}
