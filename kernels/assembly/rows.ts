/**
 * Fused ops over the last axis: one pass in, one pass out, nothing stored between.
 *
 * A vector holds one element of each row at hand (the row of four models, or four rows of one), so a sum along a row
 * is in order in either layout. Strides between the rows at hand: `far` of their elements, `near` of numbers of which
 * each row has one; both 0 where it is one row. What needs no sum goes through the rows at hand one after the other, each
 * element's neighbours beside it.
 */
import { down, ELEMENT, ofRow, put, putDown, repeated, rowsAtOnce, SHIFT } from "./layout";
import { vexpShifted, vlog } from "./math";
import { madd, splat } from "./vector";

// @ts-ignore: decorator
@inline function rowMax(x: usize, row: usize, far: usize): v128 {
  let max = down(x, far);
  for (let o = ELEMENT; o < row; o += ELEMENT) max = f32x4.pmax(max, down(x + o, far));
  return max;
}

/** out = exp(x − max) / Σ. A score of −∞ gives exactly 0. */
export function softmax(out: usize, x: usize, rows: i32, width: i32): void {
  const row = <usize>width << SHIFT;
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0;
    const max = rowMax(x, row, far); // exp(89) overflows float32
    let s = splat(0);
    for (let o: usize = 0; o < row; o += ELEMENT) {
      const e = vexpShifted(f32x4.sub(down(x + o, far), max));
      putDown(out + o, e, far);
      s = f32x4.add(s, e);
    }
    s = f32x4.div(splat(1), s);
    for (let i = 0; i < count; i++) {
      const inverse = ofRow(s, i);
      for (let o: usize = 0; o < row; o += 16) put(out + o, f32x4.mul(v128.load(out + o), inverse), row - o);
      out += row;
    }
    n += count; x += <usize>count * row;
  }
}

/** out = p (d − Σ p d). */
export function softmaxGrad(out: usize, p: usize, d: usize, rows: i32, width: i32): void {
  const row = <usize>width << SHIFT;
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0;
    let s = splat(0);
    for (let o: usize = 0; o < row; o += ELEMENT) s = madd(down(p + o, far), down(d + o, far), s);
    for (let i = 0; i < count; i++) {
      const si = ofRow(s, i);
      for (let o: usize = 0; o < row; o += 16)
        put(out + o, f32x4.mul(v128.load(p + o), f32x4.sub(v128.load(d + o), si)), row - o);
      out += row; p += row; d += row;
    }
    n += count;
  }
}

// @ts-ignore: decorator
@inline function rowMean(x: usize, row: usize, inverse: v128, far: usize): v128 {
  let s = splat(0);
  for (let o: usize = 0; o < row; o += ELEMENT) s = f32x4.add(s, down(x + o, far));
  return f32x4.mul(s, inverse);
}

/** sqrt(mean((x − mean)²) + eps). */
// @ts-ignore: decorator
@inline function rowScale(x: usize, row: usize, inverse: v128, mean: v128, eps: f32, far: usize): v128 {
  let q = splat(0);
  for (let o: usize = 0; o < row; o += ELEMENT) {
    const c = f32x4.sub(down(x + o, far), mean);
    q = madd(c, c, q);
  }
  return f32x4.sqrt(f32x4.add(f32x4.mul(q, inverse), splat(eps)));
}

/** scale = sqrt(mean((x − mean)²) + eps). */
export function normScale(scale: usize, x: usize, rows: i32, width: i32, eps: f32): void {
  const row = <usize>width << SHIFT;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    const mean = rowMean(x, row, inverse, far);
    putDown(scale, rowScale(x, row, inverse, mean, eps, far), near);
    n += count; scale += <usize>count * ELEMENT; x += <usize>count * row;
  }
}

/** y = (x − mean) / scale, by multiplication with 1 / scale. */
export function normalize(y: usize, x: usize, scale: usize, rows: i32, width: i32): void {
  const row = <usize>width << SHIFT;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    const mean = rowMean(x, row, inverse, far);
    const r = f32x4.div(splat(1), down(scale, near));
    for (let i = 0; i < count; i++) {
      const mi = ofRow(mean, i), ri = ofRow(r, i);
      for (let o: usize = 0; o < row; o += 16) put(y + o, f32x4.mul(f32x4.sub(v128.load(x + o), mi), ri), row - o);
      y += row; x += row;
    }
    n += count; scale += <usize>count * ELEMENT;
  }
}

/** normScale, normalize and the affine part in one visit of the row: the same operations, the same bits. */
export function layerNorm(
  scale: usize, y: usize, out: usize, x: usize, w: usize, b: usize, rows: i32, width: i32, eps: f32,
): void {
  const row = <usize>width << SHIFT;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    const mean = rowMean(x, row, inverse, far);
    const s = rowScale(x, row, inverse, mean, eps, far);
    putDown(scale, s, near);
    const r = f32x4.div(splat(1), s);
    for (let i = 0; i < count; i++) {
      const mi = ofRow(mean, i), ri = ofRow(r, i);
      let o: usize = 0;
      for (; o + 64 <= row; o += 64) {
        // four vectors with one test and one address an operand: without, those are half of the work
        const xp = x + o, yp = y + o, q = out + o, wp = w + o, bp = b + o;
        const v0 = f32x4.mul(f32x4.sub(v128.load(xp), mi), ri), v1 = f32x4.mul(f32x4.sub(v128.load(xp, 16), mi), ri);
        const v2 = f32x4.mul(f32x4.sub(v128.load(xp, 32), mi), ri), v3 = f32x4.mul(f32x4.sub(v128.load(xp, 48), mi), ri);
        v128.store(yp, v0); v128.store(yp, v1, 16); v128.store(yp, v2, 32); v128.store(yp, v3, 48);
        v128.store(q, f32x4.add(f32x4.mul(v0, v128.load(wp)), v128.load(bp)));
        v128.store(q, f32x4.add(f32x4.mul(v1, v128.load(wp, 16)), v128.load(bp, 16)), 16);
        v128.store(q, f32x4.add(f32x4.mul(v2, v128.load(wp, 32)), v128.load(bp, 32)), 32);
        v128.store(q, f32x4.add(f32x4.mul(v3, v128.load(wp, 48)), v128.load(bp, 48)), 48);
      }
      for (; o < row; o += 16) {
        const v = f32x4.mul(f32x4.sub(v128.load(x + o), mi), ri);
        put(y + o, v, row - o);
        put(out + o, f32x4.add(f32x4.mul(v, v128.load(w + o)), v128.load(b + o)), row - o);
      }
      y += row; x += row; out += row;
    }
    n += count; scale += <usize>count * ELEMENT;
  }
}

// @ts-ignore: decorator
@inline function centred(g: v128, mean: v128, y: v128, slope: v128, inverse: v128): v128 {
  return f32x4.mul(f32x4.sub(f32x4.sub(g, mean), f32x4.mul(y, slope)), inverse);
}

/** out = (g − mean g − y · mean(g y)) / scale with g = d · w (w = 0: g = d): the gradient of layer norm. */
export function normalizeGrad(
  out: usize, d: usize, w: usize, y: usize, scale: usize, rows: i32, width: i32,
): void {
  const row = <usize>width << SHIFT;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    let s = splat(0), q = s;
    for (let o: usize = 0; o < row; o += ELEMENT) {
      let g = down(d + o, far);
      if (w) g = f32x4.mul(g, repeated(w + o));
      s = f32x4.add(s, g);
      q = madd(g, down(y + o, far), q);
    }
    s = f32x4.mul(s, inverse);
    q = f32x4.mul(q, inverse);
    const r = f32x4.div(splat(1), down(scale, near));
    for (let i = 0; i < count; i++) {
      const si = ofRow(s, i), qi = ofRow(q, i), ri = ofRow(r, i);
      let o: usize = 0;
      for (; o + 64 <= row; o += 64) {
        const dp = d + o, yp = y + o, p = out + o;
        let g0 = v128.load(dp), g1 = v128.load(dp, 16), g2 = v128.load(dp, 32), g3 = v128.load(dp, 48);
        if (w) {
          const wp = w + o;
          g0 = f32x4.mul(g0, v128.load(wp)); g1 = f32x4.mul(g1, v128.load(wp, 16));
          g2 = f32x4.mul(g2, v128.load(wp, 32)); g3 = f32x4.mul(g3, v128.load(wp, 48));
        }
        v128.store(p, centred(g0, si, v128.load(yp), qi, ri));
        v128.store(p, centred(g1, si, v128.load(yp, 16), qi, ri), 16);
        v128.store(p, centred(g2, si, v128.load(yp, 32), qi, ri), 32);
        v128.store(p, centred(g3, si, v128.load(yp, 48), qi, ri), 48);
      }
      for (; o < row; o += 16) {
        let g = v128.load(d + o);
        if (w) g = f32x4.mul(g, v128.load(w + o));
        put(out + o, centred(g, si, v128.load(y + o), qi, ri), row - o);
      }
      out += row; d += row; y += row;
    }
    n += count; scale += <usize>count * ELEMENT;
  }
}

/** out[n] = ln Σ exp(x) − x[target], in nats. */
export function crossEntropy(out: usize, x: usize, target: usize, rows: i32, width: i32): void {
  const row = <usize>width << SHIFT;
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    const max = rowMax(x, row, far);
    const t = down(target, near);
    let s = splat(0), picked = s;
    for (let j = 0; j < width; j++) {
      const shifted = f32x4.sub(down(x + (<usize>j << SHIFT), far), max);
      s = f32x4.add(s, vexpShifted(shifted));
      picked = v128.bitselect(shifted, picked, i32x4.eq(t, i32x4.splat(j)));
    }
    putDown(out, f32x4.sub(vlog(s), picked), near);
    n += count; out += <usize>count * ELEMENT; x += <usize>count * row; target += <usize>count * ELEMENT;
  }
}

/** out = d · (softmax(x) − oneHot(target)). */
export function crossEntropyGrad(out: usize, x: usize, target: usize, d: usize, rows: i32, width: i32): void {
  const row = <usize>width << SHIFT;
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    const max = rowMax(x, row, far);
    let s = splat(0);
    for (let o: usize = 0; o < row; o += ELEMENT) {
      const e = vexpShifted(f32x4.sub(down(x + o, far), max));
      putDown(out + o, e, far);
      s = f32x4.add(s, e);
    }
    s = f32x4.div(splat(1), s);
    const t = down(target, near);
    const dn = down(d, near);
    for (let j = 0; j < width; j++) {
      const o = <usize>j << SHIFT;
      const one = v128.and(i32x4.eq(t, i32x4.splat(j)), splat(1));
      putDown(out + o, f32x4.mul(dn, f32x4.sub(f32x4.mul(down(out + o, far), s), one)), far);
    }
    const step = <usize>count * row;
    n += count; out += step; x += step; target += <usize>count * ELEMENT; d += <usize>count * ELEMENT;
  }
}

/** out[n, j] = 1 where index[n] is j, else 0. */
export function oneHot(out: usize, index: usize, rows: i32, depth: i32): void {
  const row = <usize>depth << SHIFT;
  for (let n = 0; n < rows;) {
    const count = rowsAtOnce(rows - n), far = count > 1 ? row : 0, near = count > 1 ? ELEMENT : 0;
    const t = down(index, near);
    for (let j = 0; j < depth; j++)
      putDown(out + (<usize>j << SHIFT), v128.and(i32x4.eq(t, i32x4.splat(j)), splat(1)), far);
    n += count; out += <usize>count * row; index += <usize>count * ELEMENT;
  }
}
