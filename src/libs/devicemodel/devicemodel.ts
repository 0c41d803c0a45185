import {
  XEN_DMOP_inject_event,
  XEN_DMOP_modified_memory,
  XEN_DMOP_nr_vcpus,
  XEN_DMOP_remote_shutdown,
  XEN_DMOP_set_mem_type,
  XenDmOpBuf,
  XenDmOpInjectEvent,
  XenDmOpModifiedMemory,
  XenDmOpModifiedMemoryExtent,
  XenDmOpNrVcpus,
  XenDmOpRemoteShutdown,
  XenDmOpSetMemType,
} from '../../abi/hvm/dm_op.ts';
import { __HYPERVISOR_dm_op, type Domid, type Gfn } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, type Hypercaller } from '../call/call.ts';

/** An exception or interrupt for a vCPU. */
export interface InjectedEvent {
  readonly vcpu: number;
  readonly vector: number;
  /** XEN_DMOP_EVENT_* */
  readonly type: number;
  /** Undefined for vectors without one. */
  readonly errorCode?: number;
  /** Bytes of the instruction that a software event comes from. */
  readonly length?: number;
  /** For #PF. */
  readonly cr2?: bigint;
}

const HEADER_BYTES = 8;
const NO_ERROR_CODE = 0xffffffff;

interface Structure<T> {
  readonly SIZE: number;
  new (memory: DataView, base: number): T;
}

/**
 * What is done for a domain from outside, as by a device model (the role of Xen's tools/libs/devicemodel, without
 * `xendevicemodel_`). Every operation throws a HypercallError where Xen refuses.
 */
export class DeviceModelCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_DMOP_inject_event: taken when the vCPU runs next; EBUSY while one waits. */
  inject_event(domid: Domid, event: InjectedEvent): void {
    this.#operation(domid, 'XEN_DMOP_inject_event', XEN_DMOP_inject_event, XenDmOpInjectEvent, (argument) => {
      argument.vcpuid = event.vcpu;
      argument.vector = event.vector;
      argument.type = event.type;
      argument.insn_len = event.length ?? 0;
      argument.error_code = event.errorCode ?? NO_ERROR_CODE;
      argument.cr2 = event.cr2 ?? 0n;
    });
  }

  /** XEN_DMOP_nr_vcpus */
  nr_vcpus(domid: Domid): number {
    const read = ({ vcpus }: XenDmOpNrVcpus): number => vcpus;
    return this.#operation(domid, 'XEN_DMOP_nr_vcpus', XEN_DMOP_nr_vcpus, XenDmOpNrVcpus, () => {}, undefined, read);
  }

  /** XEN_DMOP_remote_shutdown, SHUTDOWN_* */
  shutdown(domid: Domid, reason: number): void {
    const name = 'XEN_DMOP_remote_shutdown';
    this.#operation(domid, name, XEN_DMOP_remote_shutdown, XenDmOpRemoteShutdown, (argument) => {
      argument.reason = reason;
    });
  }

  /** XEN_DMOP_set_mem_type, HVMMEM_ram_rw or HVMMEM_ram_ro, of frames from one on. */
  set_mem_type(domid: Domid, type: number, first: Gfn, count: number): void {
    this.#operation(domid, 'XEN_DMOP_set_mem_type', XEN_DMOP_set_mem_type, XenDmOpSetMemType, (argument) => {
      argument.mem_type = type;
      argument.first_pfn = BigInt(first);
      argument.nr = count;
    });
  }

  /** XEN_DMOP_modified_memory: log-dirty mode is told of frames from one on. */
  modified_memory(domid: Domid, first: Gfn, count: number): void {
    withBuffer(this.#call, XenDmOpModifiedMemoryExtent.SIZE, (view, at) => {
      const extent = new XenDmOpModifiedMemoryExtent(view, at);
      extent.first_pfn = BigInt(first);
      extent.nr = count;
      const fill = (argument: XenDmOpModifiedMemory): void => {
        argument.nr_extents = 1;
      };
      const name = 'XEN_DMOP_modified_memory';
      this.#operation(domid, name, XEN_DMOP_modified_memory, XenDmOpModifiedMemory, fill, {
        h: BigInt(at),
        size: BigInt(XenDmOpModifiedMemoryExtent.SIZE),
      });
    });
  }

  #operation<T>(
    domid: Domid,
    name: string,
    op: number,
    structure: Structure<T>,
    fill: (argument: T) => void,
    extra?: { readonly h: bigint; readonly size: bigint },
    read: (argument: T) => number = () => 0,
  ): number {
    const size = HEADER_BYTES + structure.SIZE;
    return withBuffer(this.#call, 2 * XenDmOpBuf.SIZE + size, (view, at) => {
      const operation = at + 2 * XenDmOpBuf.SIZE;
      view.setUint32(operation, op, true);
      const argument = new structure(view, operation + HEADER_BYTES);
      fill(argument);
      [{ h: BigInt(operation), size: BigInt(size) }, extra].forEach((buffer, index) => {
        if (buffer !== undefined) Object.assign(new XenDmOpBuf(view, at + index * XenDmOpBuf.SIZE), buffer);
      });
      checked(name, this.#call.hypercall(__HYPERVISOR_dm_op, domid, extra === undefined ? 1 : 2, at));
      return read(argument);
    });
  }
}
