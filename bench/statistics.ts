/** The middle one of some figures, or the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  if (figures.length === 0) throw new RangeError('no figures to take a median of');
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** The n-th root of the product of n figures. */
export function geometricMean(figures: readonly number[]): number {
  if (figures.length === 0) throw new RangeError('no figures to take a mean of');
  return Math.exp(figures.reduce((sum, figure) => sum + Math.log(figure), 0) / figures.length);
}

/** Prints rows under a head, the first column to the left, figures to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return all.map((row) => line(row).trimEnd()).join('\n');
}
