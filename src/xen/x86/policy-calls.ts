import { XenCpuidLeaf, XenMsrEntry } from '../../abi/arch-x86/xen.ts';
import { XenDomctlCpuPolicy } from '../../abi/domctl-state.ts';
import { E2BIG, EEXIST, EFAULT, EINVAL, ENOBUFS, EOPNOTSUPP } from '../../abi/errno.ts';
import {
  XEN_SYSCTL_cpu_featureset_host,
  XEN_SYSCTL_cpu_featureset_hvm,
  XEN_SYSCTL_cpu_featureset_hvm_max,
  XEN_SYSCTL_cpu_featureset_raw,
  XEN_SYSCTL_cpu_policy_hvm_default,
  XEN_SYSCTL_cpu_policy_hvm_max,
  XenSysctlCpuFeatureset,
  XenSysctlCpuLevellingCaps,
  XenSysctlCpuPolicy,
} from '../../abi/sysctl.ts';
import { type Call, element, type Handle, type HypercallResult } from '../common/call.ts';
import { onDomain } from '../common/domctl.ts';
import { withSysctl } from '../common/sysctl.ts';
import { CpuPolicy, HvmMaxPolicy, type PolicyLeaf, type PolicyMsr } from './cpu-policy.ts';

// What processors say of themselves, to and from toolstacks: arrays of struct xen_cpuid_leaf and xen_msr_entry.

/** Rows a toolstack makes room for, and at most passes. */
const MAX_LEAVES = 128;
const MAX_MSRS = 2;
const NONE = 0xffffffff;
const POLICIES = 6;
const FEATURE_SETS = 6;

/** XEN_DOMCTL_get_cpu_policy */
export const domctlGetCpuPolicy = onDomain((state) => {
  const { call, at, domain } = state;
  if (domain.hvm === undefined) return -EINVAL;
  state.answer = true;
  return tell(call, domain.hvm.cpuPolicy, new XenDomctlCpuPolicy(call.view, at));
});

/** XEN_DOMCTL_set_cpu_policy: before the domain first runs. What cannot be is refused, and named. */
export const domctlSetCpuPolicy = onDomain((state) => {
  const { call, at, domain } = state;
  if (domain === call.domain || domain.hvm === undefined) return -EINVAL;
  if (domain.creationFinished) return -EEXIST;
  const argument = new XenDomctlCpuPolicy(call.view, at);
  if (argument.nr_leaves > MAX_LEAVES || argument.nr_msrs > MAX_MSRS) return -E2BIG;
  const leaves = readLeaves(call, argument.leaves, argument.nr_leaves);
  const msrs = readMsrs(call, argument.msrs, argument.nr_msrs);
  if (leaves === undefined || msrs === undefined) return -EFAULT;
  const flagged = msrs.find(({ flags }) => flags !== 0);
  const next =
    flagged === undefined ? domain.hvm.cpuPolicy.changed(leaves, msrs) : { errno: EINVAL, msr: flagged.index };
  if (next instanceof CpuPolicy) {
    domain.hvm.cpuPolicy = next;
    return 0;
  }
  argument.err_leaf = next.leaf ?? NONE;
  argument.err_subleaf = next.subleaf ?? NONE;
  argument.err_msr = next.msr ?? NONE;
  state.answer = true;
  return -next.errno;
});

/** XEN_SYSCTL_get_cpu_policy: of the processor, and of HVM domains; PV ones there are not. */
export function sysctlGetCpuPolicy(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlCpuPolicy(call.view, at);
    if (argument._rsvd !== 0 || argument.index >= POLICIES) return -EINVAL;
    const policy = systemPolicy(call, argument.index);
    return policy === undefined ? -EOPNOTSUPP : tell(call, policy, argument);
  });
}

/** XEN_SYSCTL_get_cpu_featureset */
export function sysctlGetCpuFeatureset(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const argument = new XenSysctlCpuFeatureset(call.view, at);
    if (argument.features === 0n) {
      argument.nr_features = systemPolicy(call, XEN_SYSCTL_cpu_featureset_host)?.featureWords().length ?? 0;
      return 0;
    }
    if (argument.index >= FEATURE_SETS) return -EINVAL;
    const words = featureSet(call, argument.index);
    if (words === undefined) return -EOPNOTSUPP;
    const count = Math.min(argument.nr_features, words.length);
    const bytes = new Uint8Array(Uint32Array.from(words.slice(0, count)).buffer);
    if (!call.guest.write(argument.features, bytes)) return -EFAULT;
    argument.nr_features = count;
    return count < words.length ? -ENOBUFS : 0;
  });
}

/** XEN_SYSCTL_get_cpu_levelling_caps: how PV guests' CPUID could be changed: not at all. */
export function sysctlGetCpuLevellingCaps(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    new XenSysctlCpuLevellingCaps(call.view, at).caps = 0;
    return 0;
  });
}

/** By XEN_SYSCTL_cpu_policy_*: raw and host, then PV's and HVM's, most and default. */
function systemPolicy(call: Call, index: number): CpuPolicy | undefined {
  const { cpuid } = call.xen.platform;
  if (index < 2) return new CpuPolicy(cpuid);
  const isMost = index === XEN_SYSCTL_cpu_policy_hvm_max;
  if (!isMost && index !== XEN_SYSCTL_cpu_policy_hvm_default) return undefined;
  return new CpuPolicy(new HvmMaxPolicy(cpuid, isMost));
}

/** Feature sets are numbered in another order than policies. */
function featureSet(call: Call, index: number): number[] | undefined {
  switch (index) {
    case XEN_SYSCTL_cpu_featureset_raw:
    case XEN_SYSCTL_cpu_featureset_host:
      return systemPolicy(call, index)?.featureWords();
    case XEN_SYSCTL_cpu_featureset_hvm:
      return systemPolicy(call, XEN_SYSCTL_cpu_policy_hvm_default)?.featureWords();
    case XEN_SYSCTL_cpu_featureset_hvm_max:
      return systemPolicy(call, XEN_SYSCTL_cpu_policy_hvm_max)?.featureWords();
    default:
      return undefined;
  }
}

/** Fills in the arrays that there is room for; without an array, how much room there should be. */
function tell(call: Call, policy: CpuPolicy, argument: XenDomctlCpuPolicy | XenSysctlCpuPolicy): HypercallResult {
  if (argument.leaves === 0n) argument.nr_leaves = MAX_LEAVES;
  else {
    const rows = policy.leaves();
    if (rows.length > argument.nr_leaves) return -ENOBUFS;
    if (!rows.every((row, index) => storeLeaf(call, argument.leaves, index, row))) return -EFAULT;
    argument.nr_leaves = rows.length;
  }
  if (argument.msrs === 0n) argument.nr_msrs = MAX_MSRS;
  else {
    const rows = policy.msrs();
    if (rows.length > argument.nr_msrs) return -ENOBUFS;
    if (!rows.every((row, index) => storeMsr(call, argument.msrs, index, row))) return -EFAULT;
    argument.nr_msrs = rows.length;
  }
  return 0;
}

function storeLeaf(call: Call, array: Handle, index: number, { leaf, subleaf, values }: PolicyLeaf): boolean {
  const room = call.room(XenCpuidLeaf.SIZE);
  const row = new XenCpuidLeaf(call.view, room);
  row.leaf = leaf;
  row.subleaf = subleaf;
  [row.a, row.b, row.c, row.d] = values as [number, number, number, number];
  const stored = call.store(element(array, index, XenCpuidLeaf.SIZE), room, XenCpuidLeaf.SIZE);
  call.release(room);
  return stored;
}

function storeMsr(call: Call, array: Handle, index: number, { index: msr, value }: PolicyMsr): boolean {
  const room = call.room(XenMsrEntry.SIZE);
  const row = new XenMsrEntry(call.view, room);
  row.idx = msr;
  row.val = value;
  const stored = call.store(element(array, index, XenMsrEntry.SIZE), room, XenMsrEntry.SIZE);
  call.release(room);
  return stored;
}

function readLeaves(call: Call, array: Handle, count: number): PolicyLeaf[] | undefined {
  const rows: PolicyLeaf[] = [];
  for (let index = 0; index < count; index++) {
    const at = call.fetch(element(array, index, XenCpuidLeaf.SIZE), XenCpuidLeaf.SIZE);
    if (at < 0) return undefined;
    const { leaf, subleaf, a, b, c, d } = new XenCpuidLeaf(call.view, at);
    rows.push({ leaf, subleaf, values: [a, b, c, d] });
    call.release(at);
  }
  return rows;
}

function readMsrs(call: Call, array: Handle, count: number): (PolicyMsr & { flags: number })[] | undefined {
  const rows: (PolicyMsr & { flags: number })[] = [];
  for (let index = 0; index < count; index++) {
    const at = call.fetch(element(array, index, XenMsrEntry.SIZE), XenMsrEntry.SIZE);
    if (at < 0) return undefined;
    const { idx, flags, val } = new XenMsrEntry(call.view, at);
    rows.push({ index: idx, flags, value: val });
    call.release(at);
  }
  return rows;
}
