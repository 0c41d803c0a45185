import type { Domid } from '../../../abi/xen.ts';
import type { Clock } from '../../../lib/ports.ts';
import { nulTerminated, splitStrings, textOf } from '../../../libs/store/wire.ts';
import type { Account } from '../accounts.ts';
import type { Connection } from '../connection.ts';
import type { Domains } from '../domains.ts';
import { XsError } from '../errors.ts';
import type { State } from '../state.ts';
import type { Transaction } from '../transactions.ts';
import { View } from '../view.ts';

/** The daemon, as far as requests reach. */
export interface Daemon {
  readonly state: State;
  readonly domains: Domains;
  /** Writes a line to the log. */
  readonly log: (line: string) => void;
  readonly clock: Clock;
  /** Whether every message is written to the log. */
  tracing: boolean;
  /** Since when a live update has waited for transactions to end. */
  updateAskedNs: number | undefined;
  /** A live update follows once this request is answered. */
  updateNow: boolean;
}

/** The reply of requests that have nothing to say. */
export const OK = nulTerminated('OK');

/** A request on its way through its handler. */
export class Request {
  readonly daemon: Daemon;
  readonly connection: Connection;
  readonly transaction: Transaction | undefined;
  readonly body: Uint8Array;
  /** The tree, as this request may see and change it. */
  readonly view: View;
  /** Runs once the reply is queued, for what must not overtake it. */
  afterReply: () => void = () => {};

  constructor(daemon: Daemon, connection: Connection, transaction: Transaction | undefined, body: Uint8Array) {
    this.daemon = daemon;
    this.connection = connection;
    this.transaction = transaction;
    this.body = body;
    this.view = new View(daemon.state, connection, transaction);
  }

  /** The body's NUL-terminated strings; what follows the last NUL is no string. */
  get strings(): string[] {
    return splitStrings(this.body);
  }

  /** The body, which must be one string and its NUL. */
  get onlyString(): string {
    const end = this.body.indexOf(0);
    if (end < 0 || end !== this.body.length - 1) throw new XsError('EINVAL', 'not one string that ends with its NUL');
    return textOf(this.body.subarray(0, end));
  }

  /** The body, which must be one path; absolute. */
  get onlyPath(): string {
    return this.connection.absolute(this.onlyString);
  }

  /** The body, which must be one domid. */
  get onlyDomid(): Domid {
    return domidOf(this.onlyString);
  }
}

/** A decimal domid. The empty string is domain 0, as everywhere in xenstored. */
export function domidOf(text: string): Domid {
  if (!/^\d{0,5}$/.test(text) || Number(text) > 0xffff) throw new XsError('EINVAL', `no domid: ${text}`);
  return Number(text) as Domid;
}

/** The leading decimal number, as C's atoi reads it: 0 where there is none. */
export function leadingNumber(text: string): number {
  return Number(/^\s*([-+]?\d{1,15})/.exec(text)?.[1] ?? 0);
}

/** The account of a domain that Xen knows, introduced or not. */
export function knownAccount(request: Request, domid: string): Account {
  const { accounts, store } = request.daemon.state;
  const account = accounts.findExisting(domidOf(domid), store.generation);
  if (account === undefined) throw new XsError('ENOENT', `no domain ${domid}`);
  return account;
}
