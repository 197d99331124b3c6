/** Arithmetic of one vector of four float32. */

/**
 * a · b + c. Exact mode rounds the product first, as IEEE 754 does on every machine; the relaxed build lets the
 * machine fuse the two, which gives up equal bits between machines.
 */
// @ts-ignore: decorator
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

// @ts-ignore: decorator
@inline export function splat(x: f32): v128 {
  return f32x4.splat(x);
}
