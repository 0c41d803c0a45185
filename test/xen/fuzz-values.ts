import { DOMID_FIRST_RESERVED, DOMID_IO, DOMID_SELF, DOMID_XEN } from '../../src/abi/xen.ts';
import { FUZZER_DOMID, VICTIM_DOMID } from './fuzz-machine.ts';
import type { SeededRandom } from './fuzz-random.ts';

// The values that hostile arguments are made of: those at the edges of what is allowed, and far outside.

/** Guest pages that calls' structures and arrays are put into; the arena is where they point. */
export const ARENA_FIRST = 0x8000;
export const ARENA_BYTES = 0x10000;
/** The last page of the guest's memory: what starts near its end straddles into a hole. */
const LAST_PAGE_END = 0x40000;
const APIC_PAGE = 0xfee00000;

const COUNTS: readonly number[] = [0, 1, 2, 3, 4, 7, 31, 64, 512, 4096, 0xffff, 0x10000, 2 ** 20, 2 ** 26 - 1];
const HUGE: readonly number[] = [2 ** 26, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const GFNS: readonly number[] = [0, 1, 5, 0x20, 0x3f, 0x40, 0x100, 0xfee00, 0xfeff8, 0xfffff, 2 ** 28 - 1, 2 ** 28];
const FAR_GFNS: readonly number[] = [2 ** 32 - 1, 2 ** 40, 2 ** 52 - 1, Number.MAX_SAFE_INTEGER];

/** A guest's pointer: mostly into its arena, else null, unmapped, MMIO, wrapping or straddling. */
export function pointer(random: SeededRandom): bigint {
  switch (random.below(16)) {
    case 0:
      return 0n;
    case 1:
      return random.pick([0xdead0000n, BigInt(LAST_PAGE_END), 0x7fffffffffffn, 0xffff800000000000n, 1n << 47n]);
    case 2:
      return BigInt(APIC_PAGE + random.below(4096));
    case 3:
      return (1n << 64n) - BigInt(random.below(64)); // its end wraps
    case 4:
      return (1n << 32n) - BigInt(random.below(64));
    case 5:
      return BigInt(LAST_PAGE_END - random.below(64));
    case 6:
      return random.u64();
    default:
      return BigInt(ARENA_FIRST + random.below(ARENA_BYTES));
  }
}

export function domid(random: SeededRandom): number {
  return random.pick([
    DOMID_SELF,
    DOMID_SELF,
    DOMID_SELF,
    FUZZER_DOMID,
    FUZZER_DOMID,
    VICTIM_DOMID,
    VICTIM_DOMID,
    0,
    1,
    2,
    DOMID_IO,
    DOMID_XEN,
    DOMID_FIRST_RESERVED,
    999,
    0xffff,
  ]);
}

export function count(random: SeededRandom): number {
  if (random.oneIn(12)) return random.pick(HUGE);
  return random.oneIn(3) ? random.pick(COUNTS) : random.below(8);
}

export function gfn(random: SeededRandom): number {
  if (random.oneIn(12)) return random.pick(FAR_GFNS);
  return random.oneIn(2) ? random.pick(GFNS) : random.below(0x50);
}

export function small(random: SeededRandom): number {
  return random.oneIn(6) ? random.pick([0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0xffffffff]) : random.below(12);
}

/** A number of any meaning. */
export function anything(random: SeededRandom): number {
  switch (random.below(5)) {
    case 0:
      return count(random);
    case 1:
      return gfn(random);
    case 2:
      return random.u32();
    default:
      return small(random);
  }
}
