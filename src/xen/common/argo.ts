import {
  XEN_ARGO_DOMID_ANY,
  XEN_ARGO_MAX_RING_SIZE,
  XEN_ARGO_MAXIOV,
  XEN_ARGO_MSG_SLOT_SIZE,
  XEN_ARGO_REGISTER_FLAG_FAIL_EXIST,
  XEN_ARGO_RING_EBUSY,
  XEN_ARGO_RING_EMPTY,
  XEN_ARGO_RING_EMSGSIZE,
  XEN_ARGO_RING_EXISTS,
  XEN_ARGO_RING_SHARED,
  XEN_ARGO_RING_SUFFICIENT,
  XenArgoIov,
  XenArgoRegisterRing,
  XenArgoRingData,
  XenArgoRingDataEnt,
  XenArgoRingMessageHeader,
  XenArgoSendAddr,
  XenArgoUnregisterRing,
} from '../../abi/argo.ts';
import { CompatXenArgoIov } from '../../abi/compat/argo.ts';
import {
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EEXIST,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  ENOSPC,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
} from '../../abi/errno.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_RAM_RW } from '../x86/mm/p2m.ts';
import { mayArgoFromAnybody } from '../xsm.ts';
import { type Buffer, pagesFor, Ring, slots } from './argo-ring.ts';
import { type Call, element, type Handle, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';

// HYPERVISOR_argo_op: messages that Xen copies from one domain into a ring of another's. Arguments 3 and 4 are plain
// numbers of 32 bits.

const MAX_RINGS = 128;
const MAX_ENTRIES = 256;
const MAX_MESSAGE = XEN_ARGO_MAX_RING_SIZE - XenArgoRingMessageHeader.SIZE;
const GFN_BYTES = 8;
/** A header, a message of one slot, and one that stays free. */
const MIN_RING = XenArgoRingMessageHeader.SIZE + 2 * XEN_ARGO_MSG_SLOT_SIZE;

/** What every operation refuses, and those there are not. */
export function admitArgo(call: Call): HypercallResult {
  return hasWideArguments(call) ? -EINVAL : -EOPNOTSUPP;
}

/** XEN_ARGO_OP_register_ring: memory of the caller's for messages from a partner. */
export function argoRegisterRing(call: Call): HypercallResult {
  const pages = call.u32(3);
  const flags = call.u32(4);
  if (hasWideArguments(call) || pages > XEN_ARGO_MAX_RING_SIZE / PAGE_SIZE) return -EINVAL;
  if ((flags & ~XEN_ARGO_REGISTER_FLAG_FAIL_EXIST) !== 0) return -EINVAL;
  const at = call.fetchArgument(1, XenArgoRegisterRing.SIZE);
  if (at < 0) return -EFAULT;
  const { aport, partner_id: partner, pad, len } = new XenArgoRegisterRing(call.view, at);
  if (len < MIN_RING || len > XEN_ARGO_MAX_RING_SIZE || len !== slots(len)) return -EINVAL;
  if (pagesFor(len) !== pages || pad !== 0) return -EINVAL;
  if (partner === XEN_ARGO_DOMID_ANY) {
    if (!mayArgoFromAnybody(call.domain)) return -EPERM;
  } else if (call.xen.domains.get(partner) === undefined) {
    return -ESRCH;
  }

  const { argo } = call.domain;
  const known = argo.find(aport, partner);
  if (known === undefined && argo.count >= MAX_RINGS) return -ENOSPC;
  if (known !== undefined && ((flags & XEN_ARGO_REGISTER_FLAG_FAIL_EXIST) !== 0 || known.length !== len)) {
    return -EEXIST;
  }
  const mfns: number[] = [];
  const held = holdPages(call, pages, mfns);
  if (held < 0) {
    for (const mfn of mfns) call.xen.frames.put(mfn);
    if (known !== undefined) argo.remove(known);
    return held;
  }
  const ring = known ?? new Ring(call.domain, aport, partner, len);
  ring.place(mfns);
  argo.add(ring);
  return 0;
}

/** XEN_ARGO_OP_unregister_ring */
export function argoUnregisterRing(call: Call): HypercallResult {
  if (hasWideArguments(call) || hasMoreArguments(call)) return -EINVAL;
  const at = call.fetchArgument(1, XenArgoUnregisterRing.SIZE);
  if (at < 0) return -EFAULT;
  const { aport, partner_id: partner, pad } = new XenArgoUnregisterRing(call.view, at);
  if (pad !== 0) return -EINVAL;
  const { argo } = call.domain;
  const ring = argo.find(aport, partner);
  if (ring === undefined) return -ENOENT;
  argo.remove(ring);
  return 0;
}

/** XEN_ARGO_OP_sendv: one message of several buffers; the bytes that were sent. */
export function argoSendv(call: Call): HypercallResult {
  if (hasWideArguments(call)) return -EINVAL;
  const at = call.fetchArgument(1, XenArgoSendAddr.SIZE);
  if (at < 0) return -EFAULT;
  const { src, dst } = new XenArgoSendAddr(call.view, at);
  const count = call.u32(3);
  if (count > XEN_ARGO_MAXIOV) return -EINVAL;
  const structure = call.compat ? CompatXenArgoIov : XenArgoIov;
  const vectors = call.fetchArgument(2, count * structure.SIZE);
  if (vectors < 0) return -EFAULT;
  const buffers = Array.from(
    { length: count },
    (_, index) => new structure(call.view, vectors + index * structure.SIZE),
  );

  if (src.pad !== 0 || dst.pad !== 0) return -EINVAL;
  const sender = call.domain;
  if (src.domain_id !== XEN_ARGO_DOMID_ANY && src.domain_id !== sender.id) return -EPERM;
  const receiver = call.xen.domains.get(dst.domain_id);
  if (receiver === undefined) return -ESRCH;
  const ring = receiver.argo.findFor(dst.aport, sender.id);
  if (ring === undefined) return -ECONNREFUSED;
  const length = messageLength(buffers);
  if (length < 0) return length;

  const source = { aport: src.aport, domid: sender.id };
  const parts = buffers.map(({ iov_hndLo: lo, iov_hndHi: hi, iov_len }): Buffer => ({ lo, hi, length: iov_len }));
  const result = ring.insert(source, call.u32(4), call.guest, parts, length);
  if (result === -EAGAIN) return ring.await(sender.id, length) || -EAGAIN;
  if (result < 0) return result;
  receiver.argo.signal();
  return length;
}

/** XEN_ARGO_OP_notify: the caller has taken messages; and it asks about rings it wants to send to. */
export function argoNotify(call: Call): HypercallResult {
  if (hasWideArguments(call) || hasMoreArguments(call)) return -EINVAL;
  for (const ring of call.domain.argo.rings) {
    for (const domid of ring.takeReady()) call.xen.domains.get(domid)?.argo.signal();
  }
  const list = call.handle(1);
  if (list === 0n) return 0;
  const at = call.fetch(list, XenArgoRingData.SIZE);
  if (at < 0) return -EFAULT;
  const { nent: count } = new XenArgoRingData(call.view, at);
  if (count > MAX_ENTRIES) return -EACCES;
  const first = element(list, 1, XenArgoRingData.SIZE);
  for (let index = 0; index < count; index++) {
    if (!tellOfRing(call, element(first, index, XenArgoRingDataEnt.SIZE))) return -EFAULT;
  }
  return 0;
}

function hasWideArguments(call: Call): boolean {
  return call.upper(3) !== 0 || call.upper(4) !== 0;
}

function hasMoreArguments(call: Call): boolean {
  return call.handle(2) !== 0n || call.u32(3) !== 0 || call.u32(4) !== 0;
}

/** Holds the pages of argument 2, all of which must be the caller's own writable memory; 0 or an errno. */
function holdPages(call: Call, pages: number, mfns: number[]): number {
  const { domain, xen } = call;
  for (let page = 0; page < pages; page++) {
    const at = call.fetch(element(call.handle(2), page, GFN_BYTES), GFN_BYTES);
    if (at < 0) return -EFAULT;
    const gfn = call.view.getUint32(at, true) + call.view.getUint32(at + 4, true) * 0x1_0000_0000;
    call.release(at);
    const mfn = ownFrame(domain, gfn);
    if (mfn < 0) return mfn;
    if (!xen.frames.get(mfn, domain)) return -EINVAL;
    mfns.push(mfn);
  }
  return 0;
}

function ownFrame({ p2m }: Domain, gfn: number): number {
  if (p2m === undefined) return gfn;
  if (p2m.type(gfn) !== P2M_RAM_RW) return -EINVAL;
  // Nobody would note what Xen writes later: the guest may ask again when it has written there itself.
  return p2m.logDirty?.isDirty(gfn) === false ? -EAGAIN : p2m.mfn(gfn);
}

/** Bytes of all buffers together; an errno where that is too much, or a buffer is not as it should be. */
function messageLength(buffers: readonly { readonly pad: number; readonly iov_len: number }[]): number {
  let length = 0;
  for (const { pad, iov_len: bytes } of buffers) {
    if (pad !== 0 || bytes > MAX_MESSAGE) return -EINVAL;
    length += bytes;
    if (length > MAX_MESSAGE) return -EMSGSIZE;
  }
  return length;
}

/** Answers one question of XEN_ARGO_OP_notify; false where it cannot be read or written. */
function tellOfRing(call: Call, pointer: Handle): boolean {
  const at = call.fetch(pointer, XenArgoRingDataEnt.SIZE);
  if (at < 0) return false;
  const entry = new XenArgoRingDataEnt(call.view, at);
  entry.flags = 0;
  const ring = call.xen.domains.get(entry.ring.domain_id)?.argo.findFor(entry.ring.aport, call.domain.id);
  if (ring !== undefined) {
    const { space, maxMessage } = ring;
    entry.max_message_size = maxMessage;
    entry.flags =
      XEN_ARGO_RING_EXISTS |
      (ring.isShared ? XEN_ARGO_RING_SHARED : 0) |
      (space === maxMessage ? XEN_ARGO_RING_EMPTY : 0) |
      sufficiency(ring, call.domain, entry.space_required);
  }
  const stored = call.store(pointer, at, XenArgoRingDataEnt.SIZE);
  call.release(at);
  return stored;
}

/** Whether there is room; where there is not yet, the caller will hear of it. */
function sufficiency(ring: Ring, sender: Domain, bytes: number): number {
  if (bytes > ring.maxMessage) return XEN_ARGO_RING_EMSGSIZE;
  if (ring.space >= bytes) {
    ring.forget(sender.id);
    return XEN_ARGO_RING_SUFFICIENT;
  }
  return ring.await(sender.id, bytes) < 0 ? XEN_ARGO_RING_EBUSY : 0;
}
