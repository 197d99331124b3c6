/**
 * What the kept weights of a lottery ticket begin with, apart from their own initial values: signs without magnitudes,
 * magnitudes without their places. Each takes one thing away, so that what a ticket owes to it can be told.
 */
import { unknownName } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { Weights } from "../model/weights.ts";

/** Which weights are changed, of how many models. */
export interface TicketValueOptions {
  readonly names: readonly string[];
  readonly models: number;
}

function changed(
  weights: Weights,
  { names }: Pick<TicketValueOptions, "names">,
  of: (values: Float32Array | Float64Array, name: string) => Float32Array | Float64Array,
): Weights {
  for (const name of names)
    if (!Object.hasOwn(weights, name)) throw unknownName("ticket values, weight", name, Object.keys(weights));
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [
      name,
      names.includes(name) ? of(values, name) : values.slice(),
    ]),
  );
}

/**
 * Every entry becomes ± the root mean square of its tensor in its model: signs without magnitudes.
 *
 *   w = sign(w₀) √(mean w₀²)
 *
 * @param weights  [model, ...shape], not masked, so that the constant is that of the initialisation and not of what stayed
 * @throws NameError for a weight that is not there
 * @source Zhou et al. 2019, section 3 (their α is the standard deviation of the initial law, here measured)
 */
export function signedConstants(weights: Weights, options: TicketValueOptions): Weights {
  return changed(weights, options, (values) => {
    const size = values.length / options.models;
    const scales = Float64Array.from({ length: options.models }, (_, model) => {
      const own = values.subarray(model * size, (model + 1) * size);
      return Math.sqrt(Array.from(own).reduce((total, x) => total + x * x, 0) / size);
    });
    return values.map((value, i) => Math.sign(value) * scales[Math.floor(i / size)]);
  });
}

/**
 * The magnitudes of some weights with the signs of others: |w| sign(s). Where s is 0, w keeps its sign.
 *
 * @throws NameError for a weight that is not there
 */
export function withSignsOf(
  weights: Weights,
  signs: Weights,
  options: Pick<TicketValueOptions, "names">,
): Weights {
  return changed(weights, options, (values, name) =>
    values.map((value, i) => {
      const sign = Math.sign(signs[name][i]);
      return sign === 0 ? value : Math.abs(value) * sign;
    }),
  );
}

/**
 * The kept entries of each tensor exchange their values at random: the mask and the set of values stay, their places do
 * not. With `signs: "stay"` only magnitudes move, and every place keeps its sign.
 *
 * @param weights  [model, ...shape]
 * @param masks    which entries take part; weights without a mask stay as they are
 * @param streams  one a model; each weight draws from the child under its name
 * @throws NameError for a mask of a weight that is not there
 */
export function permutedValues(
  weights: Weights,
  masks: Weights,
  { streams, signs }: { readonly streams: readonly RandomStream[]; readonly signs: "move" | "stay" },
): Weights {
  return changed(weights, { names: Object.keys(masks) }, (values, name) => {
    const size = values.length / streams.length;
    const moved = values.slice();
    streams.forEach((stream, model) => {
      const kept: number[] = [];
      for (let at = model * size; at < (model + 1) * size; at++) if (masks[name][at] !== 0) kept.push(at);
      const order = stream.child(name).permutation(kept.length);
      kept.forEach((at, i) => {
        const value = values[kept[order[i]]];
        moved[at] = signs === "move" ? value : Math.abs(value) * Math.sign(values[at]);
      });
    });
    return moved;
  });
}
