/**
 * A kernel that measures: it does one thing many times, as its orders say, and leaves the nanoseconds of each time in
 * its memory. Whoever starts it writes the orders before, and reads the results after.
 */
import * as event_channel from '../../src/abi/event_channel.ts';
import * as grant_table from '../../src/abi/grant_table.ts';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import * as xen from '../../src/abi/xen.ts';
import { SYMBOLS } from '../hello/symbols.ts';
import { START64, START64_PAGES } from '../lib/start64.ts';
import { SOURCE } from './source.ts';

/** Where the kernel is loaded. */
export const KERNEL = 0x100000;
/** Struct: uint32 role, rounds, operations a round, own port; then struct evtchn_bind_interdomain. */
export const ORDERS = 0x200000;
export const AT_BIND = 16;
/** uint32 each: nanoseconds of each round. */
export const RESULTS = 0x210000;
/** Arrays of structures for hypercalls. */
export const OPERATIONS = 0x300000;
export const MAX_ROUNDS = (OPERATIONS - RESULTS) / 4;
export const UNMAPPINGS = 0x340000;

/** Sends an event to the other domain and waits for its answer: a round trip each time. */
export const ROLE_PING = 1;
/** Binds to the other domain's port and answers every event. */
export const ROLE_PONG = 2;
/** Maps all grants of an array, and unmaps them. */
export const ROLE_MAP = 3;
/** Makes all copies of an array. */
export const ROLE_COPY = 4;

/** The kernel's image, and where it is entered in 32-bit mode. */
export function measureKernel(): { readonly bytes: Uint8Array; readonly entry: number } {
  const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble([START64, SOURCE, START64_PAGES].join('\n'), {
    origin: KERNEL,
    width: 32,
    symbols: {
      ...SYMBOLS,
      HYPERVISOR_grant_table_op: xen.__HYPERVISOR_grant_table_op,
      EVTCHNOP_bind_interdomain: event_channel.EVTCHNOP_bind_interdomain,
      GNTTABOP_map_grant_ref: grant_table.GNTTABOP_map_grant_ref,
      GNTTABOP_unmap_grant_ref: grant_table.GNTTABOP_unmap_grant_ref,
      GNTTABOP_copy: grant_table.GNTTABOP_copy,
      ORDERS,
      RESULTS,
      OPERATIONS,
      UNMAPPINGS,
      ROLE_PING,
      ROLE_PONG,
      ROLE_MAP,
      ROLE_COPY,
    },
  });
  return { bytes, entry: Number(symbols.get('entry')) };
}
