/** What iced-x86 says of an instruction, in the words of the comparison. */
import {
  CpuidFeature,
  Code,
  Decoder,
  DecoderOptions,
  Formatter,
  FormatterSyntax,
  Instruction,
  OpKind,
  Register,
} from 'iced-x86';

export interface IcedInstruction {
  readonly isValid: boolean;
  readonly length: number;
  /** iced's name of the form: 'Add_rm32_imm8'. */
  readonly code: string;
  readonly text: string;
  readonly features: readonly string[];
  readonly operands: readonly string[];
  readonly hasLock: boolean;
}

/** LZCNT and TZCNT are not advertised, so F3 says nothing there; hints that mean nothing are NOPs. */
const OPTIONS =
  DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.ForceReservedNop | DecoderOptions.NoWbnoinvd;
/** Immediates that are sign-extended, but only to this many bits. */
const NARROW = new Map([
  [OpKind.Immediate8, 8],
  [OpKind.Immediate8_2nd, 8],
  [OpKind.Immediate16, 16],
  [OpKind.Immediate32, 32],
  [OpKind.Immediate8to16, 16],
  [OpKind.Immediate8to32, 32],
]);

const formatter = new Formatter(FormatterSyntax.Intel);

export class IcedReader {
  readonly #decoder: Decoder;
  readonly #instruction = new Instruction();

  constructor(bytes: Uint8Array, bits: number) {
    this.#decoder = new Decoder(bits, bytes, OPTIONS);
  }

  read(at: number): IcedInstruction {
    this.#decoder.position = at;
    this.#decoder.ip = BigInt(at);
    const instruction = this.#instruction;
    this.#decoder.decodeOut(instruction);
    const isValid = !instruction.isInvalid;
    return {
      isValid,
      length: instruction.length,
      code: Code[instruction.code] ?? String(instruction.code),
      get text() {
        return formatter.format(instruction);
      },
      features: Array.from(instruction.cpuidFeatures(), (feature) => CpuidFeature[feature] ?? String(feature)),
      operands: isValid ? Array.from({ length: instruction.opCount }, (_, i) => operand(instruction, i)) : [],
      hasLock: instruction.hasLockPrefix,
    };
  }

  free(): void {
    this.#decoder.free();
    this.#instruction.free();
  }
}

function operand(instruction: Instruction, index: number): string {
  const kind = instruction.opKind(index);
  switch (kind) {
    case OpKind.Register:
      return Register[instruction.opRegister(index)] as string;
    case OpKind.NearBranch16:
    case OpKind.NearBranch32:
    case OpKind.NearBranch64:
      return `to ${instruction.nearBranchTarget.toString(16)}`;
    case OpKind.FarBranch16:
      return `far ${instruction.farBranchSelector.toString(16)}:${instruction.farBranch16.toString(16)}`;
    case OpKind.FarBranch32:
      return `far ${instruction.farBranchSelector.toString(16)}:${(instruction.farBranch32 >>> 0).toString(16)}`;
    case OpKind.Memory:
      return memory(instruction);
    default:
      if (kind >= OpKind.MemorySegSI && kind <= OpKind.MemorySegRDI)
        return `implicit ${Register[instruction.memorySegment]}`;
      if (kind >= OpKind.MemoryESDI && kind <= OpKind.MemoryESRDI) return 'implicit ES';
      return BigInt.asUintN(NARROW.get(kind) ?? 64, instruction.immediate(index)).toString(16);
  }
}

function memory(instruction: Instruction): string {
  const name = (register: Register): string => (register === Register.None ? '-' : (Register[register] as string));
  const scale = instruction.memoryIndex === Register.None ? 1 : instruction.memoryIndexScale;
  const displacement = BigInt.asUintN(64, instruction.memoryDisplacement).toString(16);
  const { memorySegment: segment, memoryBase, memoryIndex } = instruction;
  return `[${name(segment)} ${name(memoryBase)} ${name(memoryIndex)}*${scale} ${displacement}]`;
}
