import type { Domid } from '../../abi/xen.ts';
import type { Clock, Random } from '../../lib/ports.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import type { ToolstackHost } from './domain-create.ts';
import type { SoftResetHost } from './soft-reset.ts';

/** What the domains are on, beyond what a single one needs. */
export interface DomainsHost extends ToolstackHost {
  readonly clock: Pick<Clock, 'wallclockNs'>;
  readonly random: Random;
  readonly tools: Pick<ToolCalls, 'domain_sethandle' | 'vcpu_getcontext' | 'vcpu_setcontext' | 'domain_resume'>;
  readonly state: SoftResetHost['state'];
  /** Lets everything else have its turn. */
  readonly breathe: () => Promise<void>;
  readonly pause: (ns: number) => Promise<void>;
  /** What explains how a domain stopped; undefined where nothing is to be explained. */
  describe(domid: Domid): string | undefined;
  /** The last of what a domain wrote to its console. */
  consoleLog(domid: Domid): Uint8Array;
  /** Puts a domain's memory into a file named after it; resolves with the file's path. */
  dumpCore(domid: Domid, name: string): Promise<string>;
  /** What is done without anybody waiting for it goes here. */
  log(line: string): void;
}
