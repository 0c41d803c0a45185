import { EFAULT, EINVAL } from '../../abi/errno.ts';
import { XenHvmXentrace } from '../../abi/hvm/hvm_op.ts';
import { TRACE_EXTRA_MAX, TRC_GUEST, TRC_SUBCLS_SHIFT } from '../../abi/trace.ts';
import type { Call, HypercallResult } from '../common/call.ts';
import { untimed } from './trace-record.ts';

const words = new Uint32Array(TRACE_EXTRA_MAX);
const bytes = new Uint8Array(words.buffer);

/** HVMOP_xentrace: a record of the guest's own, of class TRC_GUEST. */
export function hvmopXentrace(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), XenHvmXentrace.SIZE);
  if (at < 0) return -EFAULT;
  const { event, extra_bytes: length, extra } = new XenHvmXentrace(call.view, at);
  if (length > bytes.length || event >= 1 << TRC_SUBCLS_SHIFT) return -EINVAL;
  // As in Xen a record whose data ends within a word is dropped without a word.
  if (length % 4 !== 0) return 0;
  bytes.set(extra);
  const [a, b, c, d, e, f, g] = words;
  call.xen.traceBuffer?.record(untimed(TRC_GUEST | event, length / 4), call.domain.id, a, b, c, d, e, f, g);
  return 0;
}
