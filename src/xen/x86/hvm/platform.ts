import { XEN_X86_EMU_HPET, XEN_X86_EMU_IOAPIC, XEN_X86_EMU_PM } from '../../../abi/arch-x86/xen.ts';
import { HVM_PARAM_HPET_ENABLED } from '../../../abi/hvm/params.ts';
import type { TimerQueue } from '../../common/timer.ts';
import { isAddressed, lowestPriority } from './apic-destination.ts';
import type { HvmDomain } from './domain-hvm.ts';
import { PmTimer, type PmTimerOwner } from './pmtimer.ts';
import { Vhpet, VHPET_BASE, VHPET_BYTES, type VhpetOwner } from './vhpet.ts';
import { type InterruptMessage, Vioapic, VIOAPIC_BASE, VIOAPIC_BYTES, type VioapicOwner } from './vioapic.ts';
import type { Vlapic } from './vlapic.ts';

/** The line of an interrupt pin of a PCI device, as Xen wires the bus of HVM guests (hvm_pci_intx_gsi). */
export function pciLine(device: number, pin: number): number {
  return (((device << 2) + (device >> 3) + pin) & 31) + 16;
}

// Delivery modes of a redirection entry
const FIXED = 0;
const LOWEST_PRIORITY = 1;
const NMI = 4;
/** ACPI's system control interrupt, as hvmloader's tables have it. */
const SCI_LINE = 9;

/** The devices that Xen itself emulates for an HVM domain, beyond the local APICs. */
export class HvmPlatform implements VioapicOwner, VhpetOwner, PmTimerOwner {
  readonly #hvm: HvmDomain;
  readonly #ioapic: Vioapic;
  readonly #hpet: Vhpet | undefined;
  readonly #pmTimer: PmTimer | undefined;
  #sciUp = false;
  #callbackLine: number | undefined;
  #callbackUp = false;

  /** Undefined for a domain that was created without any, as PVH ones are. */
  static create(hvm: HvmDomain): HvmPlatform | undefined {
    return (hvm.emulationFlags & XEN_X86_EMU_IOAPIC) === 0 ? undefined : new HvmPlatform(hvm);
  }

  constructor(hvm: HvmDomain) {
    this.#hvm = hvm;
    this.#ioapic = new Vioapic(this);
    this.#hpet = (hvm.emulationFlags & XEN_X86_EMU_HPET) === 0 ? undefined : new Vhpet(this);
    this.#pmTimer = (hvm.emulationFlags & XEN_X86_EMU_PM) === 0 ? undefined : new PmTimer(this);
  }

  /** A read of guest-physical memory that is no RAM; undefined where there is no device of these. */
  readMmio(gpa: number, size: number): number | undefined {
    if (isIn(gpa, VIOAPIC_BASE, VIOAPIC_BYTES)) return this.#ioapic.readMmio(gpa - VIOAPIC_BASE);
    if (isIn(gpa, VHPET_BASE, VHPET_BYTES)) return this.#enabledHpet()?.readMmio(gpa - VHPET_BASE, size);
    return undefined;
  }

  writeMmio(gpa: number, size: number, value: number): void {
    if (isIn(gpa, VIOAPIC_BASE, VIOAPIC_BYTES)) this.#ioapic.writeMmio(gpa - VIOAPIC_BASE, value >>> 0);
    else if (isIn(gpa, VHPET_BASE, VHPET_BYTES)) this.#enabledHpet()?.writeMmio(gpa - VHPET_BASE, size, value);
  }

  /** A read of a port; undefined where there is no device of these. */
  readPort(port: number, size: number): number | undefined {
    return this.#pmTimer?.readPort(port, size);
  }

  writePort(port: number, size: number, value: number): void {
    this.#pmTimer?.writePort(port, size, value);
  }

  /** HVM_PARAM_ACPI_IOPORTS_LOCATION; false for a place there is not. */
  setAcpiLocation(location: bigint): boolean {
    return this.#pmTimer?.setLocation(location) ?? true;
  }

  /** A local APIC ended a level-triggered interrupt. */
  endOfInterrupt(vector: number): void {
    this.#ioapic.endOfInterrupt(vector);
  }

  /** The line by which events come (HVM_PARAM_CALLBACK_IRQ); undefined where they come another way. */
  setCallbackLine(line: number | undefined): void {
    this.eventsPending(false);
    this.#callbackLine = line;
  }

  /** Whether events are pending on vCPU 0: a level on the callback's line. */
  eventsPending(pending: boolean): void {
    const line = this.#callbackLine;
    if (line === undefined || pending === this.#callbackUp) return;
    this.#callbackUp = pending;
    if (pending) this.#ioapic.assert(line);
    else this.#ioapic.deassert(line);
  }

  stopTimers(): void {
    this.#hpet?.stop();
    this.#pmTimer?.stop();
  }

  #enabledHpet(): Vhpet | undefined {
    return this.#hvm.param(HVM_PARAM_HPET_ENABLED) === 0n ? undefined : this.#hpet;
  }

  // VioapicOwner

  deliver({ vector, mode, logical, destination, level }: InterruptMessage): void {
    const targets = this.#hvm.vcpus
      .map(({ vlapic }) => vlapic)
      .filter((vlapic) => isTarget(vlapic, destination, logical));
    if (mode === NMI) {
      for (const { owner } of targets) owner.nmi();
      return;
    }
    const lowest = mode === LOWEST_PRIORITY ? lowestPriority(targets) : undefined;
    const takers = mode === FIXED ? targets.filter(({ enabled }) => enabled) : lowest === undefined ? [] : [lowest];
    for (const vlapic of takers) {
      vlapic.setIrq(vector);
      if (level && vector >= 16) vlapic.levelTriggered.set(vector);
    }
  }

  // PmTimerOwner

  setSci(up: boolean): void {
    if (up === this.#sciUp) return;
    this.#sciUp = up;
    if (up) this.#ioapic.assert(SCI_LINE);
    else this.#ioapic.deassert(SCI_LINE);
  }

  // VhpetOwner

  get timers(): TimerQueue {
    return this.#hvm.domain.xen.timers;
  }
  nowNs(): number {
    return this.#hvm.domain.xen.now();
  }
  pulse(line: number): void {
    this.#ioapic.pulse(line);
  }
  assert(line: number): void {
    this.#ioapic.assert(line);
  }
  deassert(line: number): void {
    this.#ioapic.deassert(line);
  }
}

/** An I/O APIC has eight bits of destination: 0xff is everybody, in x2APIC mode too. */
function isTarget(vlapic: Vlapic, destination: number, logical: boolean): boolean {
  const everybody = vlapic.x2apic && !logical && destination === 0xff;
  return isAddressed(vlapic, everybody ? 0xffffffff : destination, logical);
}

function isIn(gpa: number, base: number, bytes: number): boolean {
  return gpa >= base && gpa < base + bytes;
}
