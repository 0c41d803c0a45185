import { XEN_DMOP_EVENT_ext_int, XEN_DMOP_EVENT_nmi, XEN_DMOP_EVENT_sw_int } from '../../../abi/hvm/dm_op.ts';
import { OFFSET_CR2 } from '../../../cpu/state.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

const PAGE_FAULT = 14;
const NO_ERROR_CODE = 0xffffffff;

/** XEN_DMOP_inject_event: what a vCPU is to take. */
export interface InjectedEvent {
  readonly vector: number;
  /** XEN_DMOP_EVENT_* */
  readonly type: number;
  /** Bytes of the instruction that a software event comes from. */
  readonly length: number;
  /** All ones: none. */
  readonly errorCode: number;
  /** For #PF. */
  readonly cr2: bigint;
}

/** The event that a privileged domain wants a vCPU to take, one at a time. */
export class Injection {
  readonly #vcpu: HvmVcpu;
  #event: InjectedEvent | undefined;

  constructor(vcpu: HvmVcpu) {
    this.#vcpu = vcpu;
  }

  /** It is taken when the vCPU runs next; false where one waits already. */
  add(event: InjectedEvent): boolean {
    if (this.#event !== undefined) return false;
    this.#event = event;
    return true;
  }

  /** Hands it to the processor; false where that takes no interrupts yet. */
  deliver(): boolean {
    const { engine, state } = this.#vcpu;
    if (this.#event === undefined) return true;
    const { vector, type, length, errorCode, cr2 } = this.#event;
    if (type === XEN_DMOP_EVENT_ext_int && !engine.interruptible()) {
      engine.requestWindow();
      return false;
    }
    this.#event = undefined;
    // Software events come from an instruction, which the handler returns behind.
    if (type >= XEN_DMOP_EVENT_sw_int) state.rip = BigInt.asUintN(64, state.rip + BigInt(length));
    if (type === XEN_DMOP_EVENT_nmi) engine.injectNmi();
    else if (type === XEN_DMOP_EVENT_ext_int || type === XEN_DMOP_EVENT_sw_int) engine.injectInterrupt(vector);
    else {
      if (vector === PAGE_FAULT) state.setU64(OFFSET_CR2, cr2);
      engine.injectException(vector, errorCode === NO_ERROR_CODE ? undefined : errorCode);
    }
    return true;
  }
}
