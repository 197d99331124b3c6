/** Fused ops over the last axis: one pass in, one pass out, nothing stored between. */
import { madd, splat } from "./lanes";
import { vexpShifted, vlog } from "./math";

// @ts-ignore: decorator
@inline function rowMax(x: usize, row: usize): v128 {
  let max = v128.load(x);
  for (let o: usize = 16; o < row; o += 16) max = f32x4.pmax(max, v128.load(x + o));
  return max;
}

/** out = exp(x − max) / Σ. A score of −∞ gives exactly 0. */
export function softmax(out: usize, x: usize, rows: i32, width: i32): void {
  const row = <usize>width << 4;
  for (let n = 0; n < rows; n++) {
    const max = rowMax(x, row); // exp(89) overflows float32
    let s = splat(0);
    for (let o: usize = 0; o < row; o += 16) {
      const e = vexpShifted(f32x4.sub(v128.load(x + o), max));
      v128.store(out + o, e);
      s = f32x4.add(s, e);
    }
    s = f32x4.div(splat(1), s);
    for (let o: usize = 0; o < row; o += 16) v128.store(out + o, f32x4.mul(v128.load(out + o), s));
    out += row; x += row;
  }
}

/** out = p (d − Σ p d). */
export function softmaxGrad(out: usize, p: usize, d: usize, rows: i32, width: i32): void {
  const row = <usize>width << 4;
  for (let n = 0; n < rows; n++) {
    let s = splat(0);
    for (let o: usize = 0; o < row; o += 16) s = madd(v128.load(p + o), v128.load(d + o), s);
    for (let o: usize = 0; o < row; o += 16)
      v128.store(out + o, f32x4.mul(v128.load(p + o), f32x4.sub(v128.load(d + o), s)));
    out += row; p += row; d += row;
  }
}

// @ts-ignore: decorator
@inline function rowMean(x: usize, row: usize, inverse: v128): v128 {
  let s = splat(0);
  for (let o: usize = 0; o < row; o += 16) s = f32x4.add(s, v128.load(x + o));
  return f32x4.mul(s, inverse);
}

/** scale = sqrt(mean((x − mean)²) + eps). */
export function normScale(scale: usize, x: usize, rows: i32, width: i32, eps: f32): void {
  const row = <usize>width << 4;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows; n++) {
    const mean = rowMean(x, row, inverse);
    let q = splat(0);
    for (let o: usize = 0; o < row; o += 16) {
      const c = f32x4.sub(v128.load(x + o), mean);
      q = madd(c, c, q);
    }
    v128.store(scale, f32x4.sqrt(f32x4.add(f32x4.mul(q, inverse), splat(eps))));
    scale += 16; x += row;
  }
}

/** y = (x − mean) / scale, by multiplication with 1 / scale. */
export function normalize(y: usize, x: usize, scale: usize, rows: i32, width: i32): void {
  const row = <usize>width << 4;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows; n++) {
    const mean = rowMean(x, row, inverse);
    const r = f32x4.div(splat(1), v128.load(scale));
    for (let o: usize = 0; o < row; o += 16) v128.store(y + o, f32x4.mul(f32x4.sub(v128.load(x + o), mean), r));
    scale += 16; y += row; x += row;
  }
}

/** normScale, normalize and the affine part in one visit of the row: the same operations, the same bits. */
export function layerNorm(
  scale: usize, y: usize, out: usize, x: usize, w: usize, b: usize, rows: i32, width: i32, eps: f32,
): void {
  const row = <usize>width << 4;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows; n++) {
    const mean = rowMean(x, row, inverse);
    let q = splat(0);
    for (let o: usize = 0; o < row; o += 16) {
      const c = f32x4.sub(v128.load(x + o), mean);
      q = madd(c, c, q);
    }
    const s = f32x4.sqrt(f32x4.add(f32x4.mul(q, inverse), splat(eps)));
    v128.store(scale, s);
    const r = f32x4.div(splat(1), s);
    for (let o: usize = 0; o < row; o += 16) {
      const v = f32x4.mul(f32x4.sub(v128.load(x + o), mean), r);
      v128.store(y + o, v);
      v128.store(out + o, f32x4.add(f32x4.mul(v, v128.load(w + o)), v128.load(b + o)));
    }
    scale += 16; y += row; x += row; out += row;
  }
}

/** out = (g − mean g − y · mean(g y)) / scale with g = d · w (w = 0: g = d): the gradient of layer norm. */
export function normalizeGrad(
  out: usize, d: usize, w: usize, y: usize, scale: usize, rows: i32, width: i32,
): void {
  const row = <usize>width << 4;
  const inverse = splat(1 / <f32>width);
  for (let n = 0; n < rows; n++) {
    let s = splat(0), q = s;
    for (let o: usize = 0; o < row; o += 16) {
      let g = v128.load(d + o);
      if (w) g = f32x4.mul(g, v128.load(w + o));
      v128.store(out + o, g);
      s = f32x4.add(s, g);
      q = madd(g, v128.load(y + o), q);
    }
    s = f32x4.mul(s, inverse);
    q = f32x4.mul(q, inverse);
    const r = f32x4.div(splat(1), v128.load(scale));
    for (let o: usize = 0; o < row; o += 16) {
      const g = v128.load(out + o);
      v128.store(out + o, f32x4.mul(f32x4.sub(f32x4.sub(g, s), f32x4.mul(v128.load(y + o), q)), r));
    }
    scale += 16; out += row; d += row; y += row;
  }
}

/** out[n] = ln Σ exp(x) − x[target], in nats. */
export function crossEntropy(out: usize, x: usize, target: usize, rows: i32, width: i32): void {
  const row = <usize>width << 4;
  for (let n = 0; n < rows; n++) {
    const max = rowMax(x, row);
    const t = v128.load(target);
    let s = splat(0), picked = s;
    for (let j = 0; j < width; j++) {
      const shifted = f32x4.sub(v128.load(x + (<usize>j << 4)), max);
      s = f32x4.add(s, vexpShifted(shifted));
      picked = v128.bitselect(shifted, picked, i32x4.eq(t, i32x4.splat(j)));
    }
    v128.store(out, f32x4.sub(vlog(s), picked));
    out += 16; x += row; target += 16;
  }
}

/** out = d · (softmax(x) − oneHot(target)). */
export function crossEntropyGrad(out: usize, x: usize, target: usize, d: usize, rows: i32, width: i32): void {
  const row = <usize>width << 4;
  for (let n = 0; n < rows; n++) {
    const max = rowMax(x, row);
    let s = splat(0);
    for (let o: usize = 0; o < row; o += 16) {
      const e = vexpShifted(f32x4.sub(v128.load(x + o), max));
      v128.store(out + o, e);
      s = f32x4.add(s, e);
    }
    s = f32x4.div(splat(1), s);
    const t = v128.load(target);
    const dn = v128.load(d);
    for (let j = 0; j < width; j++) {
      const o = <usize>j << 4;
      const one = v128.and(i32x4.eq(t, i32x4.splat(j)), splat(1));
      v128.store(out + o, f32x4.mul(dn, f32x4.sub(f32x4.mul(v128.load(out + o), s), one)));
    }
    out += row; x += row; target += 16; d += 16;
  }
}
