/** Which ports and model-specific registers leave a guest: maps in memory of who runs it (APM vol. 2, 15.10 and 15.11). */
import type { GuestControl } from './guest-control.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** Two bits for each register of these ranges: bytes into the map. */
const MSR_RANGES = [
  { first: 0x00000000, offset: 0x0000 },
  { first: 0xc0000000, offset: 0x0800 },
  { first: 0xc0010000, offset: 0x1000 },
] as const;
const RANGE_REGISTERS = 0x2000;

/** Of `bytes` ports from `port` on one at least. */
export function mapHasPort(memory: PhysicalMemory, { iopmBase }: GuestControl, port: number, bytes: number): boolean {
  const at = iopmBase + (port >>> 3);
  const word = memory.byte(at) | (memory.byte(at + 1) << 8);
  return ((word >>> (port & 7)) & ((1 << bytes) - 1)) !== 0;
}

/** Registers that the map does not know leave always. */
export function mapHasMsr(
  memory: PhysicalMemory,
  { msrpmBase }: GuestControl,
  index: number,
  isWrite: boolean,
): boolean {
  const range = MSR_RANGES.find(({ first }) => index >= first && index < first + RANGE_REGISTERS);
  if (range === undefined) return true;
  const bit = (index - range.first) * 2 + (isWrite ? 1 : 0);
  return ((memory.byte(msrpmBase + range.offset + (bit >>> 3)) >>> (bit & 7)) & 1) !== 0;
}
