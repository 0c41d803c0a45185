import {
  XEN_SYSCTL_tbuf_op,
  XEN_SYSCTL_TBUFOP_disable,
  XEN_SYSCTL_TBUFOP_enable,
  XEN_SYSCTL_TBUFOP_get_info,
  XEN_SYSCTL_TBUFOP_set_cpu_mask,
  XEN_SYSCTL_TBUFOP_set_evt_mask,
  XEN_SYSCTL_TBUFOP_set_size,
  XenSysctlTbufOp,
} from '../../abi/sysctl.ts';
import type { Mfn } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import type { Hypercaller } from '../call/call.ts';
import { BITMAP_BYTES, pointBitmap, sysctl } from './requests.ts';

/** Where Xen's trace buffers are. */
export interface TraceBufferInfo {
  readonly evt_mask: number;
  /** The page that tells where the others are; 0 where there are none that could be mapped. */
  readonly buffer_mfn: Mfn;
  readonly size: number;
}

/** Xen's trace buffers, as libxc has them (xc_tbuf.c). Every operation throws a HypercallError where Xen refuses. */
export class TraceCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** Pages of each pCPU, once and for all; recording is on then. */
  tbuf_set_size(pages: number): void {
    this.#operation(XEN_SYSCTL_TBUFOP_set_size, (operation) => {
      operation.size = pages;
    });
  }

  tbuf_enable(): void {
    this.#operation(XEN_SYSCTL_TBUFOP_enable);
  }

  tbuf_disable(): void {
    this.#operation(XEN_SYSCTL_TBUFOP_disable);
  }

  /** TRC_*: what is recorded. */
  tbuf_set_evt_mask(mask: number): void {
    this.#operation(XEN_SYSCTL_TBUFOP_set_evt_mask, (operation) => {
      operation.evt_mask = mask;
    });
  }

  /** pCPUs whose records are kept; bit n is pCPU n. */
  tbuf_set_cpu_mask(cpus: bigint): void {
    withBuffer(this.#call, BITMAP_BYTES, (view, bitmap) => {
      view.setBigUint64(bitmap, cpus, true);
      this.#operation(XEN_SYSCTL_TBUFOP_set_cpu_mask, (operation) => pointBitmap(operation.cpu_mask, bitmap));
    });
  }

  tbuf_get_info(): TraceBufferInfo {
    return this.#operation(XEN_SYSCTL_TBUFOP_get_info);
  }

  #operation(cmd: number, prepare: (operation: XenSysctlTbufOp) => void = () => {}): TraceBufferInfo {
    return sysctl(this.#call, 'XEN_SYSCTL_tbuf_op', XEN_SYSCTL_tbuf_op, (view, at) => {
      const operation = new XenSysctlTbufOp(view, at);
      operation.cmd = cmd;
      prepare(operation);
      return () => {
        const { evt_mask, buffer_mfn, size } = operation;
        return { evt_mask, buffer_mfn, size };
      };
    });
  }
}
