/** Which handlers there are: every instruction form, for every operand shape and size it can have. */
import { type Encoding, parseEncoding } from '../decode/encoding.ts';
import type { CalledInstruction, EmittedInstruction, Form, Instruction } from '../instructions/define.ts';
import type { Access, Operand, OperandKind, RegisterFile, Width } from '../instructions/operands.ts';
import type { HandlerContext } from '../emit/tier.ts';
import type { Bits } from '../emit/values.ts';
import { PSEUDO_HANDLERS, SHAPE_ANY, SHAPE_REGISTER, SHAPES } from './record.ts';

/** An operand as a handler finds it. */
export type ResolvedOperand =
  | { readonly type: 'register'; readonly file: RegisterFile; readonly bits: Bits; readonly slot: 0 | 1 }
  | { readonly type: 'fixed'; readonly file: RegisterFile; readonly bits: Bits; readonly number: number }
  | { readonly type: 'immediate'; readonly bits: Bits; readonly second: boolean; readonly wide: boolean }
  | { readonly type: 'constant'; readonly bits: Bits; readonly value: number }
  | { readonly type: 'memory'; readonly bits: Bits; readonly shape: number }
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
  /** Handler ids by `variantIndex`, -1 where the combination cannot be. */
  readonly handlers: Int32Array;
}

const SIZES = [16, 32, 64] as const;
const REPEATS = ['', 'rep', 'repne'] as const;

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
  readonly #byKey = new Map<string, Handler>();
  readonly #hotKeys: ReadonlySet<string> | undefined;
  #all: Handler[] = [];
  readonly #calls: (CalledInstruction['call'] | undefined)[] = [];

  /** `hot` names the handlers of the big function, by key; without it all that may be there are. */
  constructor(instructions: readonly Instruction[], hot?: ReadonlySet<string>) {
    this.#hotKeys = hot;
    const wanted: { entry: FormEntry; index: number; key: string; hot: boolean }[] = [];
    for (const instruction of instructions) {
      for (const form of instruction.forms) this.#enumerate(instruction, form, wanted);
    }
    const numbered = new Map<string, number>();
    for (const hot of [true, false]) {
      for (const item of wanted) {
        if (item.hot === hot && !numbered.has(item.key)) numbered.set(item.key, PSEUDO_HANDLERS + numbered.size);
      }
    }
    for (const { entry, index, key } of wanted) entry.handlers[index] = numbered.get(key) as number;
    this.#number(numbered, new Set(wanted.filter(({ hot }) => hot).map(({ key }) => key)));
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
    return this.#all.length;
  }

  byId(id: number): Handler | undefined {
    return this.#all[id];
  }

  /** The TypeScript function of a handler that has one. */
  callOf(id: number): CalledInstruction['call'] | undefined {
    return this.#calls[id];
  }

  byKey(key: string): Handler | undefined {
    return this.#byKey.get(key);
  }

  #number(numbered: ReadonlyMap<string, number>, hotKeys: ReadonlySet<string>): void {
    this.#all = [];
    for (const [key, id] of numbered) {
      const draft = this.#byKey.get(key) as Handler;
      const handler = { ...draft, id };
      this.#byKey.set(key, handler);
      this.#all[id] = handler;
      this.#calls[id] = isCalled(handler.instruction) ? handler.instruction.call : undefined;
      (hotKeys.has(key) ? this.hot : this.cold).push(handler);
    }
  }

  #enumerate(
    instruction: Instruction,
    form: Form,
    wanted: { entry: FormEntry; index: number; key: string; hot: boolean }[],
  ): void {
    const entry: FormEntry = {
      instruction,
      form,
      encoding: parseEncoding(form),
      handlers: new Int32Array(VARIANTS).fill(-1),
    };
    this.forms.push(entry);
    const repeats = form.repeat ? REPEATS : ([''] as const);
    for (const context of contextsOf(form)) {
      for (const repeat of repeats) {
        for (const shape of shapesOf(instruction, form)) {
          this.#add(entry, { ...context, repeat }, shape, wanted);
        }
      }
    }
  }

  #add(
    entry: FormEntry,
    context: HandlerContext,
    shape: number,
    wanted: { entry: FormEntry; index: number; key: string; hot: boolean }[],
  ): void {
    const { instruction, form } = entry;
    const operands = resolveOperands(form.operands, context, shape);
    // An m80 is passed by its address: nothing else tells its handler from that of an m64.
    const extended = form.operands.some(({ kind }) => kind.memoryWidth === 80 && kind.place === 'memory');
    const key = keyOf(instruction, operands, context) + (extended ? ' m80' : '');
    const candidate = instruction.hot === true && isEmitted(instruction) && isHotContext(context);
    const hot = candidate && (this.#hotKeys?.has(key) ?? true);
    // A fast shape outside the big function would save nothing: the decoder takes SHAPE_ANY then.
    if (!hot && shape > SHAPE_ANY) return;
    if (!this.#byKey.has(key)) {
      const accesses = form.operands.map(({ access }) => access);
      this.#byKey.set(key, { id: -1, instruction, operands, accesses, context, key });
    }
    const index = variantIndex(
      SIZES.indexOf(context.operandSize),
      SIZES.indexOf(context.stackSize),
      SIZES.indexOf(context.addressSize),
      REPEATS.indexOf(context.repeat),
      shape,
    );
    wanted.push({ entry, index, key, hot });
  }
}

/** Instructions that set every status flag, and read none. */
export const SETS_ALL_FLAGS: ReadonlySet<string> = new Set([
  ...['ADD', 'SUB', 'CMP', 'NEG', 'AND', 'OR', 'XOR', 'TEST', 'IMUL', 'MUL'],
]);

export function isEmitted(instruction: Instruction): instruction is EmittedInstruction {
  return 'execute' in instruction;
}

function isCalled(instruction: Instruction): instruction is CalledInstruction {
  return 'call' in instruction;
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

/** Sizes a form can meet: 64-bit code has a 64-bit stack, other code 16 or 32 of each. */
function contextsOf(form: Form): Omit<HandlerContext, 'repeat'>[] {
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

function resolveOperands(operands: readonly Operand[], context: HandlerContext, shape: number): ResolvedOperand[] {
  let slot: 0 | 1 = 0;
  return operands.map(({ kind, access }): ResolvedOperand => {
    const inMemory =
      kind.field === 'offset' ||
      kind.field === 'implicit' ||
      (kind.field === 'rm' && kind.place !== 'register' && shape !== SHAPE_REGISTER);
    const bits = widthBits(inMemory ? kind.memoryWidth : kind.width, context.operandSize);
    if (inMemory) return { type: 'memory', bits: access === 'address' ? 64 : bits, shape };
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
function keyOf(instruction: Instruction, operands: readonly ResolvedOperand[], context: HandlerContext): string {
  const parts = operands.map(nameOf);
  const needs = instruction.depends ?? [];
  const sizes = needs.map((name) => `${name}=${context[name]}`).join(' ');
  return [instruction.mnemonic, parts.join(','), sizes, context.repeat].filter((part) => part !== '').join(' ');
}

// Other stacks and addresses than 64-bit ones are gone soon after boot.
function isHotContext(context: HandlerContext): boolean {
  return context.stackSize === 64 && context.addressSize === 64;
}
