/** Counting in ascending values by halving. */

/** How many of some ascending values are `bar` or more; with `beyond`, more. */
export function countFrom(
  sorted: Float64Array,
  bar: number,
  { beyond = false }: { beyond?: boolean } = {},
): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (beyond ? sorted[middle] > bar : sorted[middle] >= bar) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}
