/**
 * The part of ACPI's machine language (ACPI 6.5, chapter 20) that the tables of a Xen guest take: each function is a
 * term and returns its bytes. Names are absolute (`\_SB.NCPU`) or one segment; segments are padded to four characters.
 */
export type Aml = readonly number[];

export const ZERO: Aml = [0x00];

export function scope(name: string, ...body: Aml[]): Aml {
  return [0x10, ...sized([...nameString(name), ...body.flat()])];
}

/** An object with an id that equals the MADT's ACPI processor id; the P_BLK is an I/O address. */
export function processor(name: string, id: number, block: number, blockLength: number, ...body: Aml[]): Aml {
  return [0x5b, 0x83, ...sized([...nameString(name), id, ...little(block, 4), blockLength, ...body.flat()])];
}

export function name(segment: string, value: Aml): Aml {
  return [0x08, ...nameString(segment), ...value];
}

/** A method of so many arguments, NotSerialized. */
export function method(segment: string, argumentCount: number, ...body: Aml[]): Aml {
  return [0x14, ...sized([...nameString(segment), argumentCount, ...body.flat()])];
}

/** OperationRegion in SystemMemory. */
export function memoryRegion(segment: string, address: Aml, length: Aml): Aml {
  return [0x5b, 0x80, ...nameString(segment), 0x00, ...address, ...length];
}

/** Field of a region: ByteAcc, NoLock, Preserve. A unit without a name skips its bits. */
export function byteField(region: string, ...units: { name?: string; bits: number }[]): Aml {
  const list = units.map((unit) => [
    ...(unit.name === undefined ? [0x00] : segmentOf(unit.name)),
    ...length(unit.bits),
  ]);
  return [0x5b, 0x81, ...sized([...nameString(region), 0x01, ...list.flat()])];
}

export function when(predicate: Aml, ...body: Aml[]): Aml {
  return [0xa0, ...sized([...predicate, ...body.flat()])];
}

export function giveBack(value: Aml): Aml {
  return [0xa4, ...value];
}

export function toBuffer(value: Aml): Aml {
  return [0x96, ...value, 0x00];
}

export function add(a: Aml, b: Aml): Aml {
  return [0x72, ...a, ...b, 0x00];
}

export function sleep(milliseconds: Aml): Aml {
  return [0x5b, 0x22, ...milliseconds];
}

/** A constant of 32 bits in the shortest form. */
export function integer(value: number): Aml {
  if (value === 0 || value === 1) return [value];
  if (value < 0x100) return [0x0a, value];
  if (value < 0x10000) return [0x0b, ...little(value, 2)];
  return [0x0c, ...little(value, 4)];
}

export function string(text: string): Aml {
  return [0x0d, ...[...text].map((c) => c.charCodeAt(0)), 0x00];
}

/** The value of an object. */
export function reference(path: string): Aml {
  return nameString(path);
}

function nameString(path: string): number[] {
  const root = path.startsWith('\\');
  const segments = (root ? path.slice(1) : path).split('.').map(segmentOf);
  const prefix = segments.length === 1 ? [] : segments.length === 2 ? [0x2e] : [0x2f, segments.length];
  return [...(root ? [0x5c] : []), ...prefix, ...segments.flat()];
}

function segmentOf(text: string): number[] {
  return [...text.padEnd(4, '_')].map((c) => c.charCodeAt(0));
}

/** PkgLength, which counts its own bytes, then the contents. */
function sized(contents: number[]): number[] {
  for (let own = 1; own <= 4; own++) {
    const bytes = length(contents.length + own);
    if (bytes.length === own) return [...bytes, ...contents];
  }
  throw new RangeError('AML package of 2^28 bytes');
}

/** PkgLength's encoding of a number: 6 bits alone, or 4 and up to three bytes. */
function length(value: number): number[] {
  if (value < 1 << 6) return [value];
  const more = value < 1 << 12 ? 1 : value < 1 << 20 ? 2 : 3;
  return [(more << 6) | (value & 15), ...little(value >>> 4, more)];
}

function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);
}
