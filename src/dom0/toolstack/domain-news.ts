import type { Domid } from '../../abi/xen.ts';
import type { Clock } from '../../lib/ports.ts';
import { type DomainConfig, uuidText } from './domain-config.ts';
import type { DomainEvent, DomainEventKind, EndedDomain } from './domain-record.ts';

/** How many domains that are gone are remembered. */
const REMEMBERED = 32;

/** What has happened to domains: told as it happens, and remembered of those that are gone. */
export class DomainNews {
  readonly #clock: Pick<Clock, 'wallclockNs'>;
  readonly #listeners = new Set<(event: DomainEvent) => void>();
  readonly #ended: EndedDomain[] = [];

  constructor(clock: Pick<Clock, 'wallclockNs'>) {
    this.#clock = clock;
  }

  /** Calls back for everything that happens from now on; returns how to stop that. */
  onEvent(listener: (event: DomainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(
    event: DomainEventKind,
    domid: Domid,
    config: Pick<DomainConfig, 'name' | 'uuid'> | undefined,
    more: Partial<DomainEvent>,
  ): void {
    const time = new Date(Number(this.#clock.wallclockNs() / 1_000_000n)).toISOString();
    const name = config?.name ?? '';
    const uuid = config === undefined ? '' : uuidText(config.uuid);
    const told: DomainEvent = { time, event, domid, name, uuid, ...more };
    for (const listener of [...this.#listeners]) listener(told);
  }

  remember(ended: EndedDomain): void {
    this.#ended.push(ended);
    if (this.#ended.length > REMEMBERED) this.#ended.shift();
  }

  /** The youngest that is gone of that name or number. */
  ended(nameOrId: string): EndedDomain | undefined {
    return this.#ended.findLast(({ domid, name }) => name === nameOrId || `${domid}` === nameOrId);
  }
}
