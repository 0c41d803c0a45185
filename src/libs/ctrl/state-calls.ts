import { XenCpuidLeaf, XenMsrEntry } from '../../abi/arch-x86/xen.ts';
import * as nr from '../../abi/domctl.ts';
import { XenDomctlAuditP2m, XenDomctlSetAccessRequired } from '../../abi/domctl-debug.ts';
import { XenDomctlSetTarget } from '../../abi/domctl-settings.ts';
import {
  XEN_DOMCTL_SHADOW_OP_CLEAN,
  XEN_DOMCTL_SHADOW_OP_PEEK,
  XenDomctlCpuPolicy,
  XenDomctlGetpageframeinfo3,
  XenDomctlHvmcontext,
  XenDomctlHvmcontextPartial,
  XenDomctlShadowOp,
} from '../../abi/domctl-state.ts';
import { EVTCHNOP_status, EvtchnStatus } from '../../abi/event_channel.ts';
import { XENMEM_access_op, XENMEM_access_op_set_access, XenMemAccessOp } from '../../abi/memory-tools.ts';
import {
  XEN_SYSCTL_get_cpu_featureset,
  XEN_SYSCTL_get_cpu_policy,
  XenSysctlCpuFeatureset,
  XenSysctlCpuPolicy,
} from '../../abi/sysctl.ts';
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_memory_op,
  type Domid,
  type Gfn,
  type Port,
} from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, type Hypercaller } from '../call/call.ts';
import { domctl, sysctl } from './requests.ts';

/** One answer of CPUID (xen_cpuid_leaf_t). */
export interface CpuidLeaf {
  readonly leaf: number;
  /** 0xffffffff where it has none. */
  readonly subleaf: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** What a processor says of itself. */
export interface CpuPolicy {
  readonly leaves: readonly CpuidLeaf[];
  readonly msrs: readonly { readonly index: number; readonly value: bigint }[];
}

/** A round of log-dirty mode: a bit a guest frame, and how many of all are set. */
export interface DirtyPages {
  readonly bitmap: Uint8Array;
  readonly dirty_count: number;
  readonly fault_count: number;
}

/** What a domain's p2m and the frame table disagree on. */
export interface P2mAudit {
  readonly orphans: bigint;
  readonly m2p_bad: bigint;
  readonly p2m_bad: bigint;
}

/**
 * The state of domains, for saving and restoring them and for looking into them: libxc's functions, without `xc_`.
 * Every one throws a HypercallError where Xen refuses.
 */
export class StateCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_DOMCTL_gethvmcontext: all records of the domain's vCPUs. */
  domain_hvm_getcontext(domid: Domid): Uint8Array {
    const name = 'XEN_DOMCTL_gethvmcontext';
    const ask = (size: number, buffer: number) =>
      domctl(this.#call, name, nr.XEN_DOMCTL_gethvmcontext, domid, (view, at) => {
        const argument = new XenDomctlHvmcontext(view, at);
        argument.size = size;
        argument.buffer = BigInt(buffer);
        return () => argument.size;
      });
    const size = ask(0, 0);
    return this.#received(size, (buffer) => ask(size, buffer));
  }

  /** XEN_DOMCTL_sethvmcontext: the vCPUs that have a CPU record come up, to run with the domain. */
  domain_hvm_setcontext(domid: Domid, records: Uint8Array): void {
    this.#sent(records, (buffer) =>
      domctl(this.#call, 'XEN_DOMCTL_sethvmcontext', nr.XEN_DOMCTL_sethvmcontext, domid, (view, at) => {
        const argument = new XenDomctlHvmcontext(view, at);
        argument.size = records.length;
        argument.buffer = BigInt(buffer);
        return () => {};
      }),
    );
  }

  /** XEN_DOMCTL_gethvmcontext_partial: one record, HVM_SAVE_CODE_* `typecode`. */
  domain_hvm_getcontext_partial(domid: Domid, typecode: number, instance: number): Uint8Array {
    const name = 'XEN_DOMCTL_gethvmcontext_partial';
    const ask = (size: number, buffer: number) =>
      domctl(this.#call, name, nr.XEN_DOMCTL_gethvmcontext_partial, domid, (view, at) => {
        const argument = new XenDomctlHvmcontextPartial(view, at);
        argument.type = typecode;
        argument.instance = instance;
        argument.bufsz = size;
        argument.buffer = BigInt(buffer);
        return () => argument.bufsz;
      });
    const size = ask(0, 0);
    return this.#received(size, (buffer) => ask(size, buffer));
  }

  /**
   * XEN_DOMCTL_shadow_op with XEN_DOMCTL_SHADOW_OP_* `op`. CLEAN and PEEK tell which of the first `pages` frames were
   * written; the others have no bitmap.
   */
  logdirty_control(domid: Domid, op: number, pages = 0, mode = 0): DirtyPages {
    const tells = op === XEN_DOMCTL_SHADOW_OP_CLEAN || op === XEN_DOMCTL_SHADOW_OP_PEEK;
    const bytes = tells ? Math.ceil(pages / 8) : 0;
    let counts = { dirty_count: 0, fault_count: 0 };
    const bitmap = this.#received(bytes, (buffer) => {
      counts = domctl(this.#call, 'XEN_DOMCTL_shadow_op', nr.XEN_DOMCTL_shadow_op, domid, (view, at) => {
        const argument = new XenDomctlShadowOp(view, at);
        argument.op = op;
        argument.mode = mode;
        argument.pages = pages;
        argument.dirty_bitmap = BigInt(bytes === 0 ? 0 : buffer);
        return () => ({ dirty_count: argument.stats.dirty_count, fault_count: argument.stats.fault_count });
      });
    });
    return { bitmap, ...counts };
  }

  /** XEN_DOMCTL_get_cpu_policy */
  cpu_policy_get_domain(domid: Domid): CpuPolicy {
    const name = 'XEN_DOMCTL_get_cpu_policy';
    return this.#policy((fill) =>
      domctl(this.#call, name, nr.XEN_DOMCTL_get_cpu_policy, domid, (view, at) => {
        const argument = new XenDomctlCpuPolicy(view, at);
        fill(argument);
        return () => ({ nr_leaves: argument.nr_leaves, nr_msrs: argument.nr_msrs });
      }),
    );
  }

  /** XEN_DOMCTL_set_cpu_policy: changes the leaves and MSRs given, before the domain first runs. */
  cpu_policy_set_domain(domid: Domid, { leaves, msrs }: CpuPolicy): void {
    const name = 'XEN_DOMCTL_set_cpu_policy';
    const leafBytes = leaves.length * XenCpuidLeaf.SIZE;
    withBuffer(this.#call, leafBytes + msrs.length * XenMsrEntry.SIZE, (memory, buffer) => {
      leaves.forEach((row, index) => Object.assign(new XenCpuidLeaf(memory, buffer + index * XenCpuidLeaf.SIZE), row));
      msrs.forEach(({ index: msr, value }, index) => {
        const entry = new XenMsrEntry(memory, buffer + leafBytes + index * XenMsrEntry.SIZE);
        entry.idx = msr;
        entry.val = value;
      });
      domctl(this.#call, name, nr.XEN_DOMCTL_set_cpu_policy, domid, (view, at) => {
        const argument = new XenDomctlCpuPolicy(view, at);
        argument.nr_leaves = leaves.length;
        argument.nr_msrs = msrs.length;
        argument.leaves = BigInt(buffer);
        argument.msrs = BigInt(buffer + leafBytes);
        return () => {};
      });
    });
  }

  /** XEN_SYSCTL_get_cpu_policy with XEN_SYSCTL_cpu_policy_* `index`. */
  cpu_policy_get_system(index: number): CpuPolicy {
    return this.#policy((fill) =>
      sysctl(this.#call, 'XEN_SYSCTL_get_cpu_policy', XEN_SYSCTL_get_cpu_policy, (view, at) => {
        const argument = new XenSysctlCpuPolicy(view, at);
        argument.index = index;
        fill(argument);
        return () => ({ nr_leaves: argument.nr_leaves, nr_msrs: argument.nr_msrs });
      }),
    );
  }

  /** XEN_SYSCTL_get_cpu_featureset with XEN_SYSCTL_cpu_featureset_* `index`: Xen's words of features. */
  get_cpu_featureset(index: number): Uint32Array {
    const ask = (count: number, buffer: number) =>
      sysctl(this.#call, 'XEN_SYSCTL_get_cpu_featureset', XEN_SYSCTL_get_cpu_featureset, (view, at) => {
        const argument = new XenSysctlCpuFeatureset(view, at);
        argument.index = index;
        argument.nr_features = count;
        argument.features = BigInt(buffer);
        return () => argument.nr_features;
      });
    const count = ask(0, 0);
    const bytes = this.#received(count * 4, (buffer) => ask(count, buffer));
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** XEN_DOMCTL_getpageframeinfo3: XEN_DOMCTL_PFINFO_* of each guest frame; at most 1024. */
  get_pfn_type_batch(domid: Domid, gfns: readonly Gfn[]): number[] {
    const name = 'XEN_DOMCTL_getpageframeinfo3';
    return withBuffer(this.#call, Math.max(8, gfns.length * 8), (memory, buffer) => {
      gfns.forEach((gfn, index) => memory.setBigUint64(buffer + index * 8, BigInt(gfn), true));
      domctl(this.#call, name, nr.XEN_DOMCTL_getpageframeinfo3, domid, (view, at) => {
        const argument = new XenDomctlGetpageframeinfo3(view, at);
        argument.num = gfns.length;
        argument.array = BigInt(buffer);
        return () => {};
      });
      return gfns.map((_, index) => memory.getUint32(buffer + index * 8, true));
    });
  }

  /** XEN_DOMCTL_soft_reset: of a domain that shut down and is paused. */
  domain_soft_reset(domid: Domid): void {
    domctl(this.#call, 'XEN_DOMCTL_soft_reset', nr.XEN_DOMCTL_soft_reset, domid, () => () => {});
  }

  /** EVTCHNOP_status: what a port of a domain's is, EVTCHNSTAT_*. */
  evtchn_status(domid: Domid, port: Port): number {
    return withBuffer(this.#call, EvtchnStatus.SIZE, (view, at) => {
      const argument = new EvtchnStatus(view, at);
      argument.dom = domid;
      argument.port = port;
      checked('EVTCHNOP_status', this.#call.hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_status, at));
      return argument.status;
    });
  }

  /** XEN_DOMCTL_set_target: `domid` may do for `target` what a device model does. */
  domain_set_target(domid: Domid, target: Domid): void {
    domctl(this.#call, 'XEN_DOMCTL_set_target', nr.XEN_DOMCTL_set_target, domid, (view, at) => {
      new XenDomctlSetTarget(view, at).target = target;
      return () => {};
    });
  }

  /** XENMEM_access_op: XENMEM_access_* for `count` guest frames. */
  set_mem_access(domid: Domid, access: number, first: Gfn, count: number): void {
    withBuffer(this.#call, XenMemAccessOp.SIZE, (view, at) => {
      const argument = new XenMemAccessOp(view, at);
      argument.op = XENMEM_access_op_set_access;
      argument.access = access;
      argument.domid = domid;
      argument.pfn = BigInt(first);
      argument.nr = count;
      checked('XENMEM_access_op', this.#call.hypercall(__HYPERVISOR_memory_op, XENMEM_access_op, at));
    });
  }

  /** XEN_DOMCTL_set_access_required: a violation that nobody listens for crashes the domain. */
  domain_set_access_required(domid: Domid, required: boolean): void {
    domctl(this.#call, 'XEN_DOMCTL_set_access_required', nr.XEN_DOMCTL_set_access_required, domid, (view, at) => {
      new XenDomctlSetAccessRequired(view, at).access_required = required ? 1 : 0;
      return () => {};
    });
  }

  /** XEN_DOMCTL_audit_p2m: all zero where Xen's books are right, but for frames that wait in a cache. */
  domain_audit_p2m(domid: Domid): P2mAudit {
    return domctl(this.#call, 'XEN_DOMCTL_audit_p2m', nr.XEN_DOMCTL_audit_p2m, domid, (view, at) => {
      const answer = new XenDomctlAuditP2m(view, at);
      return () => ({ orphans: answer.orphans, m2p_bad: answer.m2p_bad, p2m_bad: answer.p2m_bad });
    });
  }

  /** Asks twice: how much room there should be, and then with it. */
  #policy(
    ask: (fill: (argument: XenDomctlCpuPolicy | XenSysctlCpuPolicy) => void) => { nr_leaves: number; nr_msrs: number },
  ): CpuPolicy {
    const room = ask(() => {});
    const leafBytes = room.nr_leaves * XenCpuidLeaf.SIZE;
    return withBuffer(this.#call, leafBytes + room.nr_msrs * XenMsrEntry.SIZE, (memory, buffer) => {
      const told = ask((argument) => {
        argument.nr_leaves = room.nr_leaves;
        argument.nr_msrs = room.nr_msrs;
        argument.leaves = BigInt(buffer);
        argument.msrs = BigInt(buffer + leafBytes);
      });
      const leaves = Array.from({ length: told.nr_leaves }, (_, index) => {
        const { leaf, subleaf, a, b, c, d } = new XenCpuidLeaf(memory, buffer + index * XenCpuidLeaf.SIZE);
        return { leaf, subleaf, a, b, c, d };
      });
      const msrs = Array.from({ length: told.nr_msrs }, (_, index) => {
        const { idx, val } = new XenMsrEntry(memory, buffer + leafBytes + index * XenMsrEntry.SIZE);
        return { index: idx, value: val };
      });
      return { leaves, msrs };
    });
  }

  /** A copy of what Xen wrote into a buffer of `size` bytes. */
  #received(size: number, use: (buffer: number) => void): Uint8Array {
    return withBuffer(this.#call, Math.max(8, size), (_view, buffer) => {
      use(buffer);
      return this.#call.memory.slice(buffer, buffer + size);
    });
  }

  #sent(bytes: Uint8Array, use: (buffer: number) => void): void {
    withBuffer(this.#call, Math.max(8, bytes.length), (_view, buffer) => {
      this.#call.memory.set(bytes, buffer);
      use(buffer);
    });
  }
}
