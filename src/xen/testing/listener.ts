import { Sring } from '../../abi/io/ring.ts';
import { VmEvent } from '../../abi/vm_event-request.ts';
import type { Domid } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import type { Domain } from '../common/domain.ts';
import { VmEventRing } from '../common/vm-event-ring.ts';

/** The guest frame of the ring, which stays where the guest can spoil it. */
export const RING_GFN = 60;

/** Somebody who listens to a domain from the page itself, with nothing between. */
export function listenTo(domain: Domain, listener = 0 as Domid, gfn = RING_GFN) {
  const { hvm, p2m, xen } = domain;
  if (hvm === undefined || p2m === undefined) throw new Error('only HVM domains can be listened to');
  const answered: number[] = [];
  const ring = VmEventRing.open(domain, gfn, listener, (response) => {
    answered.push(response.vcpu_id);
    hvm.vcpus[response.vcpu_id]?.monitor.respond(response);
  });
  if (typeof ring === 'number') throw new Error(`the ring was refused: ${ring}`);
  hvm.monitor.ring = ring;
  const page = new DataView(xen.memory.buffer, p2m.mfn(gfn) * PAGE_SIZE, PAGE_SIZE);
  const slot = (index: number): VmEvent => new VmEvent(page, Sring.SIZE + (index & 7) * VmEvent.SIZE);
  const header = new Sring(page, 0);
  /** Answers all that was asked, with whatever stands in the ring. */
  const answerAll = (): void => {
    header.rsp_prod = 0xffff_ffff;
    ring.takeResponses();
  };
  return { ring, page, header, slot, answered, answerAll };
}
