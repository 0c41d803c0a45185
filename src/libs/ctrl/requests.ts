import { XEN_DOMCTL_INTERFACE_VERSION, XenDomctl } from '../../abi/domctl.ts';
import { XEN_SYSCTL_INTERFACE_VERSION, XenSysctl } from '../../abi/sysctl.ts';
import { __HYPERVISOR_domctl, __HYPERVISOR_sysctl, type Domid, type XenctlBitmap } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, type Hypercaller } from '../call/call.ts';

/** Fills an operation's own structure in, at `at`; returns what reads the answer. */
export type Prepare<T> = (view: DataView, at: number) => () => T;

/** Makes a domctl `name` (XEN_DOMCTL_*) about a domain. */
export function domctl<T>(call: Hypercaller, name: string, cmd: number, domid: Domid, prepare: Prepare<T>): T {
  return withBuffer(call, XenDomctl.SIZE, (view, at) => {
    const request = new XenDomctl(view, at);
    request.cmd = cmd;
    request.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    request.domain = domid;
    const read = prepare(view, at + XenDomctl.AT_u);
    checked(name, call.hypercall(__HYPERVISOR_domctl, at));
    return read();
  });
}

/** Makes a sysctl `name` (XEN_SYSCTL_*). */
export function sysctl<T>(call: Hypercaller, name: string, cmd: number, prepare: Prepare<T>): T {
  return withBuffer(call, XenSysctl.SIZE, (view, at) => {
    const request = new XenSysctl(view, at);
    request.cmd = cmd;
    request.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    const read = prepare(view, at + XenSysctl.AT_u);
    checked(name, call.hypercall(__HYPERVISOR_sysctl, at));
    return read();
  });
}

/** Bytes of a bitmap of processors or nodes: 64 of them. */
export const BITMAP_BYTES = 8;

/** Points a bitmap of a structure at `BITMAP_BYTES` at `at`. */
export function pointBitmap(bitmap: XenctlBitmap, at: number): void {
  bitmap.bitmap = BigInt(at);
  bitmap.nr_bits = BITMAP_BYTES * 8;
}
