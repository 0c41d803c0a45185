import * as trc from '../../abi/trace.ts';
import * as own from '../../xen/trace/events.ts';
import * as exit from '../../xen/trace/exit-records.ts';
import { P2M_TYPE_NAMES } from '../../xen/trace/memory-records.ts';
import type { TraceRecord } from '../../xen/trace/trace-record.ts';
import { vcpuName } from './trace-writer.ts';

/** What a record says, by name. */
export type TraceFields = Record<string, number | string>;

export interface NamedEvent {
  readonly name: string;
  readonly fields: TraceFields;
}

// Fields of a record, a word each unless it says otherwise:
//   name        a number           name:x     in hexadecimal
//   name:exit   VMEXIT_*           name:64x   two words in hexadecimal
//   low|high    the word's halves
//   name:s      signed             name:port  ECS_* of a port    name:p2m  p2m_type_t
//   name:unit   two words, a domain and a vCPU: d1v0; name:packed one word
// biome-ignore format: an event is a line
const EVENTS: readonly (readonly [event: number, name: string, fields: string])[] = [
  [trc.TRC_SCHED_CONTINUE_RUNNING, 'continue_running', 'subject:packed'],
  [trc.TRC_SCHED_DOM_ADD, 'sched_domain_added', 'domid'],
  [trc.TRC_SCHED_DOM_REM, 'sched_domain_removed', 'domid'],
  [trc.TRC_SCHED_SLEEP, 'sleep', 'subject:unit'],
  [trc.TRC_SCHED_WAKE, 'wake', 'subject:unit'],
  [trc.TRC_SCHED_YIELD, 'yield', 'subject:unit'],
  [trc.TRC_SCHED_BLOCK, 'block', 'subject:unit'],
  [trc.TRC_SCHED_SHUTDOWN, 'shutdown', 'subject:unit reason'],
  [trc.TRC_SCHED_ADJDOM, 'adjust_domain', 'domid'],
  [trc.TRC_SCHED_SWITCH, 'switch', 'prev:unit next:unit'],
  [trc.TRC_SCHED_SWITCH_INFPREV, 'switch_from', 'subject:unit ran_ns'],
  [trc.TRC_SCHED_SWITCH_INFNEXT, 'switch_to', 'subject:unit waited_ns slice_ns'],
  [trc.TRC_SCHED_SWITCH_INFCONT, 'go_on', 'subject:unit ran_ns slice_ns'],
  [trc.TRC_DOM0_DOM_ADD, 'domain_created', 'domid'],
  [trc.TRC_DOM0_DOM_REM, 'domain_destroyed', 'domid'],
  [trc.TRC_HVM_VMENTRY, 'vmentry', ''],
  [trc.TRC_HVM_VMEXIT, 'vmexit', 'code:exit rip:x'],
  [trc.TRC_HVM_VMEXIT64, 'vmexit', 'code:exit rip:64x'],
  [trc.TRC_HVM_VMMCALL, 'vmmcall', 'eax'],
  [trc.TRC_HVM_HLT, 'hlt', 'pending'],
  [trc.TRC_HVM_INTR, 'interrupt', 'vector:x'],
  [trc.TRC_HVM_INJ_VIRQ, 'inject', 'vector:x fake'],
  [trc.TRC_HVM_INTR_WINDOW, 'interrupt_window', 'vector:x source in_service:s'],
  [trc.TRC_HVM_CPUID, 'cpuid', 'leaf:x subleaf:x eax:x ebx:x ecx:x edx:x'],
  [trc.TRC_HVM_MSR_READ, 'msr_read', 'msr:x value:64x'],
  [trc.TRC_HVM_MSR_WRITE, 'msr_write', 'msr:x value:64x'],
  [trc.TRC_HVM_IOPORT_READ, 'port_read', 'port:x value:x'],
  [trc.TRC_HVM_IOPORT_WRITE, 'port_write', 'port:x value:x'],
  [trc.TRC_HVM_IOMEM_READ, 'mmio_read', 'gpa:x value:x'],
  [trc.TRC_HVM_IOMEM_WRITE, 'mmio_write', 'gpa:x value:x'],
  [trc.TRC_HVM_IOMEM_READ | trc.TRC_64_FLAG, 'mmio_read', 'gpa:64x value:64x'],
  [trc.TRC_HVM_IOMEM_WRITE | trc.TRC_64_FLAG, 'mmio_write', 'gpa:64x value:64x'],
  [trc.TRC_HVM_NPF, 'nested_page_fault', 'gpa:64x mfn:64x error:x type:p2m'],
  [trc.TRC_MEM_PAGE_GRANT_MAP, 'grant_map', 'domid ref flags:x'],
  [trc.TRC_MEM_PAGE_GRANT_UNMAP, 'grant_unmap', 'domid ref flags:x'],
  [trc.TRC_MEM_PAGE_GRANT_TRANSFER, 'grant_transfer', 'domid ref'],
  [trc.TRC_MEM_SET_P2M_ENTRY, 'set_p2m_entry', 'gfn:64x mfn:64x type:p2m domid|order'],
  [trc.TRC_MEM_DECREASE_RESERVATION, 'decrease_reservation', 'gfn:64x domid|order'],
  [trc.TRC_MEM_POD_POPULATE, 'pod_populate', 'gfn:64x mfn:64x domid|order'],
  [trc.TRC_MEM_POD_ZERO_RECLAIM, 'pod_zero_reclaim', 'gfn:64x mfn:64x domid|order'],
  [own.TRC_X_EVENT_RAISED, 'event_raised', 'domid port notifies state:port virq'],
  [own.TRC_X_IPI, 'ipi', 'subject:unit vector:x mode:x'],
  [own.TRC_X_GRANT_COPY, 'grant_copy', 'to|from source dest dest_offset|source_offset len status:s'],
];

interface Field {
  readonly name: string;
  /** Undefined for what is not in halves. */
  readonly high: string | undefined;
  readonly kind: string;
  readonly words: number;
}

const BY_EVENT = new Map(EVENTS.map(([event, name, fields]) => [event, { name, fields: parse(fields) }]));

/** RUNSTATE_* */
export const RUNSTATE_NAMES = ['running', 'runnable', 'blocked', 'offline'] as const;

/** ECS_*, as the public interface calls them (EVTCHNSTAT_*). */
const PORT_STATES = ['closed', undefined, 'unbound', 'interdomain', 'pirq', 'virq', 'ipi'] as const;

const EXIT_NAMES = new Map<number, string>(
  Object.entries(exit)
    .filter(([name]) => name.startsWith('VMEXIT_'))
    .map(([name, code]) => [code as number, name]),
);

/** The runstate a change leaves and the one it enters; undefined for other events. */
export function runstateChange(event: number): readonly [from: number, to: number] | undefined {
  if ((event & ~0xff0) !== trc.TRC_SCHED_RUNSTATE_CHANGE) return undefined;
  return [(event >>> 8) & 0xf, (event >>> 4) & 0xf];
}

/** What a record tells, hypercalls apart; an event without a name has its number and words. */
export function nameEvent(record: TraceRecord): NamedEvent {
  const { event } = record;
  const change = runstateChange(event);
  if (change !== undefined) {
    const [from, to] = change.map((state) => RUNSTATE_NAMES[state] ?? `${state}`) as [string, string];
    return { name: 'runstate_change', fields: { subject: vcpuName(record.extra(0)), from, to } };
  }
  const known = BY_EVENT.get(event);
  if (known !== undefined) return { name: known.name, fields: fieldsOf(record, known.fields) };
  const name = (event & 0x0ffff000) === trc.TRC_GUEST ? 'guest' : 'unknown';
  const words = Array.from({ length: record.extras }, (_, index) => [`word${index}`, hex(record.extra(index))]);
  return { name, fields: { number: hex(event), ...Object.fromEntries(words) } };
}

/** VMEXIT_* by its code. */
export function exitName(code: number): string {
  return EXIT_NAMES.get(code) ?? hex(code);
}

export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function parse(fields: string): readonly Field[] {
  return fields.split(' ').flatMap((spec) => {
    const [names = '', kind = ''] = spec.split(':');
    const [name = '', high] = names.split('|');
    return name === '' ? [] : [{ name, high, kind, words: kind === 'unit' || kind === '64x' ? 2 : 1 }];
  });
}

function fieldsOf(record: TraceRecord, specs: readonly Field[]): TraceFields {
  const fields: TraceFields = {};
  let at = 0;
  for (const { name, high, kind, words } of specs) {
    const word = record.extra(at);
    if (high === undefined) {
      fields[name] = fieldValue(word, record.extra(at + 1), kind);
    } else {
      fields[name] = word & 0xffff;
      fields[high] = word >>> 16;
    }
    at += words;
  }
  return fields;
}

function fieldValue(word: number, next: number, kind: string): number | string {
  switch (kind) {
    case 'x':
      return hex(word);
    case 's':
      return word | 0;
    case 'exit':
      return exitName(word);
    case 'unit':
      return vcpuName((word << 16) | next);
    case 'packed':
      return vcpuName(word);
    case 'p2m':
      return P2M_TYPE_NAMES[word] ?? word;
    case 'port':
      return PORT_STATES[word] ?? word;
    case '64x':
      return hex((BigInt(next) << 32n) | BigInt(word));
    default:
      return word;
  }
}
