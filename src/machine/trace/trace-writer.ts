import type { TraceSink } from '../../xen/trace/trace-buffer.ts';

/** Writes records in some format. */
export interface TraceWriter extends TraceSink {
  /** Nothing more waits to be read: what was held back may be written. */
  flush(): void;
  /** There will be no more. */
  end(): void;
}

/** Where a writer's output goes. */
export type TraceOutput = (piece: string | Uint8Array) => void;

/** A vCPU as logs name it; 'idle' where a pCPU has none. */
export function vcpuName(who: number): string {
  const domid = who >>> 16;
  return domid === DOMID_IDLE ? 'idle' : `d${domid}v${who & 0xffff}`;
}

const DOMID_IDLE = 0x7fff;
