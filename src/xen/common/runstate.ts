import { CompatVcpuRunstateInfo } from '../../abi/compat/vcpu.ts';
import { RUNSTATE_offline, RUNSTATE_running, VcpuRunstateInfo } from '../../abi/vcpu.ts';
import type { Vcpu } from './vcpu.ts';

/** Where a vCPU's time went: nanoseconds in each RUNSTATE_*. */
export class Runstate {
  state = RUNSTATE_offline;
  /** System time at which `state` was entered. */
  entryNs: number;
  readonly #timeNs = new Float64Array(4);
  readonly #vcpu: Vcpu;
  readonly #image = new DataView(new ArrayBuffer(VcpuRunstateInfo.SIZE));
  readonly #bytes = new Uint8Array(this.#image.buffer);
  readonly #compatBytes = this.#bytes.subarray(0, CompatVcpuRunstateInfo.SIZE);

  constructor(vcpu: Vcpu, nowNs: number) {
    this.#vcpu = vcpu;
    this.entryNs = nowNs;
  }

  /** Enters a state; the time since the last change counts for the one that is left. */
  change(state: number, nowNs: number): void {
    if (state === this.state) return;
    this.#vcpu.domain.xen.traceBuffer?.runstate(this.#vcpu, this.state, state);
    this.#settle(nowNs);
    this.state = state;
  }

  /** Nanoseconds spent in a state until now. */
  timeNs(state: number, nowNs: number): number {
    const running = state === this.state ? Math.max(0, nowNs - this.entryNs) : 0;
    return (this.#timeNs[state] as number) + running;
  }

  get runningNs(): number {
    return this.#timeNs[RUNSTATE_running] as number;
  }

  /** Fills the structure a guest reads, with the time until now, as 64-bit or 32-bit code lays it out. */
  describe(view: DataView, at: number, nowNs: number, compat: boolean): void {
    const info = compat ? new CompatVcpuRunstateInfo(view, at) : new VcpuRunstateInfo(view, at);
    info.state = this.state;
    info.state_entry_timeLo = this.entryNs;
    info.state_entry_timeHi = this.entryNs / 0x1_0000_0000;
    for (let state = 0; state < 4; state++) {
      const ns = this.timeNs(state, nowNs);
      info.set_timeLo(state, ns);
      info.set_timeHi(state, ns / 0x1_0000_0000);
    }
  }

  /** The same as bytes of its own, which the next call changes: it is copied with every slice. */
  image(nowNs: number, compat: boolean): Uint8Array {
    this.describe(this.#image, 0, nowNs, compat);
    return compat ? this.#compatBytes : this.#bytes;
  }

  #settle(nowNs: number): void {
    // Clocks of several hosts may disagree by a little (migration): time never counts backwards.
    const spent = Math.max(0, nowNs - this.entryNs);
    this.#timeNs[this.state] = (this.#timeNs[this.state] as number) + spent;
    this.entryNs = nowNs;
  }
}
