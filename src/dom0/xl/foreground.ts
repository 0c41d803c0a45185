import type { TimerHandle } from '../../lib/ports.ts';
import type { DomainConfig } from '../toolstack/domain-config.ts';
import { type CreatedDomain, createDomain } from '../toolstack/domain-create.ts';
import { destroyDomain } from '../toolstack/domain-destroy.ts';
import { type DomainEnd, watchForEnd } from '../toolstack/domain-events.ts';
import { attempt } from '../toolstack/errors.ts';
import { softReset } from '../toolstack/soft-reset.ts';
import type { Context } from './command.ts';
import { ConsoleView } from './console-view.ts';
import { ending } from './ending.ts';
import { EXIT_DESTROYED, EXIT_POWEROFF, EXIT_REBOOT, EXIT_SIGNAL_BASE, EXIT_TIMEOUT } from './exit-status.ts';
import type { Plans } from './plans.ts';
import type { Host, Signal } from './services.ts';

export interface ForegroundOptions {
  /** -c: show the console. */
  readonly console: boolean;
  /** -p: leave the domain paused. */
  readonly paused: boolean;
  /** -q: say only what went wrong. */
  readonly quiet: boolean;
  /** --timeout, from now on. */
  readonly timeoutSeconds: number | undefined;
}

/**
 * Runs a domain on `host` until it ends for good, restarting it as its configuration says, and destroys it. Returns
 * the exit status that tells how it ended. The terminal is given back on every way out.
 */
export async function runForeground(
  host: Host,
  config: DomainConfig,
  plans: Plans,
  options: ForegroundOptions,
  context: Context,
): Promise<number> {
  const run = new Foreground(host, config, plans, options, context);
  try {
    return await run.run();
  } finally {
    run.close();
  }
}

/** Why the wait for a domain is over. */
type Outcome =
  | { readonly kind: 'end'; readonly end: DomainEnd }
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'timeout' };

class Foreground {
  readonly #host: Host;
  readonly #config: DomainConfig;
  readonly #plans: Plans;
  readonly #options: ForegroundOptions;
  readonly #context: Context;
  readonly #view: ConsoleView | undefined;
  readonly #stopListening: () => void;
  readonly #timer: TimerHandle | undefined;
  /** Resolves with what ends the wait from outside of the domain. */
  readonly #interruption: Promise<Outcome>;

  constructor(host: Host, config: DomainConfig, plans: Plans, options: ForegroundOptions, context: Context) {
    const { services } = context;
    this.#host = host;
    this.#config = config;
    this.#plans = plans;
    this.#options = options;
    this.#context = context;

    let interrupt: (outcome: Outcome) => void = () => {};
    this.#interruption = new Promise((resolve) => {
      interrupt = resolve;
    });
    this.#stopListening = services.onSignal((signal) => interrupt({ kind: 'signal', signal }));
    this.#timer =
      options.timeoutSeconds === undefined
        ? undefined
        : services.clock.setTimer(services.clock.nowNs() + options.timeoutSeconds * 1e9, () =>
            interrupt({ kind: 'timeout' }),
          );
    this.#view = options.console ? new ConsoleView(services.terminal, () => this.#detached()) : undefined;
  }

  async run(): Promise<number> {
    let paused = this.#options.paused;
    for (;;) {
      const status = await this.#runOnce(paused);
      if (status !== 'restart') return status;
      paused = false; // it makes sense only the first time
    }
  }

  close(): void {
    this.#stopListening();
    this.#timer?.cancel();
    this.#view?.close();
  }

  /** One life of the domain, from nothing to nothing. */
  async #runOnce(paused: boolean): Promise<number | 'restart'> {
    const domain = await this.#create();
    let outcome: Outcome;
    try {
      outcome = await this.#live(domain, paused);
      while (this.#wantsReset(outcome)) {
        await softReset(this.#host, domain.domid, this.#config);
        // It runs by now.
        outcome = await this.#live(domain, true);
      }
    } catch (error) {
      // A machine that broke may not be able to destroy anything; why it broke is what has to be told.
      await destroyDomain(this.#host, domain.domid, this.#config.uuid).catch(() => {});
      throw error;
    }
    await destroyDomain(this.#host, domain.domid, this.#config.uuid);
    return this.#conclude(domain, outcome);
  }

  #wantsReset(outcome: Outcome): boolean {
    if (outcome.kind !== 'end' || outcome.end.kind !== 'shutdown') return false;
    return ending(outcome.end.reason, this.#config).outcome === 'soft-reset';
  }

  /** Its plan, which holds whole files, is let go before the domain lives. */
  async #create(): Promise<CreatedDomain> {
    const progress = (step: string) => {
      if (this.#context.verbosity > 0) this.#say(`xl: detail: ${this.#config.name}: ${step}`);
    };
    return await createDomain(this.#host, this.#config, await this.#plans.next(), progress);
  }

  async #live({ domid }: CreatedDomain, paused: boolean): Promise<Outcome> {
    this.#view?.show(this.#host.console(domid));
    const watch = await watchForEnd(this.#host, domid);
    try {
      if (!paused) await attempt(`unpause domain ${domid}`, () => this.#host.ctrl.domain_unpause(domid));
      this.#inform(`Waiting for domain ${this.#config.name} (domid ${domid}) to die`);
      const ended = watch.end.then((end): Outcome => ({ kind: 'end', end }));
      const outcome = await Promise.race([ended, this.#interruption, this.#host.failure]);
      this.#host.console(domid).drain();
      this.#view?.forget();
      if (outcome.kind === 'end') await this.#report(domid, outcome.end);
      else if (outcome.kind === 'timeout') this.#describe(domid);
      return outcome;
    } finally {
      await watch.stop();
    }
  }

  /** Says how it ended while the domain is still there to be looked at. */
  async #report(domid: CreatedDomain['domid'], end: DomainEnd): Promise<void> {
    if (end.kind !== 'shutdown') return;
    this.#inform(`Domain ${domid} has shut down, reason code ${end.reason} 0x${end.reason.toString(16)}`);
    const { what, action, outcome, dump, unlike, status } = ending(end.reason, this.#config);
    this.#inform(`Action for shutdown reason code ${end.reason} is ${action}`);

    if (dump) await this.#dump(domid);
    if (status === EXIT_POWEROFF) return;
    const description = this.#host.describe(domid);
    // A reboot that was asked for and is granted is nothing to report, unless a triple fault brought it about.
    const granted = outcome === 'soft-reset' || (status === EXIT_REBOOT && outcome === 'restart');
    if (granted && description === undefined) return;
    this.#say(`xl: domain ${this.#config.name} (domid ${domid}) ${what}`);
    if (description !== undefined) this.#say(description);
    if (unlike !== undefined) this.#say(`xl: warning: ${unlike}`);
  }

  /** A dump that fails keeps nothing else from being done: as xl has it, spilled milk. */
  async #dump(domid: CreatedDomain['domid']): Promise<void> {
    const { name } = this.#config;
    try {
      this.#inform(`domain ${name} (domid ${domid}): core dumped to ${await this.#host.dumpCore(domid, name)}`);
    } catch (error) {
      this.#say(`xl: warning: domain ${name} (domid ${domid}): core dump failed: ${(error as Error).message}`);
    }
  }

  /** Says where a domain is that was expected to be done. */
  #describe(domid: CreatedDomain['domid']): void {
    const description = this.#host.describe(domid);
    if (description !== undefined) this.#say(description);
  }

  #conclude({ domid }: CreatedDomain, outcome: Outcome): number | 'restart' {
    const name = `domain ${this.#config.name} (domid ${domid})`;
    switch (outcome.kind) {
      case 'timeout':
        this.#say(`xl: ${name} has not ended within ${this.#options.timeoutSeconds} s, and is destroyed`);
        return EXIT_TIMEOUT;
      case 'signal':
        this.#say(`xl: ${outcome.signal.name}: ${name} is destroyed`);
        return EXIT_SIGNAL_BASE + outcome.signal.number;
      case 'end': {
        if (outcome.end.kind === 'destroyed') {
          this.#say(`xl: ${name} was destroyed`);
          return EXIT_DESTROYED;
        }
        const { outcome: decision, status } = ending(outcome.end.reason, this.#config);
        if (decision === 'restart') {
          this.#inform('Done. Rebooting now');
          return 'restart';
        }
        this.#inform('Done. Exiting now');
        return status;
      }
    }
  }

  #detached(): void {
    this.#say(`xl: left the console of ${this.#config.name}, which runs on; Ctrl-C destroys it`);
  }

  #inform(line: string): void {
    if (!this.#options.quiet) this.#say(line);
  }

  #say(line: string): void {
    if (this.#view?.raw === true) this.#context.say(`${line.replaceAll('\n', '\r\n')}\r`);
    else this.#context.say(line);
  }
}
