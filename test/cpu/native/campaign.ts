/** Runs cases on the host and on an engine and counts: what was covered, what differed, what was left out and why. */
import type { FormEntry } from '../../../src/cpu/interpreter/handlers.ts';
import { DECODED, Decoder } from '../../../src/cpu/decode/decoder.ts';
import { disassemble } from '../../../src/cpu/decode/disassembler.ts';
import { OpcodeTable } from '../../../src/cpu/decode/table.ts';
import { HandlerTable } from '../../../src/cpu/interpreter/handlers.ts';
import { MODE_CODE_32, MODE_CODE_64 } from '../../../src/cpu/mode.ts';
import type { Instruction } from '../../../src/cpu/instructions/define.ts';
import { describe, difference, differenceOfProgram, differenceOfSequence } from './compare.ts';
import { generate } from './generate.ts';
import { ProgramGenerator } from './generate-program.ts';
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

export const KINDS = ['singles', 'sequences', 'programs'] as const;
export type Kind = (typeof KINDS)[number];

export interface CampaignOptions {
  readonly instructions: readonly Instruction[];
  readonly makeEngine: EngineMaker;
  readonly seed: number;
  readonly cases: number;
  /** Only instructions with one of these mnemonics. */
  readonly only?: readonly string[];
  /** Single instructions, short runs of them, or programs with branches and loops. */
  readonly kind?: Kind;
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
  const trial = trialMaker(options.kind ?? 'singles', variants, everything.variants, random);
  const tally = new Tally(keep);
  let done = 0;
  while (done < options.cases) {
    const batch: Trial[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      batch.push(trial(slot));
    }
    const cases = batch.map(({ one }) => one);
    const onHost = host.run(cases);
    const onGuest = guest.run(cases);
    for (const [index, outcome] of (await onHost).entries()) {
      const one = batch[index] as Trial;
      if (!tally.note(one, outcome, onGuest[index] as Outcome)) continue;
      tally.keep(await shortened(one, host, guest));
    }
    done += batch.length;
    options.onProgress?.(done);
  }
  const forms = new Set(variants.map(({ entry }) => entry)).size;
  return { cases: done, forms, variants: variants.length, left: everything.left, ...tally };
}

/** Makes the next trial for a slot. */
function trialMaker(
  kind: Kind,
  wanted: readonly Variant[],
  all: readonly Variant[],
  random: Random,
): (slot: number) => Trial {
  if (kind === 'sequences') {
    const sequences = new SequenceGenerator(all);
    return (slot) => sequenceTrial(sequences, slot, random);
  }
  if (kind === 'programs') {
    const programs = new ProgramGenerator(all);
    return (slot) => programTrial(programs, slot, random);
  }
  let next = 0;
  return (slot) => singleTrial(wanted[next++ % wanted.length] as Variant, slot, random);
}

/** A case, and how its outcomes are compared. */
interface Trial {
  /** What it is counted as. */
  readonly name: string;
  /** What may be left out of its code. */
  readonly parts?: readonly { readonly at: number; readonly length: number }[];
  readonly one: Case;
  readonly variants: readonly Variant[];
  compare(host: Outcome, guest: Outcome): string | undefined;
}

function singleTrial(variant: Variant, slot: number, random: Random): Trial {
  const one = generate(variant, slot, random);
  const name = formName(variant.entry);
  return { name, one, variants: [variant], compare: (host, guest) => difference(variant, one, host, guest) };
}

function sequenceTrial(sequences: SequenceGenerator, slot: number, random: Random): Trial {
  const { one, variants, undefinedFlags } = sequences.generate(slot, random);
  const name = variants.map(({ entry }) => formName(entry)).join('; ');
  return { name, one, variants, compare: (host, guest) => differenceOfSequence(undefinedFlags, one, host, guest) };
}

function programTrial(programs: ProgramGenerator, slot: number, random: Random): Trial {
  const { one, variants, parts, unknownAt } = programs.generate(slot, random);
  const compare = (host: Outcome, guest: Outcome) => differenceOfProgram(unknownAt, one, host, guest);
  return { name: 'program', one, variants, parts, compare };
}

/** Of a trial whose outcomes differ, one that differs still, with as much as possible left out of it. */
async function shortened(trial: Trial, host: Host, guest: Guest): Promise<Difference> {
  let { one } = trial;
  let what = await differs(trial, one, host, guest);
  // What does not differ by itself needs the cases before it.
  if (what === undefined) return { variants: trial.variants, one, what: 'differs in its batch, not by itself' };
  for (const { at, length } of (trial.parts ?? []).toReversed()) {
    const code = one.code.slice().fill(NOP, at, at + length);
    const less = { ...one, code };
    const still = await differs(trial, less, host, guest);
    if (still === undefined) continue;
    one = less;
    what = still;
  }
  return { variants: trial.variants, one, what };
}

const NOP = 0x90;

async function differs(trial: Trial, one: Case, host: Host, guest: Guest): Promise<string | undefined> {
  // A slot's number is its place in the batch.
  const empty = (slot: number): Case => ({ ...one, slot, code: Uint8Array.of(NOP) });
  const batch = [...Array.from({ length: one.slot }, (_, slot) => empty(slot)), one];
  const [onHost, onGuest] = [await host.run(batch), guest.run(batch)];
  return trial.compare(onHost[one.slot] as Outcome, onGuest[one.slot] as Outcome);
}

class Tally {
  readonly differences: Difference[] = [];
  readonly byForm = new Map<string, number>();
  readonly #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Counts it if the outcomes differ; whether it is one to be kept. */
  note({ name, compare }: Trial, host: Outcome, guest: Outcome): boolean {
    if (compare(host, guest) === undefined) return false;
    const count = (this.byForm.get(name) ?? 0) + 1;
    this.byForm.set(name, count);
    return count <= this.#keep;
  }

  keep(difference: Difference): void {
    this.differences.push(difference);
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
    const word = disassemble(decoder.result, one.width, BigInt(addressOf(one) + at));
    // Programs are full of them once they are shortened.
    if (word !== 'nop' || words.at(-1) !== 'nop') words.push(word);
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
