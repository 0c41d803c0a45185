import type { TraceRecord } from '../../xen/trace/trace-record.ts';
import { nameEvent } from './event-names.ts';
import { HypercallReader, type ReadCall, type ReadReturn } from './hypercall-reader.ts';
import { type TraceOutput, type TraceWriter, vcpuName } from './trace-writer.ts';

/**
 * A JSON object a line: `ns` of system time, `cpu`, the `vcpu` that ran, `event`, and what the event has. A hypercall's
 * line has its arguments, and its structure's fields among them; the line of its return what it answered.
 */
export class JsonLinesWriter implements TraceWriter {
  readonly #output: TraceOutput;
  readonly #hypercalls = new HypercallReader((read) => this.#tell(read));
  #lines = '';

  constructor(output: TraceOutput) {
    this.#output = output;
  }

  lost(cpu: number, count: number, firstNs: number): void {
    this.#hypercalls.forget();
    this.#line({ ns: firstNs, cpu, event: 'lost_records', count });
  }

  record(record: TraceRecord): void {
    if (this.#hypercalls.take(record)) return;
    const { name, fields } = nameEvent(record);
    const { stampNs: ns, cpu, domid, vcpuId } = record;
    this.#line({ ns, cpu, vcpu: vcpuName((domid << 16) | vcpuId), event: name, ...fields });
  }

  flush(): void {
    if (this.#lines !== '') this.#output(this.#lines);
    this.#lines = '';
  }

  end(): void {
    this.#hypercalls.flush();
    this.flush();
  }

  #tell(read: ReadCall | ReadReturn): void {
    const { ns, cpu, who, name } = read;
    const head = { ns, cpu, vcpu: vcpuName(who) };
    if (read.kind === 'call') {
      this.#line({ ...head, event: 'hypercall', name, args: read.args });
    } else {
      const changed = Object.keys(read.changed).length === 0 ? {} : { changed: read.changed };
      this.#line({ ...head, event: 'hypercall_return', name, result: read.result, ...changed });
    }
  }

  #line(object: object): void {
    this.#lines += `${JSON.stringify(object)}\n`;
    if (this.#lines.length > PIECE) this.flush();
  }
}

const PIECE = 1 << 16;
