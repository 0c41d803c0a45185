import type { Clock } from '../../lib/ports.ts';
import type { Account } from './accounts.ts';

// In thousandths of a write, as the C daemon counts (xenstored_domain.c, "Write rate limiting").
const WRITE_COST = 1000;
const RATE_PER_SECOND = 200 * 1000;
const DOMAIN_BURST = 10 * 1000;
const GLOBAL_BURST = 1000 * 1000;
const NEW_DOMAINS_BURST = 5 * DOMAIN_BURST;
const MOST_CREDIT = 1_000_000_000;

/**
 * Keeps a domain from starving the transactions of others, whose commits fail whenever it writes what they read:
 * while somebody has one open each write costs credit, and a domain without credit is not heard until it has some
 * again. All domains share one rate; what one leaves unused goes into a reserve for the others.
 */
export class WriteRate {
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  #domains = 0;
  #reserve = 0;
  /** Transactions open now, over all connections. */
  openTransactions = 0;

  constructor(clock: Clock, log: (line: string) => void) {
    this.#clock = clock;
    this.#log = log;
  }

  addDomain(account: Account): void {
    this.#domains++;
    account.creditMs = this.#nowMs();
    account.credit = this.#take(DOMAIN_BURST, -NEW_DOMAINS_BURST);
  }

  removeDomain(account: Account): void {
    this.#domains--;
    this.#give(Math.max(0, account.credit), DOMAIN_BURST);
  }

  /** Charges a write that may make an open transaction of somebody else fail. */
  chargeWrite(account: Account | undefined, ownTransactions: 0 | 1): void {
    if (account === undefined || account.privileged || this.openTransactions <= ownTransactions) return;
    this.#update(account);
    account.credit -= WRITE_COST;
    if (account.credit >= 0 || account.slowedLogged) return;
    account.slowedLogged = true;
    this.#log(`write rate limit: domain ${account.domid} is affected`);
  }

  /** Milliseconds until the domain has credit again; 0 where it has. */
  waitMs(account: Account): number {
    if (account.credit >= 0) return 0;
    this.#update(account);
    if (account.credit >= 0) return 0;
    return Math.ceil((-account.credit * 1000 * this.#domains) / RATE_PER_SECOND);
  }

  #update(account: Account): void {
    const nowMs = this.#nowMs();
    const earned = Math.floor(((nowMs - account.creditMs) * RATE_PER_SECOND) / (this.#domains * 1000));
    account.credit = Math.min(account.credit + earned, MOST_CREDIT);
    account.creditMs = nowMs;
    if (account.credit < 0) account.credit += this.#take(-account.credit, 0);
    if (account.credit > DOMAIN_BURST) {
      this.#give(account.credit - DOMAIN_BURST, GLOBAL_BURST);
      account.credit = DOMAIN_BURST;
    }
  }

  /** Takes up to `wanted` from the reserve, which does not fall below `floor` by it. */
  #take(wanted: number, floor: number): number {
    const taken = Math.max(0, Math.min(wanted, this.#reserve - floor));
    this.#reserve -= taken;
    return taken;
  }

  /** Adds to the reserve, which does not rise above `ceiling` by it. */
  #give(credit: number, ceiling: number): void {
    this.#reserve += Math.max(0, Math.min(credit, ceiling - this.#reserve));
  }

  #nowMs(): number {
    return Math.floor(this.#clock.nowNs() / 1_000_000);
  }
}
