import {
  HVM_FILE_MAGIC,
  HVM_FILE_VERSION,
  HVM_SAVE_CODE_HEADER,
  HVM_SAVE_CODE_MAX,
  HvmSaveHeader,
} from '../../../abi/arch-x86/hvm/save.ts';
import { XenDomctlHvmcontext, XenDomctlHvmcontextPartial } from '../../../abi/domctl-state.ts';
import { EFAULT, EINVAL, ENOBUFS, ENODATA, ENOENT, ENOSPC, EOPNOTSUPP } from '../../../abi/errno.ts';
import { HVM_SAVE_CODE_END, HvmSaveDescriptor } from '../../../abi/hvm/save.ts';
import type { Domain } from '../../common/domain.ts';
import { onDomain } from '../../common/domctl.ts';
import { TSC_KHZ } from '../time.ts';
import { isSavable } from './nested-svm.ts';
import { SAVE_RECORDS, type SaveRecord } from './save-records.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** More than a domain of 128 vCPUs saves. */
const MAX_CONTEXT_BYTES = 4 * 1024 * 1024;
const UNKNOWN_CHANGESET = 0xffffffffffffffffn;

/** XEN_DOMCTL_gethvmcontext: all records of an HVM domain's state; without a buffer, how many bytes they are. */
export const domctlGethvmcontext = onDomain((state) => {
  const { call, at, domain } = state;
  const argument = new XenDomctlHvmcontext(call.view, at);
  if (domain === call.domain || domain.hvm === undefined) return -EINVAL;
  const nested = domain.hvm.vcpus.find((vcpu) => !isSavable(vcpu));
  if (nested !== undefined) {
    domain.xen.log(
      `gethvmcontext of domain ${domain.id}: vCPU ${nested.vcpuId} has SVM in use, which no record is for`,
    );
    return -EOPNOTSUPP;
  }
  state.answer = true;
  const bytes = save(domain);
  const room = argument.size;
  argument.size = bytes.length;
  if (argument.buffer === 0n) return 0;
  if (room < bytes.length) return -ENOSPC;
  return call.guest.write(argument.buffer, bytes) ? 0 : -EFAULT;
});

/** XEN_DOMCTL_gethvmcontext_partial: one record, without its descriptor. */
export const domctlGethvmcontextPartial = onDomain((state) => {
  const { call, at, domain } = state;
  const argument = new XenDomctlHvmcontextPartial(call.view, at);
  if (domain === call.domain || domain.hvm === undefined || domain.dying) return -EINVAL;
  if (argument.type > HVM_SAVE_CODE_MAX) return -EINVAL;
  const record = SAVE_RECORDS.find(({ typecode }) => typecode === argument.type);
  if (record === undefined) return argument.type === HVM_SAVE_CODE_HEADER ? -EINVAL : -ENOENT;
  const vcpu = domain.hvm.vcpus[argument.instance];
  if (vcpu === undefined) return -ENOENT;
  const bytes = saveOne(vcpu, record);
  if (bytes === undefined) return -ENOENT;
  const body = bytes.subarray(HvmSaveDescriptor.SIZE);
  const room = argument.bufsz;
  if (argument.buffer !== 0n) {
    if (room < body.length) return -ENOBUFS;
    if (!call.guest.write(argument.buffer, body)) return -EFAULT;
  }
  argument.bufsz = body.length;
  state.answer = true;
  return 0;
});

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

function save(domain: Domain): Uint8Array {
  domain.pause();
  const parts = [header(domain)];
  const vcpus = domain.hvm?.vcpus ?? [];
  for (const record of SAVE_RECORDS) {
    for (const vcpu of vcpus) {
      const bytes = saveOne(vcpu, record);
      if (bytes !== undefined) parts.push(bytes);
    }
  }
  parts.push(recordOf(HVM_SAVE_CODE_END, 0, 0));
  domain.unpause();
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((offset, part) => {
    all.set(part, offset);
    return offset + part.length;
  }, 0);
  return all;
}

/** A record with its descriptor; undefined where the vCPU has none of the kind. */
function saveOne(vcpu: HvmVcpu, record: SaveRecord): Uint8Array | undefined {
  const bytes = recordOf(record.typecode, vcpu.vcpuId, record.size);
  return record.save(vcpu, new DataView(bytes.buffer), HvmSaveDescriptor.SIZE) ? bytes : undefined;
}

function recordOf(typecode: number, instance: number, length: number): Uint8Array {
  const bytes = new Uint8Array(HvmSaveDescriptor.SIZE + length);
  const descriptor = new HvmSaveDescriptor(new DataView(bytes.buffer), 0);
  descriptor.typecode = typecode;
  descriptor.instance = instance;
  descriptor.length = length;
  return bytes;
}

function header(domain: Domain): Uint8Array {
  const bytes = recordOf(HVM_SAVE_CODE_HEADER, 0, HvmSaveHeader.SIZE);
  const fields = new HvmSaveHeader(new DataView(bytes.buffer), HvmSaveDescriptor.SIZE);
  const leaf = new Uint32Array(4);
  domain.xen.platform.cpuid.leaf(1, 0, leaf);
  fields.magic = HVM_FILE_MAGIC;
  fields.version = HVM_FILE_VERSION;
  fields.changeset = UNKNOWN_CHANGESET;
  fields.cpuid = leaf[0] as number;
  fields.gtsc_khz = TSC_KHZ;
  return bytes;
}

function load(domain: Domain, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer);
  const nowNs = domain.xen.now();
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
      const result = loadRecord(domain, descriptor, view, body, nowNs);
      if (result !== 0) return result;
    }
    at = body + descriptor.length;
  }
}

function headerFits(view: DataView, at: number, length: number): boolean {
  if (length !== HvmSaveHeader.SIZE) return false;
  const fields = new HvmSaveHeader(view, at);
  return fields.magic === HVM_FILE_MAGIC && fields.version === HVM_FILE_VERSION;
}

function loadRecord(domain: Domain, descriptor: HvmSaveDescriptor, view: DataView, at: number, nowNs: number): number {
  const { typecode, instance, length } = descriptor;
  const vcpu = domain.hvm?.vcpus[instance];
  if (vcpu === undefined) return refuse(domain, `record ${typecode} is for vCPU ${instance}, which does not exist`);
  const record = SAVE_RECORDS.find((one) => one.typecode === typecode);
  const fits = record !== undefined && (record.varies === true ? length >= record.size : length === record.size);
  if (!fits) return refuse(domain, `record ${typecode} of ${length} bytes is not supported`);
  const problem = record.load(vcpu, view, at, length, nowNs);
  return problem === undefined ? 0 : refuse(domain, `record ${typecode} of vCPU ${instance} has ${problem}`);
}

function refuse(domain: Domain, why: string): number {
  domain.xen.log(`sethvmcontext of domain ${domain.id}: ${why}`);
  return -EINVAL;
}
