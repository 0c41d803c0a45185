import { TRC_LOST_RECORDS, TRC_TRACE_CPU_CHANGE } from '../../abi/trace.ts';
import { TRC_X_CLASSES } from '../../xen/trace/events.ts';
import { timed, type TraceRecord, untimed } from '../../xen/trace/trace-record.ts';
import type { TraceOutput, TraceWriter } from './trace-writer.ts';

const CPU_CHANGE = untimed(TRC_TRACE_CPU_CHANGE, 2);
const LOST_RECORDS = timed(TRC_LOST_RECORDS, 4);
/** Records are written at the latest once a pCPU has so many bytes of them. */
const WINDOW_BYTES = 1 << 18;
const MOST_RECORD_BYTES = 4 * 10;

/**
 * What Xen's xentrace writes: windows of struct t_rec, each of one pCPU and after a TRC_TRACE_CPU_CHANGE that says of
 * which and how long. xenalyze and xentrace_format read it; a cycle is a nanosecond. Records that Xen has not are left
 * out.
 */
export class XentraceWriter implements TraceWriter {
  readonly #output: TraceOutput;
  readonly #windows: Window[] = [];
  /** Of pCPUs: records that were lost, to be told before the next one. */
  readonly #lost = new Map<number, { readonly count: number; readonly firstNs: number }>();

  constructor(output: TraceOutput) {
    this.#output = output;
  }

  lost(cpu: number, count: number, firstNs: number): void {
    this.#lost.set(cpu, { count, firstNs });
  }

  record(record: TraceRecord): void {
    if ((record.event & TRC_X_CLASSES) !== 0) return;
    const window = this.#window(record.cpu);
    this.#tellLost(window, record);
    window.u32(record.header);
    if (record.timed) window.u64(record.stampNs);
    for (let index = 0; index < record.extras; index++) window.u32(record.extra(index));
    if (window.isFull) this.flush();
  }

  flush(): void {
    for (const [cpu, window] of this.#windows.entries()) {
      const bytes = window?.take();
      if (bytes === undefined || bytes.length === 0) continue;
      const header = new Window();
      header.u32(CPU_CHANGE);
      header.u32(cpu);
      header.u32(bytes.length);
      this.#output(header.take());
      this.#output(bytes);
    }
  }

  end(): void {
    this.flush();
  }

  /** As Xen has it: how many, whose turn it is after them, and since when. */
  #tellLost(window: Window, record: TraceRecord): void {
    const lost = this.#lost.get(record.cpu);
    if (lost === undefined) return;
    this.#lost.delete(record.cpu);
    window.u32(LOST_RECORDS);
    window.u64(record.stampNs - 1);
    window.u32(lost.count);
    window.u32(record.domid | (record.vcpuId << 16));
    window.u64(lost.firstNs);
  }

  #window(cpu: number): Window {
    while (this.#windows.length <= cpu) this.#windows.push(new Window());
    return this.#windows[cpu] as Window;
  }
}

/** Bytes of one pCPU, until they are written. */
class Window {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  get isFull(): boolean {
    return this.#used > WINDOW_BYTES - MOST_RECORD_BYTES;
  }

  u32(value: number): void {
    if (this.#used + 4 > this.#bytes.length) this.#grow();
    this.#view.setUint32(this.#used, value, true);
    this.#used += 4;
  }

  u64(value: number): void {
    this.u32(value % 2 ** 32);
    this.u32(Math.floor(value / 2 ** 32));
  }

  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#used);
    this.#used = 0;
    return bytes;
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
