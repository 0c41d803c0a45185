/** Lines remembered to explain how a domain ended. */
const REMEMBERED = 120;

/**
 * What the machine says about itself: Xen's console and dom0's daemons. Everything goes to `log`; what nobody may
 * overlook, since it is a bug of ours, goes to `alarm` as well.
 */
export class MachineLog {
  readonly #log: (line: string) => void;
  readonly #alarm: (line: string) => void;
  readonly #recent: string[] = [];

  constructor(log: (line: string) => void, alarm: (line: string) => void) {
    this.#log = log;
    this.#alarm = alarm;
  }

  /** A line of Xen's console. */
  readonly xen = (line: string): void => {
    this.#recent.push(line);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    this.#log(line);
    if (FAILED_SERVICE.test(line)) this.#alarm(line);
  };

  /** Lines of a daemon in dom0. */
  daemon(name: string): (line: string) => void {
    return (line) => this.#log(`${name}: ${line}`);
  }

  /**
   * What Xen has said since the last domain went, where it tells that this one was stopped by a fault: the fault, the
   * registers, the last exits, and what came before. Undefined where Xen has told no such thing.
   */
  describe(domid: number): string | undefined {
    const fault = new RegExp(`^\\(XEN\\) (Domain ${domid} crashed|d${domid}v\\d+ Triple fault)`);
    return this.#recent.some((line) => fault.test(line)) ? this.#recent.join('\n') : undefined;
  }

  /** What Xen says while `speak` runs; undefined where that is nothing. */
  capture(speak: () => void): string | undefined {
    const before = this.#recent.splice(0);
    speak();
    const said = this.#recent.splice(0, this.#recent.length, ...before);
    return said.length === 0 ? undefined : said.join('\n');
  }

  /** What was said so far explains no domain that is yet to come. */
  forget(): void {
    this.#recent.length = 0;
  }
}

/** Xen tells of a handler in dom0 that threw: one of our services. */
const FAILED_SERVICE = /^\(XEN\) dom0: /;
