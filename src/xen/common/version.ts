import { CompatXenPlatformParameters } from '../../abi/compat/version.ts';
import { EFAULT, EINVAL, ENOBUFS, EPERM } from '../../abi/errno.ts';
import {
  XENFEAT_auto_translated_physmap,
  XENFEAT_direct_mapped,
  XENFEAT_dom0,
  XENFEAT_gnttab_map_avail_bits,
  XENFEAT_highmem_assist,
  XENFEAT_hvm_callback_vector,
  XENFEAT_hvm_safe_pvclock,
  XENFEAT_memory_op_vnode_supported,
  XENFEAT_mmu_pt_update_preserve_ad,
  XENFEAT_not_direct_mapped,
  XENFEAT_pae_pgdir_above_4gb,
  XENFEAT_writable_page_tables,
} from '../../abi/features.ts';
import {
  XEN_CAPABILITIES_INFO_LEN,
  XEN_CHANGESET_INFO_LEN,
  XEN_EXTRAVERSION_LEN,
  XenBuildId,
  XenCompileInfo,
  XenFeatureInfo,
  XenPlatformParameters,
} from '../../abi/version.ts';
import { VMASST_TYPE_pae_extended_cr3 } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { isPrivileged } from '../xsm.ts';
import type { Call, HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';

/** The interfaces we speak are those of Xen 4.17. */
export const XEN_VERSION = (4 << 16) | 17;
export const XEN_EXTRAVERSION = '.7';
const CAPABILITIES = 'hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ';
export const XEN_CHANGESET = '';
const DENIED = '<denied>';
/** HYPERVISOR_VIRT_START of 64-bit Xen, and of what 32-bit guests have of it. */
const VIRT_START = 0xffff800000000000n;
const COMPAT_VIRT_START = 0xf5800000n;
/** What is built in, as Xen's own configuration says it. */
export const BUILD_CONFIG =
  '# CONFIG_PV is not set\nCONFIG_HVM=y\n# CONFIG_SHADOW_PAGING is not set\nCONFIG_HYPFS=y\n# CONFIG_XSM is not set\n';
export const COMPILE_INFO = { compiler: 'TypeScript', compile_by: 'xenolith', compile_domain: '', compile_date: '' };
/** There is no linked image with an id; any fixed bytes tell one version from another. */
const BUILD_ID = Uint8Array.from([4, 17, 7, 0x78, 0x65, 0x6e, 0x6f, 0x6c, 0x69, 0x74, 0x68, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

// HYPERVISOR_xen_version: argument 0 is the operation, 1 points at room for the answer. The command line and the build
// id are for privileged domains; the dummy security module lets every guest ask for the rest.

/** XENVER_version: returns major << 16 | minor. */
export function xenverVersion(): HypercallResult {
  return XEN_VERSION;
}

/** XENVER_extraversion: what comes after it, ".7". */
export function xenverExtraversion(call: Call): HypercallResult {
  return answerText(call, XEN_EXTRAVERSION, XEN_EXTRAVERSION_LEN);
}

/** XENVER_compile_info */
export function xenverCompileInfo(call: Call): HypercallResult {
  const at = call.room(XenCompileInfo.SIZE);
  const info = new XenCompileInfo(call.view, at);
  putText(info.compiler, COMPILE_INFO.compiler);
  putText(info.compile_by, COMPILE_INFO.compile_by);
  putText(info.compile_domain, COMPILE_INFO.compile_domain);
  putText(info.compile_date, COMPILE_INFO.compile_date);
  return call.store(call.handle(1), at, XenCompileInfo.SIZE) ? 0 : -EFAULT;
}

/** XENVER_capabilities: which kinds of guests run here. */
export function xenverCapabilities(call: Call): HypercallResult {
  return answerText(call, CAPABILITIES, XEN_CAPABILITIES_INFO_LEN);
}

/** XENVER_changeset */
export function xenverChangeset(call: Call): HypercallResult {
  return answerText(call, XEN_CHANGESET, XEN_CHANGESET_INFO_LEN);
}

/** XENVER_platform_parameters */
export function xenverPlatformParameters(call: Call): HypercallResult {
  const structure = call.compat ? CompatXenPlatformParameters : XenPlatformParameters;
  const at = call.room(structure.SIZE);
  new structure(call.view, at).virt_start = call.compat ? COMPAT_VIRT_START : VIRT_START;
  return call.store(call.handle(1), at, structure.SIZE) ? 0 : -EFAULT;
}

/** XENVER_get_features: 32 bits of XENFEAT_*. */
export function xenverGetFeatures(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), XenFeatureInfo.SIZE);
  if (at < 0) return -EFAULT;
  const info = new XenFeatureInfo(call.view, at);
  if (info.submap_idx !== 0) return -EINVAL;
  info.submap = features(call.domain);
  return call.store(call.handle(1), at, XenFeatureInfo.SIZE) ? 0 : -EFAULT;
}

/** XENVER_pagesize: returns bytes. */
export function xenverPagesize(call: Call): HypercallResult {
  return call.handle(1) === 0n ? PAGE_SIZE : -EINVAL;
}

/** XENVER_guest_handle: the caller's UUID. */
export function xenverGuestHandle(call: Call): HypercallResult {
  return call.guest.write(call.handle(1), call.domain.handle) ? 0 : -EFAULT;
}

/** XENVER_commandline */
export function xenverCommandline(call: Call): HypercallResult {
  const text = isPrivileged(call.domain) ? (call.xen.platform.commandLine?.text ?? '') : DENIED;
  return answerText(call, text, isPrivileged(call.domain) ? XEN_CAPABILITIES_INFO_LEN : text.length + 1);
}

/** XENVER_build_id: returns its length, and fills it in where there is room. */
export function xenverBuildId(call: Call): HypercallResult {
  if (!isPrivileged(call.domain)) return -EPERM;
  if (call.handle(1) === 0n) return BUILD_ID.length;
  const at = call.fetch(call.handle(1), XenBuildId.SIZE);
  if (at < 0) return -EFAULT;
  const room = new XenBuildId(call.view, at).len;
  if (room === 0) return -EINVAL;
  if (room < BUILD_ID.length) return -ENOBUFS;
  return call.guest.write(call.handle(1) + BigInt(XenBuildId.SIZE), BUILD_ID) ? BUILD_ID.length : -EFAULT;
}

function features(domain: Domain): number {
  const bits = [XENFEAT_memory_op_vnode_supported];
  if ((domain.vmAssist & (1 << VMASST_TYPE_pae_extended_cr3)) !== 0) bits.push(XENFEAT_pae_pgdir_above_4gb);
  if (domain.id === 0) bits.push(XENFEAT_dom0);
  if (domain.p2m !== undefined) {
    bits.push(XENFEAT_writable_page_tables, XENFEAT_auto_translated_physmap, XENFEAT_not_direct_mapped);
  } else bits.push(XENFEAT_direct_mapped);
  if (domain.hvm !== undefined) bits.push(XENFEAT_hvm_safe_pvclock, XENFEAT_hvm_callback_vector);
  else bits.push(XENFEAT_mmu_pt_update_preserve_ad, XENFEAT_highmem_assist, XENFEAT_gnttab_map_avail_bits);
  return bits.reduce((word, bit) => word | (1 << bit), 0);
}

function answerText(call: Call, text: string, length: number): HypercallResult {
  const bytes = new Uint8Array(length);
  putText(bytes, text);
  return call.guest.write(call.handle(1), bytes) ? 0 : -EFAULT;
}

/** Fills a field with ASCII text and NULs; the last byte is a NUL. */
function putText(field: Uint8Array, text: string): void {
  field.fill(0);
  for (let index = 0; index < Math.min(text.length, field.length - 1); index++) field[index] = text.charCodeAt(index);
}
