import { equal } from 'node:assert/strict';
import * as evtchn from '../../abi/event_channel.ts';
import { __HYPERVISOR_event_channel_op, type Gfn, type Port } from '../../abi/xen.ts';
import { type Guest, TestMachine } from './test-machine.ts';

export const CONTROL_GFN = 0x20;
export const ARRAY_GFN = 0x22;
export const PENDING = 1 << evtchn.EVTCHN_FIFO_PENDING;
export const MASKED = 1 << evtchn.EVTCHN_FIFO_MASKED;
export const LINKED = 1 << evtchn.EVTCHN_FIFO_LINKED;

/** A guest's side of the FIFO ABI, as public/event_channel.h tells guests to do it. */
export class FifoGuest {
  readonly machine: TestMachine;
  readonly guest: Guest;

  constructor(vcpus = 1, ports = 1023) {
    this.machine = new TestMachine();
    this.guest = this.machine.domain({ vcpus, ports });
  }

  /** With control blocks and the first page of words. */
  static ready(vcpus = 1, ports = 1023): FifoGuest {
    const it = new FifoGuest(vcpus, ports);
    for (let vcpu = 0; vcpu < vcpus; vcpu++) equal(it.initControl(CONTROL_GFN, vcpu * 0x80, vcpu), 0);
    equal(it.expandArray(ARRAY_GFN), 0);
    return it;
  }

  operate<T>(
    op: number,
    structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
    fill: (argument: T) => void,
  ) {
    return this.guest.withStructure(structure, fill, (at) =>
      this.guest.hypercall(__HYPERVISOR_event_channel_op, [op, at]),
    );
  }

  initControl(gfn: number, offset: number, vcpu = 0): number {
    const { result, argument } = this.operate(evtchn.EVTCHNOP_init_control, evtchn.EvtchnInitControl, (init) => {
      init.control_gfn = gfn as Gfn;
      init.offset = offset;
      init.vcpu = vcpu;
    });
    if (result === 0) equal(argument.link_bits, 17);
    return result;
  }

  expandArray(gfn: number): number {
    return this.operate(evtchn.EVTCHNOP_expand_array, evtchn.EvtchnExpandArray, (argument) => {
      argument.array_gfn = gfn as Gfn;
    }).result;
  }

  setPriority(port: number, priority: number): number {
    return this.operate(evtchn.EVTCHNOP_set_priority, evtchn.EvtchnSetPriority, (argument) => {
      argument.port = port as Port;
      argument.priority = priority;
    }).result;
  }

  unmask(port: number): number {
    return this.operate(evtchn.EVTCHNOP_unmask, evtchn.EvtchnUnmask, (argument) => {
      argument.port = port as Port;
    }).result;
  }

  /** A port that the guest can send to itself, unmasked as the words start. */
  ipi(vcpu = 0): number {
    return this.operate(evtchn.EVTCHNOP_bind_ipi, evtchn.EvtchnBindIpi, (argument) => {
      argument.vcpu = vcpu;
    }).argument.port;
  }

  close(port: number): number {
    return this.operate(evtchn.EVTCHNOP_close, evtchn.EvtchnClose, (argument) => {
      argument.port = port as Port;
    }).result;
  }

  send(port: number): void {
    this.guest.domain.events.send(port);
  }

  word(port: number): number {
    return this.guest.view(ARRAY_GFN * 4096).getInt32(port * 4, true);
  }
  setWord(port: number, value: number): void {
    this.guest.view(ARRAY_GFN * 4096).setInt32(port * 4, value, true);
  }
  block(vcpu = 0): evtchn.EvtchnFifoControlBlock {
    return new evtchn.EvtchnFifoControlBlock(this.guest.view(CONTROL_GFN * 4096), vcpu * 0x80);
  }
  upcall(vcpu = 0): boolean {
    return this.guest.domain.vcpu(vcpu)?.upcallPending === true;
  }

  /** Takes every event that is ready, the most urgent first; its ports. */
  take(vcpu = 0): number[] {
    const block = this.block(vcpu);
    const ports: number[] = [];
    this.machine.xen.memory.bytes[this.guest.domain.vcpu(vcpu)?.infoAddress ?? 0] = 0;
    while (block.ready !== 0) {
      const priority = 31 - Math.clz32(block.ready & -block.ready);
      block.ready &= ~(1 << priority);
      for (let port = block.head(priority); port !== 0; ) {
        const word = this.word(port);
        const next = word & evtchn.EVTCHN_FIFO_LINK_MASK;
        this.setWord(port, word & ~(LINKED | PENDING | evtchn.EVTCHN_FIFO_LINK_MASK));
        if ((word & PENDING) !== 0 && (word & MASKED) === 0) ports.push(port);
        block.set_head(priority, next);
        port = next;
      }
    }
    return ports;
  }
}
