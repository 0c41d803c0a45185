import { XEN_HVM_DEBUGCONS_IOPORT } from '../../../abi/arch-x86/xen.ts';
import { PAGE_SIZE } from '../../../cpu/engine.ts';
import { printGuest } from '../../common/console-io.ts';
import { APIC_DEFAULT_PHYS_BASE } from './apic-registers.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

// A local APIC, the hypervisor's debug port, what else Xen emulates for an HVM guest, and otherwise an empty bus.

/** A read of a port: all ones where there is no device, what an empty bus floats to. */
export function readPort(vcpu: HvmVcpu, port: number, size: number): number {
  return vcpu.hvm.platform?.readPort(port, size) ?? allOnes(size);
}

/** A write to a port: text for Xen's console at 0xe9, what Xen emulates elsewhere. */
export function writePort(vcpu: HvmVcpu, port: number, size: number, value: number): void {
  if (port === XEN_HVM_DEBUGCONS_IOPORT && size === 1) printGuest(vcpu.hvm.domain, [value & 0xff]);
  else vcpu.hvm.platform?.writePort(port, size, value);
}

/** A read of guest-physical memory that nothing backs. */
export function readMmio(vcpu: HvmVcpu, gpa: number, size: number): number {
  if (isApic(vcpu, gpa)) return vcpu.vlapic.readMmio(gpa - APIC_DEFAULT_PHYS_BASE, size);
  return vcpu.hvm.platform?.readMmio(gpa, size) ?? allOnes(size);
}

export function writeMmio(vcpu: HvmVcpu, gpa: number, size: number, value: number): void {
  if (isApic(vcpu, gpa)) vcpu.vlapic.writeMmio(gpa - APIC_DEFAULT_PHYS_BASE, size, value);
  else vcpu.hvm.platform?.writeMmio(gpa, size, value);
}

function isApic(vcpu: HvmVcpu, gpa: number): boolean {
  return gpa >= APIC_DEFAULT_PHYS_BASE && gpa < APIC_DEFAULT_PHYS_BASE + PAGE_SIZE && vcpu.vlapic.xapicPageVisible;
}

function allOnes(size: number): number {
  return 2 ** (size * 8) - 1;
}
