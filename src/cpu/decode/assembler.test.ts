import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import { MODE_CODE_32, MODE_CODE_64 } from '../mode.ts';
import { Assembler, AssemblyError } from './assembler.ts';
import { BASE_RIP, DECODED, Decoder, NO_REGISTER } from './decoder.ts';
import { disassemble } from './disassembler.ts';
import { type CodeWidth, encode, fieldsFor, type InstructionFields, type MemoryFields } from './encoder.ts';
import { rowsOf } from './rows.ts';
import { operandSizes } from './sizes.ts';
import { type Candidate, OpcodeTable } from './table.ts';

const assembler = new Assembler(ALL_INSTRUCTIONS);
const rows = rowsOf(ALL_INSTRUCTIONS);
const table = new OpcodeTable(rows);
const MODES: Readonly<Record<CodeWidth, number>> = { 16: 0, 32: MODE_CODE_32, 64: MODE_CODE_64 };
const ADDRESS = 0x8000n;

function hex(source: string, width: CodeWidth = 64): string {
  return Buffer.from(assembler.assemble(source, { width, origin: ADDRESS }).bytes).toString('hex');
}

function text(bytes: Uint8Array, width: CodeWidth): string | undefined {
  const decoder = new Decoder(table);
  if (decoder.decode(bytes, 0, bytes.length, MODES[width]) !== DECODED) return undefined;
  equal(decoder.result.length, bytes.length, Buffer.from(bytes).toString('hex'));
  return disassemble(decoder.result, width, ADDRESS);
}

test('the shortest encoding is chosen', () => {
  equal(hex('add eax, 1'), '83c001');
  equal(hex('add eax, 0xffffffff'), '83c0ff');
  equal(hex('add eax, 0x1000'), '0500100000');
  equal(hex('mov rax, -1'), '48c7c0ffffffff');
  equal(hex('mov eax, 0xffffffff'), 'b8ffffffff');
  equal(hex('mov rax, 0x1122334455667788'), '48b88877665544332211');
  equal(hex('push 1'), '6a01');
  equal(hex('shl rcx, 1'), '48d1e1');
});

test('memory operands: base, index, displacement, segment, RIP', () => {
  equal(hex('mov rax, [rbx+rcx*4+8]'), '488b448b08');
  equal(hex('mov rax, [rsp]'), '488b0424');
  equal(hex('mov al, [rbp]'), '8a4500');
  equal(hex('mov eax, [gs:0x28]'), '658b042528000000');
  equal(hex('lea rax, [rel 0x8007]'), '488d0500000000');
  equal(hex('mov [4*r9-1], ebx'), '42891c8dffffffff');
  equal(hex('mov ax, [bp+si+5]', 16), '8b4205');
  equal(hex('mov ax, [eax+eax*2]', 16), '678b0440');
});

test('branches are as short as their distance allows', () => {
  equal(hex('a: jmp a'), 'ebfe');
  equal(hex('jmp b\n times 127 nop\n b:').slice(0, 4), 'eb7f');
  equal(hex('jmp b\n times 128 nop\n b:').slice(0, 10), 'e980000000');
  equal(hex('call $+5'), 'e800000000');
  equal(hex('jmp far 8:0x1234', 32), 'ea341200000800');
  equal(hex('jmp far [rax]'), 'ff28');
});

test('labels, constants, data and directives', () => {
  const { bytes, symbols } = assembler.assemble(
    `
    first: dw end - first, 'ab', 0x1234 ; a comment
    .local: db "hi; there", 0
    size equ $ - first
    align 8, 0
    second: dq .local2
    .local2: dd size * 2, MAGIC
    times 3 db 7
    end:
    `,
    { origin: 0x100, symbols: { MAGIC: 0xcafe } },
  );
  equal(symbols.get('size'), 16n);
  equal(symbols.get('second'), 0x110n);
  equal(symbols.get('second.local2'), 0x118n);
  deepEqual(Array.from(bytes.subarray(0, 6)), [0x23, 0, 0x61, 0x62, 0x34, 0x12]);
  equal(Buffer.from(bytes.subarray(0x10)).toString('hex'), '180100000000000020000000feca0000070707');
});

test('mistakes are told with their line', () => {
  const mistake = (source: string): RegExp => {
    try {
      assembler.assemble(source);
    } catch (error) {
      if (error instanceof AssemblyError) return new RegExp(error.message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    }
    throw new Error('no mistake was found');
  };
  equal(mistake('nop\ninc [rax]').source.includes('line 2'), true);
  throws(() => assembler.assemble('inc [rax]'), /say the size of the memory operand/);
  throws(() => assembler.assemble('frobnicate eax'), /there is no instruction 'frobnicate'/);
  throws(() => assembler.assemble('mov eax, rbx'), /does not take these operands in 64-bit code/);
  throws(() => assembler.assemble('jmp nowhere'), /'nowhere' is not defined/);
  throws(() => assembler.assemble('mov rax, [eax+rbx]'), /one width/);
  throws(() => assembler.assemble('a: nop\na: nop'), /defined twice/);
});

test('names by size: string instructions, conversions, flags, returns', () => {
  equal(hex('rep movsq'), 'f348a5');
  equal(hex('repne scasb'), 'f2ae');
  equal(hex('fs lodsd'), '64ad');
  equal(hex('movsd xmm0, xmm1'), 'f20f10c1');
  equal(hex('cqo'), '4899');
  equal(hex('iretq'), '48cf');
  equal(hex('pushfq'), '9c');
  equal(hex('jecxz $'), '67e3fd');
  equal(hex('o16 ret', 32), '66c3');
});

for (const width of [16, 32, 64] as const) {
  test(`every form in ${width}-bit code: what is disassembled assembles to the same`, () => {
    const failures: string[] = [];
    let tried = 0;
    for (const row of rows) {
      if (width === 64 ? row.form.no64 : row.form.only64) continue;
      if (width !== 64 && row.encoding.w === 1) continue;
      for (const [number, fields] of samples(row, width).entries()) {
        const bytes = encode(row.form, row.encoding, fields);
        const written = text(bytes, width);
        // Bytes may be another row's: XCHG eAX, eAX is NOP.
        if (written === undefined) {
          failures.push(
            `${row.instruction.mnemonic} ${row.form.encoding} #${number}: ${Buffer.from(bytes).toString('hex')} does not decode`,
          );
          continue;
        }
        tried++;
        const failure = roundTrip(written, bytes, width);
        if (failure !== undefined)
          failures.push(`${row.instruction.mnemonic} ${row.form.encoding}: '${written}': ${failure}`);
      }
    }
    equal(failures.slice(0, 30).join('\n'), '');
    equal(tried > 3000, true, `only ${tried} were tried`);
  });
}

function roundTrip(written: string, bytes: Uint8Array, width: CodeWidth): string | undefined {
  try {
    const again = assembler.assemble(written, { width, origin: ADDRESS }).bytes;
    if (again.length > bytes.length) return `${again.length} bytes, not ${bytes.length}`;
    const back = text(again, width);
    return plain(back) === plain(written) ? undefined : `became '${back}'`;
  } catch (error) {
    return String(error);
  }
}

/** MOV's immediates are sign-extended in one form and not in another: -0x2 and 0xfffe are the same number to ax. */
function plain(written: string | undefined): string | undefined {
  const number = /^(mov [^,]*, )(-?)(0x[0-9a-f]+)$/.exec(written ?? '');
  if (number === null) return written;
  const value = number[2] === '-' ? -BigInt(number[3] as string) : BigInt(number[3] as string);
  const register = /^mov (e|r\d+d)/.test(written ?? '') ? 32 : /^mov (r|qword)/.test(written ?? '') ? 64 : 16;
  return `${number[1]}${BigInt.asUintN(/w,/.test(written ?? '') ? 16 : register, value)}`;
}

/** Field values that show each part of an encoding, for each size and shape. */
function samples(row: Candidate, width: CodeWidth): InstructionFields[] {
  const { form } = row;
  const all: InstructionFields[] = [];
  const place = form.operands.find(({ kind }) => kind.field === 'rm')?.kind.place;
  const top = width === 64 ? 15 : 7;
  for (const operandSize of operandSizes(row, width)) {
    const base = { ...fieldsFor(width), operandSize, immediate: 0x12n, immediate2: 3n };
    const isSegment = form.operands.some(({ kind }) => kind.file === 'segment');
    const registers = isSegment ? [0, 5] : [0, 3, 4, 6, top];
    if (place !== 'memory') {
      for (const number of registers) {
        const register = {
          ...base,
          rm: number,
          reg: isSegment ? 3 : top - number,
          opcodeRegister: form.noRexB ? 0 : number,
        };
        all.push(register, { ...register, immediate: -2n });
        if (width === 64) all.push({ ...register, rex: true });
      }
    }
    if (place === 'memory' || place === 'either') {
      for (const addressSize of width === 64 ? ([64, 32] as const) : ([32, 16] as const)) {
        for (const rm of addresses(width, addressSize)) all.push({ ...base, addressSize, rm, reg: 1 });
      }
      all.push({
        ...base,
        addressSize: width,
        rm: addresses(width, width)[0] as MemoryFields,
        override: 4,
        lock: form.lock === true,
      });
    }
    if (form.repeat) for (const repeat of [0xf2, 0xf3]) all.push({ ...base, repeat });
  }
  return all;
}

function addresses(width: CodeWidth, addressSize: 16 | 32 | 64): MemoryFields[] {
  const none = NO_REGISTER;
  if (addressSize === 16) {
    const pairs = [
      [3, 6],
      [5, 7],
      [6, none],
      [5, none],
      [none, none],
    ] as const;
    return pairs.map(([base, index], i) => ({
      base,
      index,
      scale: 0,
      displacement: [0, 5, -5, 0, 0x1234][i] as number,
    }));
  }
  const list: MemoryFields[] = [
    { base: 0, index: none, scale: 0, displacement: 0 },
    { base: 4, index: none, scale: 0, displacement: 8 },
    { base: 5, index: none, scale: 0, displacement: 0 },
    { base: 3, index: 1, scale: 2, displacement: -0x80 },
    { base: 4, index: 5, scale: 0, displacement: 0x12345 },
    { base: none, index: 6, scale: 3, displacement: -4 },
    { base: none, index: none, scale: 0, displacement: 0x1000 },
    { base: 2, index: 7, scale: 1, displacement: 1, wide: true },
  ];
  if (width !== 64) return list;
  return [
    ...list,
    { base: 12, index: 13, scale: 0, displacement: 0 },
    { base: 13, index: 12, scale: 3, displacement: 0 },
    { base: BASE_RIP, index: none, scale: 0, displacement: 0x20 },
  ];
}
