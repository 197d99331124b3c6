/**
 * Sums of products over strided operands: the one kernel behind every einsum.
 *
 *   c[n, m] = epilogue( alpha · Σ_k a[n, k] b[k, m] )
 *
 * All strides are in bytes and free, because an element is a whole vector: transposing costs nothing. The sum over k
 * runs in order, k = 0 first, in every path, so a result does not depend on the tile it fell into.
 */
import { madd, splat } from "./lanes";

// what happens to a sum before it is stored, in this order
const BIAS: i32 = 1; // + bias[m]
const ADD: i32 = 2; // + e[n, m]
const RELU: i32 = 4; // max(·, 0)
const GATE: i32 = 8; // · where e[n, m] > 0, else 0
const SCALE: i32 = 16; // alpha · (before all others)

// @ts-ignore: decorator
@inline function finish(flags: i32, sum: v128, alpha: v128, bias: usize, e: usize): v128 {
  if (flags & SCALE) sum = f32x4.mul(sum, alpha);
  if (flags & BIAS) sum = f32x4.add(sum, v128.load(bias));
  if (flags & ADD) sum = f32x4.add(sum, v128.load(e));
  if (flags & RELU) sum = f32x4.pmax(sum, splat(0)); // pmax(NaN, 0) is NaN
  if (flags & GATE) sum = v128.and(sum, f32x4.gt(v128.load(e), splat(0)));
  return sum;
}

/**
 * One matrix product. Columns of c and e are 16 bytes apart; `bCol` is the stride of b's columns.
 * N, M ≥ 1, K ≥ 1.
 */
export function gemm(
  a: usize, b: usize, c: usize, bias: usize, e: usize,
  N: i32, K: i32, M: i32,
  aRow: usize, aK: usize, bK: usize, bCol: usize, cRow: usize, eRow: usize, biasCol: usize,
  flags: i32, alpha: v128,
): void {
  const aEnd = <usize>K * aK;
  let n = 0;
  for (; n + 2 <= N; n += 2) {
    const a0 = a + <usize>n * aRow;
    const a1 = a0 + aRow;
    const c0 = c + <usize>n * cRow;
    const e0 = e + <usize>n * eRow;
    let m = 0;
    for (; m + 4 <= M; m += 4) {
      let s00 = splat(0), s01 = s00, s02 = s00, s03 = s00;
      let s10 = s00, s11 = s00, s12 = s00, s13 = s00;
      let p0 = a0, p1 = a1, q = b + <usize>m * bCol;
      const end = a0 + aEnd;
      if (bCol == 16) {
        do {
          const u0 = v128.load(p0), u1 = v128.load(p1);
          let t = v128.load(q);
          s00 = madd(u0, t, s00); s10 = madd(u1, t, s10);
          t = v128.load(q, 16);
          s01 = madd(u0, t, s01); s11 = madd(u1, t, s11);
          t = v128.load(q, 32);
          s02 = madd(u0, t, s02); s12 = madd(u1, t, s12);
          t = v128.load(q, 48);
          s03 = madd(u0, t, s03); s13 = madd(u1, t, s13);
          p0 += aK; p1 += aK; q += bK;
        } while (p0 != end);
      } else {
        let q1 = q + bCol, q2 = q1 + bCol, q3 = q2 + bCol;
        do {
          const u0 = v128.load(p0), u1 = v128.load(p1);
          let t = v128.load(q);
          s00 = madd(u0, t, s00); s10 = madd(u1, t, s10);
          t = v128.load(q1);
          s01 = madd(u0, t, s01); s11 = madd(u1, t, s11);
          t = v128.load(q2);
          s02 = madd(u0, t, s02); s12 = madd(u1, t, s12);
          t = v128.load(q3);
          s03 = madd(u0, t, s03); s13 = madd(u1, t, s13);
          p0 += aK; p1 += aK; q += bK; q1 += bK; q2 += bK; q3 += bK;
        } while (p0 != end);
      }
      const o = <usize>m << 4;
      const c1 = c0 + cRow + o, e1 = e0 + eRow + o;
      const cp = c0 + o, ep = e0 + o;
      if (flags) {
        const bp = bias + <usize>m * biasCol;
        s00 = finish(flags, s00, alpha, bp, ep);
        s10 = finish(flags, s10, alpha, bp, e1);
        s01 = finish(flags, s01, alpha, bp + biasCol, ep + 16);
        s11 = finish(flags, s11, alpha, bp + biasCol, e1 + 16);
        s02 = finish(flags, s02, alpha, bp + 2 * biasCol, ep + 32);
        s12 = finish(flags, s12, alpha, bp + 2 * biasCol, e1 + 32);
        s03 = finish(flags, s03, alpha, bp + 3 * biasCol, ep + 48);
        s13 = finish(flags, s13, alpha, bp + 3 * biasCol, e1 + 48);
      }
      v128.store(cp, s00); v128.store(cp, s01, 16); v128.store(cp, s02, 32); v128.store(cp, s03, 48);
      v128.store(c1, s10); v128.store(c1, s11, 16); v128.store(c1, s12, 32); v128.store(c1, s13, 48);
    }
    for (; m < M; m++) {
      let s0 = splat(0), s1 = s0;
      let p0 = a0, p1 = a1, q = b + <usize>m * bCol;
      const end = a0 + aEnd;
      do {
        const t = v128.load(q);
        s0 = madd(v128.load(p0), t, s0);
        s1 = madd(v128.load(p1), t, s1);
        p0 += aK; p1 += aK; q += bK;
      } while (p0 != end);
      const o = <usize>m << 4;
      const bp = bias + <usize>m * biasCol;
      v128.store(c0 + o, finish(flags, s0, alpha, bp, e0 + o));
      v128.store(c0 + cRow + o, finish(flags, s1, alpha, bp, e0 + eRow + o));
    }
  }
  if (n < N) lastRow(a + <usize>n * aRow, b, c + <usize>n * cRow, bias, e + <usize>n * eRow, K, M, aK, bK, bCol, biasCol, flags, alpha);
}

/** The odd row: four columns at a time, so that four independent sums hide the latency of an addition. */
function lastRow(
  a: usize, b: usize, c: usize, bias: usize, e: usize,
  K: i32, M: i32, aK: usize, bK: usize, bCol: usize, biasCol: usize, flags: i32, alpha: v128,
): void {
  const end = a + <usize>K * aK;
  let m = 0;
  for (; m + 4 <= M; m += 4) {
    let s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
    let p = a, q = b + <usize>m * bCol;
    const bCol2 = bCol * 2, bCol3 = bCol * 3;
    do {
      const u = v128.load(p);
      s0 = madd(u, v128.load(q), s0);
      s1 = madd(u, v128.load(q + bCol), s1);
      s2 = madd(u, v128.load(q + bCol2), s2);
      s3 = madd(u, v128.load(q + bCol3), s3);
      p += aK; q += bK;
    } while (p != end);
    const cp = c + (<usize>m << 4), ep = e + (<usize>m << 4), bp = bias + <usize>m * biasCol;
    v128.store(cp, finish(flags, s0, alpha, bp, ep));
    v128.store(cp, finish(flags, s1, alpha, bp + biasCol, ep + 16), 16);
    v128.store(cp, finish(flags, s2, alpha, bp + 2 * biasCol, ep + 32), 32);
    v128.store(cp, finish(flags, s3, alpha, bp + 3 * biasCol, ep + 48), 48);
  }
  for (; m < M; m++) {
    let s = splat(0);
    let p = a, q = b + <usize>m * bCol;
    do {
      s = madd(v128.load(p), v128.load(q), s);
      p += aK; q += bK;
    } while (p != end);
    v128.store(c + (<usize>m << 4), finish(flags, s, alpha, bias + <usize>m * biasCol, e + (<usize>m << 4)));
  }
}
