import type { Domid } from '../../abi/xen.ts';

/** Somebody at a console. */
export interface Seat {
  /** Whether what this one types reaches the guest. */
  readonly writes: boolean;
  leave(): void;
}

/** Who is at which console: any number of readers and one writer, the one who has been there longest. */
export class ConsoleSeats {
  readonly #seats = new Map<string, { promoted: () => void }[]>();

  /** Takes a seat; `promoted` is called when its holder becomes the writer because the one before has left. */
  take(domid: Domid, console: number, promoted: () => void): Seat {
    const key = `${domid}/${console}`;
    const seats = this.#seats.get(key) ?? [];
    this.#seats.set(key, seats);
    const seat = { promoted };
    seats.push(seat);
    const leave = () => {
      const at = seats.indexOf(seat);
      if (at < 0) return;
      seats.splice(at, 1);
      if (at === 0) seats[0]?.promoted();
      if (seats.length === 0) this.#seats.delete(key);
    };
    return {
      get writes() {
        return seats[0] === seat;
      },
      leave,
    };
  }
}
