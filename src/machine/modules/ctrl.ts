/** What a toolstack asks of the Xen of a machine in this process: libxenctrl. docs/scripting.md. */
import type { Domid } from '../../abi/xen.ts';
import type { DebugCalls } from '../../libs/ctrl/debug-calls.ts';
import type { MonitorHandler, MonitorListener } from '../../libs/ctrl/monitor-listener.ts';
import type { DeviceModelCalls } from '../../libs/devicemodel/devicemodel.ts';
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
export type { DebugCalls, DebugStatus } from '../../libs/ctrl/debug-calls.ts';
export type { MonitorCalls } from '../../libs/ctrl/monitor-calls.ts';
export type { MonitorHandler, MonitorListener } from '../../libs/ctrl/monitor-listener.ts';
export type { DeviceModelCalls, InjectedEvent } from '../../libs/devicemodel/devicemodel.ts';

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
  /** What gdbsx asks: domains that stop at breakpoints, and go step by step. */
  readonly debug: DebugCalls;
  /** libxendevicemodel: events for a domain's vCPUs, and the types of its memory. */
  readonly devicemodel: DeviceModelCalls;
}

/**
 * Listens to what a domain does, as xc_monitor_enable and xen-access do: memory accesses that its mem access does not
 * allow, writes to control registers and MSRs, breakpoints, single steps and more, as `calls` of the listener asks for.
 * `handler` gets each request (`VmEvent` of `xenolith/abi/vm_event-request`) and a response that is a copy of it, which it
 * may change; a vCPU that waits goes on then.
 */
export function openMonitor(
  machine: Pick<EmbeddedMachine, 'dom0'>,
  domid: Domid,
  handler: MonitorHandler,
): MonitorListener {
  return machine.dom0.listen(domid, handler);
}

/** Opens them, as xc_interface_open does. */
export function openCtrl(machine: Pick<EmbeddedMachine, 'dom0'>): CtrlCalls {
  const { ctrl, tools, sched, state, hypfs, debug, devicemodel } = machine.dom0;
  return { ctrl, tools, sched, state, hypfs, debug, devicemodel };
}
