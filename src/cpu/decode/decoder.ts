/** The decoder: bytes to a form and its operand fields. The only one; table-driven (SDM vol. 2A, chapter 2). */
import { MODE_CODE_32, MODE_CODE_64 } from '../mode.ts';
import { CS, DS, ES, FS, GS, SS } from '../state.ts';
import type { ImmediateSize } from './encoding.ts';
import {
  type Candidate,
  type OpcodeTable,
  PREFIX_66,
  PREFIX_ANY,
  PREFIX_F2,
  PREFIX_F3,
  RULE_DEFAULT64,
  RULE_FORCE64,
  RULE_IGNORES_MOD,
  RULE_LOCK,
  RULE_NO64,
  RULE_NO_REX_B,
  RULE_ONLY64,
  type Rule,
} from './table.ts';

/** An instruction of this table. */
export const DECODED = 0;
/** No such instruction: #UD. */
export const INVALID = 1;
/** More than 15 bytes: #GP(0) (SDM vol. 2A, 2.3.11). */
export const TOO_LONG = 2;
/** The bytes given end before the instruction does. */
export const INCOMPLETE = 3;
export type DecodeStatus = 0 | 1 | 2 | 3;

const MAXIMUM_LENGTH = 15;
export const NO_REGISTER = -1;
/** The base of a RIP-relative address. */
export const BASE_RIP = 16;

/** Fields of one instruction; one object is reused for all. */
export class Decoded<C extends Candidate> {
  candidate: C | undefined;
  length = 0;
  /** Sizes in bits. */
  operandSize: 16 | 32 | 64 = 32;
  addressSize: 16 | 32 | 64 = 32;
  /** 0xF3, 0xF2 or 0. */
  repeat = 0;
  lock = false;
  rex = 0;
  /** Segment override, or -1. */
  override = -1;
  opcode = 0;
  modRm = 0;
  /** Memory operand: registers or NO_REGISTER, the scale as a shift, the segment that applies. */
  base = NO_REGISTER;
  index = NO_REGISTER;
  scale = 0;
  displacement = 0;
  segment = DS;
  /** Immediates sign-extended to 32 bits; the first one's upper half for MOV r64, imm64 and 64-bit offsets. */
  immediate = 0;
  immediateHi = 0;
  immediate2 = 0;

  /** ModRM.rm as a register with REX.B, ModRM.reg with REX.R, the opcode's register with REX.B. */
  get rmRegister(): number {
    return (this.modRm & 7) | ((this.rex & 1) << 3);
  }
  get regRegister(): number {
    return ((this.modRm >>> 3) & 7) | ((this.rex & 4) << 1);
  }
  get opcodeRegister(): number {
    return (this.opcode & 7) | ((this.rex & 1) << 3);
  }
  get hasMemory(): boolean {
    return this.modRm >>> 6 !== 3;
  }
}

const OVERRIDES = new Map([
  [0x26, ES],
  [0x2e, CS],
  [0x36, SS],
  [0x3e, DS],
  [0x64, FS],
  [0x65, GS],
]);

export class Decoder<C extends Candidate> {
  readonly #table: OpcodeTable<C>;
  readonly result = new Decoded<C>();
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #prefix66 = false;
  #prefix67 = false;

  constructor(table: OpcodeTable<C>) {
    this.#table = table;
  }

  /** Decodes at `at`; no byte at or past `end` is read. `mode` is of MODE_*. */
  decode(bytes: Uint8Array, at: number, end: number, mode: number): DecodeStatus {
    const { result } = this;
    this.#bytes = bytes;
    this.#at = at;
    this.#end = Math.min(end, at + MAXIMUM_LENGTH);
    const status = this.#decode(mode);
    result.length = this.#at - at;
    if (status !== INCOMPLETE) return status;
    return this.#end === at + MAXIMUM_LENGTH ? TOO_LONG : INCOMPLETE;
  }

  #decode(mode: number): DecodeStatus {
    const { result } = this;
    const is64 = (mode & MODE_CODE_64) !== 0;
    const opcode = this.#prefixes(is64);
    if (opcode < 0) return INCOMPLETE;
    const map = this.#opcode(opcode);
    if (map < 0) return INCOMPLETE;
    result.modRm = 0xc0;
    if (this.#table.hasModRm(map, result.opcode)) {
      if (this.#at >= this.#end) return INCOMPLETE;
      result.modRm = this.#bytes[this.#at++] as number;
    }
    const rule = this.#choose(map, is64);
    result.candidate = rule?.candidate;
    const flags = rule?.flags ?? 0;
    if ((flags & RULE_IGNORES_MOD) !== 0) result.modRm |= 0xc0;
    this.#sizes(flags, rule?.prefix === PREFIX_66, mode, is64);
    if (!this.#address(is64)) return INCOMPLETE;
    if (rule === undefined) return INVALID;
    if (!this.#immediates(rule, is64)) return INCOMPLETE;
    if (result.lock && !((flags & RULE_LOCK) !== 0 && result.hasMemory)) return INVALID;
    return DECODED;
  }

  // Reads prefixes; returns the first byte of the opcode, or -1.
  #prefixes(is64: boolean): number {
    const { result } = this;
    result.lock = false;
    result.repeat = 0;
    result.override = -1;
    this.#prefix66 = false;
    this.#prefix67 = false;
    let rex = 0;
    while (this.#at < this.#end) {
      const byte = this.#bytes[this.#at++] as number;
      if (is64 && (byte & 0xf0) === 0x40) {
        rex = byte;
        continue;
      }
      if (!this.#prefix(byte, is64)) {
        result.rex = rex;
        return byte;
      }
      // A REX prefix counts only right before the opcode.
      rex = 0;
    }
    return -1;
  }

  #prefix(byte: number, is64: boolean): boolean {
    const { result } = this;
    switch (byte) {
      case 0x66:
        this.#prefix66 = true;
        return true;
      case 0x67:
        this.#prefix67 = true;
        return true;
      case 0xf0:
        result.lock = true;
        return true;
      case 0xf2:
      case 0xf3:
        result.repeat = byte;
        return true;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        // Null prefixes in 64-bit mode; they do not even cancel an FS or GS override (SDM vol. 2A, 2.1.1).
        if (!is64) result.override = OVERRIDES.get(byte) as number;
        return true;
      case 0x64:
      case 0x65:
        result.override = OVERRIDES.get(byte) as number;
        return true;
      default:
        return false;
    }
  }

  // Returns the opcode map, or -1.
  #opcode(first: number): number {
    const { result } = this;
    result.opcode = first;
    if (first !== 0x0f) return 0;
    if (this.#at >= this.#end) return -1;
    const second = this.#bytes[this.#at++] as number;
    result.opcode = second;
    if (second !== 0x38 && second !== 0x3a) return 1;
    if (this.#at >= this.#end) return -1;
    result.opcode = this.#bytes[this.#at++] as number;
    return second === 0x38 ? 2 : 3;
  }

  #choose(map: number, is64: boolean): Rule<C> | undefined {
    const { result } = this;
    const rules = this.#table.rules(map, result.opcode, result.modRm);
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i] as Rule<C>;
      if (this.#matches(rule, is64)) return rule;
    }
    return undefined;
  }

  #matches({ flags, prefix, modRm, w }: Rule<C>, is64: boolean): boolean {
    const { result } = this;
    if ((flags & (is64 ? RULE_NO64 : RULE_ONLY64)) !== 0) return false;
    if (modRm >= 0 && modRm !== result.modRm) return false;
    if ((flags & RULE_NO_REX_B) !== 0 && (result.rex & 1) !== 0) return false;
    if (w >= 0 && (w === 1) !== ((result.rex & 8) !== 0)) return false;
    switch (prefix) {
      case PREFIX_ANY:
        return true;
      case PREFIX_66:
        return result.repeat === 0 && this.#prefix66;
      case PREFIX_F3:
        return result.repeat === 0xf3;
      case PREFIX_F2:
        return result.repeat === 0xf2;
      default:
        return result.repeat === 0 && !this.#prefix66;
    }
  }

  // With `isPart` a 66H prefix is part of the opcode.
  #sizes(flags: number, isPart: boolean, mode: number, is64: boolean): void {
    const { result } = this;
    const prefix66 = this.#prefix66 && !isPart;
    if (is64) {
      const wide = (result.rex & 8) !== 0 || (flags & RULE_FORCE64) !== 0;
      const byDefault = (flags & RULE_DEFAULT64) !== 0 ? 64 : 32;
      result.operandSize = wide ? 64 : prefix66 ? 16 : byDefault;
      result.addressSize = this.#prefix67 ? 32 : 64;
      return;
    }
    const is32 = (mode & MODE_CODE_32) !== 0;
    result.operandSize = is32 !== prefix66 ? 32 : 16;
    result.addressSize = is32 !== this.#prefix67 ? 32 : 16;
  }

  // ModRM's memory forms, SIB and displacement. False where bytes are missing.
  #address(is64: boolean): boolean {
    const { result } = this;
    result.base = NO_REGISTER;
    result.index = NO_REGISTER;
    result.scale = 0;
    result.displacement = 0;
    result.segment = result.override >= 0 ? result.override : DS;
    if (!result.hasMemory) return true;
    return result.addressSize === 16 ? this.#address16() : this.#address32(is64);
  }

  #address32(is64: boolean): boolean {
    const { result } = this;
    const mod = result.modRm >>> 6;
    const rm = result.modRm & 7;
    let displacementBytes = mod === 1 ? 1 : mod === 2 ? 4 : 0;
    if (rm === 4) {
      if (this.#at >= this.#end) return false;
      const sib = this.#bytes[this.#at++] as number;
      result.scale = sib >>> 6;
      const index = ((sib >>> 3) & 7) | ((result.rex & 2) << 2);
      if (index !== 4) result.index = index;
      if ((sib & 7) === 5 && mod === 0) displacementBytes = 4;
      else result.base = (sib & 7) | ((result.rex & 1) << 3);
    } else if (rm === 5 && mod === 0) {
      displacementBytes = 4;
      if (is64) result.base = BASE_RIP;
    } else {
      result.base = rm | ((result.rex & 1) << 3);
    }
    // rSP and rBP address the stack segment; R12 and R13 do not (SDM vol. 1, table 3-5).
    if (result.override < 0 && (result.base === 4 || result.base === 5)) result.segment = SS;
    return this.#displacement(displacementBytes);
  }

  #address16(): boolean {
    const { result } = this;
    const mod = result.modRm >>> 6;
    const rm = result.modRm & 7;
    if (rm === 6 && mod === 0) return this.#displacement(2);
    // SDM vol. 2A, table 2-1: BX+SI, BX+DI, BP+SI, BP+DI, SI, DI, BP, BX
    result.base = [3, 3, 5, 5, 6, 7, 5, 3][rm] as number;
    if (rm < 4) result.index = 6 + (rm & 1);
    if (result.override < 0 && result.base === 5) result.segment = SS;
    return this.#displacement(mod === 1 ? 1 : mod === 2 ? 2 : 0);
  }

  #displacement(bytes: number): boolean {
    if (bytes === 0) return true;
    if (this.#at + bytes > this.#end) return this.#missing();
    this.result.displacement = this.#signed(bytes);
    return true;
  }

  #immediates({ immediate, immediate2, flags }: Rule<C>, is64: boolean): boolean {
    const { result } = this;
    result.immediate = 0;
    result.immediateHi = 0;
    result.immediate2 = 0;
    if (immediate === 0) return true;
    const bytes = this.#immediateBytes(immediate, flags, is64);
    if (this.#at + bytes > this.#end) return this.#missing();
    if (bytes === 8) {
      result.immediate = this.#signed(4);
      result.immediateHi = this.#signed(4);
    } else {
      result.immediate = this.#signed(bytes);
      result.immediateHi = immediate === 'o' ? 0 : result.immediate >> 31;
    }
    if (immediate2 === 0) return true;
    const more = this.#immediateBytes(immediate2, flags, is64);
    if (this.#at + more > this.#end) return this.#missing();
    result.immediate2 = this.#signed(more);
    return true;
  }

  #immediateBytes(size: ImmediateSize, flags: number, is64: boolean): number {
    const { result } = this;
    switch (size) {
      case 'b':
        return 1;
      case 'w':
        return 2;
      case 'd':
        return 4;
      case 'o':
        return result.addressSize / 8;
      case 'v':
        return result.operandSize / 8;
      default:
        // Near branches in 64-bit mode take 32 bits even with 66H, as Intel's processors do.
        if (is64 && (flags & RULE_FORCE64) !== 0) return 4;
        return result.operandSize === 16 ? 2 : 4;
    }
  }

  // The bytes that are there are consumed, so that the caller knows the instruction went past its end.
  #missing(): boolean {
    this.#at = this.#end;
    return false;
  }

  #signed(bytes: number): number {
    const b = this.#bytes;
    const at = this.#at;
    this.#at += bytes;
    if (bytes === 1) return ((b[at] as number) << 24) >> 24;
    if (bytes === 2) return (((b[at] as number) | ((b[at + 1] as number) << 8)) << 16) >> 16;
    return (
      (b[at] as number) | ((b[at + 1] as number) << 8) | ((b[at + 2] as number) << 16) | ((b[at + 3] as number) << 24)
    );
  }
}
