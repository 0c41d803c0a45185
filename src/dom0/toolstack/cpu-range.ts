/** The mask of processors 0 to count - 1. */
export function allCpus(count: number): bigint {
  return (1n << BigInt(count)) - 1n;
}

/**
 * Reads a list of processors as xl does: `0-3,5`, `all`, `^1` for all but those given so far, `node:0`, `nodes:0-1`.
 * Returns a sentence where it is none, or names none that exists.
 */
export function parseCpuRange(
  text: string,
  cpus: number,
  cpusOfNode: (node: number) => bigint | undefined,
): bigint | string {
  const trouble = (what: string) => `${text}: ${what}: expected processors, for example 0-1,3 or all`;
  let mask = 0n;
  let first = true;
  for (const part of text.split(',')) {
    const word = part.trim();
    const excluded = word.startsWith('^');
    const range = excluded ? word.slice(1) : word;
    // A list that begins with an exclusion starts from all of them.
    if (first && excluded) mask = allCpus(cpus);
    first = false;
    const bits = bitsOf(range, cpus, cpusOfNode);
    if (bits === undefined) return trouble(`"${word}" is no range of this host's ${cpus} processors`);
    mask = excluded ? mask & ~bits : mask | bits;
  }
  return mask === 0n ? trouble('no processor is left') : mask;
}

function bitsOf(range: string, cpus: number, cpusOfNode: (node: number) => bigint | undefined): bigint | undefined {
  if (range === 'all') return allCpus(cpus);
  const parts = /^(nodes?:)?([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(range);
  if (range === 'nodes:all' || range === 'node:all') return allCpus(cpus);
  if (parts === null) return undefined;
  const from = Number(parts[2]);
  const to = Number(parts[3] ?? parts[2]);
  if (from > to) return undefined;
  let bits = 0n;
  for (let each = from; each <= to; each++) {
    const some = parts[1] === undefined ? cpuBit(each, cpus) : cpusOfNode(each);
    if (some === undefined) return undefined;
    bits |= some;
  }
  return bits;
}

function cpuBit(cpu: number, cpus: number): bigint | undefined {
  return cpu < cpus ? 1n << BigInt(cpu) : undefined;
}

/** A mask as xl prints it: `all`, `none`, or ranges. */
export function formatCpuRange(mask: bigint, cpus: number): string {
  const known = mask & allCpus(cpus);
  if (known === allCpus(cpus)) return 'all';
  if (known === 0n) return 'none';
  const ranges: string[] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (!has(known, cpu)) continue;
    const from = cpu;
    while (has(known, cpu + 1)) cpu++;
    ranges.push(from === cpu ? `${from}` : `${from}-${cpu}`);
  }
  return ranges.join(',');
}

/** The processors of a mask, ascending. */
export function cpusIn(mask: bigint): number[] {
  const cpus: number[] = [];
  for (let cpu = 0; mask >> BigInt(cpu) !== 0n; cpu++) if (has(mask, cpu)) cpus.push(cpu);
  return cpus;
}

function has(mask: bigint, cpu: number): boolean {
  return ((mask >> BigInt(cpu)) & 1n) !== 0n;
}
