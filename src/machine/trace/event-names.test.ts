import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { TRC_GUEST } from '../../abi/trace.ts';
import * as events from '../../xen/trace/events.ts';
import { EVERYTHING, TraceBuffer } from '../../xen/trace/trace-buffer.ts';
import { EVENT_MASK, timed, untimed } from '../../xen/trace/trace-record.ts';
import { type NamedEvent, nameEvent } from './event-names.ts';

function named(header: number, ...words: number[]): NamedEvent {
  const buffer = new TraceBuffer(1, () => 1, EVERYTHING);
  buffer.record(header, 0, ...(words as [number]));
  const names: NamedEvent[] = [];
  buffer.take({ lost: () => {}, record: (record) => names.push(nameEvent(record)) });
  equal(names.length, 1);
  return names[0] as NamedEvent;
}

/** Hypercalls have a reader of their own. */
const HYPERCALLS: ReadonlySet<number> = new Set([
  events.TRC_X_HYPERCALL,
  events.TRC_X_HYPERCALL_RETURN,
  events.TRC_X_HYPERCALL_CONTINUED,
]);

test('every event that Xen records here has a name, and a name for each of its words', () => {
  for (const [constant, header] of Object.entries(events)) {
    if (constant.startsWith('TRC_') || HYPERCALLS.has(header & EVENT_MASK)) continue;
    const { name, fields } = named(header, 1, 2, 3, 4, 5, 6, 7);
    notEqual(name, 'unknown', constant);
    const words = (header >>> 28) & 7;
    const shown = JSON.stringify(Object.values(fields));
    // A change of any word is a change of what is shown.
    for (let word = 0; word < words; word++) {
      const other = [1, 2, 3, 4, 5, 6, 7].map((value, index) => (index === word ? 0x1001 : value));
      notEqual(JSON.stringify(Object.values(named(header, ...other).fields)), shown, `${constant}, word ${word}`);
    }
  }
});

test('what has no name shows its number and its words; a guest’s own record as well', () => {
  deepEqual(named(timed(0x0802abc, 2), 1, 0xffffffff), {
    name: 'unknown',
    fields: { number: '0x802abc', word0: '0x1', word1: '0xffffffff' },
  });
  deepEqual(named(untimed(TRC_GUEST | 7, 1), 9), { name: 'guest', fields: { number: '0x800f007', word0: '0x9' } });
});

test('runstates, halves, 64-bit values and vCPUs', () => {
  deepEqual(named(timed(0x21001 | (2 << 8) | (1 << 4), 1), (3 << 16) | 2), {
    name: 'runstate_change',
    fields: { subject: 'd3v2', from: 'blocked', to: 'runnable' },
  });
  deepEqual(named(events.SCHED_SWITCH, 0x7fff, 1, 5, 0).fields, { prev: 'idle', next: 'd5v0' });
  deepEqual(named(events.SET_P2M_ENTRY, 0x23, 1, 0xffffffff, 0xffffffff, 1, 4 | (9 << 16)).fields, {
    gfn: '0x100000023',
    mfn: '0xffffffffffffffff',
    type: 'invalid',
    domid: 4,
    order: 9,
  });
});
