/** What happens to the sum of a matrix product before it is stored, in this order; bits of an instruction's flags. */
export const SCALE: i32 = 16; // alpha ·
export const BIAS: i32 = 1; // + bias[m]
export const ADD: i32 = 2; // + e[n, m]
export const RELU: i32 = 4; // max(·, 0)
export const GATE: i32 = 8; // · where e[n, m] > 0, else 0

/** x where y > 0, else 0. */
// @ts-ignore: decorator
@inline export function gated(x: v128, y: v128): v128 {
  return v128.and(x, f32x4.gt(y, f32x4.splat(0)));
}

/** A sum with all that its flags ask for; `bias` and `e` count only where they do. */
// @ts-ignore: decorator
@inline export function finish(flags: i32, sum: v128, alpha: v128, bias: v128, e: usize): v128 {
  if (flags & SCALE) sum = f32x4.mul(sum, alpha);
  if (flags & BIAS) sum = f32x4.add(sum, bias);
  if (flags & ADD) sum = f32x4.add(sum, v128.load(e));
  if (flags & RELU) sum = f32x4.pmax(sum, f32x4.splat(0)); // pmax(NaN, 0) is NaN
  if (flags & GATE) sum = gated(sum, v128.load(e));
  return sum;
}
