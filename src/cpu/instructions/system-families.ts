/** All rows of system instructions. */
import type { Instruction } from './define.ts';
import { SYSTEM_CONTROL } from './system-control.ts';
import { SYSTEM_FLAGS } from './system-flags.ts';
import { SYSTEM_GUESTS } from './system-guests.ts';
import { SYSTEM_HINTS } from './system-hints.ts';
import { SYSTEM_PORTS } from './system-ports.ts';
import { SYSTEM_SEGMENTS } from './system-segments.ts';
import { SYSTEM_TRANSFERS } from './system-transfers.ts';

export const SYSTEM_INSTRUCTIONS: readonly Instruction[] = [
  ...SYSTEM_FLAGS,
  ...SYSTEM_SEGMENTS,
  ...SYSTEM_CONTROL,
  ...SYSTEM_TRANSFERS,
  ...SYSTEM_PORTS,
  ...SYSTEM_HINTS,
  ...SYSTEM_GUESTS,
];
