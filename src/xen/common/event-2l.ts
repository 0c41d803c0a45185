import { CompatSharedInfo, CompatVcpuInfo } from '../../abi/compat/xen.ts';
import { ENOSYS } from '../../abi/errno.ts';
import { SharedInfo, VcpuInfo } from '../../abi/xen.ts';
import type { Domain } from './domain.ts';
import type { EventChannel } from './event-channel.ts';
import type { PortAbi } from './event-port-abi.ts';
import type { Vcpu } from './vcpu.ts';

// The 2-level ABI: a pending bit a port, a mask bit a port, and in each vcpu_info a selector bit a word of ports. The
// guest reads all of it without a lock, so the order of the writes here is the order public/xen.h gives.

/** What every domain starts with. */
export class TwoLevelPorts implements PortAbi {
  readonly #domain: Domain;

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  get maxPorts(): number {
    return maxPorts(this.#domain);
  }

  open(): void {}

  setPending({ port }: EventChannel, vcpu: Vcpu): boolean {
    // A guest that changed to 32-bit layout has ports no bit is left for.
    if (port >= this.maxPorts || !setPending(this.#domain, port)) return false;
    if (!isMasked(this.#domain, port)) select(vcpu, port);
    return true;
  }

  clearPending({ port }: EventChannel): void {
    if (port < this.maxPorts) clearPending(this.#domain, port);
  }

  isPending({ port }: EventChannel): boolean {
    return isPending(this.#domain, port);
  }

  unmask({ port }: EventChannel, vcpu: Vcpu): void {
    if (port >= this.maxPorts || !clearMask(this.#domain, port)) return;
    if (isPending(this.#domain, port)) select(vcpu, port);
  }

  isBusy(): boolean {
    return false;
  }

  setPriority(): number {
    return -ENOSYS;
  }

  destroy(): void {}
}

/** Ports there are: as many as a selector of one long can point at. */
export function maxPorts(domain: Domain): number {
  return domain.has32bitSharedInfo ? 1024 : 4096;
}

/** Marks a port pending; false where it already was. */
export function setPending(domain: Domain, port: number): boolean {
  return testAndSet(domain, pendingAt(domain), port);
}

export function clearPending(domain: Domain, port: number): void {
  testAndClear(domain, pendingAt(domain), port);
}

export function isPending(domain: Domain, port: number): boolean {
  return port < maxPorts(domain) && testBit(domain, pendingAt(domain), port);
}

/** Ports that the layout has no bit for count as masked. */
export function isMasked(domain: Domain, port: number): boolean {
  return port >= maxPorts(domain) || testBit(domain, maskAt(domain), port);
}

/** Clears a mask bit; false where it was clear. */
export function clearMask(domain: Domain, port: number): boolean {
  return testAndClear(domain, maskAt(domain), port);
}

/** Tells a vCPU of a pending port that is not masked, and raises the upcall where its word of ports had no news. */
export function select(vcpu: Vcpu, port: number): void {
  const { domain } = vcpu;
  const word = domain.has32bitSharedInfo ? port >>> 5 : port >>> 6;
  const at = domain.has32bitSharedInfo ? CompatVcpuInfo.AT_evtchn_pending_sel : VcpuInfo.AT_evtchn_pending_sel;
  if (testAndSet(domain, vcpu.infoAddress + at, word)) vcpu.markEventsPending();
}

/** Sets all of a vCPU's selector: whatever is pending will be looked at. */
export function selectAll(vcpu: Vcpu): void {
  const { view } = vcpu.domain.xen.memory;
  if (vcpu.domain.has32bitSharedInfo) {
    view.setUint32(vcpu.infoAddress + CompatVcpuInfo.AT_evtchn_pending_sel, 0xffffffff, true);
  } else {
    view.setUint32(vcpu.infoAddress + VcpuInfo.AT_evtchn_pending_sel, 0xffffffff, true);
    view.setUint32(vcpu.infoAddress + VcpuInfo.AT_evtchn_pending_sel + 4, 0xffffffff, true);
  }
}

function pendingAt(domain: Domain): number {
  return (
    domain.sharedInfo + (domain.has32bitSharedInfo ? CompatSharedInfo.AT_evtchn_pending : SharedInfo.AT_evtchn_pending)
  );
}

function maskAt(domain: Domain): number {
  return domain.sharedInfo + (domain.has32bitSharedInfo ? CompatSharedInfo.AT_evtchn_mask : SharedInfo.AT_evtchn_mask);
}

// A little-endian bitmap has bit n in byte n >> 3, whatever the size of its words.

function testBit(domain: Domain, bitmap: number, bit: number): boolean {
  return ((domain.xen.memory.bytes[bitmap + (bit >>> 3)] as number) & (1 << (bit & 7))) !== 0;
}

/** True where the bit was clear. */
function testAndSet(domain: Domain, bitmap: number, bit: number): boolean {
  const { bytes } = domain.xen.memory;
  const at = bitmap + (bit >>> 3);
  const before = bytes[at] as number;
  bytes[at] = before | (1 << (bit & 7));
  return (before & (1 << (bit & 7))) === 0;
}

/** True where the bit was set. */
function testAndClear(domain: Domain, bitmap: number, bit: number): boolean {
  const { bytes } = domain.xen.memory;
  const at = bitmap + (bit >>> 3);
  const before = bytes[at] as number;
  bytes[at] = before & ~(1 << (bit & 7));
  return (before & (1 << (bit & 7))) !== 0;
}
