/** A region's guest code as assembly, block by block, and its own code as WebAssembly text. */
import { DECODED, Decoder } from '../src/cpu/decode/decoder.ts';
import { disassemble } from '../src/cpu/decode/disassembler.ts';
import { rowsOf } from '../src/cpu/decode/rows.ts';
import { OpcodeTable } from '../src/cpu/decode/table.ts';
import { ALL_INSTRUCTIONS } from '../src/cpu/instructions/all.ts';
import { TYPE_FUNCREF, TYPE_REF } from '../src/cpu/emit/opcodes.ts';
import { MAX_REGIONS } from '../src/cpu/interpreter/layout.ts';
import { MODE_CODE_32, MODE_CODE_64 } from '../src/cpu/mode.ts';
import { type ProfiledInstruction, type ProfiledRegion, REGION_NAME } from '../src/cpu/region/region-profile.ts';

/** `name+0x12` of an address; undefined where no name is known. */
export type Naming = (address: bigint) => string | undefined;

/** Lines: each block with how often it was entered, and, of those that were, the instructions. */
export function listing(region: ProfiledRegion, naming: Naming): string[] {
  const page = region.rip & ~0xfffn;
  const lines: string[] = [];
  for (const { offset, context, entries, instructions } of region.blocks) {
    const start = BigInt.asUintN(64, page + BigInt(offset));
    const where = `${hex(start)}${named(naming, start)}`;
    const whose = context === 0 ? '' : `, copy ${context}`;
    if (entries === 0) {
      lines.push(`  block at ${where}${whose}: never entered, ${instructions.length} instructions`);
      continue;
    }
    lines.push(`  block at ${where}${whose}: entered ${entries.toLocaleString('en')} times`);
    for (const instruction of instructions) lines.push(`    ${line(region, instruction, page)}`);
  }
  return lines;
}

/** In bits. */
export function codeWidth(mode: number): 16 | 32 | 64 {
  return (mode & MODE_CODE_64) !== 0 ? 64 : (mode & MODE_CODE_32) !== 0 ? 32 : 16;
}

/** The region's function; branch hints are left out. */
export async function webAssemblyText({ module, number, functionIndex }: ProfiledRegion): Promise<string> {
  const { default: load } = await import('wabt');
  const wabt = await load();
  const read = wabt.readWasm(withPlainTable(module), { readDebugNames: true, ...FEATURES });
  try {
    const fields = read.toText({ foldExprs: true, inlineExport: false }).split(/^(?= {2}\()/m);
    const found = fields.find((field) => field.startsWith(`  (func $${REGION_NAME}${number} `));
    if (found === undefined) throw new Error(`the text of a module has no function ${functionIndex}`);
    return found.trimEnd();
  } finally {
    read.destroy();
  }
}

// Without branch hints: the library cannot fold expressions around them.
const FEATURES = {
  bulk_memory: true,
  mutable_globals: true,
  reference_types: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  tail_call: true,
};

// The library knows no tables of functions of one type. That of the regions becomes one of any, in as many bytes: its
// length is a number of one byte more.
function withPlainTable(module: Uint8Array): Uint8Array {
  const typed = [TYPE_REF, 0, 1, ...TABLE_LENGTH, ...TABLE_LENGTH];
  const at = Buffer.from(module.buffer, module.byteOffset, module.length).indexOf(`\x07regions\x01`) + 9;
  const type = module[at + 1] as number;
  if (at < 9 || typed.some((byte, index) => index !== 1 && module[at + index] !== byte) || type > 0x7f) {
    throw new Error('a module of regions imports their table in another way');
  }
  const [first = 0, second = 0, third = 0] = TABLE_LENGTH;
  const plain = module.slice();
  plain.set([TYPE_FUNCREF, 1, first, second, third | 0x80, 0, ...TABLE_LENGTH], at);
  return plain;
}

// MAX_REGIONS, as WebAssembly writes it.
const TABLE_LENGTH = [(MAX_REGIONS & 0x7f) | 0x80, ((MAX_REGIONS >> 7) & 0x7f) | 0x80, MAX_REGIONS >> 14];

const decoder = new Decoder(new OpcodeTable(rowsOf(ALL_INSTRUCTIONS)));

function line({ mode }: ProfiledRegion, { offset, bytes, isCold }: ProfiledInstruction, page: bigint): string {
  const address = BigInt.asUintN(64, page + BigInt(offset));
  if (bytes === undefined) return `${hex(address)}  (its bytes were gone when the region was made)`;
  const isRead = decoder.decode(bytes, 0, bytes.length, mode) === DECODED;
  const text = isRead ? disassemble(decoder.result, codeWidth(mode), address) : '(no instruction)';
  const code = Buffer.from(bytes).toString('hex').padEnd(CODE_WIDTH);
  return `${hex(address)}  ${code} ${isCold ? `${text.padEnd(TEXT_WIDTH)} ; the interpreter's function` : text}`;
}

const CODE_WIDTH = 20;
const TEXT_WIDTH = 40;

function named(naming: Naming, address: bigint): string {
  const name = naming(address);
  return name === undefined ? '' : ` <${name}>`;
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`;
}
