import { EEXIST, EINVAL, EOPNOTSUPP } from '../../abi/errno.ts';
import * as abi from '../../abi/vm_event.ts';
import { VM_EVENT_X86_XCR0 } from '../../abi/vm_event-request.ts';
import type { VmEventRing } from './vm-event-ring.ts';

/** Which writes to a control register are told. */
export interface ControlEvents {
  /** The vCPU waits for an answer. */
  readonly sync: boolean;
  /** Only where the value is another one. */
  readonly onChangeOnly: boolean;
  /** Bits whose change alone is no event. */
  readonly mask: bigint;
}

/** MSRs that can be told of, by ranges of 8192 (Xen's monitor_bitmap_for_msr). */
const MSR_RANGES: readonly number[] = [0, 0x40000000, 0xc0000000];
const MSRS_IN_RANGE = 0x2000;

/** Events that XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES tells of: all that Xen has on x86. */
export const MONITOR_CAPABILITIES: number = [
  abi.XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG,
  abi.XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR,
  abi.XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP,
  abi.XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT,
  abi.XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST,
  abi.XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION,
  abi.XEN_DOMCTL_MONITOR_EVENT_CPUID,
  abi.XEN_DOMCTL_MONITOR_EVENT_INTERRUPT,
  abi.XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS,
  abi.XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED,
  abi.XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT,
  abi.XEN_DOMCTL_MONITOR_EVENT_VMEXIT,
].reduce((all, event) => all | (1 << event), 0);

/** What a listener wants to be told of what a domain does, and where (Xen's d->monitor and d->vm_event_monitor). */
export class Monitor {
  ring: VmEventRing | undefined;
  /** By VM_EVENT_X86_*. */
  readonly controls = new Map<number, ControlEvents>();
  /** MSRs, each with whether only changes count. */
  readonly msrs = new Map<number, boolean>();
  /** Writes wait for the answer, which may deny them. */
  defersWrites = false;
  guestRequest: { readonly sync: boolean; readonly fromUserMode: boolean } | undefined;
  debugException: { readonly sync: boolean } | undefined;
  vmexit: { readonly sync: boolean } | undefined;
  softwareBreakpoint = false;
  singlestep = false;
  cpuid = false;
  descriptorAccess = false;
  /** Accepted as in Xen; every instruction can be executed here, so that it never comes. */
  emulUnimplemented = false;
  /** Accesses to page tables on the way to an address are no events. */
  ignoresPageWalks = false;

  /** The listener goes: it wants nothing any more. */
  reset(): void {
    this.ring = undefined;
    this.controls.clear();
    this.msrs.clear();
    this.defersWrites = false;
    this.guestRequest = undefined;
    this.debugException = undefined;
    this.vmexit = undefined;
    this.softwareBreakpoint = false;
    this.singlestep = false;
    this.cpuid = false;
    this.descriptorAccess = false;
    this.emulUnimplemented = false;
    this.ignoresPageWalks = false;
  }

  /** XEN_DOMCTL_MONITOR_OP_ENABLE or _DISABLE of one of the capabilities. 0 or a negative errno; -EEXIST: it is so. */
  set(operation: abi.XenDomctlMonitorOp, on: boolean): number {
    switch (operation.event) {
      case abi.XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG:
        return this.#setControl(operation, on);
      case abi.XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR:
        return this.#setMsr(operation.msr, operation.msr_onchangeonly !== 0, on);
      case abi.XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST:
        return this.#change('guestRequest', on, {
          sync: operation.request_sync !== 0,
          fromUserMode: operation.request_allow_userspace !== 0,
        });
      case abi.XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION:
        return this.#change('debugException', on, { sync: operation.debug_sync !== 0 });
      case abi.XEN_DOMCTL_MONITOR_EVENT_VMEXIT:
        return this.#change('vmexit', on, { sync: operation.vmexit_sync !== 0 });
      default: {
        const name = FLAGS[operation.event];
        if (name === undefined) return -EOPNOTSUPP;
        if (this[name] === on) return -EEXIST;
        this[name] = on;
        return 0;
      }
    }
  }

  #change<K extends 'guestRequest' | 'debugException' | 'vmexit'>(name: K, on: boolean, wanted: Monitor[K]): number {
    if ((this[name] !== undefined) === on) return -EEXIST;
    (this as Record<K, Monitor[K] | undefined>)[name] = on ? wanted : undefined;
    return 0;
  }

  #setControl(operation: abi.XenDomctlMonitorOp, on: boolean): number {
    const index = operation.cr_index;
    if (index > VM_EVENT_X86_XCR0 || operation.cr_pad1 !== 0 || operation.cr_pad2 !== 0) return -EINVAL;
    if (this.controls.has(index) === on) return -EEXIST;
    if (!on) this.controls.delete(index);
    else {
      this.controls.set(index, {
        sync: operation.cr_sync !== 0,
        onChangeOnly: operation.cr_onchangeonly !== 0,
        mask: operation.cr_bitmask,
      });
    }
    return 0;
  }

  #setMsr(msr: number, onChangeOnly: boolean, on: boolean): number {
    if (this.msrs.has(msr) === on) return -EEXIST;
    if (!MSR_RANGES.some((first) => msr >= first && msr < first + MSRS_IN_RANGE)) return -EINVAL;
    if (on) this.msrs.set(msr, onChangeOnly);
    else this.msrs.delete(msr);
    return 0;
  }
}

type Flag =
  | 'singlestep'
  | 'softwareBreakpoint'
  | 'cpuid'
  | 'descriptorAccess'
  | 'emulUnimplemented'
  | 'ignoresPageWalks';

const FLAGS: Readonly<Record<number, Flag>> = {
  [abi.XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP]: 'singlestep',
  [abi.XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT]: 'softwareBreakpoint',
  [abi.XEN_DOMCTL_MONITOR_EVENT_CPUID]: 'cpuid',
  [abi.XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS]: 'descriptorAccess',
  [abi.XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED]: 'emulUnimplemented',
  [abi.XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT]: 'ignoresPageWalks',
};
