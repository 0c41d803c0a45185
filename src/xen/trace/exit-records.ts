import {
  EXIT_BUDGET,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_LEAVE,
  EXIT_SHUTDOWN,
  EXIT_WINDOW,
  type Exit,
} from '../../cpu/engine.ts';
import { OFFSET_RIP, RAX, type VcpuState } from '../../cpu/state.ts';
import * as event from './events.ts';
import type { TraceBuffer } from './trace-buffer.ts';

// Exits as Xen records them on an AMD host, which is what this processor says it is (APM vol. 2, appendix C).

export const VMEXIT_INTR = 0x60;
export const VMEXIT_VINTR = 0x64;
export const VMEXIT_CPUID = 0x72;
export const VMEXIT_HLT = 0x78;
export const VMEXIT_IOIO = 0x7b;
export const VMEXIT_MSR = 0x7c;
export const VMEXIT_SHUTDOWN = 0x7f;
export const VMEXIT_VMMCALL = 0x81;
export const VMEXIT_NPF = 0x400;

/** The vectors by which Xen has its own processors interrupted: the scheduler's timer, and a word from another. */
const LOCAL_TIMER_VECTOR = 0xfa;
const EVENT_CHECK_VECTOR = 0xfc;

const HYPERCALL_BYTES = 3;
const HLT_BYTES = 1;

const EXIT_CODES: Readonly<Record<Exit, number>> = {
  [EXIT_BUDGET]: VMEXIT_INTR,
  [EXIT_HYPERCALL]: VMEXIT_VMMCALL,
  [EXIT_HLT]: VMEXIT_HLT,
  [EXIT_WINDOW]: VMEXIT_VINTR,
  [EXIT_SHUTDOWN]: VMEXIT_SHUTDOWN,
  [EXIT_LEAVE]: VMEXIT_INTR,
};

/** The vCPU enters guest code. */
export function recordEntry(trace: TraceBuffer, domid: number): void {
  trace.record(event.HVM_VMENTRY, domid);
}

/** It is back, for one of the engine's reasons. */
export function recordExit(trace: TraceBuffer, domid: number, state: VcpuState, exit: Exit): void {
  const length = exit === EXIT_HYPERCALL ? HYPERCALL_BYTES : exit === EXIT_HLT ? HLT_BYTES : 0;
  recordVmexit(trace, domid, state, EXIT_CODES[exit], length);
  if (exit === EXIT_HYPERCALL) trace.record(event.HVM_VMMCALL, domid, state.gprLo(RAX));
  else if (exit === EXIT_BUDGET) trace.record(event.HVM_INTR, domid, LOCAL_TIMER_VECTOR);
  else if (exit === EXIT_LEAVE) trace.record(event.HVM_INTR, domid, EVENT_CHECK_VECTOR);
}

/** A vCPU whose engine waits in the middle of guest code. */
export interface InterceptedVcpu {
  readonly xen: { readonly traceBuffer: TraceBuffer | undefined };
  readonly domid: number;
  readonly state: VcpuState;
}

export function recordCpuid(vcpu: InterceptedVcpu, leaf: number, subleaf: number, out: Uint32Array): void {
  const [a, b, c, d] = out;
  recordIntercept(vcpu, VMEXIT_CPUID, event.HVM_CPUID, leaf, subleaf, a, b, c, d);
}

export function recordMsr(vcpu: InterceptedVcpu, header: number, index: number, lo: number, hi: number): void {
  recordIntercept(vcpu, VMEXIT_MSR, header, index, lo, hi);
}

export function recordPort(vcpu: InterceptedVcpu, header: number, port: number, value: number): void {
  recordIntercept(vcpu, VMEXIT_IOIO, header, port, value);
}

/** An access where no memory is: what it read or wrote. */
export function recordMmio(vcpu: InterceptedVcpu, gpa: number, value: number, write: boolean): void {
  const high = Math.floor(gpa / 2 ** 32);
  if (high === 0) {
    const header = write ? event.HVM_IOMEM_WRITE : event.HVM_IOMEM_READ;
    recordIntercept(vcpu, VMEXIT_NPF, header, gpa, value);
  } else {
    const header = write ? event.HVM_IOMEM_WRITE64 : event.HVM_IOMEM_READ64;
    recordIntercept(vcpu, VMEXIT_NPF, header, gpa >>> 0, high, value, 0);
  }
}

/** What the engine calls us for in the middle of guest code is an exit and an entry to real Xen. */
function recordIntercept(
  { xen, domid, state }: InterceptedVcpu,
  code: number,
  header: number,
  a: number,
  b: number,
  c = 0,
  d = 0,
  e = 0,
  f = 0,
): void {
  const trace = xen.traceBuffer;
  if (trace === undefined) return;
  recordVmexit(trace, domid, state, code, 0);
  trace.record(header, domid, a, b, c, d, e, f);
  trace.record(event.HVM_VMENTRY, domid);
}

/** @param length bytes of the instruction that RIP is past already, where Xen would find it at its start */
function recordVmexit(trace: TraceBuffer, domid: number, state: VcpuState, code: number, length: number): void {
  const low = state.u32(OFFSET_RIP);
  const rip = (low - length) >>> 0;
  if (!state.is64Bit) {
    trace.record(event.HVM_VMEXIT, domid, code, rip);
    return;
  }
  const high = state.u32(OFFSET_RIP + 4) - (low < length ? 1 : 0);
  trace.record(event.HVM_VMEXIT64, domid, code, rip, high);
}
