import { VIRQ_DEBUGGER } from '../../../abi/xen.ts';
import { sendGlobalVirq } from '../../common/virq.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** As often as a toolstack may pause a domain. */
const MAX_CONTROLLER_PAUSES = 255;

/**
 * A vCPU of a domain that a debugger has attached to met something for it: the domain stops, and the debugger hears of it, or
 * finds what `debuggerEvent` says where it is gdbsx, which looks by itself (Xen's domain_pause_for_debugger).
 */
export function pauseForDebugger({ hvm, debuggerEvent }: HvmVcpu): void {
  const { domain } = hvm;
  if (domain.controllerPauseCount < MAX_CONTROLLER_PAUSES) {
    domain.controllerPauseCount += 1;
    domain.pause();
  }
  if (debuggerEvent === 0) sendGlobalVirq(domain.xen, VIRQ_DEBUGGER);
}
