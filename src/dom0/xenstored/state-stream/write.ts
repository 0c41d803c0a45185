import { DOMID_INVALID } from '../../../abi/xen.ts';
import { bytesOf, nulTerminated } from '../../../libs/store/wire.ts';
import { LETTERS } from '../permissions.ts';
import type { ConnectionRecord, DomainRecord, NodeRecord, StoreImage, WatchRecord } from './records.ts';
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
  XS_STATE_IDENT,
  XS_STATE_VERSION,
} from './records.ts';

/** The stream of docs/designs/xenstore-migration.md, version 2, little-endian. */
export function writeStream(image: StoreImage): Uint8Array {
  const stream = new Writer();
  stream.bytes(bytesOf(XS_STATE_IDENT));
  stream.bytes(Uint8Array.of(0, 0, 0, XS_STATE_VERSION, 0, 0, 0, 0)); // big-endian, always

  // No descriptors: what carries the connections is handed over beside the stream.
  stream.record(GLOBAL_DATA, (body) => body.u32(0xffff_ffff).u32(0xffff_ffff));
  stream.record(GLOBAL_QUOTA_DATA, (body) => body.u16(image.quotas.size).u16(0).quotas(image.quotas));
  for (const domain of image.domains) stream.record(DOMAIN_DATA, (body) => writeDomain(body, domain));
  for (const connection of image.connections) {
    stream.record(CONNECTION_DATA, (body) => writeConnection(body, connection));
  }
  for (const watch of image.watches) {
    stream.record(watch.depth === undefined ? WATCH_DATA : WATCH_DATA_EXTENDED, (body) => writeWatch(body, watch));
  }
  for (const { connection, id } of image.transactions) {
    stream.record(TRANSACTION_DATA, (body) => body.u32(connection).u32(id));
  }
  for (const node of image.nodes) stream.record(NODE_DATA, (body) => writeNode(body, node));
  stream.record(END, () => {});
  return stream.whole;
}

function writeDomain(body: Writer, { domid, features = 0, quotas }: DomainRecord): void {
  body.u16(domid).u16(quotas.size).u32(features).quotas(quotas);
}

function writeConnection(body: Writer, { id, ring, input, output, partial }: ConnectionRecord): void {
  body
    .u32(id)
    .u16(ring === undefined ? CONNECTION_SOCKET : CONNECTION_RING)
    .u16(0);
  if (ring === undefined) body.u32(0xffff_ffff).u32(0);
  else
    body
      .u16(ring.domid)
      .u16(ring.target ?? DOMID_INVALID)
      .u32(ring.evtchn);
  body.u16(input.length).u16(partial).u32(output.length).bytes(input).bytes(output);
}

function writeWatch(body: Writer, { connection, wpath, token, depth }: WatchRecord): void {
  body
    .u32(connection)
    .u16(wpath.length + 1)
    .u16(token.length + 1);
  if (depth !== undefined) body.u16(Math.min(depth, 0xfffe)).u16(0);
  body.bytes(nulTerminated(wpath, token));
}

function writeNode(body: Writer, { path, value, permissions }: NodeRecord): void {
  body
    .u32(0)
    .u32(0)
    .u16(path.length + 1)
    .u16(value.length)
    .u16(0)
    .u16(permissions.length);
  for (const { access, ignored, domid } of permissions) {
    body
      .bytes(bytesOf(LETTERS[access] ?? 'n'))
      .bytes(Uint8Array.of(ignored ? PERMISSION_STALE : 0))
      .u16(domid);
  }
  body.bytes(nulTerminated(path)).bytes(value);
}

/** Little-endian numbers and bytes, one after the other. */
class Writer {
  #buffer = new Uint8Array(4096);
  #used = 0;

  get whole(): Uint8Array {
    return this.#buffer.slice(0, this.#used);
  }

  u16(value: number): this {
    return this.bytes(Uint8Array.of(value, value >>> 8));
  }

  u32(value: number): this {
    return this.bytes(Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  bytes(bytes: Uint8Array): this {
    while (this.#used + bytes.length > this.#buffer.length) {
      const larger = new Uint8Array(2 * this.#buffer.length);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
    return this;
  }

  /** Values, then names, as the two records of quotas end. */
  quotas(quotas: ReadonlyMap<string, number>): void {
    for (const value of quotas.values()) this.u32(value);
    this.bytes(nulTerminated(...quotas.keys()));
  }

  /** A record whose length counts the zeros that fill it up to eight bytes, as the C daemon writes it. */
  record(type: number, fill: (body: Writer) => void): void {
    const body = new Writer();
    fill(body);
    body.bytes(new Uint8Array(-body.#used & 7));
    this.u32(type).u32(body.#used).bytes(body.whole);
  }
}
