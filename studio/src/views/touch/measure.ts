/** What is asked of networks that are touched, as one number a network. */
import { logitDifference, lossMetric, type Metric } from "../../../../src/interp/index.ts";
import type { TouchChoice } from "../../state/touchChoice.ts";
import type { Answers } from "../../workers/looks/touch.ts";

/**
 * - `loss`: mean over `positions` of −ln p(target), nats; `targets` has one a position
 * - `difference`: logit of `answer` less that of `wrong` at `position`
 */
export type Measure =
  | { readonly kind: "loss"; readonly positions: readonly number[]; readonly targets: readonly number[] }
  | {
      readonly kind: "difference";
      readonly position: number;
      readonly answer: number;
      readonly wrong: number;
    };

/** What a choice asks of a sequence; null of the loss of a single token, which has no next one. */
export function measureOf(
  { pos, answer, wrong }: Pick<TouchChoice, "pos" | "answer" | "wrong">,
  tokens: readonly number[],
): Measure | null {
  const last = tokens.length - 1;
  const position = pos === null ? last : Math.min(pos, last);
  if (answer !== null && wrong !== null) return { kind: "difference", position, answer, wrong };
  const next = [...tokens.slice(1), answer ?? -1];
  if (answer !== null) {
    next[position] = answer;
    return { kind: "loss", positions: [position], targets: next };
  }
  if (last === 0) return null;
  // the last position has no next token
  const one = Math.min(position, last - 1);
  const positions = pos === null ? Array.from({ length: last }, (_, at) => at) : [one];
  return { kind: "loss", positions, targets: next };
}

/** The measure as a metric of src/interp, for any number of rows of the sequence. */
export function metricOf(measure: Measure, tokens: readonly number[]): Metric {
  if (measure.kind === "difference") {
    const { answer, wrong, position } = measure;
    return logitDifference(answer, wrong, { pos: position });
  }
  const { targets, positions } = measure;
  return {
    name: "loss",
    positions: () => positions,
    measure: (logits) => {
      const rows = Array.from({ length: logits.shape[1] }, () => targets.slice(0, tokens.length));
      return lossMetric(rows, { pos: positions }).measure(logits);
    },
  };
}

/** The measure of answers, [model]. */
export function measured(
  measure: Measure,
  { logits, logProbs }: Answers,
  { models, dVocab }: { models: number; dVocab: number },
): Float64Array {
  const perModel = logits.length / models;
  return Float64Array.from({ length: models }, (_, model) => {
    const at = (pos: number, token: number) => model * perModel + pos * dVocab + token;
    if (measure.kind === "difference") {
      const { position, answer, wrong } = measure;
      return logits[at(position, answer)] - logits[at(position, wrong)];
    }
    const { positions, targets } = measure;
    return positions.reduce((sum, pos) => sum - logProbs[at(pos, targets[pos])], 0) / positions.length;
  });
}

/** Loss of the next token at every position that has one, [model, pos], nats. */
export function lossByPosition(
  { logProbs }: Answers,
  tokens: readonly number[],
  { models, dVocab }: { models: number; dVocab: number },
): Float64Array {
  const nPos = tokens.length;
  return Float64Array.from({ length: models * (nPos - 1) }, (_, i) => {
    const [model, pos] = [Math.floor(i / (nPos - 1)), i % (nPos - 1)];
    return -logProbs[(model * nPos + pos) * dVocab + tokens[pos + 1]];
  });
}

/** What a measure is called in a sentence. */
export function measureText(measure: Measure): string {
  if (measure.kind === "difference") {
    const { answer, wrong, position } = measure;
    return `logit difference of ${answer} and ${wrong} at position ${position}`;
  }
  const { positions, targets } = measure;
  if (positions.length > 1) return `loss over ${positions.length} positions`;
  return `loss of token ${targets[positions[0]]} at position ${positions[0]}`;
}

/** Its unit. */
export const measureUnit = ({ kind }: Measure) => (kind === "loss" ? "nats" : "logits");

/**
 * Answer and wrong answer where nobody chose: at the last position the token that seeds give most probability to, and the
 * one that gains most of it in the other sequence.
 *
 * @param clean  probabilities, [model, pos, dVocab]; models without a number take no part
 */
export function suggestedAnswers(
  clean: Float64Array,
  other: Float64Array,
  { models, dVocab }: { models: number; dVocab: number },
): { answer: number; wrong: number } {
  const lastOf = (probabilities: Float64Array) => {
    const total = new Float64Array(dVocab);
    const perModel = probabilities.length / models;
    for (let model = 0; model < models; model++) {
      const end = (model + 1) * perModel;
      const row = probabilities.subarray(end - dVocab, end);
      if (row.every(Number.isFinite)) for (let token = 0; token < dVocab; token++) total[token] += row[token];
    }
    return total;
  };
  const largest = (values: ArrayLike<number>, but = -1) => {
    let best = but === 0 ? 1 : 0;
    for (let token = 0; token < values.length; token++)
      if (token !== but && values[token] > values[best]) best = token;
    return best;
  };
  const [own, others] = [lastOf(clean), lastOf(other)];
  const answer = largest(own);
  const gains = others.map((p, token) => p - own[token]);
  return { answer, wrong: largest(gains, answer) };
}
