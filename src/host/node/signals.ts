import { constants } from 'node:os';

/** A signal that asks the process to end. 128 + number is the exit status of a program that it ended. */
export interface EndSignal {
  readonly name: string;
  readonly number: number;
}

const END_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/**
 * Calls back for each signal that asks the process to end, instead of ending it; returns how to stop that. SIGQUIT
 * stays as it is: it ends a process that does not listen any more.
 */
export function onEndSignal(handler: (signal: EndSignal) => void): () => void {
  const listeners = END_SIGNALS.map((name) => {
    const listener = () => handler({ name, number: constants.signals[name] });
    process.on(name, listener);
    return { name, listener };
  });
  return () => {
    for (const { name, listener } of listeners) process.off(name, listener);
  };
}
