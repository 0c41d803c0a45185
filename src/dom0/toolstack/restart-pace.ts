/** A life shorter than this is short; so many in a row may follow on one another at once. */
const SHORT_LIFE_NS = 1_000_000_000n;
const SHORT_LIVES = 3;

/** How fast domains are restarted: one that ends again and again as soon as it runs keeps no others from running. */
export class RestartPace {
  readonly #shortLives = new Map<string, number>();

  /** There is none of that name any more. */
  forget(name: string): void {
    this.#shortLives.delete(name);
  }

  /** A domain of that name has lived so long; returns how many nanoseconds its next life has to wait. */
  lived(name: string, lifeNs: bigint): number {
    if (lifeNs >= SHORT_LIFE_NS) {
      this.#shortLives.delete(name);
      return 0;
    }
    const lives = (this.#shortLives.get(name) ?? 0) + 1;
    this.#shortLives.set(name, lives);
    return lives > SHORT_LIVES ? Number(SHORT_LIFE_NS) : 0;
  }
}
