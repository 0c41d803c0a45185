/**
 * Stops on a broken invariant of ours, as Xen's BUG_ON does. Never for a guest's or an operator's mistake.
 *
 * @param condition what must hold
 * @param invariant the rule in words, as it should have held: 'an interdomain channel has a remote end'
 * @throws AssertionFailure when the condition is falsy
 */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new AssertionFailure(invariant);
}

/** A switch over a closed union went past its last case: the compiler rejects the call while a case is missing. */
export function unreachable(value: never, where: string): never {
  throw new AssertionFailure(`${where} covers every case, but met ${String(value)}`);
}

/** A bug of ours. The domain it happens in stops with its state dumped; nobody catches it to carry on. */
export class AssertionFailure extends Error {
  constructor(invariant: string) {
    super(`invariant broken: ${invariant}`);
    this.name = 'AssertionFailure';
  }
}
