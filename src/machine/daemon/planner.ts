import { Worker } from 'node:worker_threads';
import type { DomainConfig } from '../../dom0/toolstack/domain-config.ts';
import { type DomainFiles, type DomainPlan, planDomain } from '../../dom0/toolstack/domain-plan.ts';
import { DomainError } from '../../dom0/toolstack/errors.ts';

/** What a planning thread is given. */
export interface PlanOrder {
  readonly config: DomainConfig;
  readonly files: DomainFiles;
}

/** What it answers: a plan, or what is wrong with the files. */
export type PlanAnswer =
  | { readonly plan: DomainPlan }
  | { readonly code: string; readonly message: string; readonly key: string | undefined };

/** A kernel of this size takes longer to unpack than a thread takes to start. */
const WORTH_A_THREAD_BYTES = 1 << 20;

/** Beside this file, and JavaScript where this is: in the package as it is installed. */
const WORKER = new URL(`./plan-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/**
 * Plans a domain without keeping others waiting: a kernel takes seconds to unpack, as long as the machine and all its
 * guests would stand still.
 */
export async function planAside(config: DomainConfig, files: DomainFiles): Promise<DomainPlan> {
  if (files.kernel.length < WORTH_A_THREAD_BYTES) return await planDomain(config, files);
  const answer = await ask({ config, files });
  if ('plan' in answer) return answer.plan;
  throw new DomainError(answer.code, answer.message, answer.key);
}

function ask(order: PlanOrder): Promise<PlanAnswer> {
  const worker = new Worker(WORKER, { workerData: order });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (status) => reject(new Error(`the planning thread ended with status ${status}`)));
  });
}
