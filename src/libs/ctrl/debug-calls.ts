import {
  XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF,
  XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON,
  XenDomctlDebugOp,
  XenDomctlGdbsxDomstatus,
} from '../../abi/domctl-debug.ts';
import { XenDomctlSetdebugging } from '../../abi/domctl-settings.ts';
import { XEN_DOMCTL_debug_op, XEN_DOMCTL_gdbsx_domstatus, XEN_DOMCTL_setdebugging } from '../../abi/domctl.ts';
import type { Domid } from '../../abi/xen.ts';
import type { Hypercaller } from '../call/call.ts';
import { domctl } from './requests.ts';

/** struct xen_domctl_gdbsx_domstatus */
export interface DebugStatus {
  readonly paused: boolean;
  /** The vCPU that stopped for the debugger, and the exception that it met. */
  readonly vcpu: number | undefined;
  readonly event: number;
}

const NO_VCPU = 0xffffffff;

/** What a debugger asks of Xen, gdbsx above all. Every operation throws a HypercallError where Xen refuses. */
export class DebugCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_DOMCTL_setdebugging: INT3, #DB and single steps stop the domain from now on. */
  domain_setdebugging(domid: Domid, enable: boolean): void {
    domctl(this.#call, 'XEN_DOMCTL_setdebugging', XEN_DOMCTL_setdebugging, domid, (view, at) => {
      new XenDomctlSetdebugging(view, at).enable = enable ? 1 : 0;
      return () => {};
    });
  }

  /** XEN_DOMCTL_debug_op: a vCPU stops after each instruction. */
  domain_debug_control(domid: Domid, vcpu: number, singleStep: boolean): void {
    domctl(this.#call, 'XEN_DOMCTL_debug_op', XEN_DOMCTL_debug_op, domid, (view, at) => {
      const operation = new XenDomctlDebugOp(view, at);
      operation.op = singleStep ? XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON : XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF;
      operation.vcpu = vcpu;
      return () => {};
    });
  }

  /** XEN_DOMCTL_gdbsx_domstatus: a vCPU that stopped is told once. */
  gdbsx_domstatus(domid: Domid): DebugStatus {
    return domctl(this.#call, 'XEN_DOMCTL_gdbsx_domstatus', XEN_DOMCTL_gdbsx_domstatus, domid, (view, at) => () => {
      const status = new XenDomctlGdbsxDomstatus(view, at);
      const vcpu = status.vcpu_id >>> 0;
      return { paused: status.paused !== 0, vcpu: vcpu === NO_VCPU ? undefined : vcpu, event: status.vcpu_ev };
    });
  }
}
