import { TRACE_EXTRA_MAX, TRACE_EXTRA_SHIFT, TRC_PV_HYPERCALL_SUBCALL, TRC_PV_HYPERCALL_V2 } from '../../abi/trace.ts';
import { type Call, CONTINUE, type HypercallResult } from '../common/call.ts';
import type { Operation } from '../hypercall-row.ts';
import {
  HYPERCALL,
  HYPERCALL_CONTINUED,
  HYPERCALL_RETURN,
  TRC_X_HYPERCALL_CHANGED,
  TRC_X_HYPERCALL_DATA,
} from './events.ts';
import type { TraceBuffer } from './trace-buffer.ts';
import { timed, untimed } from './trace-record.ts';

/** In the first word of TRC_PV_HYPERCALL_V2: two bits an argument, 1 for one of 32 bits, 2 for one of 64. */
const ARGUMENT_SHIFT = 20;
const ARGUMENTS = 6;
/** Of what a pointer points at so many bytes are recorded: six records' worth, for domctl and sysctl. */
const MOST_DATA_BYTES = 6 * TRACE_EXTRA_MAX * 4;
/** In a TRC_X_HYPERCALL's first word: the caller is 32-bit code. */
export const CALLER_IS_COMPAT = 1 << 16;

const PV_HYPERCALL = timed(TRC_PV_HYPERCALL_V2, 0);
const PV_SUBCALL = timed(TRC_PV_HYPERCALL_SUBCALL, 0);
const DATA = untimed(TRC_X_HYPERCALL_DATA, TRACE_EXTRA_MAX);

const words = new Uint32Array(TRACE_EXTRA_MAX);
/** What the pointer pointed at when the call came, in case it is the same afterwards. */
const before = new Uint32Array(MOST_DATA_BYTES / 4);

/** A hypercall begins: its number, its arguments, and what its pointer points at. */
export function recordHypercall(trace: TraceBuffer, call: Call, operation: Operation | undefined): void {
  const header = headerOf(call);
  if (!trace.wants(header)) return;
  const { domain } = call;
  let first = call.nr & 0xffff;
  if (call.compat && header === HYPERCALL) first |= CALLER_IS_COMPAT;
  let used = 1;
  for (let index = 0; index < argumentsOf(operation); index++) {
    const upper = call.upper(index);
    const size = upper === 0 ? 1 : 2;
    if (used + size > TRACE_EXTRA_MAX) break;
    words[used] = call.u32(index);
    if (size === 2) words[used + 1] = upper;
    first |= size << (ARGUMENT_SHIFT + 2 * index);
    used += size;
  }
  words[0] = first;
  recordWords(trace, (header | (used << TRACE_EXTRA_SHIFT)) >>> 0, domain.id);
  recordData(trace, call, operation, false);
}

/** It is done, or goes on later. */
export function recordHypercallReturn(
  trace: TraceBuffer,
  call: Call,
  operation: Operation | undefined,
  result: HypercallResult,
): void {
  if (!trace.wants(headerOf(call))) return;
  const { domain, nr } = call;
  if (result === CONTINUE) {
    trace.record(HYPERCALL_CONTINUED, domain.id, nr);
    return;
  }
  if (result >= 0 && !domain.dying) recordData(trace, call, operation, true);
  trace.record(HYPERCALL_RETURN, domain.id, nr, result >>> 0, Math.floor(result / 2 ** 32) >>> 0);
}

/** A PV domain's, such as dom0's, has Xen's own record. What HVM guests call is in no record of Xen's but VMMCALL's. */
function headerOf(call: Call): number {
  if (call.domain.hvm !== undefined) return HYPERCALL;
  return call.inMulticall ? PV_SUBCALL : PV_HYPERCALL;
}

/** How many arguments say something; the other registers hold what they held. */
function argumentsOf(operation: Operation | undefined): number {
  if (operation === undefined) return ARGUMENTS - 1;
  const { pointee, plain } = operation;
  const last = pointee === undefined ? 0 : Math.max(pointee.argument, pointee.count ?? 0);
  return Math.max(last + 1, plain.length);
}

/** What is behind the pointer: a structure, the first of several; where `changed`, only if it is another than before. */
function recordData(trace: TraceBuffer, call: Call, operation: Operation | undefined, changed: boolean): void {
  const pointee = operation?.pointee;
  if (pointee === undefined || !trace.wants(DATA)) return;
  const { argument, offset = 0 } = pointee;
  const lo = call.u32(argument);
  const hi = call.upper(argument);
  if (lo === 0 && hi === 0) return;
  const { SIZE } = call.compat ? (pointee.compat ?? pointee.structure) : pointee.structure;
  const size = Math.min(offset + SIZE, MOST_DATA_BYTES);
  // Nothing else is in the call's scratch memory: it has not begun, or is done.
  call.release(0);
  const at = call.fetchAt(lo, hi, size);
  if (at >= 0 && !(changed && isAsBefore(call.view, at, size))) {
    const event = changed ? TRC_X_HYPERCALL_CHANGED : TRC_X_HYPERCALL_DATA;
    for (let done = 0; done < size; done += TRACE_EXTRA_MAX * 4) dataRecord(trace, event, call, at + done, size - done);
    for (let index = 0; index < size >> 2; index++) before[index] = call.view.getUint32(at + index * 4, true);
  }
  call.release(0);
}

function dataRecord(trace: TraceBuffer, event: number, call: Call, at: number, left: number): void {
  const count = Math.min(TRACE_EXTRA_MAX, (left + 3) >> 2);
  for (let index = 0; index < count; index++) words[index] = call.view.getUint32(at + index * 4, true);
  recordWords(trace, untimed(event, count), call.domain.id);
}

function recordWords(trace: TraceBuffer, header: number, subject: number): void {
  const a = words[0] as number;
  const b = words[1] as number;
  const c = words[2] as number;
  const d = words[3] as number;
  const e = words[4] as number;
  const f = words[5] as number;
  const g = words[6] as number;
  trace.record(header, subject, a, b, c, d, e, f, g);
}

function isAsBefore(view: DataView, at: number, size: number): boolean {
  for (let index = 0; index < size >> 2; index++) {
    if (view.getUint32(at + index * 4, true) !== before[index]) return false;
  }
  return true;
}
