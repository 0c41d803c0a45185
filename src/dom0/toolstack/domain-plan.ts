import { XenolithError } from '../../lib/errors.ts';
import { loadKernel } from '../builder/kernel-image.ts';
import { planHvm } from '../builder/hvm.ts';
import { planPvh, type PvhPlan } from '../builder/pvh.ts';
import type { DomainConfig } from './domain-config.ts';
import { DomainError } from './errors.ts';
import { PAGE_SIZE } from './guest-memory.ts';

/** Everything that goes into a domain's memory, and where. Good for any number of domains of one configuration. */
export type DomainPlan = PvhPlan;

/** The contents of the files that a configuration names. */
export interface DomainFiles {
  readonly kernel: Uint8Array;
  readonly ramdisk: Uint8Array | undefined;
  /** An HVM domain's BIOS, for hvmloader. */
  readonly bios?: Uint8Array;
}

/**
 * Unpacks the kernel and decides where everything goes. Nothing is made yet, so that a bad image leaves nothing behind.
 * Throws a DomainError with the builder's sentence and the key that it is about.
 */
export async function planDomain(config: DomainConfig, files: DomainFiles): Promise<DomainPlan> {
  const modules = files.ramdisk === undefined ? [] : [{ fileName: config.ramdisk ?? 'ramdisk', bytes: files.ramdisk }];
  try {
    const image = await loadKernel(config.kernel, files.kernel);
    const { vcpus, maxVcpus } = config;
    const sizes = { memoryMiB: config.memoryKib / 1024, maxMemoryMiB: config.maxMemoryKib / 1024, vcpus, maxVcpus };
    if (config.hvm !== undefined) {
      const bios = files.bios && { bios: { fileName: config.hvm.bios?.path ?? 'BIOS', bytes: files.bios } };
      return planHvm(image, { ...sizes, ...bios });
    }
    return planPvh(image, {
      ...sizes,
      ...(config.cmdline === undefined ? {} : { commandLine: config.cmdline }),
      modules,
    });
  } catch (error) {
    if (!(error instanceof XenolithError)) throw error;
    throw new DomainError(error.code, error.message, error.code === 'PVH_MEMORY' ? 'memory' : kernelKey(config));
  }
}

/** The key that names what a domain boots. */
function kernelKey({ hvm }: DomainConfig): string {
  return hvm === undefined ? 'kernel' : 'firmware_override';
}

/** KiB that the plan takes from the host: RAM, ACPI tables and special pages. */
export function memoryNeededKib(plan: DomainPlan): number {
  return plan.populate.reduce((sum, range) => sum + range.count, 0) * (PAGE_SIZE / 1024);
}
