import { PAGE_SIZE } from '../../../../cpu/engine.ts';
import type { Domain } from '../../../common/domain.ts';
import { P2M_RAM_RW } from '../../mm/p2m.ts';

/** Bit 0 of the registers that name a page; the page's number is above bit 11. */
const PAGE_ENABLED = 1n;

/** Machine address of the page that a register names, now; undefined where it is off, or names no RAM of the domain. */
export function guestPage(domain: Domain, register: bigint): number | undefined {
  const { p2m, xen } = domain;
  const gfn = Number(register >> 12n);
  if ((register & PAGE_ENABLED) === 0n || p2m?.type(gfn) !== P2M_RAM_RW) return undefined;
  const mfn = p2m.mfn(gfn);
  return xen.frames.owner(mfn) === domain ? mfn * PAGE_SIZE : undefined;
}

/** Overwrites a page that `guestPage` found. */
export function fillPage(domain: Domain, address: number, fill: (page: Uint8Array) => void): void {
  fill(domain.xen.memory.frame(address / PAGE_SIZE));
  domain.xen.frames.written(address, PAGE_SIZE);
}

/** Copies guest-physical memory; false where a page of it is no RAM. */
export function readGuestPhysical(domain: Domain, gpa: bigint, into: Uint8Array): boolean {
  const { p2m, xen } = domain;
  for (let done = 0; done < into.length; ) {
    const at = gpa + BigInt(done);
    const offset = Number(at & 0xfffn);
    const gfn = Number(at >> 12n);
    if (p2m?.type(gfn) !== P2M_RAM_RW) return false;
    const start = p2m.mfn(gfn) * PAGE_SIZE + offset;
    const length = Math.min(PAGE_SIZE - offset, into.length - done);
    into.set(xen.memory.bytes.subarray(start, start + length), done);
    done += length;
  }
  return true;
}
