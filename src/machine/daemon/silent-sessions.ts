/** A connection that may not have asked for anything yet. */
interface Silent {
  readonly isSilent: boolean;
  close(): void;
}

/** The connections that say nothing: where there is no room any more, they make room for those that do. */
export class SilentSessions {
  readonly #sessions = new Set<Silent>();

  add(session: Silent): void {
    this.#sessions.add(session);
  }

  /** Ends the one that has been silent longest; false where none is. */
  endOldest(): boolean {
    for (const session of this.#sessions) {
      this.#sessions.delete(session);
      if (!session.isSilent) continue;
      session.close();
      return true;
    }
    return false;
  }
}
