import {
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WRITE,
} from '../../abi/io/xs_wire.ts';
import type { Domid, Gfn, Port } from '../../abi/xen.ts';
import { Channel, firstString, StoreError } from './channel.ts';
import { XS_GET_FEATURE, XS_GET_QUOTA, XS_SET_FEATURE, XS_SET_QUOTA } from './later-types.ts';
import type { ByteStream } from './stream.ts';
import { joined, nulTerminated, splitStrings } from './wire.ts';

export { StoreError };

/**
 * What can be done with nodes, in a transaction or not (libxenstore's names without xs_). Everything but the words
 * below rejects with a StoreError where xenstored refuses.
 */
export class StoreAccess {
  readonly #channel: Channel;
  readonly #txId: number;

  constructor(channel: Channel, txId: number) {
    this.#channel = channel;
    this.#txId = txId;
  }

  /** The value as UTF-8; undefined where there is no such node. */
  async read(path: string): Promise<string | undefined> {
    const value = await this.readBytes(path);
    return value && new TextDecoder().decode(value);
  }

  /** As `read`, for values that are no text. */
  readBytes(path: string): Promise<Uint8Array | undefined> {
    return orMissing(this.#send(XS_READ, `read ${path}`, nulTerminated(path)));
  }

  /** Makes the node and the parents it lacks; text is written as UTF-8. */
  async write(path: string, value: string | Uint8Array): Promise<void> {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    await this.#send(XS_WRITE, `write ${path}`, joined(nulTerminated(path), bytes));
  }

  /** Makes the node and the parents it lacks, with empty values; one that is there stays as it is. */
  async mkdir(path: string): Promise<void> {
    await this.#send(XS_MKDIR, `mkdir ${path}`, nulTerminated(path));
  }

  /** Takes the node away with everything below it; nothing happens where it is not there. */
  async rm(path: string): Promise<void> {
    await orMissing(this.#send(XS_RM, `rm ${path}`, nulTerminated(path)));
  }

  /** The children's names, oldest first; undefined where there is no such node. */
  async directory(path: string): Promise<string[] | undefined> {
    try {
      const list = await orMissing(this.#send(XS_DIRECTORY, `directory ${path}`, nulTerminated(path)));
      return list && splitStrings(list);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'E2BIG') return this.#directoryInParts(path);
      throw error;
    }
  }

  /** Asks again from the start whenever the node changed between two parts. */
  async #directoryInParts(path: string): Promise<string[] | undefined> {
    let generation: string | undefined;
    let names: string[] = [];
    for (let offset = 0; ; ) {
      const request = nulTerminated(path, `${offset}`);
      const part = await orMissing(this.#send(XS_DIRECTORY_PART, `directory ${path}`, request));
      if (part === undefined) return undefined;
      const [current, ...more] = splitStrings(part);
      if (generation !== undefined && current !== generation) {
        generation = undefined;
        names = [];
        offset = 0;
        continue;
      }
      generation = current;
      const isLast = more.at(-1) === '';
      names.push(...(isLast ? more.slice(0, -1) : more));
      if (isLast) return names;
      offset = nulTerminated(...names).length;
    }
  }

  /** As the protocol writes them, the owner first: ['n0', 'r3']; undefined where there is no such node. */
  async getPermissions(path: string): Promise<string[] | undefined> {
    const list = await orMissing(this.#send(XS_GET_PERMS, `get permissions of ${path}`, nulTerminated(path)));
    return list && splitStrings(list);
  }

  async setPermissions(path: string, permissions: readonly string[]): Promise<void> {
    const request = `set permissions of ${path} to ${permissions.join()}`;
    await this.#send(XS_SET_PERMS, request, nulTerminated(path, ...permissions));
  }

  #send(type: number, request: string, payload: Uint8Array): Promise<Uint8Array> {
    return this.#channel.request(type, this.#txId, request, payload);
  }
}

/** A view of the store of its own, whose changes the others see all at once or never. */
export class StoreTransaction extends StoreAccess {
  readonly #end: (verdict: 'T' | 'F') => Promise<unknown>;

  constructor(channel: Channel, id: number) {
    super(channel, id);
    this.#end = (verdict) => channel.request(XS_TRANSACTION_END, id, 'end transaction', nulTerminated(verdict));
  }

  /** False where others changed meanwhile what it has read: nothing is done then, and it can be tried anew. */
  async commit(): Promise<boolean> {
    try {
      await this.#end('T');
      return true;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'EAGAIN') return false;
      throw error;
    }
  }

  async abort(): Promise<void> {
    await this.#end('F');
  }
}

/** A client of xenstored. Requests may be sent before earlier ones are answered; they are served in order. */
export class StoreClient extends StoreAccess {
  readonly #channel: Channel;

  constructor(stream: ByteStream) {
    const channel = new Channel(stream);
    super(channel, 0);
    this.#channel = channel;
  }

  async transactionStart(): Promise<StoreTransaction> {
    const reply = await this.#channel.request(XS_TRANSACTION_START, 0, 'start transaction', nulTerminated(''));
    return new StoreTransaction(this.#channel, Number(firstString(reply)));
  }

  /** Runs `body` in a transaction and commits it, as often as others interfere; aborts it where `body` throws. */
  async transaction<T>(body: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    for (;;) {
      const transaction = await this.transactionStart();
      let result: T;
      try {
        result = await body(transaction);
      } catch (error) {
        await transaction.abort();
        throw error;
      }
      if (await transaction.commit()) return result;
    }
  }

  /**
   * Has `fired` called for every change at or below `path`, with the path that changed, and once right away with
   * `path` itself. '@introduceDomain' and '@releaseDomain' can be watched too.
   *
   * @param depth how many levels below `path`; for the two above, 1 has the domain told ('@releaseDomain/5'). Not every
   *   xenstored has this: EINVAL
   * @returns what ends the watch; no call comes after it was called
   */
  async watch(path: string, fired: (path: string) => void, depth?: number): Promise<() => Promise<void>> {
    const token = this.#channel.addWatch(fired);
    const request = depth === undefined ? [path, token] : [path, token, `${depth}`];
    try {
      await this.#channel.request(XS_WATCH, 0, `watch ${path}`, nulTerminated(...request));
    } catch (error) {
      this.#channel.removeWatch(token);
      throw error;
    }
    return async () => {
      this.#channel.removeWatch(token);
      await this.#channel.request(XS_UNWATCH, 0, `unwatch ${path}`, nulTerminated(path, token));
    };
  }

  /** '/local/domain/N', also for a domain that does not exist. */
  async getDomainPath(domid: Domid): Promise<string> {
    return firstString(await this.#ofDomain(XS_GET_DOMAIN_PATH, 'get path', domid));
  }

  /** Tells xenstored of a domain: its ring page, which grant 1 must give too, and the port it left for xenstored. */
  async introduceDomain(domid: Domid, gfn: Gfn, port: Port): Promise<void> {
    const payload = nulTerminated(`${domid}`, `${gfn}`, `${port}`);
    await this.#channel.request(XS_INTRODUCE, 0, `introduce domain ${domid}`, payload);
  }

  async releaseDomain(domid: Domid): Promise<void> {
    await this.#ofDomain(XS_RELEASE, 'release', domid);
  }

  /** Has the next shutdown of a domain told again that was shut down to be saved, and runs on. */
  async resumeDomain(domid: Domid): Promise<void> {
    await this.#ofDomain(XS_RESUME, 'resume', domid);
  }

  async isDomainIntroduced(domid: Domid): Promise<boolean> {
    return firstString(await this.#ofDomain(XS_IS_DOMAIN_INTRODUCED, 'look for', domid)) === 'T';
  }

  /** Gives `domid` the rights that `target` has. */
  async setTarget(domid: Domid, target: Domid): Promise<void> {
    const payload = nulTerminated(`${domid}`, `${target}`);
    await this.#channel.request(XS_SET_TARGET, 0, `set target of domain ${domid}`, payload);
  }

  /** XENSTORE_SERVER_FEATURE_* of this connection, or that a domain is told of. Not every xenstored knows: ENOSYS. */
  async getFeatures(domid?: Domid): Promise<number> {
    const payload = domid === undefined ? nulTerminated() : nulTerminated(`${domid}`);
    return Number(firstString(await this.#channel.request(XS_GET_FEATURE, 0, 'get features', payload)));
  }

  /** What a domain will be told of, which must not have been introduced yet. */
  async setFeatures(domid: Domid, features: number): Promise<void> {
    const request = `set features of domain ${domid}`;
    await this.#channel.request(XS_SET_FEATURE, 0, request, nulTerminated(`${domid}`, `${features}`));
  }

  /** The names there are for the two below. Not every xenstored knows: ENOSYS. */
  async quotas(): Promise<string[]> {
    const reply = await this.#channel.request(XS_GET_QUOTA, 0, 'list quotas', nulTerminated());
    return firstString(reply).split(' ');
  }

  /** How much a domain may have, or all those may that nothing was set for; 0: as much as it likes. */
  async getQuota(name: string, domid?: Domid): Promise<number> {
    const payload = domid === undefined ? nulTerminated(name) : nulTerminated(`${domid}`, name);
    return Number(firstString(await this.#channel.request(XS_GET_QUOTA, 0, `get quota ${name}`, payload)));
  }

  async setQuota(name: string, limit: number, domid?: Domid): Promise<void> {
    const words = [name, `${limit}`];
    const payload = nulTerminated(...(domid === undefined ? words : [`${domid}`, ...words]));
    await this.#channel.request(XS_SET_QUOTA, 0, `set quota ${name}`, payload);
  }

  /** A command for the daemon itself, as xenstore-control sends it; returns its answer. */
  async control(command: string, ...parameters: readonly string[]): Promise<string> {
    const payload = nulTerminated(command, ...parameters);
    return firstString(await this.#channel.request(XS_CONTROL, 0, `control ${command}`, payload));
  }

  /** Ends the connection, and with it all watches and transactions; what waits for an answer rejects. */
  close(): void {
    this.#channel.close();
  }

  #ofDomain(type: number, what: string, domid: Domid): Promise<Uint8Array> {
    return this.#channel.request(type, 0, `${what} domain ${domid}`, nulTerminated(`${domid}`));
  }
}

/** undefined for ENOENT. */
async function orMissing(reply: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
