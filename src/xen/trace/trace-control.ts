import { EBUSY, EINVAL, ENOMEM } from '../../abi/errno.ts';
import { RUNSTATE_running } from '../../abi/vcpu.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { EVERYTHING, TraceBuffer, type TraceFilter, type TraceSink } from './trace-buffer.ts';
import { RECORD_BYTES } from './trace-record.ts';

/** The largest ring. */
const MOST_BYTES = 256 << 20;

/**
 * Switches recording on and off. The ring is there from the first time that somebody gives it a size; while recording is
 * off, `Hypervisor.traceBuffer` is undefined, and all that is left of tracing is looking at that.
 */
export class TraceControl {
  readonly #xen: Hypervisor;
  #buffer: TraceBuffer | undefined;
  #filter: TraceFilter = EVERYTHING;
  #pages = 0;

  constructor(xen: Hypervisor) {
    this.#xen = xen;
  }

  /** What is recorded; for what comes from now on. */
  get filter(): TraceFilter {
    return this.#filter;
  }
  set filter(filter: TraceFilter) {
    this.#filter = filter;
    if (this.#buffer !== undefined) this.#buffer.filter = filter;
  }

  get enabled(): boolean {
    return this.#xen.traceBuffer !== undefined;
  }

  /** Records that wait to be read, and how many can. */
  get pending(): number {
    return this.#buffer?.pending ?? 0;
  }
  get capacity(): number {
    return this.#buffer?.capacity ?? 0;
  }

  /** The domains there are. Whoever asks makes no hypercall, which would be recorded. */
  get domids(): readonly number[] {
    return [...this.#xen.domains.keys()];
  }

  /** XEN_SYSCTL_TBUFOP_set_size: pages of each pCPU, once and for all. As in Xen recording is on then. */
  setPages(pages: number): number {
    if (this.#pages !== 0 && pages !== this.#pages) return -EINVAL;
    if (this.#buffer !== undefined) return -EBUSY;
    if (pages === 0) return -EINVAL;
    const each = PAGE_SIZE * this.#xen.scheduler.cpus.length;
    const granted = Math.min(pages, Math.floor(MOST_BYTES / each));
    if (granted !== pages) this.#xen.log(`xentrace: requested number of ${pages} pages reduced to ${granted}`);
    if (!this.allocate(granted * each)) {
      this.#xen.log('xentrace: allocation failed! Tracing disabled.');
      return -ENOMEM;
    }
    this.#pages = granted;
    this.enable();
    return 0;
  }

  /** Makes a ring of so many bytes in place of the one there is, and records no more; false where memory is short. */
  allocate(bytes: number): boolean {
    this.release();
    const capacity = Math.max(1, Math.floor(Math.min(bytes, MOST_BYTES) / RECORD_BYTES));
    try {
      this.#buffer = new TraceBuffer(capacity, () => this.#xen.now(), this.#filter);
    } catch (error) {
      // What the host refuses an ArrayBuffer with.
      if (error instanceof RangeError) return false;
      throw error;
    }
    return true;
  }

  /** Records from now on; -EINVAL where there is no ring. */
  enable(): number {
    if (this.#buffer === undefined) return -EINVAL;
    if (this.enabled) return 0;
    this.#xen.traceBuffer = this.#buffer;
    this.#buffer.nobodyRuns();
    this.#tellWhoRuns(this.#buffer);
    return 0;
  }

  /** Records no more. What was recorded stays until it is read. */
  disable(): void {
    this.#xen.traceBuffer = undefined;
  }

  /** Hands over what was recorded since the last time, the oldest first; at most so many records. */
  take(sink: TraceSink, most?: number): void {
    this.#buffer?.take(sink, most);
  }

  /** Gives the ring back, with what nobody has read. */
  release(): void {
    this.disable();
    this.#buffer = undefined;
    this.#pages = 0;
  }

  #tellWhoRuns(buffer: TraceBuffer): void {
    for (const domain of this.#xen.domains.values()) {
      for (const vcpu of domain.vcpus) if (vcpu.runstate.state === RUNSTATE_running) buffer.continueRunning(vcpu);
    }
  }
}
