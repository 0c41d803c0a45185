/** The thread of planner.ts: plans one domain, answers, and ends. */
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { planDomain } from '../../dom0/toolstack/domain-plan.ts';
import { DomainError } from '../../dom0/toolstack/errors.ts';
import type { PlanAnswer, PlanOrder } from './planner.ts';

const { config, files } = workerData as PlanOrder;
const { answer, transfer } = await plan();
parentPort?.postMessage(answer, transfer);

async function plan(): Promise<{ readonly answer: PlanAnswer; readonly transfer: TransferListItem[] }> {
  try {
    const planned = await planDomain(config, files);
    // Handed over, not copied. Several segments may lie in one buffer.
    const buffers = new Set(planned.segments.map(({ bytes }) => bytes.buffer));
    const transfer = [...buffers].filter((buffer): buffer is ArrayBuffer => buffer instanceof ArrayBuffer);
    return { answer: { plan: planned }, transfer };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { code, message, key } = error;
    return { answer: { code, message, key }, transfer: [] };
  }
}
