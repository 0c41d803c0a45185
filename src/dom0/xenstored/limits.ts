import type { Clock } from '../../lib/ports.ts';
import type { Account } from './accounts.ts';
import type { Quotas } from './quotas.ts';
import type { WriteRate } from './write-rate.ts';

/** Least time between two lines of the log on one domain's memory. */
const MEMORY_LOG_INTERVAL_MS = 10_000;

/** Who is asked for: the quotas bind domains, except dom0. */
export interface Holder {
  readonly account: Account;
  readonly privileged: boolean;
  readonly ignored: boolean;
}

/** The quotas' effect on what a client may do now. */
export class Limits {
  readonly quotas: Quotas;
  readonly rate: WriteRate;
  readonly #clock: Clock;
  readonly #log: (line: string) => void;

  constructor(quotas: Quotas, rate: WriteRate, clock: Clock, log: (line: string) => void) {
    this.quotas = quotas;
    this.rate = rate;
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether the next request of a client may be read now; it stays in the ring until then. */
  mayBeHeard(holder: Holder): boolean {
    if (holder.privileged) return true;
    const { account } = holder;
    if (account.outstanding >= account.limitOf(this.quotas.outstanding)) return false;
    if (account.memory >= account.limitOf(this.quotas.memory)) return false;
    return this.rate.waitMs(account) === 0;
  }

  /** Whether a client may take `bytes` more; logs when a quota is crossed. */
  allowsMemory(holder: Holder, bytes: number): boolean {
    if (holder.privileged || holder.ignored) return true;
    return this.allowsAccountMemory(holder.account, bytes);
  }

  allowsAccountMemory(account: Account, bytes: number): boolean {
    if (account.privileged) return true;
    const memory = account.memory + bytes;
    const isSoft = memory >= account.limitOf(this.quotas.softMemory);
    const standing = memory >= account.limitOf(this.quotas.memory) ? 'hard' : isSoft ? 'soft' : 'below';
    if (standing !== account.memoryLogged) this.#logMemory(account, standing);
    return standing !== 'hard';
  }

  transactionStarted(): void {
    this.rate.openTransactions++;
  }

  transactionEnded(): void {
    this.rate.openTransactions--;
  }

  #logMemory(account: Account, standing: 'below' | 'soft' | 'hard'): void {
    const nowMs = this.#clock.nowNs() / 1_000_000;
    if (nowMs - account.memoryLoggedMs < MEMORY_LOG_INTERVAL_MS) return;
    account.memoryLogged = standing;
    account.memoryLoggedMs = nowMs;
    const what = {
      hard: 'exceeds its hard memory quota, it is not heard until it takes less',
      soft: 'exceeds its soft memory quota',
      below: 'is below its soft memory quota again',
    };
    this.#log(`domain ${account.domid} ${what[standing]}`);
  }
}
