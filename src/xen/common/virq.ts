import { EINVAL } from '../../abi/errno.ts';
import { NR_VIRQS, VIRQ_DEBUG, VIRQ_TIMER, VIRQ_XENOPROF, VIRQ_XENPMU } from '../../abi/xen.ts';
import type { Domain } from './domain.ts';
import type { Hypervisor } from './hypervisor.ts';
import type { Vcpu } from './vcpu.ts';

/** A VIRQ that a domain binds once, on vCPU 0, rather than once on each vCPU. */
export function isGlobalVirq(virq: number): boolean {
  return virq !== VIRQ_TIMER && virq !== VIRQ_DEBUG && virq !== VIRQ_XENOPROF && virq !== VIRQ_XENPMU;
}

/** Raises a VIRQ of one vCPU; nothing where it is not bound. */
export function sendVcpuVirq(vcpu: Vcpu, virq: number): void {
  const port = vcpu.virqToPort[virq] as number;
  if (port !== 0) vcpu.domain.events.notify(port);
}

/** Raises a VIRQ that goes to one domain: the control domain, or who it appointed for it. */
export function sendGlobalVirq(xen: Hypervisor, virq: number): void {
  const vcpu = (xen.virqHandlers.get(virq) ?? xen.domains.get(0))?.vcpu(0);
  if (vcpu !== undefined) sendVcpuVirq(vcpu, virq);
}

/** XEN_DOMCTL_set_virq_handler: a domain gets a global VIRQ from now on, until it dies. 0 or an errno. */
export function setVirqHandler(domain: Domain, virq: number): number {
  if (virq >= NR_VIRQS || !isGlobalVirq(virq) || domain.dying) return -EINVAL;
  domain.xen.virqHandlers.set(virq, domain);
  return 0;
}
