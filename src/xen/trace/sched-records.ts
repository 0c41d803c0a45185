import type { Vcpu } from '../common/vcpu.ts';
import type { Pcpu } from '../sched/pcpu.ts';
import { SCHED_SWITCH, SCHED_SWITCH_INFCONT, SCHED_SWITCH_INFNEXT, SCHED_SWITCH_INFPREV } from './events.ts';
import type { TraceBuffer } from './trace-buffer.ts';
import { DOMID_IDLE } from './trace-record.ts';

/** The longest time that fits into a word: idling has no end. */
const LONGEST_NS = 0xffffffff;

/** A pCPU has chosen what it runs from now on: another vCPU than `cpu.current`, none, or the same. */
export function recordDecision(trace: TraceBuffer, cpu: Pcpu, next: Vcpu | undefined, nowNs: number): void {
  const { current } = cpu;
  const sliceNs = Math.min(cpu.sliceLeftNs, LONGEST_NS);
  const prevDomid = current?.domain.id ?? DOMID_IDLE;
  const prevId = current?.vcpuId ?? cpu.id;
  const ranNs = Math.min(cpu.ranNs, LONGEST_NS);
  if (current === next) {
    if (current === undefined) return;
    trace.recordOn(cpu.id, SCHED_SWITCH_INFCONT, prevDomid, prevDomid, prevId, ranNs, sliceNs);
    return;
  }
  const nextDomid = next?.domain.id ?? DOMID_IDLE;
  const nextId = next?.vcpuId ?? cpu.id;
  const waitedNs = next === undefined ? 0 : Math.min(nowNs - next.runstate.entryNs, LONGEST_NS);
  trace.recordOn(cpu.id, SCHED_SWITCH_INFPREV, prevDomid, prevDomid, prevId, ranNs);
  trace.recordOn(cpu.id, SCHED_SWITCH_INFNEXT, nextDomid, nextDomid, nextId, waitedNs, sliceNs);
  // Whoever asks for either domain is to see it.
  const subject = next === undefined ? prevDomid : nextDomid;
  trace.recordOn(cpu.id, SCHED_SWITCH, subject, prevDomid, prevId, nextDomid, nextId);
}
