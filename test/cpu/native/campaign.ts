/** Runs cases on the host and on an engine and counts: what was covered, what differed, what was left out and why. */
import type { FormEntry } from '../../../src/cpu/interpreter/handlers.ts';
import { DECODED, Decoder } from '../../../src/cpu/decode/decoder.ts';
import { disassemble } from '../../../src/cpu/decode/disassembler.ts';
import { OpcodeTable } from '../../../src/cpu/decode/table.ts';
import { HandlerTable } from '../../../src/cpu/interpreter/handlers.ts';
import { MODE_CODE_32, MODE_CODE_64 } from '../../../src/cpu/interpreter/mode.ts';
import type { Instruction } from '../../../src/cpu/instructions/define.ts';
import { describe, difference } from './compare.ts';
import { generate } from './generate.ts';
import type { EngineMaker } from '../engines.ts';
import { Guest } from './guest.ts';
import type { Host } from './host.ts';
import { addressOf, type Case, SLOTS } from './protocol.ts';
import { Random } from './random.ts';
import { enumerate, type Left, type Variant } from './variants.ts';

export interface Difference {
  readonly variant: Variant;
  readonly one: Case;
  readonly what: string;
}

export interface Report {
  readonly cases: number;
  readonly forms: number;
  readonly variants: number;
  readonly left: readonly Left[];
  readonly differences: readonly Difference[];
  /** How many cases of each form differed. */
  readonly byForm: ReadonlyMap<string, number>;
}

export interface CampaignOptions {
  readonly instructions: readonly Instruction[];
  readonly makeEngine: EngineMaker;
  readonly seed: number;
  readonly cases: number;
  /** Only instructions with one of these mnemonics. */
  readonly only?: readonly string[];
  /** Differences kept for each form. */
  readonly keep?: number;
  readonly onProgress?: (cases: number) => void;
}

export async function runCampaign(host: Host, options: CampaignOptions): Promise<Report> {
  const { only, keep = 3 } = options;
  const table = new HandlerTable(options.instructions);
  const everything = enumerate(table);
  const wanted = ({ entry }: Variant): boolean => only === undefined || only.includes(entry.instruction.mnemonic);
  const variants = everything.variants.filter(wanted);
  if (variants.length === 0) throw new Error(`no instruction is called ${only?.join(', ')}`);
  const guest = new Guest(options.makeEngine);
  const random = new Random(options.seed);
  const differences: Difference[] = [];
  const byForm = new Map<string, number>();
  let done = 0;
  let next = 0;
  while (done < options.cases) {
    const chosen: Variant[] = [];
    const cases: Case[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const variant = variants[next++ % variants.length] as Variant;
      chosen.push(variant);
      cases.push(generate(variant, slot, random));
    }
    const onHost = host.run(cases);
    const onGuest = guest.run(cases);
    for (const [index, outcome] of (await onHost).entries()) {
      const variant = chosen[index] as Variant;
      const one = cases[index] as Case;
      const what = difference(variant, one, outcome, onGuest[index] as (typeof onGuest)[number]);
      if (what === undefined) continue;
      const name = formName(variant.entry);
      const count = (byForm.get(name) ?? 0) + 1;
      byForm.set(name, count);
      if (count <= keep) differences.push({ variant, one, what });
    }
    done += cases.length;
    options.onProgress?.(done);
  }
  const forms = new Set(variants.map(({ entry }) => entry)).size;
  return { cases: done, forms, variants: variants.length, left: everything.left, differences, byForm };
}

export function formName({ instruction, form }: FormEntry): string {
  return `${instruction.mnemonic} ${form.encoding}`;
}

/** A difference with what it takes to repeat it. */
export function explain({ variant, one, what }: Difference): string {
  return `${formName(variant.entry)}: ${inWords(variant, one)}: ${what}\n  ${describe(one)}`;
}

function inWords({ entry }: Variant, one: Case): string {
  const decoder = new Decoder(new OpcodeTable([entry]));
  const status = decoder.decode(one.code, 0, one.code.length, one.width === 64 ? MODE_CODE_64 : MODE_CODE_32);
  return status === DECODED ? disassemble(decoder.result, one.width, BigInt(addressOf(one))) : '(does not decode)';
}

/** Reasons for what was left out, with the mnemonics. */
export function summarize(left: readonly Left[]): string[] {
  const byReason = new Map<string, Set<string>>();
  for (const { entry, why } of left) {
    const names = byReason.get(why) ?? new Set();
    names.add(entry.instruction.mnemonic);
    byReason.set(why, names);
  }
  return Array.from(byReason, ([why, names]) => `${why}: ${Array.from(names).join(' ')}`);
}
