/** Which model is compared with which. */

/**
 * The index of the model that stands second when model `model` stands first. NaN, or a model that the second population
 * has not, pairs it with none: its statistics are NaN.
 */
export type Pairing = (model: number) => number;

/** Every model with itself: before and after its own training. */
export const ownModel: Pairing = (model) => model;

/**
 * Every model with its neighbour: null (b), another initialisation under the same data, unit index by unit index.
 *
 *   model → (model + shift) mod models
 *
 * Each model stands once on either side, so neither side's mean is changed. The pairs share models: a standard error
 * over them must count seeds, not pairs. One model alone has no neighbour and is paired with none, which gives NaN.
 *
 * @param shift  1 unless given; a multiple of `models` pairs nothing
 */
export function neighbourModel(models: number, shift = 1): Pairing {
  return (model) => {
    const other = (((model + shift) % models) + models) % models;
    return other === model ? Number.NaN : other;
  };
}

/** Options of comparisons between two populations. */
export interface PairingOptions {
  /** Which model of the second population each model of the first is compared with: itself unless given. */
  partner?: Pairing;
}
