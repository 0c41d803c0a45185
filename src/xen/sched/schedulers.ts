import {
  XEN_SCHEDULER_CREDIT,
  XEN_SCHEDULER_CREDIT2,
  XEN_SCHEDULER_NULL,
  XEN_SCHEDULER_RTDS,
} from '../../abi/domctl-sched.ts';
import { CreditScheduler } from './credit.ts';
import { Credit2Scheduler } from './credit2.ts';
import { NullScheduler } from './null.ts';
import { RtdsScheduler } from './rtds.ts';
import type { Scheduler, SchedulerContext } from './scheduler.ts';

/** Makes a scheduler by its XEN_SCHEDULER_* number; undefined where there is none of it. */
export function makeScheduler(id: number, context: SchedulerContext): Scheduler | undefined {
  switch (id) {
    case XEN_SCHEDULER_CREDIT:
      return new CreditScheduler(context);
    case XEN_SCHEDULER_CREDIT2:
      return new Credit2Scheduler(context);
    case XEN_SCHEDULER_RTDS:
      return new RtdsScheduler(context);
    case XEN_SCHEDULER_NULL:
      return new NullScheduler(context);
    default:
      return undefined;
  }
}
