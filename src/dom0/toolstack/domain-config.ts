import type { CpuidRule } from './cpuid-rules.ts';

/** What becomes of a domain once it has stopped, in xl.cfg's words. */
export type ShutdownAction =
  | 'destroy'
  | 'restart'
  | 'rename-restart'
  | 'preserve'
  | 'coredump-destroy'
  | 'coredump-restart'
  | 'soft-reset';

export const SHUTDOWN_ACTIONS: readonly ShutdownAction[] = [
  'destroy',
  'restart',
  'rename-restart',
  'preserve',
  'coredump-destroy',
  'coredump-restart',
  'soft-reset',
];

/** All that a domain is made from, files apart: what libxl_domain_config is to libxl. */
export interface DomainConfig {
  readonly name: string;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly kernel: string;
  readonly ramdisk: string | undefined;
  readonly cmdline: string | undefined;
  /** What the guest is asked to keep to. */
  readonly memoryKib: number;
  /** What it may have at most, and starts with. */
  readonly maxMemoryKib: number;
  /** vCPUs that are online at the start. */
  readonly vcpus: number;
  readonly maxVcpus: number;
  /** The highest event channel port. */
  readonly maxEventChannels: number;
  readonly maxGrantFrames: number;
  readonly maxMaptrackFrames: number;
  /** Undefined takes the highest that Xen has. */
  readonly maxGrantVersion: number | undefined;
  /** The guest owns its whole device directory, as under xend. */
  readonly suspendEventChannelCompat: boolean;
  /** How it is scheduled, where that is not left to Xen. */
  readonly scheduling?: DomainScheduling;
  /** What an HVM domain has beyond a PVH one, which is what it is without. Its kernel is in hvmloader's place. */
  readonly hvm?: HvmConfig;
  /** What its kernel, one for PV, runs in; undefined for a kernel that starts as PVH. */
  readonly pvShim?: PvShimConfig;
  /** Whether it may run guests of its own; undefined for no. */
  readonly nestedVirt?: boolean;
  /** What it sees of the processor, where that is not the default. */
  readonly cpuid?: readonly CpuidRule[];
  /** What xenstored offers and allows it, where that is not the default. */
  readonly storeLimits?: StoreLimits;
  /** HVM_PARAM_TIMER_MODE; undefined for no_delay_for_missed_ticks. */
  readonly timerMode?: number;
  /** Its further consoles, from 1 on. */
  readonly channels?: readonly ChannelConfig[];
  /** Its number is drawn, rather than the next one; by xl.conf. */
  readonly hasRandomDomid?: boolean;
  /** What it is told of its TSC: 1 emulated, 2 native; undefined for the default. */
  readonly tscMode?: number;
  /** How far its wall clock is ahead of UTC. */
  readonly timeOffsetSeconds?: number;
  readonly onPoweroff: ShutdownAction;
  readonly onReboot: ShutdownAction;
  readonly onWatchdog: ShutdownAction;
  readonly onCrash: ShutdownAction;
  readonly onSoftReset: ShutdownAction;
}

/** A further console: a terminal of the host's, or the socket at `path`. */
export interface ChannelConfig {
  readonly name: string;
  readonly path?: string;
}

/** Of libxl_domain_build_info.u.hvm, what there is without a device model. */
export interface HvmConfig {
  /** HVMPV_*: the Hyper-V interfaces that it is shown. */
  readonly viridian: number;
  readonly hpet: boolean;
  /** What hvmloader starts, by its name and its file; firmware of one's own needs none. */
  readonly bios?: { readonly name: string; readonly path: string };
  /** What hvmloader is told of ACPI, by the store. */
  readonly acpi: boolean;
  readonly acpiS3: boolean;
  readonly acpiS4: boolean;
  readonly acpiLaptopSlate: boolean;
}

/** Of libxl_domain_build_info.u.pvh: Xen's PV shim, a Xen in the domain that is there for one PV guest. */
export interface PvShimConfig {
  /** Its file; undefined for the one that is installed. */
  readonly path?: string;
  readonly cmdline: string;
  /** Goes after cmdline. */
  readonly extra?: string;
}

export interface StoreLimits {
  /** Of XENSTORE_SERVER_FEATURE_*, those that it may see. */
  readonly featureMask?: number;
  /** 0: as much as it likes. */
  readonly quota: readonly { readonly name: string; readonly limit: number }[];
}

/** What is left out stays as Xen has it. */
export interface DomainScheduling {
  /** A cpupool's name or number. */
  readonly pool?: string;
  readonly weight?: number;
  /** Percent of a processor. */
  readonly cap?: number;
  /** Microseconds, as budget. */
  readonly period?: number;
  readonly budget?: number;
  readonly extratime?: boolean;
  /** Processors as xl writes them: one text for all vCPUs, or one for each. */
  readonly cpus?: string | readonly string[];
  readonly cpusSoft?: string | readonly string[];
  /** Processors outside of any of these are not for it: the host's own limits. */
  readonly cpuMasks?: readonly string[];
}

/** A UUID in its text form, as store paths have it. */
export function uuidText(uuid: Uint8Array): string {
  const hex = [...uuid].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The 16 bytes of a UUID's text form; undefined where it is not one. */
export function parseUuid(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return undefined;
  const digits = text.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
}

/** Makes a version 4 UUID (RFC 4122) of 16 random bytes. */
export function randomUuid(random: { fill(bytes: Uint8Array): void }): Uint8Array {
  const uuid = new Uint8Array(16);
  random.fill(uuid);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
