/** One entry of an initial RAM file system. Owner is root, times are zero: the same input gives the same bytes. */
export type CpioEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly mode?: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character device';
      readonly path: string;
      readonly major: number;
      readonly minor: number;
      readonly mode?: number;
    };

// stat.h, S_IFMT
const S_IFLNK = 0o120000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;

const HEADER_SIZE = 110;
const TRAILER = 'TRAILER!!!';
const encoder = new TextEncoder();

/**
 * Packs entries as cpio's "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst): a header
 * of hexadecimal text, the path with its NUL and the content, each padded to 4 bytes.
 *
 * @param entries parents before what is in them; paths without a leading slash
 */
export function packCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const put = (bytes: Uint8Array) => {
    const padded = new Uint8Array(roundUp(bytes.length, 4));
    padded.set(bytes);
    parts.push(padded);
    length += padded.length;
  };

  for (const [index, entry] of entries.entries()) {
    const content = contentOf(entry);
    // The header and the path are padded together: 110 is no multiple of 4.
    put(
      encoder.encode(
        `${header(entry, index + 1, content.length, encoder.encode(entry.path).length + 1)}${entry.path}\0`,
      ),
    );
    put(content);
  }
  put(encoder.encode(`${fields({ links: 1, nameSize: TRAILER.length + 1 })}${TRAILER}\0`));

  const archive = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.content;
  return entry.kind === 'link' ? encoder.encode(entry.target) : new Uint8Array(0);
}

function header(entry: CpioEntry, inode: number, size: number, nameSize: number): string {
  const common = { inode, size, nameSize, links: 1 };
  switch (entry.kind) {
    case 'folder':
      return fields({ ...common, mode: S_IFDIR | (entry.mode ?? 0o755), links: 2 });
    case 'file':
      return fields({ ...common, mode: S_IFREG | (entry.mode ?? 0o644) });
    case 'link':
      return fields({ ...common, mode: S_IFLNK | 0o777 });
    case 'character device': {
      const { major, minor } = entry;
      return fields({ ...common, mode: S_IFCHR | (entry.mode ?? 0o600), major, minor });
    }
  }
}

interface Fields {
  readonly inode?: number;
  readonly mode?: number;
  readonly links: number;
  readonly size?: number;
  readonly nameSize: number;
  readonly major?: number;
  readonly minor?: number;
}

/** The thirteen fields in the format's order; owner, time, the archive's own device and the checksum stay zero. */
function fields({ inode = 0, mode = 0, links, size = 0, nameSize, major = 0, minor = 0 }: Fields): string {
  const values = [inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, nameSize, 0];
  const header = `070701${values.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  if (header.length !== HEADER_SIZE) throw new RangeError(`a cpio field is past 32 bits: ${values.join(' ')}`);
  return header;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
