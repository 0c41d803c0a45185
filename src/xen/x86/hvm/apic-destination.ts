import { APIC_DFR, APIC_DFR_FLAT, APIC_ID, APIC_LDR } from './apic-registers.ts';

/** The registers of a local APIC that tell its addresses. */
export interface ApicAddress {
  readonly id: number;
  readonly ldr: number;
  readonly dfr: number;
}

/** Whether a message to `destination` is for an APIC. */
export function isAddressed(
  { registers, x2apic }: { readonly registers: Uint32Array; readonly x2apic: boolean },
  destination: number,
  logical: boolean,
): boolean {
  const register = (offset: number) => registers[offset >> 4] as number;
  const address = { id: register(APIC_ID), ldr: register(APIC_LDR), dfr: register(APIC_DFR) };
  return matchesDestination(address, x2apic, destination, logical);
}

/** Whether a message to `destination` is for the APIC with these addresses (SDM vol. 3A, 10.6.2). */
export function matchesDestination(
  address: ApicAddress,
  x2apic: boolean,
  destination: number,
  logical: boolean,
): boolean {
  if (logical) return x2apic ? matchesCluster(address.ldr, destination) : matchesLogical(address, destination & 0xff);
  if (x2apic) return destination === 0xffffffff || destination === address.id;
  return (destination & 0xff) === 0xff || (destination & 0xff) === address.id >>> 24;
}

/** x2APIC: a cluster in the high half, a bit an APIC in the low one. */
function matchesCluster(ldr: number, destination: number): boolean {
  return ldr >>> 16 === destination >>> 16 && (ldr & destination & 0xffff) !== 0;
}

/** xAPIC: eight bits, or four clusters of four. */
function matchesLogical({ ldr, dfr }: ApicAddress, destination: number): boolean {
  const mine = ldr >>> 24;
  if (dfr === APIC_DFR_FLAT) return (mine & destination) !== 0;
  return mine >>> 4 === destination >>> 4 && (mine & destination & 0xf) !== 0;
}

/** Of APICs that accept interrupts, the one that is least busy; the first of equals. */
export function lowestPriority<T extends { readonly enabled: boolean; processorPriority(): number }>(
  targets: readonly T[],
): T | undefined {
  let lowest: T | undefined;
  for (const target of targets) {
    if (!target.enabled) continue;
    if (lowest === undefined || target.processorPriority() < lowest.processorPriority()) lowest = target;
  }
  return lowest;
}
