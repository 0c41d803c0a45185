// The records of docs/designs/xenstore-migration.md, version 2, apart from how their bytes lie.

import type { Domid } from '../../../abi/xen.ts';
import type { Permissions } from '../permissions.ts';

export const XS_STATE_IDENT = 'xenstore';
export const XS_STATE_VERSION = 2;
/** Big-endian. */
export const XS_STATE_FLAG_BIG = 1;

export const END = 0;
export const GLOBAL_DATA = 1;
export const CONNECTION_DATA = 2;
export const WATCH_DATA = 3;
export const TRANSACTION_DATA = 4;
export const NODE_DATA = 5;
export const GLOBAL_QUOTA_DATA = 6;
export const DOMAIN_DATA = 7;
export const WATCH_DATA_EXTENDED = 8;

export const CONNECTION_RING = 0;
export const CONNECTION_SOCKET = 1;
/** A permission's flag: it is ignored. */
export const PERMISSION_STALE = 1;

export interface ConnectionRecord {
  /** Other records speak of it by this; not 0. */
  readonly id: number;
  /** Of a shared ring; undefined for a socket. */
  readonly ring: { readonly domid: Domid; readonly target: Domid | undefined; readonly evtchn: number } | undefined;
  /** Bytes that were read of a message which is not whole yet. */
  readonly input: Uint8Array;
  /** Messages on their way. */
  readonly output: Uint8Array;
  /** How much of `output` is the rest of a message whose start was sent. */
  readonly partial: number;
}

export interface WatchRecord {
  readonly connection: number;
  /** As WATCH had it, relative or not. */
  readonly wpath: string;
  readonly token: string;
  readonly depth: number | undefined;
}

export interface TransactionRecord {
  readonly connection: number;
  readonly id: number;
}

/** A node outside of transactions, or a special watch's permissions. */
export interface NodeRecord {
  readonly path: string;
  readonly value: Uint8Array;
  readonly permissions: Permissions;
}

export interface DomainRecord {
  readonly domid: Domid;
  /** undefined in version 1, which has none. */
  readonly features: number | undefined;
  readonly quotas: ReadonlyMap<string, number>;
}

/** A xenstored at one moment. Parents come before their children, who are in order. */
export interface StoreImage {
  readonly quotas: ReadonlyMap<string, number>;
  readonly domains: readonly DomainRecord[];
  readonly connections: readonly ConnectionRecord[];
  readonly watches: readonly WatchRecord[];
  readonly transactions: readonly TransactionRecord[];
  readonly nodes: readonly NodeRecord[];
}
