/** How the models of a run are shared out among workers. It decides no bit, only how fast the page is. */

/** Models in a vector of the engine: a share that is a multiple of it leaves no lane idle. */
const LANES = 4;

/**
 * Sizes of the shares of at most `workers` workers, as even as multiples of four allow; they add up to `models`.
 *
 * @example shares(16, 3)  // [8, 4, 4]
 */
export function shares(models: number, workers: number): number[] {
  const groups = Math.ceil(models / LANES);
  const count = Math.max(1, Math.min(workers, groups));
  const sizes = Array.from(
    { length: count },
    (_, i) => LANES * (Math.floor(groups / count) + (i < groups % count ? 1 : 0)),
  );
  sizes[count - 1] -= LANES * groups - models;
  return sizes;
}
