import type { EventChannel } from './event-channel.ts';
import type { Vcpu } from './vcpu.ts';

/** How a domain is told of its events: bitmaps or queues in memory it shares with Xen (Xen's struct evtchn_port_ops). */
export interface PortAbi {
  /** Ports the layout has room for. */
  readonly maxPorts: number;
  /** A port was given out. */
  open(channel: EventChannel): void;
  /** Marks a port pending for a vCPU, and raises the upcall where that is news; false where it already was pending. */
  setPending(channel: EventChannel, vcpu: Vcpu): boolean;
  clearPending(channel: EventChannel): void;
  isPending(channel: EventChannel): boolean;
  /** Clears the mask, and tells the vCPU of an event that waited behind it. */
  unmask(channel: EventChannel, vcpu: Vcpu): void;
  /** The guest has not taken the port from a queue yet: it is not given out again before that. */
  isBusy(channel: EventChannel): boolean;
  /** 0 or an errno. */
  setPriority(channel: EventChannel, priority: number): number;
  /** Lets go of the guest's memory. */
  destroy(): void;
}
