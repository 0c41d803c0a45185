import * as xenbus from '../../abi/io/xenbus.ts';
import type { Domid } from '../../abi/xen.ts';
import type { DomainStore } from './store-access.ts';

/** A device's end came to another state of public/io/xenbus.h. */
export interface DeviceChange {
  /** As in the store, `vif/0`. */
  readonly device: string;
  readonly end: 'frontend' | 'backend';
  /** In the header's words without XenbusState: 'Connected'; 'Unknown' once there is none any more. */
  readonly state: string;
}

const WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries(xenbus).map(([name, value]) => [`${value}`, name.replace(/^XenbusState/, '')] as const),
);
/** The console that xenconsoled serves has no states. */
const FIRST_CONSOLE = 'console/0';

type Stop = () => Promise<void>;

/**
 * Watches the devices of domains by what libxl keeps of them in /libxl/N/device, which guests cannot change: where
 * both ends are, in whichever domain.
 */
export class DeviceStates {
  readonly #store: DomainStore;
  readonly #tell: (domid: Domid, change: DeviceChange) => void;
  readonly #domains = new Map<Domid, DomainDevices>();

  constructor(store: DomainStore, tell: (domid: Domid, change: DeviceChange) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  /** Tells of a domain's devices from now on. */
  async watch(domid: Domid): Promise<void> {
    const devices = new DomainDevices(this.#store, domid, (change) => this.#tell(domid, change));
    this.#domains.set(domid, devices);
    await devices.start();
  }

  /** The domain is gone. */
  async forget(domid: Domid): Promise<void> {
    const devices = this.#domains.get(domid);
    this.#domains.delete(domid);
    await devices?.stop();
  }
}

class DomainDevices {
  readonly #store: DomainStore;
  readonly #root: string;
  readonly #tell: (change: DeviceChange) => void;
  readonly #devices = new Map<string, Stop[]>();
  #stopRoot: Stop | undefined;
  #stopped = false;
  /** Looks are one after the other. */
  #looking: Promise<void> = Promise.resolve();

  constructor(store: DomainStore, domid: Domid, tell: (change: DeviceChange) => void) {
    this.#store = store;
    this.#root = `/libxl/${domid}/device`;
    this.#tell = tell;
  }

  async start(): Promise<void> {
    this.#stopRoot = await this.#store.watch(this.#root, () => {
      // A store that answers no more is told of elsewhere.
      this.#looking = this.#looking.then(() => this.#look()).catch(() => {});
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#stopRoot?.();
    await this.#looking;
    for (const device of [...this.#devices.keys()]) await this.#drop(device);
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    const there = new Set<string>();
    for (const kind of (await this.#store.directory(this.#root)) ?? []) {
      for (const id of (await this.#store.directory(`${this.#root}/${kind}`)) ?? []) there.add(`${kind}/${id}`);
    }
    there.delete(FIRST_CONSOLE);
    for (const device of [...this.#devices.keys()]) if (!there.has(device)) await this.#drop(device);
    for (const device of there) if (!this.#devices.has(device)) await this.#add(device);
  }

  async #add(device: string): Promise<void> {
    const ends: (readonly ['frontend' | 'backend', string])[] = [];
    for (const end of ['frontend', 'backend'] as const) {
      const path = await this.#store.read(`${this.#root}/${device}/${end}`);
      // Not written yet: there is another look once it is.
      if (path === undefined || path === '') return;
      ends.push([end, path]);
    }
    const stops: Stop[] = [];
    this.#devices.set(device, stops);
    for (const [end, path] of ends) stops.push(await this.#watchEnd(device, end, `${path}/state`));
  }

  async #watchEnd(device: string, end: 'frontend' | 'backend', path: string): Promise<Stop> {
    let last = XENBUS_UNKNOWN;
    const look = async () => {
      const state = WORDS.get((await this.#store.read(path)) ?? '') ?? XENBUS_UNKNOWN;
      if (state === last) return;
      last = state;
      this.#tell({ device, end, state });
    };
    return await this.#store.watch(path, () => void look().catch(() => {}));
  }

  async #drop(device: string): Promise<void> {
    const stops = this.#devices.get(device) ?? [];
    this.#devices.delete(device);
    for (const stop of stops) await stop();
  }
}

const XENBUS_UNKNOWN = 'Unknown';
