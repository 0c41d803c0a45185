import { assert } from '../../lib/assert.ts';
import { XenolithError } from '../../lib/errors.ts';
import { type KernelImage, loadKernel } from '../builder/kernel-image.ts';
import { planHvm } from '../builder/hvm.ts';
import { planPvh, type PvhPlan } from '../builder/pvh.ts';
import type { PvhModule } from '../builder/start-info.ts';
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
  /** What a PV kernel runs in. */
  readonly shim?: Uint8Array;
}

/**
 * Unpacks the kernel and decides where everything goes. Nothing is made yet, so that a bad image leaves nothing behind.
 * Throws a DomainError with the builder's sentence and the key that it is about.
 */
export async function planDomain(config: DomainConfig, files: DomainFiles): Promise<DomainPlan> {
  try {
    const { image, commandLine, modules } = await started(config, files);
    const { vcpus, maxVcpus } = config;
    const sizes = { memoryMiB: config.memoryKib / 1024, maxMemoryMiB: config.maxMemoryKib / 1024, vcpus, maxVcpus };
    if (config.hvm !== undefined) {
      const bios = files.bios && { bios: { fileName: config.hvm.bios?.path ?? 'BIOS', bytes: files.bios } };
      return planHvm(image, { ...sizes, ...bios });
    }
    return planPvh(image, {
      ...sizes,
      ...(commandLine === undefined ? {} : { commandLine }),
      modules,
    });
  } catch (error) {
    if (!(error instanceof XenolithError) || error instanceof DomainError) throw error;
    throw new DomainError(error.code, error.message, error.code === 'PVH_MEMORY' ? 'memory' : kernelKey(config));
  }
}

interface Started {
  readonly image: KernelImage;
  readonly commandLine: string | undefined;
  readonly modules: readonly PvhModule[];
}

/**
 * What is started, and with what beside it: the kernel, or the shim, which finds the PV kernel as its first module with
 * the kernel's command line, and the ramdisk as its second (libxl__domain_firmware).
 */
async function started(config: DomainConfig, { kernel, ramdisk, shim }: DomainFiles): Promise<Started> {
  const { pvShim, cmdline } = config;
  const ramdisks = ramdisk === undefined ? [] : [{ fileName: config.ramdisk ?? 'ramdisk', bytes: ramdisk }];
  if (pvShim === undefined) {
    return { image: await loadKernel(config.kernel, kernel), commandLine: cmdline, modules: ramdisks };
  }
  assert(shim !== undefined, 'whoever plans a domain with a shim has read it');
  // An empty module is left out of the list, and the shim would take the ramdisk for the kernel.
  if (kernel.length === 0) throw new DomainError('KERNEL_FORMAT', `${config.kernel}: is empty`, 'kernel');
  const pvKernel = {
    fileName: config.kernel,
    bytes: kernel,
    ...(cmdline === undefined ? {} : { commandLine: cmdline }),
  };
  return {
    image: await loadKernel(pvShim.path ?? 'xen-shim', shim),
    commandLine: pvShim.extra === undefined ? pvShim.cmdline : `${pvShim.cmdline} ${pvShim.extra}`,
    modules: [pvKernel, ...ramdisks],
  };
}

/** The key that names what a domain boots. */
function kernelKey({ hvm, pvShim }: DomainConfig): string {
  if (pvShim !== undefined) return pvShim.path === undefined ? 'pvshim' : 'pvshim_path';
  return hvm === undefined ? 'kernel' : 'firmware_override';
}

/** KiB that the plan takes from the host: RAM, ACPI tables and special pages. */
export function memoryNeededKib(plan: DomainPlan): number {
  return plan.populate.reduce((sum, range) => sum + range.count, 0) * (PAGE_SIZE / 1024);
}
