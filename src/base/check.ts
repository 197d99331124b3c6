/** Argument checks, written positively so that NaN fails them. */
import { ArgumentError } from "./errors.ts";

/** Returns `value` if it is an integer in [low, high], else throws {@link ArgumentError}. */
export function integerIn(where: string, value: number, low: number, high = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  const range = high === Number.MAX_SAFE_INTEGER ? `at least ${low}` : `${low} to ${high}`;
  throw new ArgumentError({ where, rule: `must be a whole number, ${range}`, got: String(value) });
}

/** Returns `value` if it is a finite number in [low, high], else throws {@link ArgumentError}. */
export function numberIn(where: string, value: number, low: number, high = Number.POSITIVE_INFINITY): number {
  if (Number.isFinite(value) && value >= low && value <= high) return value;
  const range = high === Number.POSITIVE_INFINITY ? `at least ${low}` : `${low} to ${high}`;
  throw new ArgumentError({ where, rule: `must be a finite number, ${range}`, got: String(value) });
}

/** Throws {@link ArgumentError} unless both arrays have the same length. */
export function sameLength(where: string, a: ArrayLike<unknown>, b: ArrayLike<unknown>): void {
  if (a.length === b.length) return;
  throw new ArgumentError({
    where,
    rule: "needs two lists of equal length",
    got: `${a.length} and ${b.length}`,
  });
}
