import type { Domid } from '../../abi/xen.ts';
import { type DomainConfig, uuidText } from '../toolstack/domain-config.ts';
import type { DomainEnd } from '../toolstack/domain-events.ts';
import type { DomainPlan } from '../toolstack/domain-plan.ts';
import type { Context } from './command.ts';
import { ConsoleSession, ESCAPE } from './console-session.ts';
import { printJson } from './define-command.ts';
import { statusOf } from './ending.ts';
import { EXIT_DESTROYED, EXIT_SIGNAL_BASE, EXIT_TIMEOUT } from './exit-status.ts';
import type { RunningHost, Signal } from './services.ts';
import { slowProgress } from './slow-progress.ts';

/** `xl create`, where a host runs. */
export interface HostCreation {
  readonly config: DomainConfig;
  readonly plan: () => Promise<DomainPlan>;
  readonly symbols: (() => Promise<Uint8Array>) | undefined;
  readonly paused: boolean;
  /** -e */
  readonly unattended: boolean;
  /** -c */
  readonly console: boolean;
  /** -F */
  readonly foreground: boolean;
  readonly quiet: boolean;
  /** --exit-status */
  readonly tellsEnding: boolean;
  /** --json */
  readonly json: boolean;
  readonly timeoutSeconds: number | undefined;
}

/**
 * Creates a domain that outlives the command; with -c shows its console, and with -F stays until it is gone for good.
 */
export async function createOnHost(host: RunningHost, creation: HostCreation, context: Context): Promise<number> {
  const { config, foreground } = creation;
  const { services } = context;
  let session: ConsoleSession | undefined;
  const tellSlowly = slowProgress(services.clock, services.terminal.interactive && !creation.quiet, (step) =>
    context.say(`xl: ${config.name}: ${step}`),
  );
  const progress = (step: string) => {
    if (context.verbosity > 0) context.say(`xl: detail: ${config.name}: ${step}`);
    else tellSlowly(step);
  };
  // Attached before it runs: nothing of its output is missed.
  const onCreated = (domid: Domid) => {
    if (!creation.console) return;
    session = new ConsoleSession(host, domid, config.name, { escape: ESCAPE, readOnly: false }, context);
  };
  const domid = await host.domains.create({
    config,
    plan: creation.plan,
    symbols: creation.symbols,
    paused: creation.paused,
    unattended: creation.unattended,
    progress,
    onCreated,
    ...(services.cancellation === undefined ? {} : { cancellation: services.cancellation }),
  });
  if (creation.json) printJson(context, { domid, name: config.name, uuid: uuidText(config.uuid) });
  if (!foreground) {
    await session?.outcome;
    return 0;
  }
  if (!creation.quiet) context.say(`Waiting for domain ${config.name} (domid ${domid}) to die`);
  return await new Watch(host, creation, domid, context).run();
}

/** Somebody in the foreground, through all lives of a domain. */
class Watch {
  readonly #host: RunningHost;
  readonly #creation: HostCreation;
  readonly #context: Context;
  #domid: Domid;

  constructor(host: RunningHost, creation: HostCreation, domid: Domid, context: Context) {
    this.#host = host;
    this.#creation = creation;
    this.#domid = domid;
    this.#context = context;
  }

  async run(): Promise<number> {
    const { services } = this.#context;
    const { timeoutSeconds } = this.#creation;
    let settle: (status: number) => void = () => {};
    const status = new Promise<number>((resolve) => {
      settle = resolve;
    });
    const name = this.#creation.config.name;
    const signalled = ({ name: signal, number }: Signal) => {
      this.#context.say(`xl: ${signal}: domain ${name} (domid ${this.#domid}) is destroyed`);
      void this.#destroyAnd(() => settle(EXIT_SIGNAL_BASE + number));
    };
    const stopSignals = services.onSignal(signalled);
    const stopEvents = this.#watchEvents(settle);
    const timer =
      timeoutSeconds === undefined
        ? undefined
        : services.clock.setTimer(services.clock.nowNs() + timeoutSeconds * 1e9, () => {
            this.#context.say(`xl: domain ${name} has not ended within ${timeoutSeconds} s, and is destroyed`);
            void this.#destroyAnd(() => settle(EXIT_TIMEOUT));
          });
    try {
      return await status;
    } finally {
      stopSignals();
      stopEvents();
      timer?.cancel();
      services.terminal.close();
    }
  }

  /** A restart goes on with the new domain; anything else that ends it settles the matter. */
  #watchEvents(settle: (status: number) => void): () => void {
    const { domains } = this.#host;
    let last: DomainEnd | undefined;
    let restarts = false;
    const stop = domains.onEvent(({ event, domid, code, action, name, detail, stack = [] }) => {
      if (event === 'created' && restarts && name === this.#creation.config.name) {
        this.#domid = domid as Domid;
        restarts = false;
        this.#follow();
        return;
      }
      if (event === 'failed' && restarts) settle(1);
      if (domid !== this.#domid) return;
      if (event === 'shutdown' || event === 'crashed') {
        last = { kind: 'shutdown', reason: code ?? 0 };
        restarts = action?.endsWith('restart') === true;
        this.#report(code ?? 0, action ?? '', [...(detail === undefined ? [] : [detail]), ...stack]);
        if (action === 'preserve') settle(this.#statusOf(last));
      } else if (event === 'destroyed' && !restarts) {
        settle(this.#statusOf(last));
      }
    });
    // It may have been quicker than we are.
    const record = domains.record(this.#domid);
    if (record === undefined) settle(this.#statusOf(domains.ended(`${this.#domid}`)?.end));
    return stop;
  }

  /** However the domain ended, xl says 0 (create_domain of tools/xl/xl_vmcontrol.c); scripts written for it rely on that. */
  #statusOf(end: DomainEnd | undefined): number {
    if (!this.#creation.tellsEnding) return 0;
    return end?.kind === 'shutdown' ? statusOf(end.reason) : EXIT_DESTROYED;
  }

  #report(code: number, action: string, details: readonly string[]): void {
    const { quiet } = this.#creation;
    if (!quiet) {
      this.#context.say(`Domain ${this.#domid} has shut down, reason code ${code} 0x${code.toString(16)}`);
      this.#context.say(`Action for shutdown reason code ${code} is ${action}`);
    }
    for (const detail of details) this.#context.say(detail);
  }

  /** Its console is shown again after a restart. */
  #follow(): void {
    if (!this.#creation.console) return;
    const options = { escape: ESCAPE, readOnly: false };
    new ConsoleSession(this.#host, this.#domid, this.#creation.config.name, options, this.#context);
  }

  async #destroyAnd(then: () => void): Promise<void> {
    try {
      await this.#host.domains.destroy(this.#domid);
    } catch (error) {
      this.#context.say(`xl: ${(error as Error).message}`);
    }
    then();
  }
}
