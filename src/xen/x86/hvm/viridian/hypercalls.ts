import { R8, RAX, RBX, RCX, RDI, RDX, RSI } from '../../../../cpu/state.ts';
import type { HvmVcpu } from '../vcpu-hvm.ts';
import { readGuestPhysical } from './guest-page.ts';

/** In EAX: the hypercall is Hyper-V's, not Xen's. The hypercall page sets it. */
export const VIRIDIAN_HYPERCALL = 0x80000000;

// TLFS, "Hypercall Reference"
const HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE = 0x0002;
const HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST = 0x0003;
const HVCALL_NOTIFY_LONG_SPIN_WAIT = 0x0008;
const HVCALL_SEND_IPI = 0x000b;
const HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX = 0x0013;
const HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX = 0x0014;
const HVCALL_SEND_IPI_EX = 0x0015;

const HV_STATUS_SUCCESS = 0;
const HV_STATUS_INVALID_HYPERCALL_CODE = 2;
const HV_STATUS_INVALID_PARAMETER = 5;

const HV_FLUSH_ALL_PROCESSORS = 1n;
const HV_GENERIC_SET_SPARSE_4K = 0n;
const HV_GENERIC_SET_ALL = 1n;
const BANK_VPS = 64;
const BANKS = 64;
const FIRST_VECTOR = 16;
const LAST_VECTOR = 255;
const LOW = 0xffffffffn;

/** A Hyper-V hypercall as its registers have it. */
interface Input {
  readonly code: number;
  /** The parameters are in the registers themselves. */
  readonly fast: boolean;
  readonly repeats: bigint;
  readonly input: bigint;
  readonly output: bigint;
}

/** Which vCPUs are meant; 'all' goes for each there is. Undefined where the guest's memory does not tell. */
type Targets = 'all' | ReadonlySet<number> | undefined;

/** A guest with Hyper-V's interface made one of its hypercalls: the result goes into RAX, or into EDX and EAX. */
export function viridianHypercall(vcpu: HvmVcpu): void {
  const { state } = vcpu;
  const pair = (high: number, low: number) => ((state.gpr(high) & LOW) << 32n) | (state.gpr(low) & LOW);
  const is64Bit = state.is64Bit;
  const control = is64Bit ? state.gpr(RCX) : pair(RDX, RAX);
  const input: Input = {
    code: Number(control & 0xffffn),
    fast: ((control >> 16n) & 1n) !== 0n,
    repeats: (control >> 32n) & 0xfffn,
    input: is64Bit ? state.gpr(RDX) : pair(RBX, RCX),
    output: is64Bit ? state.gpr(R8) : pair(RDI, RSI),
  };
  const status = perform(vcpu, input);
  const repeated = status === HV_STATUS_SUCCESS && isFlush(input.code) ? input.repeats : 0n;
  const result = (repeated << 32n) | BigInt(status);
  if (is64Bit) {
    state.setGpr(RAX, result);
    return;
  }
  state.setGpr(RDX, result >> 32n);
  state.setGpr(RAX, result & LOW);
}

function isFlush(code: number): boolean {
  return (
    code === HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE ||
    code === HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST ||
    code === HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX ||
    code === HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX
  );
}

function perform(vcpu: HvmVcpu, input: Input): number {
  switch (input.code) {
    case HVCALL_NOTIFY_LONG_SPIN_WAIT:
      vcpu.xen.scheduler.yield(vcpu.vcpu);
      return HV_STATUS_SUCCESS;
    case HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE:
    case HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST:
      return flush(vcpu, input, false);
    case HVCALL_FLUSH_VIRTUAL_ADDRESS_SPACE_EX:
    case HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX:
      return flush(vcpu, input, true);
    case HVCALL_SEND_IPI:
      return sendIpi(vcpu, input);
    case HVCALL_SEND_IPI_EX:
      return sendIpiEx(vcpu, input);
    default:
      vcpu.xen.logUnknown(`viridian hypercall 0x${input.code.toString(16)}`);
      return HV_STATUS_INVALID_HYPERCALL_CODE;
  }
}

/** address space u64, flags u64, then a mask of 64 VPs, or a set. As in Xen all of the TLBs goes. */
function flush(vcpu: HvmVcpu, { fast, input }: Input, isSet: boolean): number {
  const parameters = fast ? undefined : read(vcpu, input, 24);
  if (parameters === undefined) return HV_STATUS_INVALID_PARAMETER;
  const everybody = (parameters.getBigUint64(8, true) & HV_FLUSH_ALL_PROCESSORS) !== 0n;
  const mask = parameters.getBigUint64(16, true);
  const targets = everybody ? 'all' : isSet ? processorSet(vcpu, input + 16n) : bank(mask, 0);
  if (targets === undefined) return HV_STATUS_INVALID_PARAMETER;
  for (const each of chosen(vcpu, targets)) each.engine.flushTlb();
  return HV_STATUS_SUCCESS;
}

/** vector u32, VTL u8 and 3 reserved bytes, a mask of 64 VPs u64; fast: the first and the last in registers. */
function sendIpi(vcpu: HvmVcpu, { fast, input, output }: Input): number {
  if (fast) return input > LOW ? HV_STATUS_INVALID_PARAMETER : interrupt(vcpu, Number(input), bank(output, 0));
  const parameters = read(vcpu, input, 16);
  if (parameters === undefined || parameters.getUint32(4, true) !== 0) return HV_STATUS_INVALID_PARAMETER;
  return interrupt(vcpu, parameters.getUint32(0, true), bank(parameters.getBigUint64(8, true), 0));
}

function sendIpiEx(vcpu: HvmVcpu, { fast, input }: Input): number {
  const parameters = fast ? undefined : read(vcpu, input, 8);
  if (parameters === undefined || parameters.getUint32(4, true) !== 0) return HV_STATUS_INVALID_PARAMETER;
  return interrupt(vcpu, parameters.getUint32(0, true), processorSet(vcpu, input + 8n));
}

function interrupt(vcpu: HvmVcpu, vector: number, targets: Targets): number {
  if (vector < FIRST_VECTOR || vector > LAST_VECTOR || targets === undefined) return HV_STATUS_INVALID_PARAMETER;
  for (const { vlapic } of chosen(vcpu, targets)) if (vlapic.enabled) vlapic.setIrq(vector);
  return HV_STATUS_SUCCESS;
}

/** HV_VP_SET: format u64, which banks of 64 VPs follow u64, those banks. */
function processorSet(vcpu: HvmVcpu, gpa: bigint): Targets {
  const header = read(vcpu, gpa, 16);
  if (header === undefined) return undefined;
  const format = header.getBigUint64(0, true);
  if (format === HV_GENERIC_SET_ALL) return 'all';
  if (format !== HV_GENERIC_SET_SPARSE_4K) return undefined;
  const valid = header.getBigUint64(8, true);
  const numbers = Array.from({ length: BANKS }, (_, index) => index).filter((index) => (valid >> BigInt(index)) & 1n);
  const banks = read(vcpu, gpa + 16n, numbers.length * 8);
  if (banks === undefined) return undefined;
  return new Set(numbers.flatMap((number, place) => [...bank(banks.getBigUint64(place * 8, true), number * BANK_VPS)]));
}

function bank(mask: bigint, first: number): ReadonlySet<number> {
  const places = Array.from({ length: BANK_VPS }, (_, place) => place);
  return new Set(places.filter((place) => (mask >> BigInt(place)) & 1n).map((place) => first + place));
}

function chosen(vcpu: HvmVcpu, targets: 'all' | ReadonlySet<number>): readonly HvmVcpu[] {
  return vcpu.hvm.vcpus.filter(({ vcpuId }) => targets === 'all' || targets.has(vcpuId));
}

function read(vcpu: HvmVcpu, gpa: bigint, bytes: number): DataView | undefined {
  const into = new Uint8Array(bytes);
  return readGuestPhysical(vcpu.hvm.domain, gpa, into) ? new DataView(into.buffer) : undefined;
}
