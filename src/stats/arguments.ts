/** Argument checks shared by this floor, written positively so that NaN fails them. */
import { ArgumentError } from "../base/errors.ts";

/** Returns `value` if it is positive and finite, else throws {@link ArgumentError}. */
export function positive(where: string, value: number): number {
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new ArgumentError({ where, rule: "must be positive and finite", got: String(value) });
}

/** Returns `value` if it lies strictly between 0 and 1 (a confidence level, an alpha), else throws. */
export function fraction(where: string, value: number): number {
  if (value > 0 && value < 1) return value;
  throw new ArgumentError({ where, rule: "must lie strictly between 0 and 1", got: String(value) });
}

/** Returns `length` if it is at least `least`, else throws {@link ArgumentError}. */
export function atLeast(where: string, what: string, length: number, least: number): number {
  if (length >= least) return length;
  throw new ArgumentError({ where, rule: `needs at least ${least} ${what}`, got: String(length) });
}
