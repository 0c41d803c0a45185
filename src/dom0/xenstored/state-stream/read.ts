import { DOMID_INVALID, type Domid } from '../../../abi/xen.ts';
import { XenolithError } from '../../../lib/errors.ts';
import { splitStrings, textOf } from '../../../libs/store/wire.ts';
import type { Permission } from '../permissions.ts';
import { parsePermission } from '../permissions.ts';
import type {
  ConnectionRecord,
  DomainRecord,
  NodeRecord,
  StoreImage,
  TransactionRecord,
  WatchRecord,
} from './records.ts';
import {
  CONNECTION_DATA,
  CONNECTION_RING,
  CONNECTION_SOCKET,
  DOMAIN_DATA,
  END,
  GLOBAL_DATA,
  GLOBAL_QUOTA_DATA,
  NODE_DATA,
  PERMISSION_STALE,
  TRANSACTION_DATA,
  WATCH_DATA,
  WATCH_DATA_EXTENDED,
  XS_STATE_FLAG_BIG,
  XS_STATE_IDENT,
  XS_STATE_VERSION,
} from './records.ts';

const HEADER = 16;
const RECORD_HEADER = 8;
const NO_DEPTH = 0xffff;

/**
 * Reads a stream of docs/designs/xenstore-migration.md, of version 1 or 2 and either endianness.
 *
 * @throws XenolithError where it is something else, or damaged
 */
export function readStream(bytes: Uint8Array): StoreImage {
  const { version, little } = readHeader(bytes);
  const image: Mutable = {
    quotas: new Map(),
    domains: [],
    connections: [],
    watches: [],
    transactions: [],
    nodes: [],
  };
  for (let at = HEADER; ; ) {
    const header = new Reader(bytes, at, at + RECORD_HEADER, little);
    const [type, length] = [header.u32(), header.u32()];
    const body = new Reader(bytes, header.end, header.end + length, little);
    if (type === END) return image;
    readRecord(image, type, body, version);
    at = header.end + Math.ceil(length / 8) * 8;
  }
}

interface Mutable {
  quotas: Map<string, number>;
  readonly domains: DomainRecord[];
  readonly connections: ConnectionRecord[];
  readonly watches: WatchRecord[];
  readonly transactions: TransactionRecord[];
  readonly nodes: NodeRecord[];
}

function readHeader(bytes: Uint8Array): { version: number; little: boolean } {
  const header = new Reader(bytes, 0, HEADER, false);
  const ident = textOf(header.bytes(8));
  if (ident !== XS_STATE_IDENT) throw damaged(0, `"${ident}" instead of "${XS_STATE_IDENT}"`);
  const [version, flags] = [header.u32(), header.u32()];
  if (version < 1 || version > XS_STATE_VERSION) throw damaged(8, `version ${version}: expected 1 or 2`);
  return { version, little: (flags & XS_STATE_FLAG_BIG) === 0 };
}

function readRecord(image: Mutable, type: number, body: Reader, version: number): void {
  switch (type) {
    case GLOBAL_DATA:
      return; // descriptors of another process
    case CONNECTION_DATA:
      image.connections.push(readConnection(body));
      return;
    case WATCH_DATA:
    case WATCH_DATA_EXTENDED:
      image.watches.push(readWatch(body, type === WATCH_DATA_EXTENDED));
      return;
    case TRANSACTION_DATA:
      image.transactions.push({ connection: body.u32(), id: body.u32() });
      return;
    case NODE_DATA: {
      const node = readNode(body);
      if (node !== undefined) image.nodes.push(node);
      return;
    }
    case GLOBAL_QUOTA_DATA:
      image.quotas = readQuotas(body, body.u16() + body.u16());
      return;
    case DOMAIN_DATA: {
      const [domid, count, features] = [body.u16() as Domid, body.u16(), body.u32()];
      image.domains.push({ domid, features: version > 1 ? features : undefined, quotas: readQuotas(body, count) });
      return;
    }
    default:
      throw damaged(body.start - RECORD_HEADER, `a record of type ${type}`);
  }
}

function readConnection(body: Reader): ConnectionRecord {
  const id = body.u32();
  const type = body.u16();
  if (id === 0 || type > CONNECTION_SOCKET) throw damaged(body.start, `connection ${id} of type ${type}`);
  body.u16(); // which fields follow the data: a unique id, which belongs to a domain of another Xen
  const [first, second, evtchn] = [body.u16() as Domid, body.u16() as Domid, body.u32()];
  const target = second === DOMID_INVALID ? undefined : second;
  const [inputLength, partial, outputLength] = [body.u16(), body.u16(), body.u32()];
  const ring = type === CONNECTION_RING ? { domid: first, target, evtchn } : undefined;
  const input = body.bytes(inputLength);
  const output = body.bytes(outputLength);
  if (partial > outputLength) throw damaged(body.start, 'a partial response longer than all output');
  return { id, ring, input, output, partial };
}

function readWatch(body: Reader, isExtended: boolean): WatchRecord {
  const [connection, pathLength, tokenLength] = [body.u32(), body.u16(), body.u16()];
  const depth = isExtended ? body.u16() : NO_DEPTH;
  if (isExtended) body.u16();
  const [wpath, token] = [body.string(pathLength), body.string(tokenLength)];
  return { connection, wpath, token, depth: depth === NO_DEPTH ? undefined : depth };
}

/** undefined for a node of a transaction, which the client will have to repeat. */
function readNode(body: Reader): NodeRecord | undefined {
  const connection = body.u32();
  body.u32();
  const [pathLength, valueLength, , count] = [body.u16(), body.u16(), body.u16(), body.u16()];
  const permissions: Permission[] = [];
  for (let i = 0; i < count; i++) {
    const [letter, flags, domid] = [textOf(body.bytes(1)), body.bytes(1)[0] ?? 0, body.u16()];
    const permission = parsePermission(`${letter}${domid}`);
    if (permission === undefined) throw damaged(body.start, `permission ${letter}${domid}`);
    permissions.push({ ...permission, ignored: (flags & PERMISSION_STALE) !== 0 });
  }
  const [path, value] = [body.string(pathLength), body.bytes(valueLength)];
  if (connection !== 0) return undefined;
  const [owner, ...others] = permissions;
  if (owner === undefined) throw damaged(body.start, `${path} has no owner`);
  return { path, value, permissions: [owner, ...others] };
}

function readQuotas(body: Reader, count: number): Map<string, number> {
  const values = Array.from({ length: Math.min(count, body.left >>> 2) }, () => body.u32());
  const names = splitStrings(body.bytes(body.left));
  if (values.length !== count || names.length < count) throw damaged(body.start, `fewer than ${count} quotas`);
  return new Map(values.map((value, i) => [names[i] ?? '', value]));
}

/** Numbers and bytes from a part of the stream, never from beyond it. */
class Reader {
  readonly start: number;
  readonly end: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number, little: boolean) {
    if (end > bytes.length) throw damaged(start, `it ends at ${bytes.length}, ${end - start} bytes were expected`);
    this.start = start;
    this.end = end;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = little;
    this.#at = start;
  }

  get left(): number {
    return this.end - this.#at;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.#little);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.#little);
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  /** `length` counts the NUL that ends it. */
  string(length: number): string {
    const bytes = this.bytes(length);
    if (bytes.indexOf(0) !== length - 1) throw damaged(this.#at - length, 'a string that does not end with its NUL');
    return textOf(bytes.subarray(0, length - 1));
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.left) throw damaged(at, `${length} bytes in a record that has ${this.left} left`);
    this.#at += length;
    return at;
  }
}

function damaged(at: number, what: string): XenolithError {
  const expected = 'expected a stream of docs/designs/xenstore-migration.md';
  return new XenolithError('XENSTORED_STATE', `xenstored's state, byte ${at}: ${what}: ${expected}`);
}
