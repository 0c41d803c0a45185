import { XEN_X86_EMU_HPET, XEN_X86_EMU_IOAPIC, XEN_X86_EMU_LAPIC, XEN_X86_EMU_PM } from '../../abi/arch-x86/xen.ts';
import * as params from '../../abi/hvm/params.ts';
import type { DomainConfig } from './domain-config.ts';
import type { DomainPlan } from './domain-plan.ts';

/** An HVM parameter and its value. */
export type Param = readonly [index: number, value: number | bigint];

/** XEN_X86_EMU_*: the devices that Xen emulates for a domain, of those that it can. */
export function emulationFlags({ hvm }: DomainConfig): number {
  if (hvm === undefined) return XEN_X86_EMU_LAPIC;
  return XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC | XEN_X86_EMU_HPET | XEN_X86_EMU_PM;
}

/** The parameters that an HVM domain has beyond a PVH one's (libxl's hvm_set_conf_params, libxc's special pages). */
export function hvmParams({ hvm }: DomainConfig, { ioreqServerPages }: DomainPlan): Param[] {
  if (hvm === undefined) return [];
  const list: Param[] = [[params.HVM_PARAM_HPET_ENABLED, hvm.hpet ? 1 : 0]];
  if (hvm.viridian !== 0) list.push([params.HVM_PARAM_VIRIDIAN, hvm.viridian]);
  if (ioreqServerPages !== undefined) {
    list.push([params.HVM_PARAM_IOREQ_SERVER_PFN, ioreqServerPages.gfn]);
    list.push([params.HVM_PARAM_NR_IOREQ_SERVER_PAGES, ioreqServerPages.count]);
  }
  return list;
}
