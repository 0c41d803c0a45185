import type { HvmHwLapic, HvmHwLapicRegs } from '../../../abi/arch-x86/hvm/save.ts';
import * as apic from './apic-registers.ts';
import type { Vlapic } from './vlapic.ts';

// hvm_hw_lapic.disabled
const VLAPIC_SW_DISABLED = 1;
const VLAPIC_HW_DISABLED = 2;
const REGISTERS = 64;

/** Fills in the LAPIC record: what is not among the registers. */
export function saveLapic(vlapic: Vlapic, record: HvmHwLapic): void {
  const softwareEnabled = ((vlapic.registers[apic.APIC_SPIV >> 4] as number) & apic.APIC_SPIV_APIC_ENABLED) !== 0;
  record.apic_base_msr = BigInt(vlapic.baseMsr);
  record.disabled = (softwareEnabled ? 0 : VLAPIC_SW_DISABLED) | (vlapic.hardwareEnabled ? 0 : VLAPIC_HW_DISABLED);
  record.timer_divisor = divisorOf(vlapic.timer.divide);
  record.tdt_msr = vlapic.timer.deadline;
}

/** Fills in the LAPIC_REGS record: the registers as the MMIO page shows them, 16 bytes apart. */
export function saveLapicRegs(vlapic: Vlapic, record: HvmHwLapicRegs): void {
  const view = viewOf(record.data);
  for (let index = 0; index < REGISTERS; index++) {
    view.setUint32(index * 16, vlapic.readMmio(index * 16, 4), true);
  }
}

/** Loads the LAPIC record; false where IA32_APIC_BASE is none that the guest could have written. */
export function loadLapic(vlapic: Vlapic, record: HvmHwLapic): boolean {
  const base = record.apic_base_msr;
  const known = BigInt(apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_BSP | apic.APIC_BASE_EXTD | apic.APIC_BASE_ENABLE);
  if ((base & ~BigInt.asUintN(32, known)) !== 0n) return false;
  const extended = (base & BigInt(apic.APIC_BASE_EXTD)) !== 0n;
  if (extended && (base & BigInt(apic.APIC_BASE_ENABLE)) === 0n) return false;
  vlapic.restoreMode(Number(base), (record.disabled & VLAPIC_SW_DISABLED) === 0);
  if (record.tdt_msr === 0n) return true;
  // Only a timer in that mode has a deadline; which mode it really is in comes with the registers.
  vlapic.timer.lvt = apic.APIC_TIMER_MODE_TSC_DEADLINE | apic.APIC_LVT_MASKED;
  vlapic.timer.deadline = record.tdt_msr;
  return true;
}

/** Loads the LAPIC_REGS record. The timer begins its count anew, as in Xen. */
export function loadLapicRegs(vlapic: Vlapic, record: HvmHwLapicRegs): void {
  const view = viewOf(record.data);
  const word = (offset: number) => view.getUint32(offset, true);
  for (let index = 0; index < REGISTERS; index++) vlapic.registers[index] = word(index * 16);
  for (let index = 0; index < 8; index++) {
    vlapic.inService.setWord(index, word(apic.APIC_ISR + index * 16));
    vlapic.levelTriggered.setWord(index, word(apic.APIC_TMR + index * 16));
    // Vectors below 16 never get there (SDM vol. 3A, 10.5.2).
    vlapic.requested.setWord(index, word(apic.APIC_IRR + index * 16) & (index === 0 ? ~0xffff : ~0));
  }
  vlapic.restoreMode(vlapic.baseMsr, (word(apic.APIC_SPIV) & apic.APIC_SPIV_APIC_ENABLED) !== 0);
  const { timer } = vlapic;
  const deadline = timer.deadline;
  timer.reset();
  timer.lvt = word(apic.APIC_LVTT);
  timer.divide = word(apic.APIC_TDCR);
  timer.initialCount = word(apic.APIC_TMICT);
  if (deadline !== 0n) timer.deadline = deadline;
}

/** What the timer's clock is divided by, from the divide configuration register. */
function divisorOf(configuration: number): number {
  const encoded = ((configuration & 3) | ((configuration & 8) >> 1)) + 1;
  return 2 ** (encoded & 7);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
