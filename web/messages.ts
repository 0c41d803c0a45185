/** What page and worker say to each other. */

/** To the worker: first what to run, with the port that all else goes through; then what is typed. */
export type ToWorker =
  | { readonly kind: 'run'; readonly argv: readonly string[] }
  | { readonly kind: 'typed'; readonly bytes: Uint8Array }
  /** nobody looks any more, and the page may be gone soon */
  | { readonly kind: 'hidden' }
  /** as SIGINT is to a process */
  | { readonly kind: 'end' };

export type ToPage =
  /** the guest's console */
  | { readonly kind: 'console'; readonly bytes: Uint8Array }
  /** what xl says */
  | { readonly kind: 'text'; readonly text: string }
  /** xl is done */
  | { readonly kind: 'exit'; readonly status: number };
