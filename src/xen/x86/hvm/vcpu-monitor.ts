import { XEN_DMOP_EVENT_ext_int, XEN_DMOP_EVENT_hw_exc, XEN_DMOP_EVENT_sw_exc } from '../../../abi/hvm/dm_op.ts';
import * as event from '../../../abi/vm_event-request.ts';
import { VmEventRegsX86 } from '../../../abi/vm_event-registers.ts';
import {
  NESTED_EXECUTE,
  NESTED_READ,
  NESTED_WRITE,
  PAGE_SIZE,
  type RefusedAccess,
  WATCH_AGAIN,
  WATCH_DROP,
  WATCH_GO,
  type Watch,
  type WatchAnswer,
  type WatchedControl,
  type WatchedTable,
} from '../../../cpu/engine.ts';
import { OFFSET_CR0, OFFSET_CR2, OFFSET_CR3, OFFSET_CR4, OFFSET_XCR0, RAX, RBX, RCX, RDX } from '../../../cpu/state.ts';
import { pauseForDebugger } from './debugger.ts';
import type { Monitor } from '../../common/monitor.ts';
import { meetRestriction } from '../mm/mem-access.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { type InjectedEvent, Injection } from './injection.ts';
import { GENERAL_REGISTERS } from './register-fields.ts';
import { fillRegisters, loadRegisters } from './vm-event-registers.ts';

const GENERAL_PROTECTION = 13;
const EXCEPTION_BP = 3;
const CR3_NOFLUSH_HI = 0x80000000;

const CONTROLS: Readonly<Record<WatchedControl, readonly [index: number, offset: number]>> = {
  cr0: [event.VM_EVENT_X86_CR0, OFFSET_CR0],
  cr3: [event.VM_EVENT_X86_CR3, OFFSET_CR3],
  cr4: [event.VM_EVENT_X86_CR4, OFFSET_CR4],
  xcr0: [event.VM_EVENT_X86_XCR0, OFFSET_XCR0],
};
const TABLES: Readonly<Record<WatchedTable, number>> = {
  idtr: event.VM_EVENT_DESC_IDTR,
  gdtr: event.VM_EVENT_DESC_GDTR,
  ldtr: event.VM_EVENT_DESC_LDTR,
  tr: event.VM_EVENT_DESC_TR,
};

/** What became of an event: nobody listens, the ring is full and the vCPU waits for room, or it is in the ring. */
type Sent = 'unheard' | 'full' | 'sent';

/** A register that is written once the listener has answered, unless he denies it. */
interface DeferredWrite {
  readonly register: 'cr0' | 'cr3' | 'cr4' | 'msr';
  readonly index: number;
  readonly lo: number;
  readonly hi: number;
}

/** What a vCPU tells the listener of its domain, and does at his word (Xen's hvm/monitor.c and arch_vm_event). */
export class VcpuMonitor implements Watch {
  readonly #vcpu: HvmVcpu;
  readonly #scratch = new Uint32Array(2);
  /** Events whose answers the vCPU waits for. */
  #pauses = 0;
  /** One instruction at a time, each with an event, or for a debugger. */
  singleStep = false;
  #stepDone = false;
  /** The next instruction meets no restriction, and is not watched. */
  #unrestricted = false;
  #inUnrestricted = false;
  #wantsInterrupt = false;
  #writes: DeferredWrite[] = [];
  #registers: VmEventRegsX86 | undefined;
  readonly #injection: Injection;
  /** Something is to be done before the guest goes on: `resume`. */
  isDue = false;

  constructor(vcpu: HvmVcpu) {
    this.#vcpu = vcpu;
    this.#injection = new Injection(vcpu);
  }

  /** Whether the processor must ask before it does what can be told of. */
  get isWatching(): boolean {
    return !this.#inUnrestricted && (this.#monitor.ring !== undefined || this.#vcpu.hvm.domain.debuggerAttached);
  }

  /** One instruction alone is to be executed. */
  get isOne(): boolean {
    return this.singleStep || this.#unrestricted;
  }

  /** The listener has gone: nothing waits for him any more. */
  reset(): void {
    if (!this.#vcpu.hvm.domain.debuggerAttached) this.singleStep = false;
    this.#stepDone = false;
    this.#wantsInterrupt = false;
    for (; this.#pauses > 0; this.#pauses--) this.#vcpu.vcpu.unpause();
  }

  // What the vCPU does at the listener's word

  /** What was answered is done before the guest goes on. False: the vCPU has to wait again. */
  resume(): boolean {
    const { engine } = this.#vcpu;
    this.isDue = false;
    if (this.#registers !== undefined) loadRegisters(engine.state, this.#registers);
    this.#registers = undefined;
    const writes = this.#writes;
    this.#writes = [];
    for (const write of writes) if (!this.#write(write)) engine.injectException(GENERAL_PROTECTION, 0);
    if (!this.#injection.deliver()) this.isDue = true;
    if (this.#stepDone) this.#tellStep();
    return this.#vcpu.vcpu.runnable;
  }

  /** Around one instruction, where `isOne` asks for that. */
  beginOne(): void {
    const { engine, hvm } = this.#vcpu;
    if (!this.#unrestricted || hvm.domain.p2m === undefined) return;
    this.#inUnrestricted = true;
    hvm.domain.p2m.isUnrestricted = true;
    engine.flushTlb();
  }

  endOne(): void {
    const { engine, hvm } = this.#vcpu;
    if (this.#inUnrestricted && hvm.domain.p2m !== undefined) {
      this.#inUnrestricted = false;
      this.#unrestricted = false;
      hvm.domain.p2m.isUnrestricted = false;
      engine.flushTlb();
    }
    if (!this.singleStep) return;
    this.#stepDone = true;
    this.isDue = true;
  }

  /** The listener answered (Xen's vm_event_resume). What needs a vCPU that waits is heard only then. */
  respond(response: event.VmEvent): void {
    if (this.#pauses === 0) return;
    const { flags } = response;
    const has = (flag: number): boolean => (flags & flag) !== 0;
    if (has(event.VM_EVENT_FLAG_EMULATE)) this.#unrestricted = this.#isEmulated(response.reason);
    if (has(event.VM_EVENT_FLAG_DENY)) this.#deny(response);
    if (has(event.VM_EVENT_FLAG_TOGGLE_SINGLESTEP)) this.singleStep = !this.singleStep;
    if (has(event.VM_EVENT_FLAG_SET_REGISTERS)) {
      this.#registers = copyOf(response.regs);
      this.isDue = true;
    }
    if (has(event.VM_EVENT_FLAG_GET_NEXT_INTERRUPT)) this.#wantsInterrupt = true;
    if (!has(event.VM_EVENT_FLAG_VCPU_PAUSED)) return;
    this.#pauses -= 1;
    this.#vcpu.vcpu.unpause();
  }

  /** The vCPU takes an event when it runs next; false where one waits already. */
  inject(event: InjectedEvent): boolean {
    this.isDue = true;
    return this.#injection.add(event);
  }

  // Events that Xen itself meets

  /** HVMOP_guest_request_vm_event. False: the ring is full, and the call is to be made again. */
  guestRequest(): boolean {
    const wanted = this.#monitor.guestRequest;
    if (wanted === undefined) return true;
    return this.#send(event.VM_EVENT_REASON_GUEST_REQUEST, wanted.sync, () => {}) !== 'full';
  }

  /** An interrupt is about to be injected; false: the listener hears of it first. */
  interrupts(vector: number): boolean {
    if (!this.#wantsInterrupt) return true;
    const sent = this.#send(event.VM_EVENT_REASON_INTERRUPT, true, (request) => {
      request.interrupt.vector = vector;
      request.interrupt.type = XEN_DMOP_EVENT_ext_int;
      request.interrupt.error_code = 0xffffffff;
      request.interrupt.cr2 = this.#vcpu.state.u64(OFFSET_CR2);
    });
    if (sent !== 'full') this.#wantsInterrupt = false;
    return sent === 'unheard';
  }

  /** The guest met what its p2m refuses. */
  accessRefused(access: RefusedAccess): void {
    meetRestriction(this.#vcpu.hvm.domain, access, (waits: boolean) => this.#tellAccess(access, waits));
  }

  // Watch

  writesControl(register: WatchedControl, lo: number, hi: number): WatchAnswer {
    const [index, offset] = CONTROLS[register];
    const wanted = this.#monitor.controls.get(index);
    if (wanted === undefined) return WATCH_GO;
    const high = register === 'cr3' ? hi & ~CR3_NOFLUSH_HI : hi;
    const value = (BigInt(high >>> 0) << 32n) | BigInt(lo >>> 0);
    const old = this.#vcpu.state.u64(offset);
    if ((wanted.onChangeOnly && value === old) || ((value ^ old) & ~wanted.mask) === 0n) return WATCH_GO;
    const sent = this.#send(event.VM_EVENT_REASON_WRITE_CTRLREG, wanted.sync, (request) => {
      request.write_ctrlreg.index = index;
      request.write_ctrlreg.new_value = value;
      request.write_ctrlreg.old_value = old;
    });
    return register === 'xcr0' ? answer(sent, WATCH_GO) : this.#deferred(sent, { register, index: 0, lo, hi });
  }

  writesMsr(index: number, lo: number, hi: number): WatchAnswer {
    const onChangeOnly = this.#monitor.msrs.get(index);
    if (onChangeOnly === undefined) return WATCH_GO;
    const value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
    this.#scratch.fill(0);
    this.#vcpu.engine.outside.readMsr(index, this.#scratch);
    const old = (BigInt(this.#scratch[1] ?? 0) << 32n) | BigInt(this.#scratch[0] ?? 0);
    if (onChangeOnly && value === old) return WATCH_GO;
    const sent = this.#send(event.VM_EVENT_REASON_MOV_TO_MSR, true, (request) => {
      request.mov_to_msr.msr = BigInt(index);
      request.mov_to_msr.new_value = value;
      request.mov_to_msr.old_value = old;
    });
    return this.#deferred(sent, { register: 'msr', index, lo, hi });
  }

  usesTable(table: WatchedTable, isWrite: boolean): WatchAnswer {
    if (!this.#monitor.descriptorAccess) return WATCH_GO;
    const sent = this.#send(event.VM_EVENT_REASON_DESCRIPTOR_ACCESS, true, (request) => {
      request.desc_access.descriptor = TABLES[table];
      request.desc_access.is_write = isWrite ? 1 : 0;
    });
    return answer(sent, WATCH_AGAIN);
  }

  breakpoint(length: number): WatchAnswer {
    if (this.#vcpu.hvm.domain.debuggerAttached) {
      this.#vcpu.debuggerEvent = EXCEPTION_BP;
      pauseForDebugger(this.#vcpu);
      return WATCH_DROP;
    }
    if (!this.#monitor.softwareBreakpoint) return WATCH_GO;
    const sent = this.#send(event.VM_EVENT_REASON_SOFTWARE_BREAKPOINT, true, (request) => {
      request.software_breakpoint.gfn = this.#gfnOfRip();
      request.software_breakpoint.insn_length = length;
      request.software_breakpoint.type = XEN_DMOP_EVENT_sw_exc;
    });
    return answer(sent, WATCH_AGAIN);
  }

  cpuid(leaf: number, subleaf: number, length: number, words: Uint32Array): WatchAnswer {
    if (!this.#monitor.cpuid) return WATCH_GO;
    const { ring } = this.#monitor;
    // The registers are the results by the time that anybody sees them.
    if (ring !== undefined && !ring.isFull) {
      [RAX, RBX, RCX, RDX].forEach((register, index) =>
        this.#vcpu.state.setGprHalves(register, words[index] as number, 0),
      );
    }
    const sent = this.#send(event.VM_EVENT_REASON_CPUID, true, (request) => {
      request.cpuid.insn_length = length;
      request.cpuid.leaf = leaf;
      request.cpuid.subleaf = subleaf;
    });
    return answer(sent, WATCH_AGAIN);
  }

  debugException(causes: number): WatchAnswer {
    if (this.#vcpu.hvm.domain.debuggerAttached) {
      pauseForDebugger(this.#vcpu);
      return WATCH_DROP;
    }
    const wanted = this.#monitor.debugException;
    if (wanted === undefined || this.#monitor.ring?.isFull !== false) return WATCH_GO;
    this.#send(event.VM_EVENT_REASON_DEBUG_EXCEPTION, wanted.sync, (request) => {
      request.debug_exception.gfn = this.#gfnOfRip();
      request.debug_exception.pending_dbg = BigInt(causes >>> 0);
      request.debug_exception.type = XEN_DMOP_EVENT_hw_exc;
    });
    return wanted.sync ? WATCH_DROP : WATCH_GO;
  }

  // Sending

  get #monitor(): Monitor {
    return this.#vcpu.hvm.monitor;
  }

  #send(reason: number, sync: boolean, fill: (request: event.VmEvent) => void): Sent {
    const { ring } = this.#monitor;
    const { vcpu, state } = this.#vcpu;
    if (ring === undefined) return 'unheard';
    if (ring.isFull) {
      ring.waitForRoom(vcpu);
      return 'full';
    }
    if (sync) {
      this.#pauses += 1;
      vcpu.pause();
    }
    ring.put((request) => {
      request.reason = reason;
      request.vcpu_id = vcpu.vcpuId;
      request.flags = sync ? event.VM_EVENT_FLAG_VCPU_PAUSED : 0;
      fill(request);
      fillRegisters(state, request.regs);
    });
    return 'sent';
  }

  #tellAccess(access: RefusedAccess, waits: boolean): boolean {
    const monitor = this.#monitor;
    if (monitor.ring === undefined) return false;
    if (access.inTables && monitor.ignoresPageWalks) {
      this.#unrestricted = true;
      this.#vcpu.engine.leave();
      return true;
    }
    this.#send(event.VM_EVENT_REASON_MEM_ACCESS, waits, ({ mem_access: told }) => {
      told.gfn = BigInt(Math.floor(access.gpa / PAGE_SIZE));
      told.offset = BigInt(access.gpa % PAGE_SIZE);
      told.gla = (BigInt(access.linearHi >>> 0) << 32n) | BigInt(access.linearLo >>> 0);
      told.flags = accessFlags(access);
    });
    return true;
  }

  #tellStep(): void {
    const { domain } = this.#vcpu.hvm;
    this.#stepDone = false;
    if (domain.debuggerAttached) {
      pauseForDebugger(this.#vcpu);
      return;
    }
    if (!this.#monitor.singlestep) return;
    const sent = this.#send(event.VM_EVENT_REASON_SINGLESTEP, true, (request) => {
      request.singlestep.gfn = this.#gfnOfRip();
    });
    if (sent !== 'full') return;
    this.#stepDone = true;
    this.isDue = true;
  }

  #deferred(sent: Sent, write: DeferredWrite): WatchAnswer {
    if (sent !== 'sent' || !this.#monitor.defersWrites) return answer(sent, WATCH_GO);
    this.#writes.push(write);
    this.isDue = true;
    this.#vcpu.engine.leave();
    return WATCH_DROP;
  }

  #write({ register, index, lo, hi }: DeferredWrite): boolean {
    const { outside } = this.#vcpu.engine;
    return register === 'msr' ? outside.writeMsr(index, lo, hi) : outside.writeControl(register, lo, hi);
  }

  #deny(response: event.VmEvent): void {
    const { reason } = response;
    const denied = (write: DeferredWrite): boolean => {
      if (reason === event.VM_EVENT_REASON_MOV_TO_MSR) return write.register === 'msr';
      if (reason !== event.VM_EVENT_REASON_WRITE_CTRLREG || write.register === 'msr') return false;
      return CONTROLS[write.register][0] === response.write_ctrlreg.index;
    };
    this.#writes = this.#writes.filter((write) => !denied(write));
  }

  #isEmulated(reason: number): boolean {
    return reason === event.VM_EVENT_REASON_MEM_ACCESS || reason === event.VM_EVENT_REASON_DESCRIPTOR_ACCESS;
  }

  #gfnOfRip(): bigint {
    const gpa = this.#vcpu.engine.outside.physicalAddressOfRip();
    return gpa < 0 ? 0xffff_ffff_ffff_ffffn : BigInt(Math.floor(gpa / PAGE_SIZE));
  }
}

function answer(sent: Sent, whenSent: WatchAnswer): WatchAnswer {
  return sent === 'unheard' ? WATCH_GO : sent === 'full' ? WATCH_AGAIN : whenSent;
}

function accessFlags({ intent, inTables }: RefusedAccess): number {
  let flags = event.MEM_ACCESS_GLA_VALID;
  flags |= inTables ? event.MEM_ACCESS_FAULT_IN_GPT : event.MEM_ACCESS_FAULT_WITH_GLA;
  if (intent === NESTED_READ || (inTables && intent === NESTED_WRITE)) flags |= event.MEM_ACCESS_R;
  if (intent === NESTED_WRITE) flags |= event.MEM_ACCESS_W;
  if (intent === NESTED_EXECUTE) flags |= event.MEM_ACCESS_X;
  return flags;
}

function copyOf(registers: VmEventRegsX86): VmEventRegsX86 {
  const copy = new VmEventRegsX86(new DataView(new ArrayBuffer(VmEventRegsX86.SIZE)), 0);
  for (const [name] of GENERAL_REGISTERS) copy[name] = registers[name];
  copy.rip = registers.rip;
  copy.rflags = registers.rflags;
  return copy;
}
