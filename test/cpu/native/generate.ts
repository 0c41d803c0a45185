/** One case for a variant: an encoding, and registers and memory that make it do something. */
import { BASE_RIP, NO_REGISTER } from '../../../src/cpu/decode/decoder.ts';
import { encode, fieldsFor, type InstructionFields, type MemoryFields } from '../../../src/cpu/decode/encoder.ts';
import type { OperandKind } from '../../../src/cpu/instructions/operands.ts';
import { widthBits } from '../../../src/cpu/interpreter/handlers.ts';
import { FLAGS_STATUS, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from '../../../src/cpu/state.ts';
import { randomFx } from './generate-fx.ts';
import { addressOf, CODE_IN_SLOT, type Case, CODE, DATA, SLOT, WINDOW, WINDOW_BYTES } from './protocol.ts';
import type { Random } from './random.ts';
import type { Variant } from './variants.ts';

const FLAG_DF = 1 << 10;
const FLAG_IF = 1 << 9;
const FLAG_ID = 1 << 21;

/** Registers of a sequence: those that instructions change, and those that addresses are formed from. */
export interface RegisterPlan {
  readonly operands: readonly number[];
  readonly bases: readonly number[];
  readonly indexes: readonly number[];
  /** Accesses that fault are as rare as a long program needs it. */
  readonly faultsAreRare?: true;
}

/** A case under construction. */
export interface Draft {
  readonly variant: Variant;
  readonly slot: number;
  /** Address of the instruction. */
  readonly at: number;
  readonly plan?: RegisterPlan;
  readonly random: Random;
  readonly gpr: BigUint64Array;
  readonly window: Uint8Array;
  /** Registers whose values the address needs. */
  readonly fixed: Set<number>;
}

/** The case of a variant for a slot of a batch. */
export function generate(variant: Variant, slot: number, random: Random): Case {
  const gpr = new BigUint64Array(16);
  const window = new Uint8Array(WINDOW_BYTES);
  const draft: Draft = { variant, slot, at: addressOf({ slot }), random, gpr, window, fixed: new Set() };
  fillRegisters(gpr, random);
  fillWindow(window, random);
  implied(draft);
  const fields = chooseFields(draft);
  const code = encodeAt(variant, fields, draft.at);
  adjust(draft, fields);
  const rflags = randomFlags(random);
  if (variant.width === 32) for (let i = 0; i < 16; i++) gpr[i] = i < 8 ? (gpr[i] as bigint) & 0xffffffffn : 0n;
  return {
    width: variant.width,
    code,
    slot,
    rflags,
    gpr,
    window,
    fx: touchesFx(variant) ? randomFx(random) : undefined,
  };
}

export function randomFlags(random: Random): number {
  let rflags = (random.u32() & FLAGS_STATUS) | FLAG_IF | 2;
  if (random.oneIn(4)) rflags |= FLAG_DF;
  if (random.oneIn(8)) rflags |= FLAG_ID;
  return rflags;
}

/** Encodes; RIP-relative targets become distances. */
export function encodeAt({ entry }: Variant, fields: InstructionFields, at: number): Uint8Array {
  const { form, encoding } = entry;
  const code = encode(form, encoding, fields);
  if (typeof fields.rm === 'number' || fields.rm.base !== BASE_RIP) return code;
  const rm = { ...fields.rm, displacement: fields.rm.displacement - at - code.length };
  return encode(form, encoding, { ...fields, rm });
}

/** Whether anything but general registers takes part. */
export function touchesFx({ entry }: Variant): boolean {
  if (entry.instruction.unit !== undefined) return true;
  return entry.form.operands.some(({ kind }) => kind.file === 'xmm' || kind.file === 'mm' || kind.file === 'st');
}

export function fillRegisters(gpr: BigUint64Array, random: Random): void {
  for (let i = 0; i < 16; i++) gpr[i] = random.oneIn(4) ? pointer(random) : random.value();
  // The stack, whatever the instruction is; sometimes where it faults.
  gpr[RSP] = random.oneIn(32) ? random.value() : pointer(random) & ~7n;
}

/** An address in the window, with room for 16 bytes on both sides. */
function pointer(random: Random): bigint {
  return BigInt(WINDOW + 32 + random.below(WINDOW_BYTES - 64));
}

export function fillWindow(window: Uint8Array, random: Random): void {
  const view = new DataView(window.buffer);
  for (let at = 0; at < WINDOW_BYTES; at += 8) {
    const kind = random.below(8);
    if (kind === 0) view.setBigUint64(at, random.f64(), true);
    else if (kind === 1) {
      view.setUint32(at, random.f32(), true);
      view.setUint32(at + 4, random.f32(), true);
    } else view.setBigUint64(at, random.value(), true);
  }
}

// What an instruction does not name but uses.
function implied(draft: Draft): void {
  const { variant, gpr, random } = draft;
  const { mnemonic } = variant.entry.instruction;
  switch (mnemonic) {
    case 'MOVS':
    case 'CMPS':
    case 'STOS':
    case 'SCAS':
    case 'LODS':
      // At most one of the two faults: which one is read first is nobody's promise.
      for (const register of [RSI, RDI]) gpr[register] = pointer(random);
      if (random.oneIn(16)) gpr[random.pick([RSI, RDI])] = random.value();
      else if (random.oneIn(4)) gpr[RDI] = (gpr[RSI] as bigint) + BigInt(random.below(17)) - 8n;
      gpr[RCX] = random.oneIn(16) ? random.value() & 0xffn : BigInt(random.below(12));
      if (random.oneIn(4)) repeatWindow(draft);
      return;
    case 'MASKMOVDQU':
    case 'MASKMOVQ':
      gpr[RDI] = pointer(random);
      return;
    case 'XLAT':
      gpr[RBX] = BigInt(WINDOW);
      return;
    case 'LEAVE':
    case 'ENTER':
      gpr[RBP] = pointer(random);
      return;
    case 'RET':
      draft.window.set(
        littleEndian(BigInt(landing(draft)), 8),
        Number((gpr[RSP] as bigint) & 0xffffffffn) - WINDOW > 240 ? 0 : offsetInWindow(gpr[RSP] as bigint),
      );
      return;
    default:
      return;
  }
}

function offsetInWindow(address: bigint): number {
  const offset = Number(BigInt.asUintN(32, address)) - WINDOW;
  return offset >= 0 && offset <= WINDOW_BYTES - 8 ? offset : 0;
}

// A window in which comparisons find equal elements.
function repeatWindow({ window, random }: Draft): void {
  window.fill(random.below(256));
  for (let i = 0; i < 3; i++) window[random.below(WINDOW_BYTES)] = random.below(256);
}

/** An address in the slot's filler, or one that cannot be fetched. */
function landing({ slot, random }: Draft): number {
  if (random.oneIn(8)) return DATA + random.below(256);
  return CODE + slot * SLOT + random.below(CODE_IN_SLOT);
}

export function chooseFields(draft: Draft): InstructionFields {
  const { variant, random } = draft;
  const { width, operandSize, entry } = variant;
  const registers = width === 64 ? 16 : 8;
  const isNarrow = entry.form.operands.some(({ kind }) => kind.field === 'relative') || entry.encoding.map > 1;
  let addressSize: 16 | 32 | 64 = width;
  if (width === 64 && !isNarrow && random.oneIn(8)) addressSize = 32;
  // 16-bit addresses are below 64 KiB, where Linux maps nothing: LEA shows how they are formed.
  if (width === 32 && entry.instruction.mnemonic === 'LEA' && random.oneIn(2)) addressSize = 16;
  const fields: InstructionFields = {
    ...fieldsFor(width),
    operandSize,
    addressSize,
    rm: draft.plan === undefined ? random.below(registers) : random.pick(draft.plan.operands),
    reg: chooseReg(draft, registers),
    opcodeRegister: entry.form.noRexB ? 0 : draft.plan ? random.pick(draft.plan.operands) : random.below(registers),
    lock: entry.form.lock === true && variant.shape === 'memory' && random.oneIn(4),
    repeat: entry.form.repeat && !random.oneIn(4) ? random.pick([0xf2, 0xf3]) : 0,
    rex: width === 64 && random.oneIn(4),
  };
  const withMemory = variant.shape === 'memory' ? { ...fields, rm: chooseMemory(draft, addressSize) } : fields;
  return { ...withMemory, ...immediates(draft, withMemory) };
}

function chooseReg({ variant, random, plan }: Draft, registers: number): number {
  const operand = variant.entry.form.operands.find(({ kind }) => kind.field === 'reg');
  if (operand?.kind.file === 'segment') return random.below(6);
  if (operand?.kind.file === 'mm') return random.below(8);
  if (plan !== undefined && operand?.kind.file === 'gpr') return random.pick(plan.operands);
  return random.below(registers);
}

// SDM vol. 2A, table 2-1, and [disp16].
const PAIRS_16 = [
  [RBX, RSI],
  [RBX, RDI],
  [RBP, RSI],
  [RBP, RDI],
  [RSI, NO_REGISTER],
  [RDI, NO_REGISTER],
  [RBP, NO_REGISTER],
  [RBX, NO_REGISTER],
  [NO_REGISTER, NO_REGISTER],
] as const;

function chooseMemory(draft: Draft, addressSize: 16 | 32 | 64): MemoryFields {
  if (addressSize === 16) {
    const [base, index] = draft.random.pick(PAIRS_16);
    return { base, index, scale: 0, displacement: ((draft.random.u32() << 16) >> 16) >> draft.random.below(14) };
  }
  const { variant, random, gpr, fixed } = draft;
  const registers = variant.width === 64 ? 16 : 8;
  const target = chooseTarget(draft);
  const none = { base: NO_REGISTER, index: NO_REGISTER, scale: 0, displacement: 0 };
  if (variant.width === 64 && addressSize === 64 && random.oneIn(8)) {
    return { ...none, base: BASE_RIP, displacement: target };
  }
  if (random.oneIn(16)) return { ...none, displacement: target };
  const displacement = random.pick([0, random.below(256) - 128, (random.u32() | 0) >> random.below(24)]);
  const wide = random.oneIn(8);
  if (draft.plan !== undefined) return planned(draft, draft.plan, target);
  let base = random.below(registers);
  // POP [rSP + n] and the like are addressed after rSP moved; the stack pointer stays where the stack is.
  if (base === RSP && (variant.entry.instruction.depends?.includes('stackSize') ?? false)) base = RBX;
  const index = random.below(registers);
  const withIndex = random.oneIn(2) && index !== RSP && index !== base;
  const scale = random.below(4);
  let rest = BigInt(target) - BigInt(displacement);
  if (withIndex) {
    rest -= (gpr[index] as bigint) << BigInt(scale);
    fixed.add(index);
  }
  fixed.add(base);
  // With 32-bit addresses the upper half of a register does not matter.
  const upper = addressSize === 32 && random.oneIn(2) ? random.u64() & 0xffffffff00000000n : 0n;
  gpr[base] = addressSize === 32 ? BigInt.asUintN(32, rest) | upper : BigInt.asUintN(64, rest);
  return withIndex ? { base, index, scale, displacement, wide } : { ...none, base, displacement, wide };
}

// From registers whose values no instruction of the sequence changes.
function planned({ random, gpr }: Draft, plan: RegisterPlan, target: number): MemoryFields {
  const base = random.pick(plan.bases);
  const scale = random.below(4);
  const index = random.oneIn(2) ? random.pick(plan.indexes) : NO_REGISTER;
  let displacement = target - Number(gpr[base]);
  if (index !== NO_REGISTER) displacement -= Number(gpr[index]) * (1 << scale);
  return { base, index, scale: index === NO_REGISTER ? 0 : scale, displacement };
}

/** Where the memory operand is: mostly in the window, sometimes where it cannot be read or written. */
function chooseTarget({ variant, random, plan }: Draft): number {
  const kind = variant.entry.form.operands.find((operand) => operand.kind.field === 'rm')?.kind as OperandKind;
  const bytes = Math.max(widthBits(kind.memoryWidth, variant.operandSize) / 8, kind.memoryWidth === 80 ? 10 : 0);
  const odds = plan?.faultsAreRare ? 960 : 48;
  if (random.oneIn(odds)) return DATA + 0x2000 - random.below(bytes + 1);
  if (random.oneIn(odds)) return DATA + 0x2800;
  if (random.oneIn(odds * 2)) return DATA + 0x3000 - random.below(bytes + 1);
  const offset = random.below(WINDOW_BYTES - 64 - bytes) + 32;
  return WINDOW + (random.oneIn(4) ? offset : offset - (offset % Math.min(bytes, 16)));
}

function immediates(draft: Draft, fields: InstructionFields): Pick<InstructionFields, 'immediate' | 'immediate2'> {
  const { variant, random, slot } = draft;
  const { form, encoding } = variant.entry;
  if (form.operands.some(({ kind }) => kind.field === 'offset')) {
    return { immediate: BigInt(WINDOW + 32 + random.below(WINDOW_BYTES - 64)), immediate2: 0n };
  }
  if (form.operands.some(({ kind }) => kind.field === 'relative')) {
    const length = encode(form, encoding, fields).length;
    const size = encoding.immediates[0] === 'b' ? 1 : 4;
    const to = size === 1 ? CODE + slot * SLOT + random.below(CODE_IN_SLOT) : landing(draft);
    return { immediate: BigInt(to - draft.at - length), immediate2: 0n };
  }
  if (variant.entry.instruction.mnemonic === 'ENTER') {
    return { immediate: BigInt(random.below(32)), immediate2: BigInt(random.oneIn(2) ? 0 : random.below(5)) };
  }
  if (variant.entry.instruction.mnemonic === 'RET') return { immediate: BigInt(random.below(64)), immediate2: 0n };
  const immediate = random.oneIn(2) ? random.value() : BigInt(random.below(72));
  return { immediate, immediate2: BigInt(random.below(256)) };
}

// What depends on the operands that were chosen.
function adjust(draft: Draft, fields: InstructionFields): void {
  const { variant, gpr, window, random, fixed } = draft;
  const { mnemonic } = variant.entry.instruction;
  const set = (register: number, value: bigint): void => {
    if (!fixed.has(register)) gpr[register] = BigInt.asUintN(64, value);
  };
  const memory = typeof fields.rm === 'number' ? undefined : memoryAt(draft, fields.rm);
  switch (mnemonic) {
    case 'BT':
    case 'BTS':
    case 'BTR':
    case 'BTC':
      // A bit offset in a register reaches far; keep it in the window.
      if (memory !== undefined) set(fields.reg, BigInt(random.below(256) - 128));
      return;
    case 'CMPXCHG':
      if (memory !== undefined && random.oneIn(2)) set(RAX, memory);
      else if (typeof fields.rm === 'number' && random.oneIn(2)) set(RAX, gpr[fields.rm] as bigint);
      return;
    case 'CMPXCHG8B':
    case 'CMPXCHG16B':
      if (memory === undefined || random.oneIn(2)) return;
      set(RAX, mnemonic === 'CMPXCHG8B' ? memory & 0xffffffffn : memory);
      set(RDX, mnemonic === 'CMPXCHG8B' ? memory >> 32n : upperMemory(draft, fields.rm as MemoryFields));
      return;
    case 'DIV':
    case 'IDIV':
      // A dividend that is not too large for most divisors.
      if (!random.oneIn(4)) set(RDX, random.oneIn(2) ? BigInt(random.below(4)) : 0n);
      if (mnemonic === 'IDIV' && random.oneIn(2)) set(RDX, -1n);
      if (random.oneIn(2)) set(RAX, BigInt(random.below(0x8000)));
      return;
    case 'LDMXCSR':
      // Bit 17 is AMD's alone (misaligned SSE), and reserved for us.
      if (typeof fields.rm !== 'number')
        window[offsetInWindow(effective(draft, fields.rm)) + 2] = random.oneIn(8) ? 1 : 0;
      return;
    case 'JMP':
    case 'CALL':
      if (variant.shape === 'none') return;
      if (typeof fields.rm === 'number') set(fields.rm, BigInt(landing(draft)));
      else window.set(littleEndian(BigInt(landing(draft)), 8), offsetInWindow(effective(draft, fields.rm)));
      return;
    default:
      if (random.oneIn(2)) set(RCX, BigInt(random.below(80)) | ((gpr[RCX] as bigint) & ~0xffn));
  }
}

function memoryAt(draft: Draft, rm: MemoryFields): bigint {
  return new DataView(draft.window.buffer).getBigUint64(offsetInWindow(effective(draft, rm)), true);
}
function upperMemory(draft: Draft, rm: MemoryFields): bigint {
  return new DataView(draft.window.buffer).getBigUint64(offsetInWindow(effective(draft, rm) + 8n), true);
}

function effective({ gpr }: Draft, rm: MemoryFields): bigint {
  const base = rm.base === BASE_RIP || rm.base === NO_REGISTER ? 0n : (gpr[rm.base] as bigint);
  const index = rm.index === NO_REGISTER ? 0n : (gpr[rm.index] as bigint) << BigInt(rm.scale);
  return BigInt.asUintN(64, base + index + BigInt(rm.displacement));
}

function littleEndian(value: bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
