import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './sources.ts';

/** Where Debian's libxen-dev puts Xen's public headers. */
const HEADERS = '/usr/include/xen';
const ABI = `${ROOT}src/abi`;

/** A class over a struct, by the conventions of src/abi/README.md. */
export interface StructClass {
  new (memory: DataView, base: number): object;
  readonly name: string;
  readonly C_NAME: string;
  readonly SIZE: number;
  readonly C_PATHS?: Readonly<Record<string, string>>;
  readonly ONLY_64?: boolean;
}

/** What src/abi exports, and the headers its files name. */
export interface Abi {
  readonly headers: readonly string[];
  readonly structs: readonly StructClass[];
  readonly constants: readonly { readonly name: string; readonly value: number | bigint | string }[];
}

/** Where a getter of a struct class reads, found by watching it. */
export interface Member {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  /** how many, in an array other than of bytes */
  readonly elements: number;
  /** of integers: whether all ones reads as -1 */
  readonly signed?: boolean;
  /** of inner structs */
  readonly struct?: StructClass;
}

/** One thing to ask the C compiler. */
interface Question {
  readonly about: string;
  readonly expression: string;
  readonly expected: bigint;
}

/** Why nothing can be compared on this machine: a sentence, or undefined if all is there. */
export function whyNot(): string | undefined {
  if (!existsSync(`${HEADERS}/xen.h`)) return `${HEADERS}/xen.h is not there: apt-get install libxen-dev`;
  if (spawnSync('gcc', ['--version']).error !== undefined) return 'there is no gcc: apt-get install gcc';
  if (!existsSync('/usr/include/stdio.h')) return 'there is no C library to link with: apt-get install libc6-dev';
  return undefined;
}

/** Imports every file of src/abi. */
export async function readAbi(): Promise<Abi> {
  const headers = new Set<string>();
  const structs: StructClass[] = [];
  const constants: { name: string; value: number | bigint | string }[] = [];
  const files = readdirSync(ABI, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort()) {
    const header = /public\/([\w./-]+\.h)/.exec(readFileSync(`${ABI}/${file}`, 'utf8'))?.[1];
    if (header !== undefined) headers.add(header);
    const exported: Record<string, unknown> = await import(`${ABI}/${file}`);
    for (const [name, value] of Object.entries(exported)) {
      if (isStruct(value)) structs.push(value);
      else if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string')
        constants.push({ name, value });
    }
  }
  return { headers: [...headers], structs, constants };
}

function isStruct(value: unknown): value is StructClass {
  return typeof value === 'function' && 'C_NAME' in value && 'SIZE' in value;
}

// Measuring our classes.

/** The struct lies among bytes that are none of its own, in a view that does not start its buffer. */
const MARGIN = 16;
const VIEW = 8;

interface Specimen {
  readonly bytes: Uint8Array;
  readonly instance: Record<string, unknown>;
}

function specimen(struct: StructClass): Specimen {
  const bytes = new Uint8Array(MARGIN + struct.SIZE + MARGIN);
  const view = new DataView(bytes.buffer, VIEW);
  return { bytes, instance: new struct(view, MARGIN - VIEW) as Record<string, unknown> };
}

const measured = new Map<StructClass, readonly Member[]>();

/** Finds each member of a class by setting one byte at a time and seeing which getter moves. */
export function measure(struct: StructClass): readonly Member[] {
  const known = measured.get(struct);
  if (known !== undefined) return known;
  const members = memberNames(struct).map((name) => measureMember(struct, name));
  measured.set(struct, members);
  return members;
}

/** The bytes of a struct that some getter reads. */
function bytesRead(struct: StructClass): Set<number> {
  const read = new Set<number>();
  for (const { offset, bytes, elements, struct: inner } of measure(struct)) {
    const parts = inner === undefined ? Array.from({ length: bytes / elements }, (_, at) => at) : bytesRead(inner);
    for (let start = offset; start < offset + bytes; start += bytes / elements)
      for (const part of parts) read.add(start + part);
  }
  return read;
}

function memberNames(struct: StructClass): string[] {
  const prototype = Object.getOwnPropertyDescriptors(struct.prototype as object);
  return Object.keys(prototype).filter((name) => name !== 'constructor' && !name.startsWith('set_'));
}

function measureMember(struct: StructClass, name: string): Member {
  const { bytes, instance } = specimen(struct);
  const elements = elementsOf(struct, name);
  const first = movedBytes(bytes, () => readMember(instance, name, 0));
  const sample = readMember(instance, name, 0);
  const inner = typeof sample === 'object' && isStruct(sample?.constructor) ? sample.constructor : undefined;
  const size = inner === undefined ? first.length : inner.SIZE;
  const offset = (first[0] ?? MARGIN) - (inner === undefined ? 0 : Math.min(...bytesRead(inner)));
  if (inner === undefined && first.some((at, i) => at !== offset + i)) throw new Error(`${name} has a gap`);
  if (elements > 1) {
    const last = movedBytes(bytes, () => readMember(instance, name, elements - 1));
    if (last[0] !== (first[0] ?? 0) + (elements - 1) * size) throw new Error(`${name}'s elements are not side by side`);
  }
  const member = { name, offset: offset - MARGIN, bytes: size * elements, elements };
  if (inner !== undefined) return { ...member, struct: inner };
  if (typeof sample === 'object') return member;
  bytes.fill(0xff);
  return { ...member, signed: Number(readMember(instance, name, 0)) < 0 };
}

function elementsOf(struct: StructClass, name: string): number {
  const length: unknown = (struct as unknown as Record<string, unknown>)[`LENGTH_${name}`];
  return typeof length === 'number' ? length : 1;
}

function readMember(instance: Record<string, unknown>, name: string, index: number): unknown {
  const value = instance[name];
  return typeof value === 'function' ? (value.call(instance, index) as unknown) : value;
}

function movedBytes(bytes: Uint8Array, read: () => unknown): number[] {
  const moved: number[] = [];
  const still = spell(read());
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = 0xff;
    if (spell(read()) !== still) moved.push(at);
    bytes[at] = 0;
  }
  return moved;
}

function spell(value: unknown): string {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return String(value);
  const struct = value.constructor as StructClass;
  return memberNames(struct)
    .map((name) => spellMember(value as Record<string, unknown>, struct, name))
    .join();
}

function spellMember(instance: Record<string, unknown>, struct: StructClass, name: string): string {
  const count = elementsOf(struct, name);
  return Array.from({ length: count }, (_, index) => spell(readMember(instance, name, index))).join();
}

/** Writes through each setter, and tells which write beside their field or do not read back. */
export function checkSetters(struct: StructClass): string[] {
  return measure(struct).flatMap((member) => {
    const { bytes, instance } = specimen(struct);
    const index = member.elements - 1;
    const before = readMember(instance, member.name, index);
    if (typeof before === 'object' || !canSet(struct, member.name)) return [];
    const size = member.bytes / member.elements;
    const pattern = 0x125a_5a5a_5a5a_5a5an & ((1n << BigInt(size * 8)) - 1n);
    // A number holds 53 bits: a count of frames or bytes is never larger.
    const value = typeof before === 'bigint' ? pattern : Number(pattern & 0x1f_ffff_ffff_ffffn);
    if (typeof instance[member.name] === 'function') call(instance, `set_${member.name}`, index, value);
    else instance[member.name] = value;
    const from = MARGIN + member.offset + index * size;
    const outside = bytes.some((byte, at) => byte !== 0 && (at < from || at >= from + size));
    const back = readMember(instance, member.name, index);
    const where = `${struct.name}.${member.name}`;
    return [
      ...(outside ? [`${where}: its setter writes beside the field`] : []),
      ...(back === value ? [] : [`${where}: set to ${value}, reads ${String(back)}`]),
    ];
  });
}

function canSet(struct: StructClass, name: string): boolean {
  const prototype = struct.prototype as Record<string, unknown>;
  return `set_${name}` in prototype || Object.getOwnPropertyDescriptor(prototype, name)?.set !== undefined;
}

function call(instance: Record<string, unknown>, name: string, ...values: unknown[]): void {
  (instance[name] as (...values: unknown[]) => void).call(instance, ...values);
}

// Asking the C compiler.

/** Compares every constant's value with the headers'. */
export function checkConstants(abi: Abi): string[] {
  const questions = abi.constants.map(({ name, value }) => {
    if (typeof value !== 'string') return { about: name, expression: inC(name), expected: BigInt(value) };
    return { about: name, expression: `__builtin_strcmp(${name}, ${JSON.stringify(value)})`, expected: 0n };
  });
  return ask(abi, 64, questions);
}

/** Two names that C spells otherwise: errno.h's own macro adds the prefix, and a record's number is a macro's value. */
function inC(name: string): string {
  if (/^E[A-Z0-9]+$/.test(name)) return `XEN_${name}`;
  const record = /^HVM_SAVE_CODE_(?!MAX$)(\w+)$/.exec(name)?.[1];
  return record === undefined ? name : `HVM_SAVE_CODE(${record})`;
}

/**
 * Compares every struct's size, and each member's offset, size and sign, with the headers as 64-bit code sees them,
 * or as 32-bit code does: then the Compat classes, and those without a Compat twin, which must be the same for both.
 */
export function checkStructs(abi: Abi, bits: 32 | 64): string[] {
  const names = new Set(abi.structs.map((struct) => struct.name));
  const asked = abi.structs.filter((struct) => {
    const compat = struct.name.startsWith('Compat');
    return bits === 64 ? !compat : compat || !(names.has(`Compat${struct.name}`) || struct.ONLY_64);
  });
  return ask(
    abi,
    bits,
    asked.flatMap((struct) => questionsAbout(struct)),
  );
}

function questionsAbout(struct: StructClass): Question[] {
  const type = struct.C_NAME;
  const questions: Question[] = [
    { about: `${struct.name}.SIZE`, expression: `sizeof(${type})`, expected: BigInt(struct.SIZE) },
  ];
  const members = measure(struct);
  for (const member of members) {
    if (isHalf(member, members)) continue;
    const path = struct.C_PATHS?.[member.name] ?? member.name;
    const field = `((${type} *)0)->${path}`;
    const about = `${struct.name}.${member.name}`;
    questions.push(
      { about: `${about}'s offset`, expression: `offsetof(${type}, ${path})`, expected: BigInt(member.offset) },
      { about: `${about}'s bytes`, expression: `sizeof(${field})`, expected: BigInt(member.bytes) },
    );
    const one = member.elements > 1 ? `${field}[0]` : field;
    if (member.struct !== undefined)
      questions.push({ about: `${about}'s type`, expression: `IS(${one}, ${member.struct.C_NAME})`, expected: 1n });
    else if (member.signed !== undefined && member.elements === 1)
      questions.push({ about: `${about}'s sign`, expression: `SIGNED(${one})`, expected: member.signed ? 1n : 0n });
  }
  return questions;
}

/** xLo and xHi are the halves of x; a 32-bit pointer has nothing in the upper one. */
function isHalf(member: Member, members: readonly Member[]): boolean {
  const half = /^(.+)(Lo|Hi)$/.exec(member.name);
  const whole = members.find((other) => other.name === half?.[1]);
  if (half === null || whole === undefined) return false;
  const offset = half[2] === 'Lo' ? whole.offset : whole.offset + 4;
  const absent = half[2] === 'Hi' && whole.bytes === 4 && member.bytes === 0;
  if (!absent && (member.offset !== offset || member.bytes !== 4)) throw new Error(`${member.name} is not that half`);
  return true;
}

/** Finds bytes of a C struct that carry data and that no getter of ours reads: fields we forgot. */
export function checkComplete(abi: Abi): string[] {
  const structs = abi.structs.filter((struct) => !struct.name.startsWith('Compat'));
  const dumps = structs.map((struct) => `DUMP(${struct.C_NAME})`);
  const main = `#include <stdio.h>
#include <string.h>
#define DUMP(type) { static type x; memset(&x, 0xff, sizeof x); __builtin_clear_padding(&x); \\
  for (i = 0; i < sizeof x; i++) putchar(((char *)&x)[i] ? '1' : '0'); puts(""); }
int main(void) { size_t i; ${dumps.join('\n')}\nreturn 0; }\n`;
  const masks = inScratch((folder) => {
    writeFileSync(join(folder, 'abi.c'), preamble(abi) + main);
    // Before C99 the headers give a flexible array the length 0, which the builtin takes.
    execFileSync('gcc', ['-std=gnu89', '-w', '-o', 'abi', 'abi.c'], { cwd: folder });
    return execFileSync(join(folder, 'abi'), { encoding: 'utf8', maxBuffer: 1 << 24 }).split('\n');
  });
  return structs.flatMap((struct, index) => {
    const read = bytesRead(struct);
    const missed = [...(masks[index] ?? '')].flatMap((bit, at) => (bit === '1' && !read.has(at) ? [at] : []));
    return missed.length === 0 ? [] : [`${struct.name}: no getter reads byte ${missed.join(', ')}`];
  });
}

function ask(abi: Abi, bits: 32 | 64, questions: readonly Question[]): string[] {
  const head = preamble(abi);
  const lines = questions.map(({ expression }) => `(long long)(${expression}),`);
  const source = `${head}const long long answers[] = {\n${lines.join('\n')}\n};\n`;
  const firstLine = head.split('\n').length + 1;
  const compiled = inScratch((folder) => {
    writeFileSync(join(folder, 'abi.c'), source);
    // The values are read from the assembly, so that 32-bit ones need no 32-bit C library.
    const flags = [`-m${bits}`, '-ffreestanding', '-w', '-S', '-o', '-', 'abi.c'];
    return spawnSync('gcc', flags, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 });
  });
  if (compiled.status !== 0) {
    const errors = [...compiled.stderr.matchAll(/abi\.c:(\d+):\d+: error: (.*)/g)];
    return errors.map(([, line, message]) => {
      const question = questions[Number(line) - firstLine];
      return `${question?.about ?? `line ${line}`}, C's ${question?.expression}: ${message}`;
    });
  }
  const answers = valuesIn(compiled.stdout);
  if (answers.length !== questions.length) return [`${questions.length} questions, ${answers.length} answers`];
  return questions.flatMap(({ about, expected, expression }, index) => {
    const answer = answers[index] ?? 0n;
    const same = BigInt.asUintN(64, answer) === BigInt.asUintN(64, expected);
    return same ? [] : [`${about} (${bits} bits): ours is ${expected}, C's ${expression} is ${answer}`];
  });
}

/** The 64-bit words of an initialised array in gcc's assembly. */
function valuesIn(assembly: string): bigint[] {
  const bytes: number[] = [];
  const put = (value: bigint, size: number) => {
    for (let i = 0; i < size; i++) bytes.push(Number((BigInt.asUintN(64, value) >> BigInt(i * 8)) & 0xffn));
  };
  const body = assembly.slice(assembly.indexOf('\nanswers:'));
  for (const [, kind, value] of body.matchAll(/^\s+\.(quad|long|zero)\s+(-?\d+)/gm)) {
    if (kind === 'zero') for (let i = Number(value); i > 0; i--) bytes.push(0);
    else put(BigInt(value ?? 0), kind === 'quad' ? 8 : 4);
  }
  const view = new DataView(Uint8Array.from(bytes).buffer);
  return Array.from({ length: bytes.length >> 3 }, (_, index) => view.getBigInt64(index * 8, true));
}

/** Every header our files name; the two of one word size come with xen.h, and save.h's macros come first. */
function preamble(abi: Abi): string {
  const rest = abi.headers.filter((header) => !/xen-x86_\d\d\.h$/.test(header));
  const headers = new Set(['xen.h', 'hvm/save.h', ...rest]);
  return `#define __XEN_TOOLS__ 1
#include <stdint.h>
#include <stddef.h>
${[...headers].map((header) => `#include <xen/${header}>`).join('\n')}
struct nothing {};
DEFINE_RING_TYPES(xen, struct nothing, struct nothing);
#define IS(value, type) __builtin_types_compatible_p(__typeof__(value), type)
#define SIGNED(value) (IS(value, int8_t) || IS(value, int16_t) || IS(value, int32_t) || IS(value, int64_t) \\
  || IS(value, long))
`;
}

function inScratch<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'abi-check-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const reason = whyNot();
  if (reason !== undefined) {
    console.error(`cannot compare: ${reason}`);
    process.exit(2);
  }
  const abi = await readAbi();
  const findings = [
    ...checkConstants(abi),
    ...checkStructs(abi, 64),
    ...checkStructs(abi, 32),
    ...checkComplete(abi),
    ...abi.structs.flatMap(checkSetters),
  ];
  for (const finding of findings) console.log(finding);
  console.log(`${abi.structs.length} structs, ${abi.constants.length} constants, ${findings.length} differences`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
