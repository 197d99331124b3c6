/** Continued fractions, the part that both incomplete functions share. */
import { InternalError } from "../base/errors.ts";

const TINY = 1e-300; // stands for a zero denominator (Thompson & Barnett)
const PRECISION = 2 ** -50; // two roundings per step may keep the factor this far from 1
const MOST_TERMS = 1_000_000; // about 10 √max(a, b) are needed; this is reached only beyond 1e10

/**
 * The value of 1/(b₀ + a₁/(b₁ + a₂/(b₂ + …))) by Lentz's method, as modified by Thompson and Barnett.
 *
 * @param first  b₀
 * @param term   the partial numerator aₖ and denominator bₖ, k = 1, 2, …
 * @throws InternalError if a million terms do not settle it
 * @source Thompson & Barnett 1986
 */
export function continuedFraction(first: number, term: (k: number) => readonly [number, number]): number {
  let c = Number.POSITIVE_INFINITY;
  let d = 1 / (first === 0 ? TINY : first);
  let value = d;
  for (let k = 1; k <= MOST_TERMS; k++) {
    const [numerator, denominator] = term(k);
    d = denominator + numerator * d;
    d = 1 / (d === 0 ? TINY : d);
    c = denominator + numerator / c;
    if (c === 0) c = TINY;
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) <= PRECISION) return value;
  }
  throw new InternalError({
    where: "continued fraction",
    rule: "did not settle",
    got: `${MOST_TERMS} terms`,
  });
}
