import { type StressOptions, stressKernel } from '../../guests/stress/stress.ts';
import type { Guest } from './compare-runs.ts';

/** The stress kernel, as a domain. */
export function stressGuest(options: StressOptions): Guest {
  return {
    files: { stress: stressKernel(options) },
    settings: ['name="stress"', 'type="pvh"', 'memory=16', 'kernel="stress"', `vcpus=${options.vcpus}`],
  };
}
