import { EXIT_BUDGET, EXIT_HLT, EXIT_HYPERCALL, EXIT_SHUTDOWN, type Exit } from '../../../cpu/engine.ts';
import { HVM_PARAM_TRIPLE_FAULT_REASON } from '../../../abi/hvm/params.ts';
import { HVM_HLT } from '../../trace/events.ts';
import { recordEntry, recordExit } from '../../trace/exit-records.ts';
import { hvmHypercall } from './hypercall.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** What a hypercall takes off a slice, so that a guest that makes nothing else gives the thread back in time. */
const HYPERCALL_INSTRUCTIONS = 1_000;

/** Runs a vCPU until about `budget` instructions are done, it blocks, stops, or gives way. */
export function runHvmVcpu(vcpu: HvmVcpu, budget: number): void {
  const { engine, xen } = vcpu;
  let stop = engine.instructions + budget;
  vcpu.refreshTime();
  while (vcpu.vcpu.runnable) {
    const left = stop - engine.instructions;
    if (left <= 0 || xen.scheduler.givesWay(vcpu.vcpu)) return;
    if (vcpu.monitor.isDue && !vcpu.monitor.resume()) return;
    vcpu.flushIfStale();
    vcpu.deliverInterrupts();
    vcpu.inGuest = true;
    if (xen.traceBuffer !== undefined) recordEntry(xen.traceBuffer, vcpu.domid);
    const exit = vcpu.monitor.isOne ? runOne(vcpu) : engine.run(left);
    vcpu.inGuest = false;
    if (xen.traceBuffer !== undefined) recordExit(xen.traceBuffer, vcpu.domid, engine.state, exit);
    vcpu.exits.note(exit, engine.state);
    switch (exit) {
      case EXIT_HYPERCALL:
        if (!hvmHypercall(vcpu)) return;
        stop -= HYPERCALL_INSTRUCTIONS;
        break;
      case EXIT_HLT:
        halt(vcpu);
        break;
      case EXIT_SHUTDOWN:
        tripleFault(vcpu);
        return;
      case EXIT_BUDGET:
        return;
      default: // A window opened, or an intercept wants interrupts looked at: the loop does that.
    }
  }
}

/** Runs one instruction: for a listener, or a debugger. */
function runOne({ engine, monitor }: HvmVcpu): Exit {
  const { exactBudget } = engine;
  engine.exactBudget = true;
  monitor.beginOne();
  const exit = engine.run(1);
  monitor.endOne();
  engine.exactBudget = exactBudget;
  return exit;
}

/** HLT waits for an interrupt; with interrupts off none will come, which is how a processor is given up. */
function halt(vcpu: HvmVcpu): void {
  if (vcpu.engine.interruptsEnabled) vcpu.vcpu.block();
  else vcpu.down();
  vcpu.xen.traceBuffer?.record(HVM_HLT, vcpu.domid, vcpu.vcpu.runnable ? 1 : 0);
}

function tripleFault(vcpu: HvmVcpu): void {
  const reason = Number(vcpu.hvm.param(HVM_PARAM_TRIPLE_FAULT_REASON));
  vcpu.xen.log(`${vcpu.vcpu.name} Triple fault - invoking HVM shutdown action ${reason}`);
  vcpu.dump();
  vcpu.hvm.domain.shutdown(reason);
}
