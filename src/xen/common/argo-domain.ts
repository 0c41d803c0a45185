import { VIRQ_ARGO, type Domid } from '../../abi/xen.ts';
import { XEN_ARGO_DOMID_ANY } from '../../abi/argo.ts';
import type { Ring } from './argo-ring.ts';
import type { Domain } from './domain.ts';
import { sendVcpuVirq } from './virq.ts';

/** A domain's part in Argo (Xen's struct argo_domain): the rings it receives by. */
export class ArgoDomain {
  readonly #domain: Domain;
  readonly #rings = new Map<string, Ring>();

  constructor(domain: Domain) {
    this.#domain = domain;
  }

  get count(): number {
    return this.#rings.size;
  }

  get rings(): Iterable<Ring> {
    return this.#rings.values();
  }

  /** The ring for a port and just this partner. */
  find(aport: number, partner: Domid): Ring | undefined {
    return this.#rings.get(key(aport, partner));
  }

  /** The ring for a port that a sender may use: its own, or one for everybody. */
  findFor(aport: number, sender: Domid): Ring | undefined {
    return this.find(aport, sender) ?? this.find(aport, XEN_ARGO_DOMID_ANY);
  }

  add(ring: Ring): void {
    this.#rings.set(key(ring.aport, ring.partner), ring);
  }

  remove(ring: Ring): void {
    ring.release();
    this.#rings.delete(key(ring.aport, ring.partner));
  }

  /** Raises VIRQ_ARGO: a message has come, or there is room for one. */
  signal(): void {
    const vcpu = this.#domain.vcpu(0);
    if (vcpu !== undefined) sendVcpuVirq(vcpu, VIRQ_ARGO);
  }

  /** Forgets everything that has to do with the domain, for a dying one or a soft reset: others' rings for it too. */
  reset(): void {
    for (const ring of [...this.#rings.values()]) this.remove(ring);
    const { id, xen } = this.#domain;
    for (const { argo } of xen.domains.values()) {
      for (const ring of [...argo.rings]) {
        if (ring.partner === id) argo.remove(ring);
        else ring.forget(id);
      }
    }
  }
}

function key(aport: number, partner: Domid): string {
  return `${aport}:${partner}`;
}
