import {
  XEN_SCHEDULER_ARINC653,
  XEN_SCHEDULER_CREDIT,
  XEN_SCHEDULER_CREDIT2,
  XEN_SCHEDULER_NULL,
  XEN_SCHEDULER_RTDS,
} from '../../abi/domctl-sched.ts';

const NAMES: Readonly<Record<number, string>> = {
  [XEN_SCHEDULER_CREDIT]: 'credit',
  [XEN_SCHEDULER_CREDIT2]: 'credit2',
  [XEN_SCHEDULER_ARINC653]: 'arinc653',
  [XEN_SCHEDULER_RTDS]: 'rtds',
  [XEN_SCHEDULER_NULL]: 'null',
};

/** libxl's word for XEN_SCHEDULER_*. */
export function schedulerName(sched: number): string {
  return NAMES[sched] ?? 'unknown';
}

/** XEN_SCHEDULER_* of libxl's word; undefined where it is none. */
export function schedulerByName(name: string): number | undefined {
  const entry = Object.entries(NAMES).find(([, each]) => each === name);
  return entry === undefined ? undefined : Number(entry[0]);
}
