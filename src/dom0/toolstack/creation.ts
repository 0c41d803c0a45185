import type { DomainConfig } from './domain-config.ts';
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
