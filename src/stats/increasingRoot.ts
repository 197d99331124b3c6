/** Root finding for quantiles and sample sizes. */

/**
 * The zero of an increasing function between `low` and `high`, by Chandrupatla's method: inverse quadratic steps
 * where the last three points allow them, halving where not. Returns an end where the sign does not change.
 *
 * @source Chandrupatla 1997
 */
export function increasingRoot(f: (x: number) => number, low: number, high: number): number {
  let [a, b] = [high, low];
  let [fa, fb] = [f(a), f(b)];
  if (fb >= 0) return low;
  if (fa <= 0) return high;
  let [c, fc] = [a, fa];
  let t = 0.5;
  for (;;) {
    const x = a + t * (b - a);
    const fx = f(x);
    if (fx > 0 === fa > 0) [c, fc] = [a, fa];
    else [c, fc, b, fb] = [b, fb, a, fa];
    [a, fa] = [x, fx];
    const best = Math.abs(fa) < Math.abs(fb) ? a : b;
    const tolerance = 2 ** -52 * Math.abs(best) + 2 ** -60;
    const smallest = tolerance / Math.abs(b - a);
    if (fx === 0 || smallest > 0.5) return fx === 0 ? x : best;
    const xi = (a - b) / (c - b);
    const phi = (fa - fb) / (fc - fb);
    const quadratic = phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi;
    t = quadratic
      ? (fa / (fb - fa)) * (fc / (fb - fc)) + ((c - a) / (b - a)) * (fa / (fc - fa)) * (fb / (fc - fb))
      : 0.5;
    t = Math.min(Math.max(t, smallest), 1 - smallest);
  }
}
