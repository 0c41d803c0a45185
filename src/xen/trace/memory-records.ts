import { NESTED_EXECUTE, NESTED_WRITE } from '../../cpu/engine.ts';
import { DECREASE_RESERVATION, HVM_NPF, POD_POPULATE, POD_ZERO_RECLAIM, SET_P2M_ENTRY } from './events.ts';
import type { TraceBuffer } from './trace-buffer.ts';

/** No frame: all ones, in two words. */
export const INVALID_MFN = 0xffffffff;

const ORDER_SHIFT = 16;

/** By P2M_*: Xen's p2m_type_t. It has one type each for what is not there and for what is MMIO; here it is either. */
const P2M_TYPES: readonly number[] = [1, 0, 3, 7, 8, 14, 6];
/** p2m_type_t by name, as Xen's p2m.h has them, without p2m_. */
export const P2M_TYPE_NAMES: readonly (string | undefined)[] = [
  'ram_rw',
  'invalid',
  'ram_logdirty',
  'ram_ro',
  'mmio_dm',
  'mmio_direct',
  'populate_on_demand',
  'grant_map_rw',
  'grant_map_ro',
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  'map_foreign',
];
/** The error code of a nested page fault (APM vol. 2, 15.25.6). */
const PF_WRITE = 1 << 1;
const PF_USER = 1 << 2;
const PF_FETCH = 1 << 4;

/** A domain as far as its memory's records go. */
export interface P2mOwner {
  readonly id: number;
  readonly xen: { readonly traceBuffer: TraceBuffer | undefined };
}

/** TRC_MEM_SET_P2M_ENTRY: a guest frame has another machine frame, or none, from now on. */
export function recordP2mEntry({ id, xen }: P2mOwner, gfn: number, mfn: number, type: number): void {
  const high = mfn === INVALID_MFN ? INVALID_MFN : 0;
  xen.traceBuffer?.record(SET_P2M_ENTRY, id, gfn, 0, mfn, high, P2M_TYPES[type], id);
}

/** TRC_HVM_NPF: a guest's access that its p2m entry does not permit, as it is. */
export function recordViolation({ id, xen }: P2mOwner, gfn: number, mfn: number, type: number, intent: number): void {
  const trace = xen.traceBuffer;
  if (trace === undefined || trace.runningDomid !== id) return;
  const code = PF_USER | (intent === NESTED_WRITE ? PF_WRITE : 0) | (intent === NESTED_EXECUTE ? PF_FETCH : 0);
  trace.record(HVM_NPF, id, (gfn << 12) >>> 0, gfn >>> 20, mfn, 0, code, P2M_TYPES[type]);
}

/** TRC_MEM_DECREASE_RESERVATION: a domain gives frames back. */
export function recordDecrease({ id, xen }: P2mOwner, gfn: number, order: number): void {
  xen.traceBuffer?.record(DECREASE_RESERVATION, id, gfn >>> 0, Math.floor(gfn / 2 ** 32), id | (order << ORDER_SHIFT));
}

/** TRC_MEM_POD_POPULATE: a guest frame got its memory, because it was touched. */
export function recordPopulate({ id, xen }: P2mOwner, gfn: number, mfn: number): void {
  xen.traceBuffer?.record(POD_POPULATE, id, gfn, 0, mfn, 0, id);
}

/** TRC_MEM_POD_ZERO_RECLAIM: it was zero, and is without memory again. */
export function recordZeroReclaim({ id, xen }: P2mOwner, gfn: number, mfn: number): void {
  xen.traceBuffer?.record(POD_ZERO_RECLAIM, id, gfn, 0, mfn, 0, id);
}
