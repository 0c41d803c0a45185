/** A kernel's symbols, as System.map or `nm -n` list them: `ffffffff81000000 T _stext`. */
export class SymbolMap {
  readonly #addresses: BigUint64Array;
  readonly #names: readonly string[];

  /** Reads the symbols of code; lines of another form are passed over. */
  constructor(text: string) {
    const rows: (readonly [address: bigint, name: string])[] = [];
    for (const line of text.split('\n')) {
      const parts = /^([0-9a-f]{8,16}) [tTwW] (\S+)/.exec(line);
      if (parts !== null) rows.push([BigInt(`0x${parts[1]}`), parts[2] ?? '']);
    }
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#addresses = BigUint64Array.from(rows, ([address]) => address);
    this.#names = rows.map(([, name]) => name);
  }

  /** `name+0x12` of an address in code; undefined for any other. */
  lookup(address: bigint): string | undefined {
    let from = 0;
    let to = this.#addresses.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#addresses[middle] ?? 0n) <= address) from = middle + 1;
      else to = middle;
    }
    const start = this.#addresses[from - 1];
    // Past the last symbol there is no telling where code ends: a function is hardly larger than this.
    if (start === undefined || address - start > LARGEST) return undefined;
    return `${this.#names[from - 1]}+0x${(address - start).toString(16)}`;
  }
}

const LARGEST = 0x10000n;
