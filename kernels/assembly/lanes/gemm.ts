/**
 * Sums of products over strided operands: the one kernel behind every einsum.
 *
 *   c[n, m] = epilogue( alpha · Σ_k a[n, k] b[k, m] )
 *
 * All strides are in bytes and free, because an element is a whole vector: transposing costs nothing. The sum over k
 * runs in order, k = 0 first, in every path, so a result does not depend on the tile it fell into.
 */
import { ADD, BIAS, finish, GATE, gated, RELU, SCALE } from "../epilogue";
import { madd, splat } from "../vector";

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
        // one test a flag and tile: tests for each of the eight sums cost as much as four steps of the loop above
        if (flags & SCALE) {
          s00 = f32x4.mul(s00, alpha); s01 = f32x4.mul(s01, alpha); s02 = f32x4.mul(s02, alpha); s03 = f32x4.mul(s03, alpha);
          s10 = f32x4.mul(s10, alpha); s11 = f32x4.mul(s11, alpha); s12 = f32x4.mul(s12, alpha); s13 = f32x4.mul(s13, alpha);
        }
        if (flags & BIAS) {
          let bp = bias + <usize>m * biasCol;
          let t = v128.load(bp);
          s00 = f32x4.add(s00, t); s10 = f32x4.add(s10, t);
          bp += biasCol; t = v128.load(bp);
          s01 = f32x4.add(s01, t); s11 = f32x4.add(s11, t);
          bp += biasCol; t = v128.load(bp);
          s02 = f32x4.add(s02, t); s12 = f32x4.add(s12, t);
          bp += biasCol; t = v128.load(bp);
          s03 = f32x4.add(s03, t); s13 = f32x4.add(s13, t);
        }
        if (flags & ADD) {
          s00 = f32x4.add(s00, v128.load(ep)); s01 = f32x4.add(s01, v128.load(ep, 16));
          s02 = f32x4.add(s02, v128.load(ep, 32)); s03 = f32x4.add(s03, v128.load(ep, 48));
          s10 = f32x4.add(s10, v128.load(e1)); s11 = f32x4.add(s11, v128.load(e1, 16));
          s12 = f32x4.add(s12, v128.load(e1, 32)); s13 = f32x4.add(s13, v128.load(e1, 48));
        }
        if (flags & RELU) {
          const zero = splat(0); // pmax(NaN, 0) is NaN
          s00 = f32x4.pmax(s00, zero); s01 = f32x4.pmax(s01, zero); s02 = f32x4.pmax(s02, zero); s03 = f32x4.pmax(s03, zero);
          s10 = f32x4.pmax(s10, zero); s11 = f32x4.pmax(s11, zero); s12 = f32x4.pmax(s12, zero); s13 = f32x4.pmax(s13, zero);
        }
        if (flags & GATE) {
          s00 = gated(s00, v128.load(ep)); s01 = gated(s01, v128.load(ep, 16));
          s02 = gated(s02, v128.load(ep, 32)); s03 = gated(s03, v128.load(ep, 48));
          s10 = gated(s10, v128.load(e1)); s11 = gated(s11, v128.load(e1, 16));
          s12 = gated(s12, v128.load(e1, 32)); s13 = gated(s13, v128.load(e1, 48));
        }
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
      v128.store(c0 + o, finish(flags, s0, alpha, v128.load(bp), e0 + o));
      v128.store(c0 + cRow + o, finish(flags, s1, alpha, v128.load(bp), e0 + eRow + o));
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
    v128.store(cp, finish(flags, s0, alpha, v128.load(bp), ep));
    v128.store(cp, finish(flags, s1, alpha, v128.load(bp + biasCol), ep + 16), 16);
    v128.store(cp, finish(flags, s2, alpha, v128.load(bp + 2 * biasCol), ep + 32), 32);
    v128.store(cp, finish(flags, s3, alpha, v128.load(bp + 3 * biasCol), ep + 48), 48);
  }
  for (; m < M; m++) {
    let s = splat(0);
    let p = a, q = b + <usize>m * bCol;
    do {
      s = madd(v128.load(p), v128.load(q), s);
      p += aK; q += bK;
    } while (p != end);
    v128.store(c + (<usize>m << 4), finish(flags, s, alpha, v128.load(bias + <usize>m * biasCol), e + (<usize>m << 4)));
  }
}
