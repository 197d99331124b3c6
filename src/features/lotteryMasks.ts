/**
 * Masks of single weights, as the lottery ticket hypothesis prunes: which entries of a trained network's matrices stay.
 *
 * A mask is an array of 0 and 1 beside a weight, [model, ...shape]. Every tensor keeps the same share of its entries:
 * tensors differ in scale (embeddings are wide, hidden matrices narrow), so a common threshold would compare scales.
 */
import { numberIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelCount, type Weights, weightShapes } from "../model/weights.ts";

/**
 * What an entry is kept for, w₀ before training and w₁ after it; the largest scores stay.
 *
 * - `large final`: |w₁|, the lottery ticket
 * - `large final same sign`: w₁ sign(w₀), so that entries which changed their sign go first
 * - `initial magnitude`: |w₀|
 * - `movement`: |w₁ − w₀|
 * - `random`: a uniform draw
 *
 * @source Frankle & Carbin 2019, section 1; Zhou et al. 2019, section 2.2, for the others
 */
export const maskCriteria = [
  "large final",
  "large final same sign",
  "initial magnitude",
  "movement",
  "random",
] as const;
export type MaskCriterion = (typeof maskCriteria)[number];

/** Which entries of which weights are kept. */
export interface LotteryMaskOptions {
  /** Share of each tensor's entries that stays, in (0, 1]: round(keep · entries), at least one. */
  readonly keep: number;
  /** Names of the weights to mask; the {@link matrixNames} of the blocks unless given. */
  readonly names?: readonly string[];
  /** Earlier masks: what they left out stays out, as iterative pruning does. The share is still of all entries. */
  readonly within?: Weights;
  /** One a model, for `random`; each weight draws from the child under its name. */
  readonly streams?: readonly RandomStream[];
}

/**
 * Names of the matrices that are pruned: those of the blocks, attention and MLP, or `all`, with the embeddings of tokens
 * and positions and the unembedding.
 *
 * Embeddings are tables rather than connections: an entry of 0 takes a coordinate from one token, and with standard
 * normal entries that training hardly moves, the largest after it are the largest before it. Biases and layer norms are
 * never pruned, as is usual: there are few of them, and zero is not the absence of a gain.
 */
export function matrixNames(config: ModelConfig, which: "blocks" | "all" = "blocks"): string[] {
  return [...weightShapes(config).keys()].filter(
    (name) => name.includes(".W_") && (which === "all" || name.startsWith("blocks.")),
  );
}

/**
 * Masks of a population by a criterion.
 *
 * @param initial  w₀, [model, ...shape]
 * @param final    w₁ of the same networks
 * @returns        0 or 1 by name, [model, ...shape]; of equal scores the earlier entry stays, and NaN goes first
 * @throws NameError      for a criterion or weight that does not exist
 * @throws ArgumentError  for a keep outside (0, 1], populations that differ in size, `random` without a stream a model,
 *                        or fewer entries within the earlier masks than should stay
 */
export function lotteryMasks(
  config: ModelConfig,
  criterion: MaskCriterion,
  { initial, final }: { readonly initial: Weights; readonly final: Weights },
  { keep, names = matrixNames(config), within, streams }: LotteryMaskOptions,
): Weights {
  const models = modelCount(config, initial);
  if (modelCount(config, final) !== models)
    throw new ArgumentError({
      where: "lottery masks",
      rule: "must have each network before and after training",
      got: `${models} and ${modelCount(config, final)} networks`,
    });
  const shapes = weightShapes(config);
  return Object.fromEntries(
    names.map((name) => {
      if (!shapes.has(name)) throw unknownName("lottery masks, weight", name, shapes.keys());
      const score = scoreOf(criterion, initial[name], final[name]);
      const size = sizeOf(shapes.get(name) ?? []);
      const mask = new Float32Array(models * size);
      for (let model = 0; model < models; model++) {
        const draw = criterion === "random" ? drawsOf(model, models, streams).child(name) : undefined;
        const from = model * size;
        const scores = Float64Array.from({ length: size }, (_, i) => draw?.uniform() ?? score(from + i));
        const allowed = within?.[name]?.subarray(from, from + size);
        mask.set(largest(scores, keep, allowed), from);
      }
      return [name, mask];
    }),
  );
}

function drawsOf(model: number, models: number, streams: readonly RandomStream[] | undefined): RandomStream {
  if (streams?.length === models) return streams[model];
  throw new ArgumentError({
    where: "lottery masks, random",
    rule: "needs one stream a model",
    got: `${streams?.length ?? 0} for ${models}`,
  });
}

function scoreOf(
  criterion: MaskCriterion,
  before: ArrayLike<number>,
  after: ArrayLike<number>,
): (at: number) => number {
  switch (criterion) {
    case "large final":
      return (at) => Math.abs(after[at]);
    case "large final same sign":
      return (at) => after[at] * Math.sign(before[at]);
    case "initial magnitude":
      return (at) => Math.abs(before[at]);
    case "movement":
      return (at) => Math.abs(after[at] - before[at]);
    case "random":
      return () => 0;
    default:
      throw unknownName("lottery masks, criterion", String(criterion), maskCriteria);
  }
}

/**
 * The mask of the largest scores of one set.
 *
 * @param scores   [item]; NaN goes first
 * @param keep     share that stays, in (0, 1]: round(keep · items), at least one
 * @param allowed  0 for items that must not stay, [item]
 * @returns        0 or 1, [item]; of equal scores the earlier item stays
 * @throws ArgumentError for a keep outside (0, 1], or fewer allowed items than should stay
 */
export function largest(
  scores: ArrayLike<number>,
  keep: number,
  allowed?: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  numberIn("share to keep", keep, Number.MIN_VALUE, 1);
  const count = Math.max(1, Math.round(keep * scores.length));
  const worth = new Float64Array(scores.length);
  const usable = new Float64Array(scores.length);
  let left = 0;
  for (let at = 0; at < scores.length; at++) {
    // what is not allowed becomes NaN, which no comparison holds for
    worth[at] = allowed?.[at] === 0 ? Number.NaN : Number.isNaN(scores[at]) ? -Infinity : scores[at];
    if (!Number.isNaN(worth[at])) usable[left++] = worth[at];
  }
  if (left < count)
    throw new ArgumentError({
      where: "share to keep",
      rule: "cannot be larger than the share that earlier masks left",
      got: `${count} of ${scores.length} entries, with ${left} left`,
    });
  const threshold = nthSmallest(usable.subarray(0, left), left - count);
  const mask = new Float32Array(scores.length);
  let missing = count;
  for (let at = 0; at < worth.length; at++)
    if (worth[at] > threshold) {
      mask[at] = 1;
      missing--;
    }
  for (let at = 0; missing > 0; at++)
    if (worth[at] === threshold) {
      mask[at] = 1;
      missing--;
    }
  return mask;
}

/**
 * The value that stands at place n, from 0, when values are sorted; they are put in another order on the way.
 *
 * Sorting all of them would cost most of a step of masks that are learned.
 *
 * @param values  without NaN
 * @source Hoare 1961, "Algorithm 65: Find"
 */
function nthSmallest(values: Float64Array, n: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const swapped = values[i];
        values[i++] = values[j];
        values[j--] = swapped;
      }
    }
    // now values up to j are at most the pivot, those from i at least it, and any between equal to it
    if (n <= j) high = j;
    else if (n >= i) low = i;
    else return pivot;
  }
  return values[n];
}

/**
 * The networks with everything outside the masks set to 0: a subnetwork before training, and, where nothing is trained
 * afterwards, a supermask.
 *
 * @param masks  of some of the weights; the others stay as they are
 * @throws NameError for a mask of a weight that is not there
 * @source Zhou et al. 2019, section 5, for supermasks
 */
export function applyMasks(weights: Weights, masks: Weights): Weights {
  for (const name of Object.keys(masks))
    if (!Object.hasOwn(weights, name)) throw unknownName("mask", name, Object.keys(weights));
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      const mask = masks[name];
      return [
        name,
        mask === undefined ? values.slice() : values.map((value, i) => (mask[i] === 0 ? 0 : value)),
      ];
    }),
  );
}
