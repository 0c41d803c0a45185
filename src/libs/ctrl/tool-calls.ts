import { XenDomctlSetdomainhandle, XenDomctlSendtrigger } from '../../abi/domctl-settings.ts';
import {
  XEN_DOMCTL_getvcpuinfo,
  XEN_DOMCTL_INTERFACE_VERSION,
  XEN_DOMCTL_resumedomain,
  XEN_DOMCTL_sendtrigger,
  XEN_DOMCTL_setdomainhandle,
  XEN_DOMCTL_setvcpuaffinity,
  XEN_DOMCTL_getvcpuaffinity,
  XenDomctl,
  XenDomctlGetvcpuinfo,
} from '../../abi/domctl.ts';
import {
  XEN_VCPUAFFINITY_FORCE,
  XEN_VCPUAFFINITY_HARD,
  XEN_VCPUAFFINITY_SOFT,
  XenDomctlVcpuaffinity,
} from '../../abi/domctl-sched.ts';
import {
  XEN_SYSCTL_debug_keys,
  XEN_SYSCTL_INTERFACE_VERSION,
  XEN_SYSCTL_physinfo,
  XEN_SYSCTL_readconsole,
  XEN_SYSCTL_sched_id,
  XenSysctl,
  XenSysctlDebugKeys,
  XenSysctlPhysinfo,
  XenSysctlReadconsole,
  XenSysctlSchedId,
} from '../../abi/sysctl.ts';
import * as version from '../../abi/version.ts';
import {
  __HYPERVISOR_domctl,
  __HYPERVISOR_sysctl,
  __HYPERVISOR_xen_version,
  type Domid,
  type XenctlBitmap,
} from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, type Hypercaller } from '../call/call.ts';

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

/** Processors that a vCPU must, and would like to, run on; bit n is processor n. */
export interface VcpuAffinity {
  readonly hard: bigint;
  readonly soft: bigint;
}

/** Room of a bitmap of processors. */
const CPU_BYTES = 8;
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
    this.#domctl('XEN_DOMCTL_setdomainhandle', XEN_DOMCTL_setdomainhandle, domid, (view, at) => {
      new XenDomctlSetdomainhandle(view, at).handle.set(handle);
    });
  }

  /** XEN_DOMCTL_resumedomain: a domain that has suspended goes on. */
  domain_resume(domid: Domid): void {
    this.#domctl('XEN_DOMCTL_resumedomain', XEN_DOMCTL_resumedomain, domid, () => {});
  }

  /** XEN_DOMCTL_sendtrigger with XEN_DOMCTL_SENDTRIGGER_*. */
  domain_send_trigger(domid: Domid, trigger: number, vcpu: number): void {
    this.#domctl('XEN_DOMCTL_sendtrigger', XEN_DOMCTL_sendtrigger, domid, (view, at) => {
      const argument = new XenDomctlSendtrigger(view, at);
      argument.trigger = trigger;
      argument.vcpu = vcpu;
    });
  }

  /** XEN_DOMCTL_getvcpuinfo */
  vcpu_getinfo(domid: Domid, vcpu: number): VcpuInfo {
    const fill = (view: DataView, at: number) => {
      new XenDomctlGetvcpuinfo(view, at).vcpu = vcpu;
    };
    return this.#domctl('XEN_DOMCTL_getvcpuinfo', XEN_DOMCTL_getvcpuinfo, domid, fill, (view, at) => {
      const info = new XenDomctlGetvcpuinfo(view, at);
      return {
        online: info.online !== 0,
        blocked: info.blocked !== 0,
        running: info.running !== 0,
        cpu_time: info.cpu_time,
        cpu: info.cpu,
      };
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
    return this.#sysctl('XEN_SYSCTL_sched_id', XEN_SYSCTL_sched_id, (view, at) => {
      return () => new XenSysctlSchedId(view, at).sched_id;
    });
  }

  /** XEN_SYSCTL_physinfo's hw_cap: words of CPUID as Xen found it. */
  hw_caps(): number[] {
    return this.#sysctl('XEN_SYSCTL_physinfo', XEN_SYSCTL_physinfo, (view, at) => {
      const info = new XenSysctlPhysinfo(view, at);
      return () => Array.from({ length: HW_CAPS }, (_, index) => info.hw_cap(index));
    });
  }

  /** XEN_SYSCTL_readconsole: Xen's log, the end of it where it is long; cleared afterwards where asked. */
  readconsole(clear: boolean): Uint8Array {
    return withBuffer(this.#call, CONSOLE_BYTES, (_view, buffer) =>
      this.#sysctl('XEN_SYSCTL_readconsole', XEN_SYSCTL_readconsole, (view, at) => {
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
      this.#sysctl('XEN_SYSCTL_debug_keys', XEN_SYSCTL_debug_keys, (view, at) => {
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
    return withBuffer(this.#call, 2 * CPU_BYTES, (masks, buffer) => {
      masks.setBigUint64(buffer, wanted.hard, true);
      masks.setBigUint64(buffer + CPU_BYTES, wanted.soft, true);
      const map = (bitmap: XenctlBitmap, at: number) => {
        bitmap.bitmap = BigInt(at);
        bitmap.nr_bits = CPU_BYTES * 8;
      };
      this.#domctl(name, cmd, domid, (view, at) => {
        const argument = new XenDomctlVcpuaffinity(view, at);
        argument.vcpu = vcpu;
        argument.flags = wanted.flags;
        map(argument.cpumap_hard, buffer);
        map(argument.cpumap_soft, buffer + CPU_BYTES);
      });
      return { hard: masks.getBigUint64(buffer, true), soft: masks.getBigUint64(buffer + CPU_BYTES, true) };
    });
  }

  #domctl<T>(
    name: string,
    cmd: number,
    domid: Domid,
    fill: (view: DataView, at: number) => void,
    read?: (view: DataView, at: number) => T,
  ): T {
    return withBuffer(this.#call, XenDomctl.SIZE, (view, at) => {
      const domctl = new XenDomctl(view, at);
      domctl.cmd = cmd;
      domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
      domctl.domain = domid;
      fill(view, at + XenDomctl.AT_u);
      checked(name, this.#call.hypercall(__HYPERVISOR_domctl, at));
      return read?.(view, at + XenDomctl.AT_u) as T;
    });
  }

  /** `prepare` fills the structure in and returns what reads the answer. */
  #sysctl<T>(name: string, cmd: number, prepare: (view: DataView, at: number) => () => T): T {
    return withBuffer(this.#call, XenSysctl.SIZE, (view, at) => {
      const sysctl = new XenSysctl(view, at);
      sysctl.cmd = cmd;
      sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
      const read = prepare(view, at + XenSysctl.AT_u);
      checked(name, this.#call.hypercall(__HYPERVISOR_sysctl, at));
      return read();
    });
  }
}

/** Words of hw_cap in struct xen_sysctl_physinfo. */
const HW_CAPS = 8;
const CONSOLE_BYTES = 16 * 1024;
const COMMANDLINE_BYTES = 1024;

/** Characters up to the first NUL. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
}
