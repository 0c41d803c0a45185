import { CompatXenForeignMemoryMap, CompatXenMemoryMap } from '../../abi/compat/memory.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from '../../abi/errno.ts';
import { XenForeignMemoryMap, XenMemoryMap } from '../../abi/memory.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { isPrivileged, mayControl } from '../xsm.ts';
import type { Call, HypercallResult } from './call.ts';

/** Rows of a memory map a domain may have. */
const E820MAX = 1024;
const E820_ENTRY_SIZE = 20;
const E820_RAM = 1;

/** XENMEM_set_memory_map: what XENMEM_memory_map will answer; the builder's. */
export function xenmemSetMemoryMap(call: Call): HypercallResult {
  const structure = call.compat ? CompatXenForeignMemoryMap : XenForeignMemoryMap;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new structure(call.view, at);
  const { map } = argument;
  if (map.nr_entries > E820MAX) return -EINVAL;
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (!mayControl(call.domain, domain)) return -EPERM;
  const rows = new Uint8Array(map.nr_entries * E820_ENTRY_SIZE);
  if (!call.guest.read(map.buffer, rows)) return -EFAULT;
  domain.memoryMap = rows;
  return 0;
}

/** XENMEM_memory_map: the caller's own map; -ENOSYS where none was set. */
export function xenmemMemoryMap(call: Call): HypercallResult {
  const rows = call.domain.memoryMap;
  if (rows.length > 0) return answer(call, rows, false);
  return call.fetch(call.handle(1), XenMemoryMap.SIZE) < 0 ? -EFAULT : -ENOSYS;
}

/** XENMEM_machine_memory_map: the host's, for dom0: one block of RAM. */
export function xenmemMachineMemoryMap(call: Call): HypercallResult {
  if (call.domain.hvm !== undefined) return -ENOSYS;
  if (!isPrivileged(call.domain)) return -EPERM;
  const rows = new Uint8Array(E820_ENTRY_SIZE);
  const view = new DataView(rows.buffer);
  view.setBigUint64(8, BigInt(call.xen.memory.frameCount * PAGE_SIZE), true);
  view.setUint32(16, E820_RAM, true);
  return answer(call, rows, true);
}

function answer(call: Call, rows: Uint8Array, whole: boolean): HypercallResult {
  const structure = call.compat ? CompatXenMemoryMap : XenMemoryMap;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new structure(call.view, at);
  const count = rows.length / E820_ENTRY_SIZE;
  if (whole && argument.buffer !== 0n && argument.nr_entries < count) return -EINVAL;
  argument.nr_entries = Math.min(argument.nr_entries, count);
  if (!call.guest.write(argument.buffer, rows.subarray(0, argument.nr_entries * E820_ENTRY_SIZE))) return -EFAULT;
  return call.store(call.handle(1), at, structure.SIZE) ? 0 : -EFAULT;
}
