import { EDOM, EFAULT, EINVAL, ENOBUFS, ENOSPC, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import {
  XEN_HYPFS_ENC_PLAIN,
  XEN_HYPFS_MAX_PATHLEN,
  XEN_HYPFS_TYPE_DIR,
  XEN_HYPFS_VERSION,
  XenHypfsDirentry,
  XenHypfsDirlistentry,
} from '../../abi/hypfs.ts';
import { isPrivileged } from '../xsm.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import { findNode, type HypfsNode } from './hypfs.ts';

// HYPERVISOR_hypfs_op: argument 0 is the operation, 1 and 2 a path and its length, 3 and 4 a buffer and its length.

/** XEN_HYPFS_OP_get_version */
export function hypfsGetVersion(call: Call): HypercallResult {
  if (!isPrivileged(call.domain)) return -EPERM;
  return call.args.subarray(1, 5).some((argument) => argument !== 0n) ? -EINVAL : XEN_HYPFS_VERSION;
}

/** XEN_HYPFS_OP_read: what a node is, and its contents where there is room for them. */
export function hypfsRead(call: Call): HypercallResult {
  return withNode(call, (node, room) => {
    const bytes = node.type === XEN_HYPFS_TYPE_DIR ? listing(node.nodes) : node.contents;
    if (room < XenHypfsDirentry.SIZE) return -EINVAL;
    const entry = new Uint8Array(XenHypfsDirentry.SIZE);
    describe(node, new XenHypfsDirentry(new DataView(entry.buffer), 0));
    if (!call.guest.write(call.handle(3), entry)) return -EFAULT;
    if (room < entry.length + bytes.length) return -ENOBUFS;
    return call.guest.write(element(call.handle(3), entry.length, 1), bytes) ? 0 : -EFAULT;
  });
}

/** XEN_HYPFS_OP_write_contents */
export function hypfsWriteContents(call: Call): HypercallResult {
  return withNode(call, (node, length) => {
    if (node.maxWriteBytes === 0) return node.write(new Uint8Array(0));
    if (length > node.maxWriteBytes) return -ENOSPC;
    const bytes = new Uint8Array(length);
    if (!call.guest.read(call.handle(3), bytes)) return -EFAULT;
    return bytes.indexOf(0) === length - 1 ? node.write(bytes) : -EDOM;
  });
}

/** What any other operation answers, after the path has been looked at. */
export function hypfsUnknown(call: Call): HypercallResult {
  return withNode(call, () => -EOPNOTSUPP);
}

function withNode(call: Call, operate: (node: HypfsNode, length: number) => HypercallResult): HypercallResult {
  if (!isPrivileged(call.domain)) return -EPERM;
  const length = call.long(2);
  if (length > XEN_HYPFS_MAX_PATHLEN) return -EINVAL;
  const path = new Uint8Array(length);
  if (!call.guest.read(call.handle(1), path)) return -EFAULT;
  if (length === 0 || path.indexOf(0) !== length - 1) return -EINVAL;
  const node = findNode(call.xen, String.fromCharCode(...path.subarray(0, -1)));
  return typeof node === 'number' ? node : operate(node, call.long(4));
}

function listing(nodes: readonly HypfsNode[]): Uint8Array {
  const sizes = nodes.map(({ name }) => (XenHypfsDirlistentry.AT_name + name.length + 1 + 3) & ~3);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  nodes.forEach((node, index) => {
    const entry = new XenHypfsDirlistentry(new DataView(bytes.buffer), at);
    const size = sizes[index] as number;
    describe(node, entry.e);
    entry.off_next = index === nodes.length - 1 ? 0 : size;
    for (let letter = 0; letter < node.name.length; letter++) {
      bytes[at + XenHypfsDirlistentry.AT_name + letter] = node.name.charCodeAt(letter);
    }
    at += size;
  });
  return bytes;
}

function describe(node: HypfsNode, entry: XenHypfsDirentry): void {
  entry.type = node.type;
  entry.encoding = XEN_HYPFS_ENC_PLAIN;
  entry.pad = 0;
  entry.content_len = node.type === XEN_HYPFS_TYPE_DIR ? listing(node.nodes).length : node.contents.length;
  entry.max_write_len = node.maxWriteBytes;
}
