/** Numbers as a reader sees them: true minus signs, a dash for what is not a number. */

/** What stands where there is no number. */
export const noNumber = "–";

/**
 * A number with a fixed count of decimals, e.g. `−0.02`.
 *
 * NaN, ±∞, null and undefined give an en dash. A value that rounds to zero has no sign.
 *
 * @param digits  decimals
 */
export function fixed(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return noNumber;
  const text = value.toFixed(digits);
  if (!text.startsWith("-")) return text;
  return Number(text) === 0 ? text.slice(1) : `−${text.slice(1)}`;
}

/** An interval as `[low, high]`; an en dash where a bound is not finite. */
export function intervalText(interval: readonly [number, number], digits = 2): string {
  return interval.every(Number.isFinite)
    ? `[${fixed(interval[0], digits)}, ${fixed(interval[1], digits)}]`
    : noNumber;
}

/** A fraction in [0, 1] as a whole percentage, e.g. `36 %`. */
export function percent(fraction: number): string {
  return Number.isFinite(fraction) ? `${fixed(100 * fraction, 0)} %` : noNumber;
}

/** `1 seed`, `30 seeds`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}
