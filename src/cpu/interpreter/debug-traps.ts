/** #DB: traps that an instruction leaves behind, and breakpoints in front of one (SDM vol. 3B, 17.3.1). */
import { WATCH_DROP } from '../engine.ts';
import * as state from '../state.ts';
import { checkInstructionBreakpoint, DR6_BS, noteDebug } from '../system/debug.ts';
import type { Event } from '../system/event.ts';
import { takeEvent } from '../system/interrupts.ts';
import type { SystemCpu } from '../system/system-cpu.ts';

const DR6 = state.OFFSET_DR + 6 * 8;
/** B0 to B3 */
const DR6_HITS = 0xf;

export class DebugTraps {
  readonly #cpu: SystemCpu;
  /** TF was set when the last instruction began. */
  stepped = false;
  /** Data breakpoints that the last instruction touched, or MOV SS before it, which holds them off. */
  dataHits = 0;

  constructor(cpu: SystemCpu) {
    this.#cpu = cpu;
  }

  /** The trap that is due after the last instruction; undefined where there is none, or a watcher drops it. */
  take(isShadowed: boolean): Event | undefined {
    if (this.#cpu.trapDue) {
      this.#cpu.trapDue = false;
      this.stepped = true;
    }
    if (!this.stepped && (this.dataHits === 0 || isShadowed)) return undefined;
    const causes = this.dataHits | (this.stepped ? DR6_BS : 0);
    this.stepped = false;
    this.dataHits = 0;
    if (this.#cpu.watch?.debugException(causes) === WATCH_DROP) return undefined;
    noteDebug(this.#cpu.state, causes);
    return { vector: state.EXCEPTION_DB, errorCode: -1, source: 'exception' };
  }

  /** An instruction breakpoint is at RIP: its exception, or 'dropped' by a watcher. */
  breakpoint(): Event | 'dropped' | undefined {
    if (!checkInstructionBreakpoint(this.#cpu)) return undefined;
    const event = takeEvent(this.#cpu);
    const hits = this.#cpu.state.u32(DR6) & DR6_HITS;
    return this.#cpu.watch?.debugException(hits) === WATCH_DROP ? 'dropped' : event;
  }
}
