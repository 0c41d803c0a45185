import * as trc from '../../abi/trace.ts';
import { timed, untimed } from './trace-record.ts';

// What Xen has no records for, in classes that Xen does not use. Xen's own tools know nothing of them, so that a file for
// those leaves them out.

/** Hypercalls: what was asked, and what came of it. */
export const TRC_X_CALL = 0x0101f000;
/** Event channels, and interrupts from processor to processor. */
export const TRC_X_EVENT = 0x0201f000;
/** Grants, beyond TRC_MEM_PAGE_GRANT_*. */
export const TRC_X_GRANT = 0x0401f000;
/** The classes above. */
export const TRC_X_CLASSES = 0x07000000;

/** A hypercall begins: as TRC_PV_HYPERCALL_V2 has it, with as many arguments as find room. */
export const TRC_X_HYPERCALL = 0x01001001;
/** Bytes of the structure that its pointer points at, in order; of more than 28, several records. */
export const TRC_X_HYPERCALL_DATA = 0x01001002;
/** The same bytes afterwards, where the call changed them; before the next. */
export const TRC_X_HYPERCALL_CHANGED = 0x01001005;
/** It is done: its number, and its result as two words; or it goes on later. */
export const TRC_X_HYPERCALL_RETURN = 0x01001003;
export const TRC_X_HYPERCALL_CONTINUED = 0x01001004;

/** An event was raised: domain, port, the vCPU it goes to, ECS_* of the port, VIRQ_* where it is one. */
export const TRC_X_EVENT_RAISED = 0x02001001;
/** A local APIC has an interrupt from another: domain, vCPU, vector, delivery mode as in the command register. */
export const TRC_X_IPI = 0x02001002;

/** One copy: domids of source << 16 | destination, reference or frame of each, offsets likewise, length, GNTST_*. */
export const TRC_X_GRANT_COPY = 0x04001001;

// The headers of records that are made in more than one place or often.

export const HYPERCALL = timed(TRC_X_HYPERCALL, 0);
export const HYPERCALL_RETURN = timed(TRC_X_HYPERCALL_RETURN, 3);
export const HYPERCALL_CONTINUED = timed(TRC_X_HYPERCALL_CONTINUED, 1);
export const EVENT_RAISED = timed(TRC_X_EVENT_RAISED, 5);
export const IPI = timed(TRC_X_IPI, 4);
export const GRANT_COPY = timed(TRC_X_GRANT_COPY, 6);

// As Xen's, with more words behind those that Xen has.
/** Granting domain; reference, flags. */
export const GRANT_MAP = timed(trc.TRC_MEM_PAGE_GRANT_MAP, 3);
export const GRANT_UNMAP = timed(trc.TRC_MEM_PAGE_GRANT_UNMAP, 3);
/** Receiving domain; reference. */
export const GRANT_TRANSFER = timed(trc.TRC_MEM_PAGE_GRANT_TRANSFER, 2);
/** gfn and mfn, two words each; type; domid | order << 16. */
export const SET_P2M_ENTRY = untimed(trc.TRC_MEM_SET_P2M_ENTRY, 6);
/** gfn, two words; domid | order << 16. */
export const DECREASE_RESERVATION = untimed(trc.TRC_MEM_DECREASE_RESERVATION, 3);
/** gfn and mfn, two words each; domid | order << 16. */
export const POD_POPULATE = untimed(trc.TRC_MEM_POD_POPULATE, 5);
export const POD_ZERO_RECLAIM = untimed(trc.TRC_MEM_POD_ZERO_RECLAIM, 5);

/** domid, vCPU */
export const SCHED_WAKE = timed(trc.TRC_SCHED_WAKE, 2);
export const SCHED_SLEEP = timed(trc.TRC_SCHED_SLEEP, 2);
export const SCHED_YIELD = timed(trc.TRC_SCHED_YIELD, 2);
export const SCHED_BLOCK = timed(trc.TRC_SCHED_BLOCK, 2);
/** domid, vCPU, SHUTDOWN_* */
export const SCHED_SHUTDOWN = timed(trc.TRC_SCHED_SHUTDOWN, 3);
/** domid, vCPU, ns it has executed */
export const SCHED_SWITCH_INFPREV = timed(trc.TRC_SCHED_SWITCH_INFPREV, 3);
/** domid, vCPU, ns it has waited, ns it may execute */
export const SCHED_SWITCH_INFNEXT = timed(trc.TRC_SCHED_SWITCH_INFNEXT, 4);
/** domid and vCPU of who leaves, and of who comes */
export const SCHED_SWITCH = timed(trc.TRC_SCHED_SWITCH, 4);
/** domid, vCPU, ns it has executed, ns it may go on */
export const SCHED_SWITCH_INFCONT = timed(trc.TRC_SCHED_SWITCH_INFCONT, 4);
/** domid */
export const SCHED_DOM_ADD = timed(trc.TRC_SCHED_DOM_ADD, 1);
export const SCHED_DOM_REM = timed(trc.TRC_SCHED_DOM_REM, 1);
export const SCHED_ADJDOM = timed(trc.TRC_SCHED_ADJDOM, 1);
export const DOM0_DOM_ADD = timed(trc.TRC_DOM0_DOM_ADD, 1);
export const DOM0_DOM_REM = timed(trc.TRC_DOM0_DOM_REM, 1);

export const HVM_VMENTRY = timed(trc.TRC_HVM_VMENTRY, 0);
/** VMEXIT_*, RIP: one word, or two of 64-bit code. */
export const HVM_VMEXIT = timed(trc.TRC_HVM_VMEXIT, 2);
export const HVM_VMEXIT64 = timed(trc.TRC_HVM_VMEXIT64, 3);
export const HVM_VMMCALL = untimed(trc.TRC_HVM_VMMCALL, 1);
/** Whether something is pending already. */
export const HVM_HLT = untimed(trc.TRC_HVM_HLT, 1);
export const HVM_INTR = untimed(trc.TRC_HVM_INTR, 1);
/** vector, whether it stands for another */
export const HVM_INJ_VIRQ = untimed(trc.TRC_HVM_INJ_VIRQ, 2);
/** vector, where it comes from, the vector in service */
export const HVM_INTR_WINDOW = untimed(trc.TRC_HVM_INTR_WINDOW, 3);
/** leaf, subleaf, EAX, EBX, ECX, EDX */
export const HVM_CPUID = untimed(trc.TRC_HVM_CPUID, 6);
/** number, value */
export const HVM_MSR_READ = untimed(trc.TRC_HVM_MSR_READ, 3);
export const HVM_MSR_WRITE = untimed(trc.TRC_HVM_MSR_WRITE, 3);
/** port, value */
export const HVM_IOPORT_READ = untimed(trc.TRC_HVM_IOPORT_READ, 2);
export const HVM_IOPORT_WRITE = untimed(trc.TRC_HVM_IOPORT_WRITE, 2);
/** guest-physical address, value; two words each above 4 GiB */
export const HVM_IOMEM_READ = untimed(trc.TRC_HVM_IOMEM_READ, 2);
export const HVM_IOMEM_WRITE = untimed(trc.TRC_HVM_IOMEM_WRITE, 2);
export const HVM_IOMEM_READ64 = untimed(trc.TRC_HVM_IOMEM_READ | trc.TRC_64_FLAG, 4);
export const HVM_IOMEM_WRITE64 = untimed(trc.TRC_HVM_IOMEM_WRITE | trc.TRC_64_FLAG, 4);
/** gpa and mfn, two words each; error code, p2m type */
export const HVM_NPF = untimed(trc.TRC_HVM_NPF, 6);
