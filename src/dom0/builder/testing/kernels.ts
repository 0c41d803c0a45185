/** Small ELF files and bzImages for tests, laid out as the System V ABI and Linux's boot protocol say. */

export interface TestNote {
  readonly type: number;
  readonly description: string | Uint8Array | readonly number[];
  readonly name?: string;
}

export interface TestSegment {
  readonly paddr: number;
  readonly vaddr?: bigint;
  readonly bytes?: Uint8Array;
  readonly memorySize?: number;
  readonly alignment?: number;
  readonly flags?: number;
}

export interface TestElf {
  readonly bits?: 32 | 64;
  readonly machine?: number;
  readonly entry?: number;
  readonly segments?: readonly TestSegment[];
  readonly notes?: readonly TestNote[];
  /** in a PT_NOTE segment, or only in a section */
  readonly notesIn?: 'segment' | 'section';
  /** the contents of a __xen_guest section */
  readonly guestString?: string;
}

export const EM_386 = 3;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;

const CODE: TestSegment = { paddr: 0x1000000, bytes: Uint8Array.of(0xf4), memorySize: 0x2000, alignment: 0x200000 };

/** A note's number as its description, in 32 or 64 bits. */
export function number(value: number | bigint, bytes: 4 | 8 = 8): Uint8Array {
  return new Uint8Array(little(value, bytes));
}

/** Several 32-bit numbers as a description. */
export function words(...values: number[]): Uint8Array {
  return new Uint8Array(values.flatMap((value) => little(value, 4)));
}

/** An ELF file: header, program headers, then the contents, then section headers. */
export function elf(options: TestElf = {}): Uint8Array {
  const { bits = 64, machine = EM_X86_64, entry = 0x1000000, segments = [CODE] } = options;
  const notes = (options.notes ?? []).flatMap((note) => noteBytes(note));
  const notesIn = options.notesIn ?? 'segment';
  const guestString = [...new TextEncoder().encode(options.guestString ?? '')];
  const headerSize = bits === 64 ? 64 : 52;
  const phentsize = bits === 64 ? 56 : 32;
  const shentsize = bits === 64 ? 64 : 40;
  const phnum = segments.length + (notes.length > 0 && notesIn === 'segment' ? 1 : 0);

  const contents: number[] = [];
  const place = (bytes: Iterable<number>) => {
    const at = headerSize + phnum * phentsize + contents.length;
    contents.push(...bytes);
    while (contents.length % 4 !== 0) contents.push(0);
    return at;
  };
  const programs = segments.map((segment) => {
    const bytes = segment.bytes ?? new Uint8Array(0);
    return programHeader(bits, { ...segment, type: 1, offset: place(bytes), size: bytes.length });
  });
  const notesAt = place(notes);
  if (phnum > segments.length) {
    programs.push(programHeader(bits, { paddr: 0, type: 4, offset: notesAt, size: notes.length, flags: 4 }));
  }
  const names = '\0.notes\0__xen_guest\0.shstrtab\0';
  const sections = [
    sectionHeader(bits, 0, 0, 0, 0),
    sectionHeader(bits, 20, 3, place(new TextEncoder().encode(names)), names.length),
  ];
  if (notes.length > 0) sections.push(sectionHeader(bits, 1, 7, notesAt, notes.length));
  if (guestString.length > 0) sections.push(sectionHeader(bits, 8, 1, place(guestString), guestString.length));
  const shoff = place([]);

  const word = (value: number) => little(value, bits === 64 ? 8 : 4);
  const header = [
    ...[0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1, ...new Array(9).fill(0)],
    ...[...little(2, 2), ...little(machine, 2), ...little(1, 4), ...word(entry), ...word(headerSize), ...word(shoff)],
    ...[...little(0, 4), ...little(headerSize, 2), ...little(phentsize, 2), ...little(phnum, 2)],
    ...[...little(shentsize, 2), ...little(sections.length, 2), ...little(1, 2)],
  ];
  return new Uint8Array([...header, ...programs.flat(), ...contents, ...sections.flat()]);
}

/** A bzImage around a payload, with the size of what is packed appended unless it is gzip's. */
export function bzImage(payload: Uint8Array, unpackedSize?: number, version = 0x20f): Uint8Array {
  const tail = unpackedSize === undefined ? [] : little(unpackedSize, 4);
  const image = new Uint8Array(1024 + 64 + payload.length + tail.length);
  image[0x1f1] = 1;
  image.set([0x55, 0xaa], 0x1fe);
  image.set(new TextEncoder().encode('HdrS'), 0x202);
  image.set(little(version, 2), 0x206);
  image.set(little(64, 4), 0x248);
  image.set(little(payload.length + tail.length, 4), 0x24c);
  image.set(payload, 1024 + 64);
  image.set(tail, 1024 + 64 + payload.length);
  return image;
}

function noteBytes(note: TestNote): number[] {
  const name = [...new TextEncoder().encode(`${note.name ?? 'Xen'}\0`)];
  const text =
    typeof note.description === 'string' ? new TextEncoder().encode(`${note.description}\0`) : note.description;
  const description = [...text];
  return [
    ...little(name.length, 4),
    ...little(description.length, 4),
    ...little(note.type, 4),
    ...padded(name),
    ...padded(description),
  ];
}

interface Program extends TestSegment {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

function programHeader(bits: 32 | 64, p: Program): number[] {
  const memorySize = p.memorySize ?? p.size;
  const flags = p.flags ?? 5;
  const numbers = [p.offset, p.vaddr ?? p.paddr, p.paddr, p.size, memorySize];
  const alignment = p.alignment ?? 4;
  if (bits === 64) {
    return [
      ...little(p.type, 4),
      ...little(flags, 4),
      ...numbers.flatMap((n) => little(n, 8)),
      ...little(alignment, 8),
    ];
  }
  return [...little(p.type, 4), ...numbers.flatMap((n) => little(n, 4)), ...little(flags, 4), ...little(alignment, 4)];
}

function sectionHeader(bits: 32 | 64, name: number, type: number, offset: number, size: number): number[] {
  const width = bits === 64 ? 8 : 4;
  const word = (value: number) => little(value, width);
  const head = [...little(name, 4), ...little(type, 4), ...word(0), ...word(0), ...word(offset), ...word(size)];
  return [...head, ...little(0, 4), ...little(0, 4), ...word(1), ...word(0)];
}

function padded(bytes: number[]): number[] {
  return [...bytes, ...new Array(-bytes.length & 3).fill(0)];
}

function little(value: number | bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
}
