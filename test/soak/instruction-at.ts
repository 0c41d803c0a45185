import { DECODED, Decoder } from '../../src/cpu/decode/decoder.ts';
import { disassemble } from '../../src/cpu/decode/disassembler.ts';
import { OpcodeTable } from '../../src/cpu/decode/table.ts';
import type { EngineVcpu } from '../../src/cpu/engine.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { type FormEntry, HandlerTable } from '../../src/cpu/interpreter/handlers.ts';
import { MODE_CODE_32, MODE_CODE_64, modeOf } from '../../src/cpu/mode.ts';
import { CS } from '../../src/cpu/state.ts';

/** Longest instruction (SDM vol. 2A, 2.3.11). */
const MOST_BYTES = 15;

let decoder: Decoder<FormEntry> | undefined;

/** The instruction at RIP, in words. */
export function instructionAt(vcpu: EngineVcpu): string {
  decoder ??= new Decoder(new OpcodeTable(new HandlerTable(ALL_INSTRUCTIONS).forms));
  const mode = modeOf(vcpu.state);
  const { rip, is64Bit } = vcpu.state;
  const linear = is64Bit ? rip : BigInt.asUintN(32, rip + vcpu.state.segmentBase(CS));
  const bytes = new Uint8Array(MOST_BYTES);
  let length = MOST_BYTES;
  // It may end before a page that is not there.
  while (
    length > 0 &&
    !vcpu.readLinear(Number(linear & 0xffffffffn), Number(linear >> 32n), bytes.subarray(0, length))
  ) {
    length--;
  }
  if (decoder.decode(bytes, 0, length, mode) !== DECODED) return `${hex(bytes.subarray(0, length))} (no instruction)`;
  const width = (mode & MODE_CODE_64) !== 0 ? 64 : (mode & MODE_CODE_32) !== 0 ? 32 : 16;
  return disassemble(decoder.result, width, rip);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
