import { EINVAL, ENOSPC } from '../../abi/errno.ts';
import {
  EVTCHN_FIFO_BUSY,
  EVTCHN_FIFO_LINK_MASK,
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHN_FIFO_MAX_QUEUES,
  EVTCHN_FIFO_NR_CHANNELS,
  EVTCHN_FIFO_PENDING,
  EVTCHN_FIFO_PRIORITY_DEFAULT,
  EVTCHN_FIFO_PRIORITY_MIN,
  EvtchnFifoControlBlock,
} from '../../abi/event_channel.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { P2M_RAM_RO } from '../x86/mm/p2m.ts';
import { guestFrame } from '../x86/mm/physmap.ts';
import type { Domain } from './domain.ts';
import type { EventChannel } from './event-channel.ts';
import type { PortAbi } from './event-port-abi.ts';
import type { Vcpu } from './vcpu.ts';

// The FIFO ABI: a word a port in an array of the guest's pages, and for each vCPU and priority a queue of ports, linked
// through those words. The guest takes ports from the head, Xen adds them at the tail, which only Xen knows. Whatever
// the guest writes where it must not can spoil its own queues, and nothing else: links are written here, never followed.

const WORD_BYTES = 4;
const WORDS_PER_PAGE = PAGE_SIZE / WORD_BYTES;
const MAX_PAGES = EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE;
const BLOCK_ALIGNMENT = 8;
const OFFSET_HEADS = 8;

/** A vCPU's queues. */
interface Queues {
  /** The guest's frame that holds the control block, and the machine address of the block. */
  readonly mfn: number;
  readonly block: number;
  /** The last port of each queue; 0 for an empty one, though an empty one may still have a last port. */
  readonly tails: Uint32Array;
}

export class FifoPorts implements PortAbi {
  readonly maxPorts = EVTCHN_FIFO_NR_CHANNELS;
  readonly #domain: Domain;
  /** Frames of the event array. */
  readonly #pages: number[] = [];
  /** By vCPU. */
  readonly #queues: (Queues | undefined)[] = [];

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  /** Ports that have a word. */
  get words(): number {
    return this.#pages.length * WORDS_PER_PAGE;
  }

  /** Takes the page with a vCPU's queue heads; 0 or an errno. */
  addControlBlock(vcpu: Vcpu, gfn: number, offset: number): number {
    if (offset > PAGE_SIZE - EvtchnFifoControlBlock.SIZE || offset % BLOCK_ALIGNMENT !== 0) return -EINVAL;
    if (this.#queues[vcpu.vcpuId] !== undefined) return -EINVAL;
    const mfn = this.#hold(gfn);
    if (mfn < 0) return mfn;
    const tails = new Uint32Array(EVTCHN_FIFO_MAX_QUEUES);
    this.#queues[vcpu.vcpuId] = { mfn, block: mfn * PAGE_SIZE + offset, tails };
    return 0;
  }

  /** Takes a page for the words of the next ports; 0 or an errno. */
  addPage(gfn: number): number {
    if (this.#pages.length >= MAX_PAGES) return -ENOSPC;
    const mfn = this.#hold(gfn);
    if (mfn < 0) return mfn;
    this.#pages.push(mfn);
    return 0;
  }

  open(channel: EventChannel): void {
    channel.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
  }

  setPending(channel: EventChannel, vcpu: Vcpu): boolean {
    const word = this.#wordOf(channel.port);
    if (word < 0) {
      channel.isHeldBack = true;
      return false;
    }
    // A guest must not unmask an event before its vCPU has a control block: there is nothing to tell it with.
    const queues = this.#queues[vcpu.vcpuId];
    if (queues === undefined) return false;
    const isNews = this.#testAndSet(word, EVTCHN_FIFO_PENDING);
    if (!this.#test(word, EVTCHN_FIFO_MASKED) && this.#testAndSet(word, EVTCHN_FIFO_LINKED)) {
      this.#append(channel, vcpu, queues);
    }
    return isNews;
  }

  clearPending(channel: EventChannel): void {
    channel.isHeldBack = false;
    // It stays linked: the guest takes it out, and finds nothing pending.
    const word = this.#wordOf(channel.port);
    if (word >= 0) this.#clear(word, EVTCHN_FIFO_PENDING);
  }

  isPending({ port }: EventChannel): boolean {
    const word = this.#wordOf(port);
    return word >= 0 && this.#test(word, EVTCHN_FIFO_PENDING);
  }

  unmask(channel: EventChannel, vcpu: Vcpu): void {
    const word = this.#wordOf(channel.port);
    if (word < 0) return;
    this.#clear(word, EVTCHN_FIFO_MASKED);
    if (this.#test(word, EVTCHN_FIFO_PENDING)) this.setPending(channel, vcpu);
  }

  isBusy({ port }: EventChannel): boolean {
    const word = this.#wordOf(port);
    return word >= 0 && this.#test(word, EVTCHN_FIFO_LINKED);
  }

  setPriority(channel: EventChannel, priority: number): number {
    if (priority > EVTCHN_FIFO_PRIORITY_MIN) return -EINVAL;
    channel.priority = priority;
    return 0;
  }

  destroy(): void {
    const { frames } = this.#domain.xen;
    for (const mfn of this.#pages) frames.put(mfn);
    for (const queues of this.#queues) if (queues !== undefined) frames.put(queues.mfn);
    this.#pages.length = 0;
    this.#queues.length = 0;
  }

  // Behind the last port of the queue, or as its head. A head that was written is what the guest must be told of.
  #append(channel: EventChannel, vcpu: Vcpu, queues: Queues): void {
    const { port, priority } = channel;
    // Where the port was the last one of a queue, that queue is empty: nothing may be linked behind it there.
    const before = this.#queues[channel.lastVcpuId]?.tails;
    if (before?.[channel.lastPriority] === port) before[channel.lastPriority] = 0;
    channel.lastVcpuId = vcpu.vcpuId;
    channel.lastPriority = priority;

    const tail = queues.tails[priority] as number;
    queues.tails[priority] = port;
    if (tail !== 0 && this.#link(tail, port)) return;
    this.#domain.xen.memory.view.setUint32(queues.block + OFFSET_HEADS + priority * WORD_BYTES, port, true);
    if (this.#testAndSet(queues.block, priority)) vcpu.markEventsPending();
  }

  // Links a port behind another; false where the guest took that one already.
  #link(tail: number, port: number): boolean {
    const at = this.#wordOf(tail);
    if (!this.#test(at, EVTCHN_FIFO_LINKED)) return false;
    const { view } = this.#domain.xen.memory;
    const kept = view.getUint32(at, true) & ~(EVTCHN_FIFO_LINK_MASK | (1 << EVTCHN_FIFO_BUSY));
    view.setUint32(at, (kept | port) >>> 0, true);
    return true;
  }

  // Machine address of a port's word; -1 where the guest has not given its page yet.
  #wordOf(port: number): number {
    const mfn = this.#pages[Math.floor(port / WORDS_PER_PAGE)];
    return mfn === undefined ? -1 : mfn * PAGE_SIZE + (port % WORDS_PER_PAGE) * WORD_BYTES;
  }

  // A reference to the guest's own, writable memory at a frame; or an errno.
  #hold(gfn: number): number {
    const domain = this.#domain;
    if (domain.p2m?.type(gfn) === P2M_RAM_RO) return -EINVAL;
    const mfn = guestFrame(domain, gfn);
    return mfn !== 0 && domain.xen.frames.get(mfn, domain) ? mfn : -EINVAL;
  }

  #test(at: number, bit: number): boolean {
    return (this.#domain.xen.memory.view.getUint32(at, true) & (1 << bit)) !== 0;
  }

  // True where the bit was clear.
  #testAndSet(at: number, bit: number): boolean {
    const { view } = this.#domain.xen.memory;
    const before = view.getUint32(at, true);
    view.setUint32(at, (before | (1 << bit)) >>> 0, true);
    return (before & (1 << bit)) === 0;
  }

  #clear(at: number, bit: number): void {
    const { view } = this.#domain.xen.memory;
    view.setUint32(at, (view.getUint32(at, true) & ~(1 << bit)) >>> 0, true);
  }
}
