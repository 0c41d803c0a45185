/** Which handlers there are: every instruction form, for every operand shape and size it can have. */
import { type Encoding, parseEncoding } from '../decode/encoding.ts';
import type { CalledInstruction, EmittedInstruction, Form, Instruction } from '../instructions/define.ts';
import type { Access, Operand, OperandKind, RegisterFile, Width } from '../instructions/operands.ts';
import type { HandlerContext } from '../emit/tier.ts';
import type { Bits } from '../emit/values.ts';
import type { FormFields } from './form-fields.ts';
import { PSEUDO_HANDLERS, SHAPE_ANY, SHAPE_REGISTER, SHAPES } from './record.ts';

/** An operand as a handler finds it. */
export type ResolvedOperand =
  | { readonly type: 'register'; readonly file: RegisterFile; readonly bits: Bits; readonly slot: 0 | 1 }
  | { readonly type: 'fixed'; readonly file: RegisterFile; readonly bits: Bits; readonly number: number }
  | { readonly type: 'immediate'; readonly bits: Bits; readonly second: boolean; readonly wide: boolean }
  | { readonly type: 'constant'; readonly bits: Bits; readonly value: number }
  /** `bits` are what one access takes of it, `bytes` all that its segment must have: they differ for m80. */
  | { readonly type: 'memory'; readonly bits: Bits; readonly bytes: number; readonly shape: number }
  | { readonly type: 'destination'; readonly bits: Bits }
  | { readonly type: 'relative'; readonly bits: Bits };

export interface Handler {
  readonly id: number;
  readonly instruction: Instruction;
  readonly operands: readonly ResolvedOperand[];
  readonly accesses: readonly Access[];
  readonly context: HandlerContext;
  readonly key: string;
}

/** A form with all its handlers: what the decoder chooses from. */
export interface FormEntry {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly encoding: Encoding;
  // Of the instruction, whose objects come in too many shapes to be asked at every decoding.
  readonly unit: Instruction['unit'];
  readonly hot: boolean;
  readonly ends: boolean;
  readonly shadow: boolean;
  /** Handler ids by `variantIndex`, -1 where the combination cannot be. */
  readonly handlers: Int32Array;
  /** Once a record of it was written. */
  fields: FormFields | undefined;
  /** What stands for it where a guest of the guest's runs. */
  inGuest: FormEntry | undefined;
}

const SIZES = [16, 32, 64] as const;
const REPEATS = ['', 'rep', 'repne'] as const;
const NO_REPEAT = [''] as const;

/** Index into `FormEntry.handlers`: sizes as 0, 1, 2 for 16, 32, 64; repeat as 0, 1, 2. */
export function variantIndex(
  operandSize: number,
  stackSize: number,
  addressSize: number,
  repeat: number,
  shape: number,
): number {
  return (((operandSize * 3 + stackSize) * 3 + addressSize) * 3 + repeat) * SHAPES + shape;
}
const VARIANTS = 3 * 3 * 3 * 3 * SHAPES;

export class HandlerTable {
  /** Handlers that live in the one big function come first. */
  readonly hot: Handler[] = [];
  readonly cold: Handler[] = [];
  readonly forms: FormEntry[] = [];
  readonly #byKey = new Map<string, Draft>();
  readonly #hotKeys: ReadonlySet<string> | undefined;
  /** By number, from PSEUDO_HANDLERS on. */
  readonly #all: Handler[] = [];
  readonly #calls: (CalledInstruction['call'] | undefined)[] = [];

  /** `hot` names the handlers of the big function, by key; without it all that may be there are. */
  constructor(instructions: readonly Instruction[], hot?: ReadonlySet<string>) {
    this.#hotKeys = hot;
    const wanted: Wanted[] = [];
    for (const instruction of instructions) {
      const inGuest = interceptable(instruction);
      for (const form of instruction.forms) {
        const entry = this.#enumerate(instruction, form, wanted);
        if (inGuest !== undefined) entry.inGuest = this.#enumerate(inGuest, form, wanted);
        this.forms.push(entry);
      }
    }
    for (const isHot of [true, false]) {
      for (const { draft, hot } of wanted) {
        if (hot !== isHot || draft.id >= 0) continue;
        draft.id = PSEUDO_HANDLERS + this.#all.length;
        this.#all.push(draft);
        this.#calls.push(isCalled(draft.instruction) ? draft.instruction.call : undefined);
        (isHot ? this.hot : this.cold).push(draft);
      }
    }
    for (const { handlers, index, draft } of wanted) handlers[index] = draft.id;
  }

  /** First id of the handlers that are functions of their own. */
  get coldStart(): number {
    return PSEUDO_HANDLERS + this.hot.length;
  }

  /**
   * The first halves of the handlers in the big function that execute two records; the numbers of those handlers lie
   * between hot and cold.
   */
  fusedFirsts: readonly Handler[] = [];

  /** The handler of a record's own instruction; undefined if it is none. */
  ofRecord(number: number): Handler | undefined {
    if (number < this.coldStart) return this.byId(number);
    const place = number - this.coldStart;
    return place < this.fusedFirsts.length ? this.fusedFirsts[place] : this.byId(number - this.fusedFirsts.length);
  }

  get count(): number {
    return PSEUDO_HANDLERS + this.#all.length;
  }

  byId(id: number): Handler | undefined {
    return this.#all[id - PSEUDO_HANDLERS];
  }

  /** The TypeScript function of a handler that has one. */
  callOf(id: number): CalledInstruction['call'] | undefined {
    return this.#calls[id - PSEUDO_HANDLERS];
  }

  byKey(key: string): Handler | undefined {
    return this.#byKey.get(key);
  }

  #enumerate(instruction: Instruction, form: Form, wanted: Wanted[]): FormEntry {
    const entry: FormEntry = {
      instruction,
      form,
      encoding: parseEncoding(form),
      unit: instruction.unit,
      hot: instruction.hot === true,
      ends: instruction.ends === true,
      shadow: instruction.shadow === true,
      handlers: new Int32Array(VARIANTS).fill(-1),
      fields: undefined,
      inGuest: undefined,
    };
    const shapes = shapesOf(instruction, form);
    // What the operands are goes by their size and shape: of those there are few, of contexts many.
    const known = new Map<number, SizedOperands>();
    for (const place of contextsOf(form)) {
      const { operandSize } = place.context;
      for (const shape of shapes) {
        let sized = known.get(operandSize * SHAPES + shape);
        if (sized === undefined) {
          sized = sizedOperands(form.operands, operandSize, shape);
          known.set(operandSize * SHAPES + shape, sized);
        }
        this.#add(entry, place, shape, sized, wanted);
      }
    }
    return entry;
  }

  #add(entry: FormEntry, place: Place, shape: number, sized: SizedOperands, wanted: Wanted[]): void {
    const { instruction, form, handlers } = entry;
    const { context } = place;
    const key = keyOf(instruction, sized, context);
    const candidate = place.mayBeHot && instruction.hot === true && isEmitted(instruction);
    const hot = candidate && (this.#hotKeys?.has(key) ?? true);
    // A fast shape outside the big function would save nothing: the decoder takes SHAPE_ANY then.
    if (!hot && shape > SHAPE_ANY) return;
    let draft = this.#byKey.get(key);
    if (draft === undefined) {
      const accesses = form.operands.map(({ access }) => access);
      draft = { id: -1, instruction, operands: sized.operands, accesses, context, key };
      this.#byKey.set(key, draft);
    }
    wanted.push({ handlers, index: place.index + shape, draft, hot });
  }
}

/** A handler before it has its number. */
type Draft = { -readonly [field in keyof Handler]: Handler[field] };

/** A place among a form's handlers, and which is to be there. */
interface Wanted {
  readonly handlers: Int32Array;
  readonly index: number;
  readonly draft: Draft;
  readonly hot: boolean;
}

/** A form's operands of one size. */
interface SizedOperands {
  readonly operands: readonly ResolvedOperand[];
  readonly name: string;
  readonly suffix: string;
  /** The key where nothing else is in it. */
  usual?: string;
}

/** Instructions that set every status flag, and read none. */
export const SETS_ALL_FLAGS: ReadonlySet<string> = new Set([
  ...['ADD', 'SUB', 'CMP', 'NEG', 'AND', 'OR', 'XOR', 'TEST', 'IMUL', 'MUL'],
]);

export function isEmitted(instruction: Instruction): instruction is EmittedInstruction {
  return 'execute' in instruction;
}

function isCalled(instruction: Instruction): instruction is CalledInstruction {
  return !isEmitted(instruction);
}

/** An instruction that can be intercepted, for a guest's guest: as a function, which asks first. Undefined if it is one. */
function interceptable(instruction: Instruction): CalledInstruction | undefined {
  const { intercept, call } = instruction;
  if (intercept === undefined || call === undefined) return undefined;
  if (isCalled(instruction) && instruction.shortcut === undefined) return undefined;
  const { manual, forms, depends, ends } = instruction;
  return { mnemonic: `${instruction.mnemonic} in guest`, manual, forms, depends, ends, intercept, call };
}

/** Bits of a width once the operand size is known. */
export function widthBits(width: Width, operandSize: 16 | 32 | 64): Bits {
  switch (width) {
    case 'v':
      return operandSize;
    case 'z':
      return operandSize === 16 ? 16 : 32;
    case 'y':
      return operandSize === 64 ? 64 : 32;
    case 80:
    case 'none':
      return 64;
    default:
      return width;
  }
}

/** A context, with where its handlers are: `variantIndex` of shape 0. */
interface Place {
  readonly context: HandlerContext;
  readonly index: number;
  // Other stacks and addresses than 64-bit ones are gone soon after boot.
  readonly mayBeHot: boolean;
}

const contextsKnown = new Map<number, readonly Place[]>();

/** Contexts a form can meet: 64-bit code has a 64-bit stack, other code 16 or 32 of each. */
function contextsOf(form: Form): readonly Place[] {
  const flags = [form.no64, form.only64, form.force64, form.default64, form.repeat];
  const number = flags.reduce((sum, flag, bit) => sum | (Number(flag ?? 0) << bit), 0);
  let places = contextsKnown.get(number);
  if (places === undefined) {
    places = sizesOf(form).flatMap((sizes) =>
      (form.repeat ? REPEATS : NO_REPEAT).map((repeat) => placeOf(sizes, repeat)),
    );
    contextsKnown.set(number, places);
  }
  return places;
}

function placeOf(sizes: Omit<HandlerContext, 'repeat'>, repeat: HandlerContext['repeat']): Place {
  const { operandSize, stackSize, addressSize } = sizes;
  return {
    context: { ...sizes, repeat },
    index: variantIndex(
      SIZES.indexOf(operandSize),
      SIZES.indexOf(stackSize),
      SIZES.indexOf(addressSize),
      REPEATS.indexOf(repeat),
      0,
    ),
    mayBeHot: stackSize === 64 && addressSize === 64,
  };
}

function sizesOf(form: Form): Omit<HandlerContext, 'repeat'>[] {
  const contexts: Omit<HandlerContext, 'repeat'>[] = [];
  if (!form.no64) {
    const sizes = form.force64 ? ([64] as const) : form.default64 ? ([16, 64] as const) : SIZES;
    for (const operandSize of sizes) {
      for (const addressSize of [32, 64] as const) contexts.push({ operandSize, addressSize, stackSize: 64 });
    }
  }
  if (!form.only64) {
    for (const operandSize of [16, 32] as const) {
      for (const addressSize of [16, 32] as const) {
        for (const stackSize of [16, 32] as const) contexts.push({ operandSize, addressSize, stackSize });
      }
    }
  }
  return contexts;
}

function shapesOf(instruction: Instruction, form: Form): number[] {
  const fast = instruction.hot === true ? [2, 3, 4] : [];
  if (form.operands.some(({ kind }) => kind.field === 'offset' || kind.field === 'implicit')) return [SHAPE_ANY];
  const modRm = form.operands.find(({ kind }) => kind.field === 'rm');
  switch (modRm?.kind.place) {
    case 'either':
      return [SHAPE_REGISTER, SHAPE_ANY, ...fast];
    case 'memory':
      return [SHAPE_ANY, ...fast];
    default:
      return [SHAPE_REGISTER];
  }
}

function sizedOperands(operands: readonly Operand[], operandSize: 16 | 32 | 64, shape: number): SizedOperands {
  const resolved = resolveOperands(operands, operandSize, shape);
  // An m80 is passed by its address: nothing else tells its handler from that of an m64.
  const extended = operands.some(({ kind }) => kind.memoryWidth === 80 && kind.place === 'memory');
  return { operands: resolved, name: resolved.map(nameOf).join(','), suffix: extended ? ' m80' : '' };
}

function resolveOperands(operands: readonly Operand[], operandSize: 16 | 32 | 64, shape: number): ResolvedOperand[] {
  let slot: 0 | 1 = 0;
  return operands.map(({ kind, access }): ResolvedOperand => {
    const inMemory =
      kind.field === 'offset' ||
      kind.field === 'implicit' ||
      (kind.field === 'rm' && kind.place !== 'register' && shape !== SHAPE_REGISTER);
    const bits = widthBits(inMemory ? kind.memoryWidth : kind.width, operandSize);
    if (inMemory) {
      const bytes = access === 'address' ? 1 : kind.memoryWidth === 80 ? 10 : bits / 8;
      return { type: 'memory', bits: access === 'address' ? 64 : bits, bytes, shape };
    }
    switch (kind.field) {
      case 'immediate':
      case 'second-immediate':
        return {
          type: 'immediate',
          bits,
          second: kind.field === 'second-immediate',
          wide: kind.encoded === 'v' && bits === 64,
        };
      case 'relative':
        return { type: 'relative', bits };
      case 'destination':
        return { type: 'destination', bits };
      case 'fixed':
        return fixedOperand(kind, bits);
      default: {
        const used = slot;
        slot = 1;
        return { type: 'register', file: kind.file ?? 'gpr', bits, slot: used };
      }
    }
  });
}

function fixedOperand(kind: OperandKind, bits: Bits): ResolvedOperand {
  if (kind.file === undefined) return { type: 'constant', bits, value: kind.fixed };
  return { type: 'fixed', file: kind.file, bits, number: kind.fixed };
}

function nameOf(operand: ResolvedOperand): string {
  switch (operand.type) {
    case 'register':
      return `${operand.file}${operand.bits}.${operand.slot}`;
    case 'fixed':
      return `${operand.file}${operand.bits}=${operand.number}`;
    case 'immediate':
      return `i${operand.bits}${operand.second ? '.2' : ''}${operand.wide ? 'w' : ''}`;
    case 'constant':
      return `=${operand.value}`;
    case 'memory':
      return `m${operand.bits}.${operand.shape}`;
    default:
      return `rel${operand.bits}`;
  }
}

/** Handlers with equal keys do the same to equal records. */
function keyOf(instruction: Instruction, sized: SizedOperands, context: HandlerContext): string {
  const { depends } = instruction;
  if (depends === undefined && context.repeat === '') {
    sized.usual ??= keyWith(instruction, sized, '');
    return sized.usual;
  }
  let sizes = '';
  for (const need of depends ?? []) sizes += ` ${need}=${context[need]}`;
  return keyWith(instruction, sized, context.repeat === '' ? sizes : `${sizes} ${context.repeat}`);
}

function keyWith({ mnemonic }: Instruction, { name, suffix }: SizedOperands, rest: string): string {
  return `${mnemonic}${name === '' ? '' : ' '}${name}${rest}${suffix}`;
}
