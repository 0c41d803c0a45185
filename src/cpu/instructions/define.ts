/**
 * How an instruction is defined: its forms in the manual's notation, its operands, and what it does.
 * Decoder, disassembler, assembler and both tiers are made from these rows.
 */
import type { Semantics } from '../emit/semantics.ts';
import type { SystemSemantics } from '../emit/system-semantics.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import type { Operand } from './operands.ts';

/** Properties of a form beyond its encoding. */
export interface FormFlags {
  /** A LOCK prefix is allowed when the destination is memory. */
  readonly lock?: true | undefined;
  /** Not in 64-bit mode; only in 64-bit mode. */
  readonly no64?: true | undefined;
  readonly only64?: true | undefined;
  /** Operand size is 64 in 64-bit mode without REX.W (SDM vol. 2A, 2.2.1.7); with 66H it is 16. */
  readonly default64?: true | undefined;
  /** Operand size is 64 in 64-bit mode whatever the prefixes say: near branches, MOV CRn. */
  readonly force64?: true | undefined;
  /** F2H and F3H repeat the instruction. */
  readonly repeat?: true | undefined;
  /** The operand size is the address size (JRCXZ, LOOP count by it). */
  readonly byAddressSize?: true | undefined;
  /** ModRM.mod is not looked at: rm is a register whatever it says (MOV CRn, MOV DRn). */
  readonly ignoresMod?: true | undefined;
  /** Not with REX.B: 90 is NOP, 41 90 is XCHG R8, RAX. */
  readonly noRexB?: true | undefined;
  /** Another name for this form, where the manual gives it one. */
  readonly name?: string | undefined;
}

export const LOCK: FormFlags = { lock: true };
export const NO64: FormFlags = { no64: true };
export const ONLY64: FormFlags = { only64: true };
export const DEFAULT64: FormFlags = { default64: true };
export const FORCE64: FormFlags = { force64: true };
export const IGNORES_MOD: FormFlags = { ignoresMod: true };
export const REPEAT: FormFlags = { repeat: true };

export interface Form extends FormFlags {
  /** As the manual writes it: 'REX.W 0F B1 /r', '66 0F 6F /r', '83 /0 ib', '50+r'. */
  readonly encoding: string;
  readonly operands: readonly Operand[];
}

export function form(encoding: string, operands: readonly Operand[] = [], ...flags: readonly FormFlags[]): Form {
  return Object.assign({ encoding, operands, ...NO_FLAGS }, ...flags);
}

// All forms have one shape: where V8 meets many, it has to look for each property that the decoder asks for.
const NO_FLAGS: FormFlags = {
  lock: undefined,
  no64: undefined,
  only64: undefined,
  default64: undefined,
  force64: undefined,
  repeat: undefined,
  byAddressSize: undefined,
  ignoresMod: undefined,
  noRexB: undefined,
  name: undefined,
};

/** How an operand is named inside `execute`: opaque, the tier knows where it is. */
export interface OperandHandle {
  readonly index: number;
}

/** What a system instruction decides about where execution goes. */
export const SYSTEM_NEXT = 0;
/** An exception was raised: `SystemCpu` holds it; nothing else of the guest's state may have changed. */
export const SYSTEM_FAULT = 1;
/** RIP in the state is where to go on; mode, privilege or mappings may have changed. */
export const SYSTEM_JUMP = 2;
/** As SYSTEM_JUMP, but `run` returns first; `SystemCpu.exit` says with what. */
export const SYSTEM_EXIT = 3;
export type SystemResult = 0 | 1 | 2 | 3;

/** The operand fields of the instruction that a system function serves. */
export interface SystemOperands {
  /** Operand, address and stack size in bits. */
  readonly size: number;
  readonly addressSize: number;
  readonly stackSize: number;
  /** Number of the register in an operand; only where it is one. */
  register(index: number): number;
  /** Whether the operand is in memory. */
  isMemory(index: number): boolean;
  /** Linear address of the memory operand, checked against its segment. */
  readonly addressLo: number;
  readonly addressHi: number;
  /** The immediate, sign-extended to 32 bits, and the second one. */
  readonly immediate: number;
  readonly immediate2: number;
  /** Length of the instruction in bytes. */
  readonly length: number;
  /** 'rep' (F3), 'repne' (F2) or ''. */
  readonly repeat: string;
}

/**
 * Asked first where a guest of the guest's runs (svm/): leaves it where its hypervisor wants that. Undefined where the
 * instruction goes on.
 */
export type Intercept = (cpu: SystemCpu, operands: SystemOperands) => SystemResult | undefined;

interface InstructionBase {
  /** Where the manual describes it. */
  readonly manual: string;
  readonly forms: readonly Form[];
  /** Handlers go into the interpreter's one big function. Only for what a boot executes by the million. */
  readonly hot?: true | undefined;
  /** Ends a run of records: control never falls through, or state that the decoder depends on changes. */
  readonly ends?: true | undefined;
  /** Holds interrupts off until after the next instruction: STI, MOV SS, POP SS. */
  readonly shadow?: true | undefined;
  /** Sizes that matter to it beyond its operands' own widths: what PUSH, string and control-flow instructions go by. */
  readonly depends?: readonly ('operandSize' | 'addressSize' | 'stackSize')[] | undefined;
  /** Its memory operand's address is not checked against the segment: INVLPG accesses nothing. */
  readonly unchecked?: true | undefined;
  /** Whose state it uses: EM, TS and OSFXSR decide whether it may run (SDM vol. 3A, 2.5). */
  readonly unit?: 'x87' | 'mmx' | 'sse' | undefined;
  /** Undefined flags, by name: masked in comparisons with a processor. */
  readonly undefinedFlags?: readonly string[] | undefined;
  readonly intercept?: Intercept | undefined;
  /** Cannot run at CPL 3 without faulting or leaving: the native harness skips it and says so. */
  readonly system?: true | undefined;
}

export interface EmittedInstruction extends InstructionBase {
  readonly mnemonic: string;
  /** What it does, written against opaque values; both tiers emit it. */
  readonly execute: (m: Semantics, ...operands: OperandHandle[]) => void;
  /** The same as a function: one that can be intercepted is not emitted for a guest's guest. */
  readonly call?: CalledInstruction['call'] | undefined;
}

export interface CalledInstruction extends InstructionBase {
  readonly mnemonic: string;
  /**
   * What it mostly does, emitted before the call of the function: for what kernels do by the million. What it requires
   * and does not find, with nothing changed yet, is left to the function, which knows all of the manual.
   */
  readonly shortcut?: (m: SystemSemantics, ...operands: OperandHandle[]) => void;
  /** What it does, as an ordinary function over the state that both tiers call. */
  readonly call: (cpu: SystemCpu, operands: SystemOperands) => SystemResult;
}

export type Instruction = EmittedInstruction | CalledInstruction;

export function instruction(mnemonic: string, definition: Omit<EmittedInstruction, 'mnemonic'>): EmittedInstruction {
  return { mnemonic, ...NO_PROPERTIES, ...definition };
}

export function systemInstruction(
  mnemonic: string,
  definition: Omit<CalledInstruction, 'mnemonic'>,
): CalledInstruction {
  return { mnemonic, ...NO_PROPERTIES, ...definition };
}

// As NO_FLAGS.
const NO_PROPERTIES: Omit<InstructionBase, 'manual' | 'forms'> = {
  hot: undefined,
  ends: undefined,
  shadow: undefined,
  depends: undefined,
  unchecked: undefined,
  unit: undefined,
  undefinedFlags: undefined,
  intercept: undefined,
  system: undefined,
};
