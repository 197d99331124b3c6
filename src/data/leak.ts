/**
 * The leak alarm: a loss that no model could reach without seeing its targets.
 *
 * The original study trained next-token prediction without a mask. Six of seven targets were in the input, the loss
 * fell to a third of what prediction allows, and the network had learned to copy its right neighbour.
 */
import { integerIn, numberIn } from "../base/check.ts";
import { log } from "../base/exact.ts";
import { normalQuantile } from "../base/normalQuantile.ts";
import { scoredPositions } from "./scored.ts";
import type { BayesFloor } from "./types.ts";

/**
 * The lowest expected loss, in nats, that a model with this view of its input can reach on unseen data.
 *
 * @param causal  true if position t sees inputs 1 … t only, false if every position sees all inputs
 */
export function honestFloor(floor: BayesFloor, { causal }: { causal: boolean }): number {
  return causal ? floor.causal : floor.leaky;
}

/**
 * How far below the causal floor a loss on `count` fresh sequences may fall by chance, in nats.
 *
 *   tolerance = z_{1−α/2} · sequenceSd / √n + ln(2/α) / (n · positions that count)
 *
 * The first term is the luck of the sample (its optimal loss is below the expected one; normal approximation), the
 * second the luck of the model: no predictor codes data in c nats less than the true distribution with a probability
 * above e^{−c}. A model that sees no targets sets off the alarm with a probability of at most about α.
 *
 * @param count  independent sequences the loss was measured on
 * @param alpha  probability of a false alarm, in (0, 1); by default one in a million
 * @throws ArgumentError if `count` is not a whole number of at least 1, or `alpha` not in (0, 1)
 * @source Grünwald 2007, "The Minimum Description Length Principle", no-hypercompression inequality
 */
export function leakTolerance(
  floor: BayesFloor,
  count: number,
  { alpha = 1e-6 }: { alpha?: number } = {},
): number {
  integerIn("number of sequences", count, 1);
  numberIn("alpha", alpha, Number.MIN_VALUE, 1 - Number.EPSILON / 2);
  const sample = (-normalQuantile(alpha / 2) * floor.sequenceSd) / Math.sqrt(count);
  const positions = scoredPositions(floor.scored, floor.byPosition.length).length;
  return sample + log(2 / alpha) / (count * positions);
}

/** The verdict of {@link leakAlarm}. */
export interface LeakVerdict {
  leaks: boolean;
  /** One or more sentences with the numbers in nats. */
  message: string;
}

const nats = (value: number) => `${value.toFixed(4)} nats`;

/**
 * Says whether a loss is below what can be reached without seeing the target.
 *
 *   leaks  ⇔  loss < floor.causal − tolerance
 *
 * On training data that are used more than once a low loss may also be memorised; the message then says so.
 * A loss that is not a number leaks nothing; divergence is another alarm.
 *
 * @param loss  mean cross-entropy per target, nats
 * @param tolerance  nats, see {@link leakTolerance}
 * @param measuredOn  "unseen" (held-out or fresh sequences, the default) or "training" (a set seen repeatedly)
 * @throws ArgumentError if `tolerance` is negative or not finite
 */
export function leakAlarm({
  loss,
  floor,
  tolerance,
  measuredOn = "unseen",
}: {
  loss: number;
  floor: BayesFloor;
  tolerance: number;
  measuredOn?: "unseen" | "training";
}): LeakVerdict {
  numberIn("tolerance", tolerance, 0);
  const { causal, leaky } = floor;
  if (!(loss < causal - tolerance)) {
    const relation = Number.isNaN(loss) ? "cannot be compared with" : "is not below";
    return {
      leaks: false,
      message: `loss ${nats(loss)} ${relation} the causal floor of ${nats(causal)} (tolerance ${nats(tolerance)}).`,
    };
  }
  const facts =
    `loss ${nats(loss)} is ${nats(causal - loss)} below the causal floor of ${nats(causal)} ` +
    `(tolerance ${nats(tolerance)}): no model reaches this on unseen data without seeing its targets.`;
  const sight =
    loss < leaky - tolerance
      ? ` It is even below the ${nats(leaky)} that a view of all inputs allows.`
      : ` A view of all inputs allows ${nats(leaky)}.`;
  const wayOut =
    measuredOn === "training"
      ? " Either the targets are in sight (use a causal mask) or these sequences are memorised (see the held-out loss)."
      : " Use a causal mask, or targets that are not in the input.";
  return { leaks: true, message: facts + sight + wayOut };
}
