import type { Domid, Port } from '../../abi/xen.ts';

/**
 * Event channels as a dom0 process has them (the role of Xen's tools/libs/evtchn). Every operation throws a
 * HypercallError where Xen refuses. Ports are this process' own; another process' ports are EINVAL.
 */
export interface EventChannels {
  /** Binds to `remotePort`, which `remote` left unbound for us; returns our end. The binding itself raises one event. */
  bindInterdomain(remote: Domid, remotePort: Port): Port;

  /** Opens a port that `remote` may bind to. */
  bindUnboundPort(remote: Domid): Port;

  /** Binds VIRQ_* `virq` of vCPU 0, or a global one such as VIRQ_DOM_EXC. */
  bindVirq(virq: number): Port;

  /** Raises an event at the other end of `port`. */
  notify(port: Port): void;

  /** Closes `port`; its handler is not called again. */
  unbind(port: Port): void;

  /**
   * Calls `handler` for each event on `port`, after the event was cleared and unmasked, so that one which arrives
   * meanwhile calls it again. Never called from within `notify` or a bind. One handler a port: a second replaces it.
   */
  onEvent(port: Port, handler: () => void): void;
}
