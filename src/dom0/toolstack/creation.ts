import type { DomainInfo } from '../../libs/ctrl/ctrl.ts';
import { type DomainConfig, uuidText } from './domain-config.ts';
import { DomainError } from './errors.ts';

/** A domain on its way: whether it is still wanted, and when that is settled. */
export class Creation {
  readonly config: DomainConfig;
  /** Resolves once it is there, or is not going to be. */
  readonly settled: Promise<void>;
  #settle: () => void = () => {};
  #cancelled = false;

  constructor(config: DomainConfig) {
    this.config = config;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  cancel(): void {
    this.#cancelled = true;
  }

  settle(): void {
    this.#settle();
  }

  requireWanted(): void {
    if (!this.#cancelled) return;
    throw new DomainError('DOMAIN_CANCELLED', `domain ${this.config.name} is not created: nobody wants it any more`);
  }
}

/** Throws a DomainError where a domain that is there, or on its way, has the name or the UUID. */
export function requireFree(config: DomainConfig, infos: readonly DomainInfo[], creations: Iterable<Creation>): void {
  const others = [...creations].map((each) => each.config);
  if (others.some(({ name }) => name === config.name)) {
    const message = `Domain with name "${config.name}" is being created already: expected another name`;
    throw new DomainError('DOMAIN_NAME', message, 'name');
  }
  const uuid = uuidText(config.uuid);
  const same = infos.find((info) => !info.dying && sameUuid(config, info));
  if (same === undefined && !others.some((other) => uuidText(other.uuid) === uuid)) return;
  const of = same === undefined ? 'one that is being created' : `domain ${same.domid}`;
  throw new DomainError(
    'DOMAIN_UUID',
    `uuid = "${uuid}": that of ${of} already: expected another one, or none`,
    'uuid',
  );
}

export function sameUuid(config: DomainConfig, info: DomainInfo): boolean {
  return uuidText(config.uuid) === uuidText(info.handle);
}
