import { VcpuGuestContext } from '../../abi/arch-x86/xen.ts';
import { XenDomctlTscInfo, XenDomctlVcpucontext } from '../../abi/domctl-state.ts';
import { XENMEM_maximum_gpfn } from '../../abi/memory.ts';
import { XenDomctlSendtrigger, XenDomctlSetdomainhandle, XenDomctlSettimeoffset } from '../../abi/domctl-settings.ts';
import {
  XEN_DOMCTL_getvcpucontext,
  XEN_DOMCTL_getvcpuinfo,
  XEN_DOMCTL_gettscinfo,
  XEN_DOMCTL_resumedomain,
  XEN_DOMCTL_sendtrigger,
  XEN_DOMCTL_setdomainhandle,
  XEN_DOMCTL_settimeoffset,
  XEN_DOMCTL_settscinfo,
  XEN_DOMCTL_setvcpuaffinity,
  XEN_DOMCTL_setvcpucontext,
  XEN_DOMCTL_getvcpuaffinity,
  XenDomctlGetvcpuinfo,
} from '../../abi/domctl.ts';
import {
  XEN_VCPUAFFINITY_FORCE,
  XEN_VCPUAFFINITY_HARD,
  XEN_VCPUAFFINITY_SOFT,
  XenDomctlVcpuaffinity,
} from '../../abi/domctl-sched.ts';
import {
  XenSysctlCputopo,
  XenSysctlCputopoinfo,
  XenSysctlMeminfo,
  XenSysctlNumainfo,
} from '../../abi/sysctl-topology.ts';
import {
  XEN_SYSCTL_cputopoinfo,
  XEN_SYSCTL_debug_keys,
  XEN_SYSCTL_numainfo,
  XEN_SYSCTL_physinfo,
  XEN_SYSCTL_readconsole,
  XEN_SYSCTL_sched_id,
  XenSysctlDebugKeys,
  XenSysctlPhysinfo,
  XenSysctlReadconsole,
  XenSysctlSchedId,
} from '../../abi/sysctl.ts';
import * as version from '../../abi/version.ts';
import { __HYPERVISOR_memory_op, __HYPERVISOR_xen_version, type Domid } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, type Hypercaller } from '../call/call.ts';
import { BITMAP_BYTES, domctl, pointBitmap, sysctl } from './requests.ts';

/** XENVER_*: what Xen says of itself. */
export interface XenVersion {
  readonly major: number;
  readonly minor: number;
  /** Such as '.7'. */
  readonly extra: string;
  readonly capabilities: string;
  readonly pagesize: number;
  readonly virt_start: bigint;
  readonly changeset: string;
  readonly commandline: string;
  readonly compiler: string;
  readonly compile_by: string;
  readonly compile_domain: string;
  readonly compile_date: string;
  /** Hexadecimal; empty where there is none. */
  readonly build_id: string;
}

/** struct xen_domctl_getvcpuinfo */
export interface VcpuInfo {
  readonly online: boolean;
  readonly blocked: boolean;
  readonly running: boolean;
  /** Nanoseconds. */
  readonly cpu_time: bigint;
  readonly cpu: number;
}

/** struct xen_sysctl_cputopo */
export interface CpuTopology {
  readonly core: number;
  readonly socket: number;
  readonly node: number;
}

export interface NumaNode {
  readonly memsize: number;
  readonly memfree: number;
  readonly distances: readonly number[];
}

/** Processors that a vCPU must, and would like to, run on; bit n is processor n. */
export interface VcpuAffinity {
  readonly hard: bigint;
  readonly soft: bigint;
}

const BUILD_ID_BYTES = 64;

/**
 * What xl asks of Xen beyond what makes and ends domains (libs/ctrl/ctrl.ts). As there, every operation throws a
 * HypercallError where Xen refuses.
 */
export class ToolCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_DOMCTL_setdomainhandle: another UUID, of 16 bytes. */
  domain_sethandle(domid: Domid, handle: Uint8Array): void {
    domctl(this.#call, 'XEN_DOMCTL_setdomainhandle', XEN_DOMCTL_setdomainhandle, domid, (view, at) => {
      new XenDomctlSetdomainhandle(view, at).handle.set(handle);
      return () => {};
    });
  }

  /** XEN_DOMCTL_resumedomain: a domain that has suspended goes on. */
  domain_resume(domid: Domid): void {
    domctl(this.#call, 'XEN_DOMCTL_resumedomain', XEN_DOMCTL_resumedomain, domid, () => () => {});
  }

  /** XEN_DOMCTL_sendtrigger with XEN_DOMCTL_SENDTRIGGER_*. */
  domain_send_trigger(domid: Domid, trigger: number, vcpu: number): void {
    domctl(this.#call, 'XEN_DOMCTL_sendtrigger', XEN_DOMCTL_sendtrigger, domid, (view, at) => {
      const argument = new XenDomctlSendtrigger(view, at);
      argument.trigger = trigger;
      argument.vcpu = vcpu;
      return () => {};
    });
  }

  /** XEN_DOMCTL_settimeoffset: how far the domain's wall clock is ahead of UTC. */
  domain_set_time_offset(domid: Domid, seconds: number): void {
    domctl(this.#call, 'XEN_DOMCTL_settimeoffset', XEN_DOMCTL_settimeoffset, domid, (view, at) => {
      new XenDomctlSettimeoffset(view, at).time_offset_seconds = BigInt(seconds);
      return () => {};
    });
  }

  /** XEN_DOMCTL_settscinfo: `mode` is 0 default, 1 emulated, 2 native. */
  domain_set_tsc_info(domid: Domid, mode: number): void {
    domctl(this.#call, 'XEN_DOMCTL_settscinfo', XEN_DOMCTL_settscinfo, domid, (view, at) => {
      new XenDomctlTscInfo(view, at).tsc_mode = mode;
      return () => {};
    });
  }

  /** XEN_DOMCTL_gettscinfo: the mode, as for `domain_set_tsc_info`. */
  domain_get_tsc_info(domid: Domid): number {
    return domctl(this.#call, 'XEN_DOMCTL_gettscinfo', XEN_DOMCTL_gettscinfo, domid, (view, at) => {
      const info = new XenDomctlTscInfo(view, at);
      return () => info.tsc_mode;
    });
  }

  /** XEN_DOMCTL_getvcpuinfo */
  vcpu_getinfo(domid: Domid, vcpu: number): VcpuInfo {
    return domctl(this.#call, 'XEN_DOMCTL_getvcpuinfo', XEN_DOMCTL_getvcpuinfo, domid, (view, at) => {
      const info = new XenDomctlGetvcpuinfo(view, at);
      info.vcpu = vcpu;
      return () => ({
        online: info.online !== 0,
        blocked: info.blocked !== 0,
        running: info.running !== 0,
        cpu_time: info.cpu_time,
        cpu: info.cpu,
      });
    });
  }

  /** XEN_DOMCTL_getvcpucontext: a struct vcpu_guest_context. */
  vcpu_getcontext(domid: Domid, vcpu: number): Uint8Array {
    return withBuffer(this.#call, VcpuGuestContext.SIZE, (_view, buffer) =>
      domctl(this.#call, 'XEN_DOMCTL_getvcpucontext', XEN_DOMCTL_getvcpucontext, domid, (view, at) => {
        const argument = new XenDomctlVcpucontext(view, at);
        argument.vcpu = vcpu;
        argument.ctxt = BigInt(buffer);
        return () => this.#call.memory.slice(buffer, buffer + VcpuGuestContext.SIZE);
      }),
    );
  }

  /** XEN_DOMCTL_setvcpucontext with a struct vcpu_guest_context; the domain is paused, or has shut down. */
  vcpu_setcontext(domid: Domid, vcpu: number, context: Uint8Array): void {
    withBuffer(this.#call, VcpuGuestContext.SIZE, (_view, buffer) => {
      this.#call.memory.set(context, buffer);
      domctl(this.#call, 'XEN_DOMCTL_setvcpucontext', XEN_DOMCTL_setvcpucontext, domid, (view, at) => {
        const argument = new XenDomctlVcpucontext(view, at);
        argument.vcpu = vcpu;
        argument.ctxt = BigInt(buffer);
        return () => {};
      });
    });
  }

  /** XENMEM_maximum_gpfn: the highest frame that the domain's memory map has. */
  domain_maximum_gpfn(domid: Domid): number {
    return withBuffer(this.#call, 8, (view, at) => {
      view.setUint16(at, domid, true);
      return checked('XENMEM_maximum_gpfn', this.#call.hypercall(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn, at));
    });
  }

  /** XEN_DOMCTL_getvcpuaffinity, of up to 64 processors. */
  vcpu_getaffinity(domid: Domid, vcpu: number): VcpuAffinity {
    return this.#affinity('XEN_DOMCTL_getvcpuaffinity', XEN_DOMCTL_getvcpuaffinity, domid, vcpu, {
      flags: XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT,
      hard: 0n,
      soft: 0n,
    });
  }

  /** XEN_DOMCTL_setvcpuaffinity; what is left out stays. Returns what is in force then. */
  vcpu_setaffinity(domid: Domid, vcpu: number, { hard, soft }: Partial<VcpuAffinity>, force = false): VcpuAffinity {
    const flags =
      (hard === undefined ? 0 : XEN_VCPUAFFINITY_HARD) |
      (soft === undefined ? 0 : XEN_VCPUAFFINITY_SOFT) |
      (force ? XEN_VCPUAFFINITY_FORCE : 0);
    const wanted = { flags, hard: hard ?? 0n, soft: soft ?? 0n };
    return this.#affinity('XEN_DOMCTL_setvcpuaffinity', XEN_DOMCTL_setvcpuaffinity, domid, vcpu, wanted);
  }

  /** XEN_SYSCTL_sched_id: XEN_SCHEDULER_*. */
  sched_id(): number {
    return sysctl(this.#call, 'XEN_SYSCTL_sched_id', XEN_SYSCTL_sched_id, (view, at) => {
      return () => new XenSysctlSchedId(view, at).sched_id;
    });
  }

  /** XEN_SYSCTL_physinfo's hw_cap: words of CPUID as Xen found it. */
  hw_caps(): number[] {
    return sysctl(this.#call, 'XEN_SYSCTL_physinfo', XEN_SYSCTL_physinfo, (view, at) => {
      const info = new XenSysctlPhysinfo(view, at);
      return () => Array.from({ length: HW_CAPS }, (_, index) => info.hw_cap(index));
    });
  }

  /** XEN_SYSCTL_cputopoinfo: where each processor sits. */
  cputopoinfo(): CpuTopology[] {
    return withBuffer(this.#call, MOST_CPUS * XenSysctlCputopo.SIZE, (rows, buffer) =>
      sysctl(this.#call, 'XEN_SYSCTL_cputopoinfo', XEN_SYSCTL_cputopoinfo, (view, at) => {
        const argument = new XenSysctlCputopoinfo(view, at);
        argument.num_cpus = MOST_CPUS;
        argument.cputopo = BigInt(buffer);
        return () =>
          Array.from({ length: argument.num_cpus }, (_, index) => {
            const { core, socket, node } = new XenSysctlCputopo(rows, buffer + index * XenSysctlCputopo.SIZE);
            return { core, socket, node };
          });
      }),
    );
  }

  /** XEN_SYSCTL_numainfo: each node's memory, in bytes, and how far it is to the others. */
  numainfo(): NumaNode[] {
    const distances = MOST_NODES * XenSysctlMeminfo.SIZE;
    return withBuffer(this.#call, distances + MOST_NODES * MOST_NODES * 4, (rows, buffer) =>
      sysctl(this.#call, 'XEN_SYSCTL_numainfo', XEN_SYSCTL_numainfo, (view, at) => {
        const argument = new XenSysctlNumainfo(view, at);
        argument.num_nodes = MOST_NODES;
        argument.meminfo = BigInt(buffer);
        argument.distance = BigInt(buffer + distances);
        return () => {
          const count = argument.num_nodes;
          const distance = (from: number, to: number) =>
            rows.getUint32(buffer + distances + (from * count + to) * 4, true);
          return Array.from({ length: count }, (_, index) => {
            const { memsize, memfree } = new XenSysctlMeminfo(rows, buffer + index * XenSysctlMeminfo.SIZE);
            return { memsize, memfree, distances: Array.from({ length: count }, (__, to) => distance(index, to)) };
          });
        };
      }),
    );
  }

  /** XEN_SYSCTL_readconsole: Xen's log, the end of it where it is long; cleared afterwards where asked. */
  readconsole(clear: boolean): Uint8Array {
    return withBuffer(this.#call, CONSOLE_BYTES, (_view, buffer) =>
      sysctl(this.#call, 'XEN_SYSCTL_readconsole', XEN_SYSCTL_readconsole, (view, at) => {
        const argument = new XenSysctlReadconsole(view, at);
        argument.clear = clear ? 1 : 0;
        argument.buffer = BigInt(buffer);
        argument.count = CONSOLE_BYTES;
        return () => this.#call.memory.slice(buffer, buffer + argument.count);
      }),
    );
  }

  /** XEN_SYSCTL_debug_keys */
  send_debug_keys(keys: string): void {
    const bytes = new TextEncoder().encode(keys);
    withBuffer(this.#call, bytes.length, (_view, buffer) => {
      this.#call.memory.set(bytes, buffer);
      sysctl(this.#call, 'XEN_SYSCTL_debug_keys', XEN_SYSCTL_debug_keys, (view, at) => {
        const argument = new XenSysctlDebugKeys(view, at);
        argument.keys = BigInt(buffer);
        argument.nr_keys = bytes.length;
        return () => {};
      });
    });
  }

  /** All of XENVER_*. */
  version(): XenVersion {
    const number = checked('XENVER_version', this.#call.hypercall(__HYPERVISOR_xen_version, version.XENVER_version));
    const pagesize = this.#call.hypercall(__HYPERVISOR_xen_version, version.XENVER_pagesize);
    const compile = this.#version(version.XENVER_compile_info, version.XenCompileInfo.SIZE, (view, at) => {
      const info = new version.XenCompileInfo(view, at);
      return {
        compiler: text(info.compiler),
        compile_by: text(info.compile_by),
        compile_domain: text(info.compile_domain),
        compile_date: text(info.compile_date),
      };
    });
    const virt_start = this.#version(
      version.XENVER_platform_parameters,
      version.XenPlatformParameters.SIZE,
      (view, at) => new version.XenPlatformParameters(view, at).virt_start,
    );
    return {
      major: number >> 16,
      minor: number & 0xffff,
      extra: this.#versionText(version.XENVER_extraversion, version.XEN_EXTRAVERSION_LEN),
      capabilities: this.#versionText(version.XENVER_capabilities, version.XEN_CAPABILITIES_INFO_LEN),
      changeset: this.#versionText(version.XENVER_changeset, version.XEN_CHANGESET_INFO_LEN),
      commandline: this.#versionText(version.XENVER_commandline, COMMANDLINE_BYTES),
      pagesize,
      virt_start,
      ...compile,
      build_id: this.#buildId(),
    };
  }

  #buildId(): string {
    return withBuffer(this.#call, version.XenBuildId.SIZE + BUILD_ID_BYTES, (view, at) => {
      view.setUint32(at, BUILD_ID_BYTES, true);
      const length = this.#call.hypercall(__HYPERVISOR_xen_version, version.XENVER_build_id, at);
      const bytes = this.#call.memory.subarray(at + version.XenBuildId.SIZE, at + version.XenBuildId.SIZE + length);
      return length <= 0 ? '' : [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    });
  }

  #versionText(command: number, size: number): string {
    return this.#version(command, size, (_view, at) => text(this.#call.memory.subarray(at, at + size)));
  }

  #version<T>(command: number, size: number, read: (view: DataView, at: number) => T): T {
    return withBuffer(this.#call, size, (view, at) => {
      checked('xen_version', this.#call.hypercall(__HYPERVISOR_xen_version, command, at));
      return read(view, at);
    });
  }

  #affinity(
    name: string,
    cmd: number,
    domid: Domid,
    vcpu: number,
    wanted: VcpuAffinity & { readonly flags: number },
  ): VcpuAffinity {
    return withBuffer(this.#call, 2 * BITMAP_BYTES, (masks, buffer) => {
      masks.setBigUint64(buffer, wanted.hard, true);
      masks.setBigUint64(buffer + BITMAP_BYTES, wanted.soft, true);
      return domctl(this.#call, name, cmd, domid, (view, at) => {
        const argument = new XenDomctlVcpuaffinity(view, at);
        argument.vcpu = vcpu;
        argument.flags = wanted.flags;
        pointBitmap(argument.cpumap_hard, buffer);
        pointBitmap(argument.cpumap_soft, buffer + BITMAP_BYTES);
        return () => ({
          hard: masks.getBigUint64(buffer, true),
          soft: masks.getBigUint64(buffer + BITMAP_BYTES, true),
        });
      });
    });
  }
}

/** As many processors and nodes as there is ever room for. */
const MOST_CPUS = 64;
const MOST_NODES = 8;
/** Words of hw_cap in struct xen_sysctl_physinfo. */
const HW_CAPS = 8;
const CONSOLE_BYTES = 16 * 1024;
const COMMANDLINE_BYTES = 1024;

/** Characters up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}
