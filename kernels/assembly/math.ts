/**
 * Transcendental functions as polynomials: IEEE operations only, so the same bits on every machine.
 * Coefficients: S. Moshier's Cephes library (single precision). Errors against float64 are in test/backends.
 */
import { madd, splat } from "./vector";

/** n of x = n ln 2 + r, |r| ≤ ln 2 / 2. */
// @ts-ignore: decorator
@inline function wholeOf(x: v128): v128 {
  return f32x4.nearest(f32x4.mul(x, splat(1.44269504)));
}

/** e^r of x = n ln 2 + r. */
// @ts-ignore: decorator
@inline function expOfRest(x: v128, n: v128): v128 {
  // ln 2 in two parts, so that n ln 2 is exact to float32
  let r = f32x4.sub(x, f32x4.mul(n, splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, splat(-2.1219444e-4)));
  let p = splat(1.98756915e-4);
  p = madd(p, r, splat(1.3981999507e-3));
  p = madd(p, r, splat(8.3334519073e-3));
  p = madd(p, r, splat(4.1665795894e-2));
  p = madd(p, r, splat(1.6666665459e-1));
  p = madd(p, r, splat(5.0000001201e-1));
  return madd(p, f32x4.mul(r, r), f32x4.add(r, splat(1)));
}

/** 2^n for whole n in the range of normal numbers, by its bits. */
// @ts-ignore: decorator
@inline function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** e^x. Below −87.3 it is 0 (−∞ included), above 88.7 ∞; NaN stays NaN. */
// @ts-ignore: decorator
@inline export function vexp(x: v128): v128 {
  const clamped = f32x4.pmin(splat(88.73), f32x4.pmax(splat(-87.5), x)); // pmin/pmax(c, NaN) keep c; NaN returns below
  const n = wholeOf(clamped);
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  // two factors: 2^128 alone would overflow for x above 88.4
  let y = f32x4.mul(f32x4.mul(expOfRest(clamped, n), powerOfTwo(half)), powerOfTwo(i32x4.sub(whole, half)));
  y = v128.andnot(y, f32x4.lt(x, splat(-87.3)));
  y = v128.bitselect(splat(Infinity), y, f32x4.gt(x, splat(88.72)));
  return v128.bitselect(y, x, f32x4.eq(x, x));
}

/**
 * e^x for x ≤ 0, as after subtracting a row's maximum: the bits of {@link vexp} with less work, because nothing
 * overflows and one factor 2^n is enough.
 */
// @ts-ignore: decorator
@inline export function vexpShifted(x: v128): v128 {
  const clamped = f32x4.pmax(x, splat(-87.5)); // pmax(NaN, c) is NaN
  const n = wholeOf(clamped);
  const y = f32x4.mul(expOfRest(clamped, n), powerOfTwo(i32x4.trunc_sat_f32x4_s(n)));
  return v128.andnot(y, f32x4.lt(x, splat(-87.3)));
}

/** ln x: x = 2^e m, m in [√½, √2). ln 0 = −∞, ln of a negative NaN. */
// @ts-ignore: decorator
@inline export function vlog(x: v128): v128 {
  const tiny = f32x4.lt(x, splat(1.17549435e-38)); // subnormal: scale by 2^23 first
  const scaled = v128.bitselect(f32x4.mul(x, splat(8388608)), x, tiny);
  let e = i32x4.sub(i32x4.shr_u(scaled, 23), i32x4.splat(126));
  let m: v128 = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000)); // [0.5, 1)
  const low = f32x4.lt(m, splat(0.707106781186547524));
  e = i32x4.add(e, low); // the mask is −1 where m is doubled
  const n = f32x4.sub(f32x4.convert_i32x4_s(e), v128.and(tiny, splat(23)));
  m = f32x4.sub(f32x4.add(m, v128.and(m, low)), splat(1));
  const z = f32x4.mul(m, m);
  let y = splat(7.0376836292e-2);
  y = madd(y, m, splat(-1.151461031e-1));
  y = madd(y, m, splat(1.167699874e-1));
  y = madd(y, m, splat(-1.2420140846e-1));
  y = madd(y, m, splat(1.4249322787e-1));
  y = madd(y, m, splat(-1.6668057665e-1));
  y = madd(y, m, splat(2.0000714765e-1));
  y = madd(y, m, splat(-2.4999993993e-1));
  y = madd(y, m, splat(3.3333331174e-1));
  y = f32x4.mul(f32x4.mul(y, m), z);
  y = madd(n, splat(-2.1219444e-4), y);
  y = madd(z, splat(-0.5), y);
  y = f32x4.add(f32x4.mul(n, splat(0.693359375)), f32x4.add(m, y));
  y = v128.bitselect(splat(-Infinity), y, f32x4.eq(x, splat(0)));
  y = v128.bitselect(x, y, f32x4.eq(x, splat(Infinity)));
  y = v128.bitselect(splat(NaN), y, f32x4.lt(x, splat(0)));
  return v128.bitselect(y, x, f32x4.eq(x, x));
}

/** tanh x: odd polynomial below 0.625, 1 − 2 / (e^{2x} + 1) above. */
// @ts-ignore: decorator
@inline export function vtanh(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = splat(-5.70498872745e-3);
  p = madd(p, z, splat(2.06390887954e-2));
  p = madd(p, z, splat(-5.37397155531e-2));
  p = madd(p, z, splat(1.33314422036e-1));
  p = madd(p, z, splat(-3.33332819422e-1));
  p = madd(f32x4.mul(p, z), x, x);
  const big = f32x4.sub(splat(1), f32x4.div(splat(2), f32x4.add(vexp(f32x4.add(a, a)), splat(1))));
  const signed = v128.bitselect(x, big, splat(-0.0)); // the sign of x on the value of big
  return v128.bitselect(p, signed, f32x4.lt(a, splat(0.625)));
}

/** erf x: odd polynomial below 1, 1 − erfc above. */
// @ts-ignore: decorator
@inline export function verf(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = splat(7.853861353153693e-5);
  p = madd(p, z, splat(-8.010193625184903e-4));
  p = madd(p, z, splat(5.188327685732524e-3));
  p = madd(p, z, splat(-2.685381193529856e-2));
  p = madd(p, z, splat(1.12835851486141e-1));
  p = madd(p, z, splat(-3.7612625824233e-1));
  p = madd(p, z, splat(1.12837916572671));
  p = f32x4.mul(p, x);
  const q = f32x4.div(splat(1), f32x4.pmax(a, splat(1)));
  const y = f32x4.mul(q, q);
  let r = splat(2.326819970068386e-2); // erfc on [1, 2]
  r = madd(r, y, splat(-1.387039388740657e-1));
  r = madd(r, y, splat(3.687424674597105e-1));
  r = madd(r, y, splat(-5.824733027278666e-1));
  r = madd(r, y, splat(6.210004621745983e-1));
  r = madd(r, y, splat(-4.944515323274145e-1));
  r = madd(r, y, splat(3.404879937665872e-1));
  r = madd(r, y, splat(-2.741127028184656e-1));
  r = madd(r, y, splat(5.638259427386472e-1));
  let s = splat(-1.047766399936249e1); // erfc above 2
  s = madd(s, y, splat(1.297719955372516e1));
  s = madd(s, y, splat(-7.495518717768503));
  s = madd(s, y, splat(2.921019019210786));
  s = madd(s, y, splat(-1.0152652792027));
  s = madd(s, y, splat(4.218463358204948e-1));
  s = madd(s, y, splat(-2.820767439740514e-1));
  s = madd(s, y, splat(5.641895067754075e-1));
  const series = v128.bitselect(r, s, f32x4.lt(a, splat(2)));
  const tail = f32x4.mul(f32x4.mul(vexp(f32x4.neg(z)), q), series);
  const signed = v128.bitselect(x, f32x4.sub(splat(1), tail), splat(-0.0));
  return v128.bitselect(p, signed, f32x4.lt(a, splat(1)));
}

/** Standard normal distribution function Φ(x) = (1 + erf(x / √2)) / 2. */
// @ts-ignore: decorator
@inline export function vcdf(x: v128): v128 {
  const e = verf(f32x4.mul(x, splat(0.70710678118654752)));
  return f32x4.mul(f32x4.add(e, splat(1)), splat(0.5));
}
