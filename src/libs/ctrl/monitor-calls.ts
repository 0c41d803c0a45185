import { XEN_DOMCTL_monitor_op, XEN_DOMCTL_vm_event_op } from '../../abi/domctl.ts';
import * as abi from '../../abi/vm_event.ts';
import { DOMID_INVALID, type Domid, type Port } from '../../abi/xen.ts';
import type { Hypercaller } from '../call/call.ts';
import { domctl } from './requests.ts';

/** How writes to a control register are told. */
export interface ControlRegisterEvents {
  /** The vCPU waits for an answer. */
  readonly sync?: boolean;
  /** Only where the value is another one. */
  readonly onchangeonly?: boolean;
  /** Bits whose change alone is no event. */
  readonly bitmask?: bigint;
}

/**
 * Which of a domain's doings a listener is told (libxc's xc_monitor.c and xc_vm_event.c, without `xc_`). The listener
 * itself is libs/ctrl/monitor-listener.ts. Every operation throws a HypercallError where Xen refuses, EEXIST where it
 * is so already.
 */
export class MonitorCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_VM_EVENT_GET_VERSION */
  vm_event_get_version(): number {
    return this.#ring(DOMID_INVALID, abi.XEN_VM_EVENT_GET_VERSION, (answer) => answer.version);
  }

  /** XEN_VM_EVENT_ENABLE on the page that HVM_PARAM_MONITOR_RING_PFN names; the port to bind. */
  monitor_enable(domid: Domid): Port {
    return this.#ring(domid, abi.XEN_VM_EVENT_ENABLE, (answer) => answer.port) as Port;
  }

  /** XEN_VM_EVENT_DISABLE: nothing is told any more, and no vCPU waits. */
  monitor_disable(domid: Domid): void {
    this.#ring(domid, abi.XEN_VM_EVENT_DISABLE, () => {});
  }

  /** XEN_VM_EVENT_RESUME: Xen looks for answers, as an event on the port has it do. */
  monitor_resume(domid: Domid): void {
    this.#ring(domid, abi.XEN_VM_EVENT_RESUME, () => {});
  }

  /** Which events there are, a bit each by XEN_DOMCTL_MONITOR_EVENT_*. */
  monitor_get_capabilities(domid: Domid): number {
    return this.#operation(domid, abi.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES, 0, () => {});
  }

  /** Writes to VM_EVENT_X86_* `index`. */
  monitor_write_ctrlreg(domid: Domid, index: number, enable: boolean, events: ControlRegisterEvents = {}): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG, enable, (operation) => {
      operation.cr_index = index;
      operation.cr_sync = events.sync === true ? 1 : 0;
      operation.cr_onchangeonly = events.onchangeonly === true ? 1 : 0;
      operation.cr_bitmask = events.bitmask ?? 0n;
    });
  }

  /** Writes to an MSR. */
  monitor_mov_to_msr(domid: Domid, msr: number, enable: boolean, onchangeonly = false): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR, enable, (operation) => {
      operation.msr = msr;
      operation.msr_onchangeonly = onchangeonly ? 1 : 0;
    });
  }

  /** Each instruction of vCPUs that an answer made go one by one. */
  monitor_singlestep(domid: Domid, enable: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP, enable);
  }

  /** INT3 */
  monitor_software_breakpoint(domid: Domid, enable: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT, enable);
  }

  /** LGDT, LIDT, LLDT, LTR, and what stores those registers. */
  monitor_descriptor_access(domid: Domid, enable: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS, enable);
  }

  /** CPUID */
  monitor_cpuid(domid: Domid, enable: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_CPUID, enable);
  }

  /** With `disable`, accesses to page tables on the way to an address are no events. */
  monitor_inguest_pagefault(domid: Domid, disable: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT, disable);
  }

  /** HVMOP_guest_request_vm_event, of the kernel or of programs too. */
  monitor_guest_request(domid: Domid, enable: boolean, sync: boolean, allow_userspace: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST, enable, (operation) => {
      operation.request_sync = sync ? 1 : 0;
      operation.request_allow_userspace = allow_userspace ? 1 : 0;
    });
  }

  /** #DB */
  monitor_debug_exceptions(domid: Domid, enable: boolean, sync: boolean): void {
    this.#set(domid, abi.XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION, enable, (operation) => {
      operation.debug_sync = sync ? 1 : 0;
    });
  }

  /** Registers that are told of are written after the answer, which may deny it (VM_EVENT_FLAG_DENY). */
  monitor_control_registers(domid: Domid): void {
    this.#operation(domid, abi.XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS, 0, () => {});
  }

  #set(domid: Domid, event: number, on: boolean, fill: (operation: abi.XenDomctlMonitorOp) => void = () => {}): void {
    const op = on ? abi.XEN_DOMCTL_MONITOR_OP_ENABLE : abi.XEN_DOMCTL_MONITOR_OP_DISABLE;
    this.#operation(domid, op, event, fill);
  }

  #operation(domid: Domid, op: number, event: number, fill: (operation: abi.XenDomctlMonitorOp) => void): number {
    return domctl(this.#call, 'XEN_DOMCTL_monitor_op', XEN_DOMCTL_monitor_op, domid, (view, at) => {
      const operation = new abi.XenDomctlMonitorOp(view, at);
      operation.op = op;
      operation.event = event;
      fill(operation);
      return () => operation.event;
    });
  }

  #ring<T>(domid: Domid, op: number, read: (answer: abi.XenDomctlVmEventOp) => T): T {
    return domctl(this.#call, 'XEN_DOMCTL_vm_event_op', XEN_DOMCTL_vm_event_op, domid, (view, at) => {
      const operation = new abi.XenDomctlVmEventOp(view, at);
      operation.op = op;
      operation.mode = abi.XEN_DOMCTL_VM_EVENT_OP_MONITOR;
      return () => read(operation);
    });
  }
}
