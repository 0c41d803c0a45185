import { setMaxMemory, setMemoryTarget } from '../../toolstack/domain-control.ts';
import { type CommandSpec, findGuest, onHost } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

const USAGE = "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>";

/** `xl mem-set`: what the guest is asked to keep to, and held to. */
export const memSet = sizing({
  name: 'mem-set',
  summary: 'Set the current memory usage for a domain',
  set: setMemoryTarget,
  complaint: (domid, text) => `cannot set domid ${domid} dynamic max memory to : ${text}`,
  kept: 'memoryKib',
});

/** `xl mem-max`: what the guest may ever have. */
export const memMax = sizing({
  name: 'mem-max',
  summary: 'Set the maximum amount reservation for a domain',
  set: setMaxMemory,
  complaint: (domid, text) => `cannot set domid ${domid} static max memory to : ${text}`,
  kept: 'maxMemoryKib',
});

interface Sizing {
  readonly name: string;
  readonly summary: string;
  readonly set: typeof setMemoryTarget;
  readonly complaint: (domid: number, text: string) => string;
  /** The part of its configuration that changes with it. */
  readonly kept: 'memoryKib' | 'maxMemoryKib';
}

function sizing({ name, summary, set, complaint, kept }: Sizing) {
  const run: CommandSpec['run'] = async (args, host, context) => {
    const text = args.operand(1);
    const kib = parseMemoryKib(text);
    if (kib === undefined) {
      context.say(`invalid memory size: ${text}: expected MiB, or a number with a unit, for example 512 or 1g`);
      return EXIT_ERROR;
    }
    const domid = await findGuest(host, args.operand(0), name);
    const refusal = await set(host, domid, kib);
    if (refusal !== undefined) {
      context.say(refusal);
      context.say(complaint(domid, text));
      return EXIT_ERROR;
    }
    const record = host.domains.record(domid);
    if (record !== undefined) record.config = { ...record.config, [kept]: kib };
    return 0;
  };
  return onHost({ name, summary, usage: USAGE, requires: 2, modifies: true, run });
}

/** KiB of a size as xl reads it: MiB where no unit stands behind it; undefined where it is none. */
export function parseMemoryKib(text: string): number | undefined {
  const parts = /^(0x[0-9a-f]+|[0-9]+)([bkmgt]?)b?$/i.exec(text);
  const number = Number(parts?.[1] ?? Number.NaN);
  const unit = (parts?.[2] ?? '').toLowerCase();
  if (!Number.isSafeInteger(number)) return undefined;
  const kib = Math.floor(number * (KIB_OF[unit] ?? 1024));
  return Number.isSafeInteger(kib) && kib > 0 ? kib : undefined;
}

const KIB_OF: Readonly<Record<string, number>> = { b: 1 / 1024, k: 1, m: 1024, g: 1024 ** 2, t: 1024 ** 3 };
