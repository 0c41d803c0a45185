/** Runs cases on the host and on an engine and counts: what was covered, what differed, what was left out and why. */
import type { FormEntry } from '../../../src/cpu/interpreter/handlers.ts';
import { DECODED, Decoder } from '../../../src/cpu/decode/decoder.ts';
import { disassemble } from '../../../src/cpu/decode/disassembler.ts';
import { OpcodeTable } from '../../../src/cpu/decode/table.ts';
import { HandlerTable } from '../../../src/cpu/interpreter/handlers.ts';
import { MODE_CODE_32, MODE_CODE_64 } from '../../../src/cpu/mode.ts';
import type { Instruction } from '../../../src/cpu/instructions/define.ts';
import { describe, difference, differenceOfSequence } from './compare.ts';
import { generate } from './generate.ts';
import { SequenceGenerator } from './generate-sequence.ts';
import type { EngineMaker } from '../engines.ts';
import { Guest } from './guest.ts';
import type { Host } from './host.ts';
import { addressOf, type Case, type Outcome, SLOTS } from './protocol.ts';
import { Random } from './random.ts';
import { enumerate, type Left, type Variant } from './variants.ts';

export interface Difference {
  readonly variants: readonly Variant[];
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
  /** Short runs of instructions instead of single ones. */
  readonly sequences?: boolean;
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
  const sequences = new SequenceGenerator(everything.variants);
  const tally = new Tally(keep);
  let done = 0;
  let next = 0;
  while (done < options.cases) {
    const batch: Trial[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      if (options.sequences) batch.push(sequenceTrial(sequences, slot, random));
      else batch.push(singleTrial(variants[next++ % variants.length] as Variant, slot, random));
    }
    const cases = batch.map(({ one }) => one);
    const onHost = host.run(cases);
    const onGuest = guest.run(cases);
    for (const [index, outcome] of (await onHost).entries()) {
      tally.note(batch[index] as Trial, outcome, onGuest[index] as Outcome);
    }
    done += batch.length;
    options.onProgress?.(done);
  }
  const forms = new Set(variants.map(({ entry }) => entry)).size;
  return { cases: done, forms, variants: variants.length, left: everything.left, ...tally };
}

/** A case, and how its outcomes are compared. */
interface Trial {
  readonly one: Case;
  readonly variants: readonly Variant[];
  compare(host: Outcome, guest: Outcome): string | undefined;
}

function singleTrial(variant: Variant, slot: number, random: Random): Trial {
  const one = generate(variant, slot, random);
  return { one, variants: [variant], compare: (host, guest) => difference(variant, one, host, guest) };
}

function sequenceTrial(sequences: SequenceGenerator, slot: number, random: Random): Trial {
  const { one, variants, undefinedFlags } = sequences.generate(slot, random);
  return { one, variants, compare: (host, guest) => differenceOfSequence(undefinedFlags, one, host, guest) };
}

class Tally {
  readonly differences: Difference[] = [];
  readonly byForm = new Map<string, number>();
  readonly #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  note({ one, variants, compare }: Trial, host: Outcome, guest: Outcome): void {
    const what = compare(host, guest);
    if (what === undefined) return;
    const name = variants.map(({ entry }) => formName(entry)).join('; ');
    const count = (this.byForm.get(name) ?? 0) + 1;
    this.byForm.set(name, count);
    if (count <= this.#keep) this.differences.push({ variants, one, what });
  }
}

export function formName({ instruction, form }: FormEntry): string {
  return `${instruction.mnemonic} ${form.encoding}`;
}

/** A difference with what it takes to repeat it. */
export function explain({ variants, one, what }: Difference): string {
  return `${inWords(variants, one)}: ${what}\n  ${describe(one)}`;
}

function inWords(variants: readonly Variant[], one: Case): string {
  const decoder = new Decoder(new OpcodeTable(variants.map(({ entry }) => entry)));
  const words: string[] = [];
  for (let at = 0; at < one.code.length; at += decoder.result.length) {
    const status = decoder.decode(one.code, at, one.code.length, one.width === 64 ? MODE_CODE_64 : MODE_CODE_32);
    if (status !== DECODED) return '(does not decode)';
    words.push(disassemble(decoder.result, one.width, BigInt(addressOf(one) + at)));
  }
  return words.join('; ');
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
