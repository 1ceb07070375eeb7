/** The value that so large a share of sorted values does not exceed, rounded to so many digits; 0 where there are none. */
export function percentile(sorted: readonly number[], share: number, digits = 1): number {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return Number((sorted[index] ?? 0).toFixed(digits));
}
