/**
 * Random search: laws that values are drawn from.
 *
 * A draw is the number of its search, its own number and its field, and nothing else: more draws, or another field, leave
 * the earlier draws as they were, so that a search that is made longer computes only what is new.
 */
import { exp, log } from "../../base/exact.ts";
import { randomStream } from "../../base/random.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";

/** How a field is drawn. Ends belong to the range. */
export type Law =
  /** Every number between the ends equally likely. */
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  /** Every ratio equally likely: its logarithm is uniform. */
  | { readonly kind: "logUniform"; readonly low: number; readonly high: number }
  /** Whole numbers, each equally likely. */
  | { readonly kind: "integer"; readonly low: number; readonly high: number }
  /** Whole numbers whose logarithm is about uniform: n has the share of [n, n + 1) in [low, high + 1). */
  | { readonly kind: "logInteger"; readonly low: number; readonly high: number }
  /** Some values, each equally likely. */
  | { readonly kind: "choice"; readonly values: readonly JsonValue[] };

/** Kinds of law, as a sweep file names them. */
export const lawKinds = ["uniform", "logUniform", "integer", "logInteger", "choice"] as const;

/** Digits of a drawn number: enough to be fine, few enough to be copied by hand. */
const drawnDigits = 6;

/** Whether the law is even over ratios, so that its axis is a logarithm. */
export function isLogarithmic({ kind }: Law): boolean {
  return kind === "logUniform" || kind === "logInteger";
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Between two numbers above 0, at a share of their ratio in (0, 1). */
const between = (low: number, high: number, share: number) => exp(log(low) + share * (log(high) - log(low)));

/**
 * Draw number `index` of a field.
 *
 * @param search  seed of the search
 * @returns       the same on every machine; numbers rounded to six significant digits
 */
export function draw(law: Law, search: number, index: number, field: string): JsonValue {
  const stream = randomStream("sweep", search, index, field);
  if (law.kind === "choice") return law.values[stream.integer(law.values.length)];
  const { low, high } = law;
  if (law.kind === "integer") return low + stream.integer(high - low + 1);
  const share = stream.uniform();
  if (law.kind === "logInteger") return clamp(Math.floor(between(low, high + 1, share)), low, high);
  const value = law.kind === "uniform" ? low + share * (high - low) : between(low, high, share);
  return clamp(Number(value.toPrecision(drawnDigits)), low, high);
}
