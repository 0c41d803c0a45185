/**
 * How a dom0 process makes a hypercall (the role of Xen's tools/libs/call).
 *
 * Arguments that Xen follows as pointers must lie in memory that cannot go away under the call. That memory is
 * `memory`; a pointer (a "handle") is an offset in it, and `allocate` hands out pieces of it.
 */
export interface Hypercaller {
  /**
   * Makes hypercall `nr` (__HYPERVISOR_*) with up to five arguments and returns what Xen returned: 0 or a positive
   * result, or a negative errno (XEN_E*). It does not throw for an errno: pass the result through `checked`.
   */
  hypercall(nr: number, a1?: number, a2?: number, a3?: number, a4?: number, a5?: number): number;

  /** The hypercall-safe buffer of this domain. It never moves and never grows. */
  readonly memory: Uint8Array;

  /** Takes `size` bytes of `memory`, zeroed and aligned to 8 (to 4096 from a page on); returns their offset. */
  allocate(size: number): number;

  /** Gives back what `allocate` returned. */
  free(handle: number): void;
}

/** A hypercall that Xen refused. */
export class HypercallError extends Error {
  /** XEN_E*, positive. */
  readonly errno: number;
  /** What was asked, as the header names it: 'EVTCHNOP_bind_interdomain'. */
  readonly operation: string;

  constructor(operation: string, errno: number) {
    super(`${operation}: Xen refused with errno ${errno}`);
    this.name = 'HypercallError';
    this.operation = operation;
    this.errno = errno;
  }
}

/** Passes a hypercall's result on, or throws a HypercallError where it is a negative errno. */
export function checked(operation: string, result: number): number {
  if (result < 0) throw new HypercallError(operation, -result);
  return result;
}
