/**
 * Steps to be taken backwards, the last one pushed first: what has to be taken back when something later goes wrong.
 * A step that fails does not keep the others from being taken.
 */
export class Undo {
  #steps: { readonly what: string; readonly take: () => void | Promise<void> }[] = [];

  /** `what` names the step in the report: 'destroy domain 3'. */
  push(what: string, take: () => void | Promise<void>): void {
    this.#steps.push({ what, take });
  }

  /** Takes every step; returns a sentence for each that failed, with `reason` of its error. */
  async run(reason: (error: unknown) => string): Promise<string[]> {
    const failures: string[] = [];
    const steps = this.#steps.toReversed();
    this.#steps = [];
    for (const { what, take } of steps) {
      try {
        await take();
      } catch (error) {
        failures.push(`could not ${what}: ${reason(error)}`);
      }
    }
    return failures;
  }
}
