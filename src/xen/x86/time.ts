import { CompatSharedInfo } from '../../abi/compat/xen.ts';
import { SharedInfo, VcpuInfo, VcpuTimeInfo, XEN_PVCLOCK_TSC_STABLE_BIT } from '../../abi/xen.ts';
import type { TscSource } from '../../cpu/engine.ts';
import type { Domain } from '../common/domain.ts';
import type { Vcpu } from '../common/vcpu.ts';

/** The TSC counts nanoseconds of system time: 1 GHz, the same on every processor, never stopping. */
export const TSC_KHZ = 1_000_000;
/**
 * ns = (tsc << TSC_SHIFT) * TSC_TO_SYSTEM_MUL >> 32: exact for 1 GHz, and what Xen computes for that frequency.
 */
export const TSC_TO_SYSTEM_MUL = 0x80000000;
export const TSC_SHIFT = 1;

/** A host's clock may stand still for as long as this: browsers make theirs coarse. */
const COARSEST_CLOCK_NS = 100_000;

/**
 * The host's TSC: system time itself. One for all processors of a domain, so that none is told less than another was:
 * what a processor counted on by itself can be ahead of a coarse clock, but only by what that is late.
 */
export class SystemTsc implements TscSource {
  readonly ticksPerInstruction: number | undefined;
  readonly #now: () => number;
  #told = 0;

  constructor(now: () => number, nsPerInstruction: number | undefined) {
    this.#now = now;
    this.ticksPerInstruction = nsPerInstruction;
  }

  read(out: Uint32Array): boolean {
    const now = this.#now();
    if (now > this.#told) this.#told = now;
    out[0] = this.#told >>> 0;
    out[1] = this.#told / 0x1_0000_0000;
    return this.#told - now < COARSEST_CLOCK_NS;
  }

  countedOn(ticks: number): void {
    this.#told += ticks;
  }
}

/**
 * Writes how a vCPU makes system time from its TSC: into its vcpu_info, and where else it asked for. With a TSC of
 * 1 GHz only a write to the TSC itself ever changes it.
 */
export function updateSystemTime(vcpu: Vcpu): void {
  const { xen } = vcpu.domain;
  const at = vcpu.infoAddress + TIME_IN_VCPU_INFO;
  const info = new VcpuTimeInfo(xen.memory.view, at);
  const now = xen.now();
  const version = info.version;
  info.version = (version | 1) >>> 0;
  info.tsc_timestamp = BigInt.asUintN(64, BigInt(now) + vcpu.arch.tscOffset());
  info.system_time = BigInt(now);
  info.tsc_to_system_mul = TSC_TO_SYSTEM_MUL;
  info.tsc_shift = TSC_SHIFT;
  info.flags = XEN_PVCLOCK_TSC_STABLE_BIT;
  info.version = ((version | 1) + 1) >>> 0;

  if (vcpu.timeArea === 0n) return;
  const copy = xen.memory.bytes.slice(at, at + VcpuTimeInfo.SIZE);
  // As in Xen: an area that is not mapped now is written when the vCPU next runs, and it is.
  vcpu.timeAreaIsStale = !vcpu.arch.guest.write(vcpu.timeArea, copy);
}

/** Writes Unix time at system time 0 into a domain's shared_info, in the layout the domain has now. */
export function updateWallclock(domain: Domain): void {
  const { xen } = domain;
  const bootNs = xen.wallclockAtBootNs();
  const seconds = bootNs / 1_000_000_000n + BigInt(domain.timeOffsetSeconds);
  const info = domain.has32bitSharedInfo
    ? new CompatSharedInfo(xen.memory.view, domain.sharedInfo)
    : new SharedInfo(xen.memory.view, domain.sharedInfo);
  const version = info.wc_version;
  info.wc_version = (version | 1) >>> 0;
  info.wc_sec = Number(BigInt.asUintN(32, seconds));
  info.wc_nsec = Number(bootNs % 1_000_000_000n);
  info.wc_sec_hi = Number(BigInt.asUintN(32, seconds >> 32n));
  info.wc_version = ((version | 1) + 1) >>> 0;
}

/** vcpu_info has its time at the end, in both layouts. */
const TIME_IN_VCPU_INFO = VcpuInfo.SIZE - VcpuTimeInfo.SIZE;
