/** printf's %-Ns. */
export function left(value: string | number, width: number): string {
  return `${value}`.padEnd(width);
}

/** printf's %Ns and %Nd. */
export function right(value: string | number | bigint, width: number): string {
  return `${value}`.padStart(width);
}

/** printf's %N.Df of nanoseconds in seconds. */
export function seconds(ns: bigint, width: number, digits = 1): string {
  return (Number(ns) / 1e9).toFixed(digits).padStart(width);
}
