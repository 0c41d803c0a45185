import {
  HVM_FILE_MAGIC,
  HVM_FILE_VERSION,
  HVM_SAVE_CODE_CPU,
  HVM_SAVE_CODE_HEADER,
  HVM_SAVE_CODE_MTRR,
  HvmHwMtrr,
  HvmSaveHeader,
  MTRR_VCNT,
  NUM_FIXED_MSR,
} from '../../../abi/arch-x86/hvm/save.ts';
import { HvmHwCpu } from '../../../abi/arch-x86/hvm/save-cpu.ts';
import { XenDomctlHvmcontext } from '../../../abi/domctl-state.ts';
import { EFAULT, EINVAL, ENODATA } from '../../../abi/errno.ts';
import { HVM_SAVE_CODE_END, HvmSaveDescriptor } from '../../../abi/hvm/save.ts';
import { OFFSET_PAT } from '../../../cpu/state.ts';
import type { Domain } from '../../common/domain.ts';
import { onDomain } from '../../common/domctl.ts';
import { loadCpuRecord } from './vcpu-context.ts';
import {
  MSR_MTRR_PHYSBASE0,
  MSR_MTRRdefType,
  MSR_MTRRfix16K_80000,
  MSR_MTRRfix4K_C0000,
  MSR_MTRRfix64K_00000,
} from './mtrr.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** More than a domain of 128 vCPUs saves. */
const MAX_CONTEXT_BYTES = 4 * 1024 * 1024;

/**
 * XEN_DOMCTL_sethvmcontext: loads records of an HVM domain's state. All its vCPUs go down first; those that get a CPU
 * record come up, to run when the domain does.
 */
export const domctlSethvmcontext = onDomain(({ call, at, domain }) => {
  const argument = new XenDomctlHvmcontext(call.view, at);
  if (domain === call.domain || domain.hvm === undefined) return -EINVAL;
  if (argument.size > MAX_CONTEXT_BYTES) return -EINVAL;
  const bytes = new Uint8Array(argument.size);
  if (!call.guest.read(argument.buffer, bytes)) return -EFAULT;
  domain.pause();
  const result = load(domain, bytes);
  domain.unpause();
  return result;
});

function load(domain: Domain, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer);
  let at = 0;
  let sawHeader = false;
  for (;;) {
    if (at + HvmSaveDescriptor.SIZE > bytes.length) return -ENODATA;
    const descriptor = new HvmSaveDescriptor(view, at);
    const body = at + HvmSaveDescriptor.SIZE;
    if (descriptor.typecode === HVM_SAVE_CODE_END) return 0;
    if (body + descriptor.length > bytes.length) return -ENODATA;
    if (!sawHeader) {
      if (descriptor.typecode !== HVM_SAVE_CODE_HEADER || !headerFits(view, body, descriptor.length)) return -EINVAL;
      for (const vcpu of domain.vcpus) vcpu.down();
      sawHeader = true;
    } else {
      const result = loadRecord(domain, descriptor, view, body);
      if (result !== 0) return result;
    }
    at = body + descriptor.length;
  }
}

function headerFits(view: DataView, at: number, length: number): boolean {
  if (length !== HvmSaveHeader.SIZE) return false;
  const header = new HvmSaveHeader(view, at);
  return header.magic === HVM_FILE_MAGIC && header.version === HVM_FILE_VERSION;
}

function loadRecord(domain: Domain, descriptor: HvmSaveDescriptor, view: DataView, at: number): number {
  const { typecode, instance, length } = descriptor;
  const vcpu = domain.hvm?.vcpus[instance];
  if (vcpu === undefined) return refuse(domain, `record ${typecode} is for vCPU ${instance}, which does not exist`);
  if (typecode === HVM_SAVE_CODE_CPU && length === HvmHwCpu.SIZE) {
    const result = loadCpuRecord(vcpu, new HvmHwCpu(view, at));
    if (result !== 0) return refuse(domain, `the CPU record of vCPU ${instance} has impossible control registers`);
    vcpu.vcpu.initialised = true;
    vcpu.vcpu.up();
    return 0;
  }
  if (typecode === HVM_SAVE_CODE_MTRR && length === HvmHwMtrr.SIZE) {
    return loadMtrr(vcpu, new HvmHwMtrr(view, at)) ? 0 : refuse(domain, 'the MTRR record has impossible memory types');
  }
  return refuse(domain, `record ${typecode} of ${length} bytes is not supported`);
}

function loadMtrr(vcpu: HvmVcpu, record: HvmHwMtrr): boolean {
  const { mtrr } = vcpu;
  for (let index = 0; index < MTRR_VCNT * 2; index++) {
    if (!mtrr.write(MSR_MTRR_PHYSBASE0 + index, record.msr_mtrr_var(index))) return false;
  }
  for (let index = 0; index < NUM_FIXED_MSR; index++) {
    if (!mtrr.write(fixedMsr(index), record.msr_mtrr_fixed(index))) return false;
  }
  if (record.msr_pat_cr !== 0n) vcpu.state.setU64(OFFSET_PAT, record.msr_pat_cr);
  return mtrr.write(MSR_MTRRdefType, record.msr_mtrr_def_type);
}

function fixedMsr(index: number): number {
  if (index === 0) return MSR_MTRRfix64K_00000;
  return index < 3 ? MSR_MTRRfix16K_80000 + index - 1 : MSR_MTRRfix4K_C0000 + index - 3;
}

function refuse(domain: Domain, why: string): number {
  domain.xen.log(`sethvmcontext of domain ${domain.id}: ${why}`);
  return -EINVAL;
}
