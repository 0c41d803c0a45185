/** What a toolstack asks of the Xen of a machine in this process: libxenctrl. docs/scripting.md. */
import type { Ctrl } from '../../libs/ctrl/ctrl.ts';
import type { HypfsCalls } from '../../libs/ctrl/hypfs-calls.ts';
import type { SchedCalls } from '../../libs/ctrl/sched-calls.ts';
import type { StateCalls } from '../../libs/ctrl/state-calls.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import type { EmbeddedMachine } from './machine.ts';

export { type Domid, domid, type Gfn, gfn, type Port, port } from '../../abi/xen.ts';
export { HypercallError } from '../../libs/call/call.ts';
export type { DomainInfo, PhysInfo } from '../../libs/ctrl/ctrl.ts';
export type { Ctrl, HypfsCalls, SchedCalls, StateCalls, ToolCalls };

/** libxenctrl's calls, by what they are about. */
export interface CtrlCalls {
  /** Domains: how they are made, and what they are given. */
  readonly ctrl: Ctrl;
  /** What administrators look at and set. */
  readonly tools: ToolCalls;
  /** Schedulers and cpupools. */
  readonly sched: SchedCalls;
  /** What a domain's state consists of: policies, dirty pages, contexts. */
  readonly state: StateCalls;
  /** Xen's own file system: libxenhypfs. */
  readonly hypfs: HypfsCalls;
}

/** Opens them, as xc_interface_open does. */
export function openCtrl(machine: Pick<EmbeddedMachine, 'dom0'>): CtrlCalls {
  const { ctrl, tools, sched, state, hypfs } = machine.dom0;
  return { ctrl, tools, sched, state, hypfs };
}
