/** Copies and sums. */
import { copyElement, down, ELEMENT, put, putDown, SHIFT } from "./layout";
import { splat } from "./vector";

/** A strided copy over five axes: transpose, broadcast (input stride 0), slice and concat (output strides). */
export function copy(
  out: usize,
  x: usize,
  n0: i32,
  n1: i32,
  n2: i32,
  n3: i32,
  n4: i32,
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  x4: usize,
  o0: usize,
  o1: usize,
  o2: usize,
  o3: usize,
  o4: usize,
): void {
  const whole = ELEMENT < 16 && x4 == ELEMENT && o4 == ELEMENT;
  const row = <usize>n4 << SHIFT;
  for (let a = 0; a < n0; a++)
    for (let b = 0; b < n1; b++)
      for (let c = 0; c < n2; c++)
        for (let d = 0; d < n3; d++) {
          let p = x + <usize>a * x0 + <usize>b * x1 + <usize>c * x2 + <usize>d * x3;
          let q = out + <usize>a * o0 + <usize>b * o1 + <usize>c * o2 + <usize>d * o3;
          if (whole) {
            for (let o: usize = 0; o < row; o += 16) put(q + o, v128.load(p + o), row - o);
            continue;
          }
          for (let e = 0; e < n4; e++) {
            copyElement(q, p);
            p += x4;
            q += o4;
          }
        }
}

export function fill(out: usize, n: i32): void {
  memory.fill(out, 0, (<usize>n) << SHIFT);
}

/** out[o, i] = Σ_r x[o, r, i] in order of r: four vectors at a time, so that the sums hide each other's latency. */
export function sum(out: usize, x: usize, outer: i32, count: i32, inner: i32): void {
  const row = (<usize>inner) << SHIFT;
  let o = 0;
  if (row < 16) {
    // too few columns to fill a vector: four rows of sums do
    const far = <usize>count * row;
    for (; o + 4 <= outer; o += 4) {
      for (let i: usize = 0; i < row; i += ELEMENT) {
        let s = splat(0);
        for (let r: usize = 0; r < far; r += row) s = f32x4.add(s, down(x + i + r, far));
        putDown(out + i, s, row);
      }
      out += 4 * row;
      x += 4 * far;
    }
  }
  for (; o < outer; o++) {
    let i: usize = 0;
    for (; i + 64 <= row; i += 64) {
      let s0 = splat(0),
        s1 = s0,
        s2 = s0,
        s3 = s0;
      let p = x + i;
      for (let r = 0; r < count; r++) {
        s0 = f32x4.add(s0, v128.load(p));
        s1 = f32x4.add(s1, v128.load(p, 16));
        s2 = f32x4.add(s2, v128.load(p, 32));
        s3 = f32x4.add(s3, v128.load(p, 48));
        p += row;
      }
      v128.store(out + i, s0);
      v128.store(out + i, s1, 16);
      v128.store(out + i, s2, 32);
      v128.store(out + i, s3, 48);
    }
    for (; i < row; i += 16) {
      let s = splat(0);
      let p = x + i;
      for (let r = 0; r < count; r++) {
        s = f32x4.add(s, v128.load(p));
        p += row;
      }
      put(out + i, s, row - i);
    }
    out += row;
    x += <usize>count * row;
  }
}

/** out[i] = Σ_r x[r, i] y[r, i] in order of r: the sum of a product that is never stored. */
export function sumProduct(out: usize, x: usize, y: usize, count: i32, inner: i32): void {
  const row = (<usize>inner) << SHIFT;
  let i: usize = 0;
  for (; i + 64 <= row; i += 64) {
    let s0 = splat(0),
      s1 = s0,
      s2 = s0,
      s3 = s0;
    let p = x + i,
      q = y + i;
    for (let r = 0; r < count; r++) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(p), v128.load(q)));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(p, 16), v128.load(q, 16)));
      s2 = f32x4.add(s2, f32x4.mul(v128.load(p, 32), v128.load(q, 32)));
      s3 = f32x4.add(s3, f32x4.mul(v128.load(p, 48), v128.load(q, 48)));
      p += row;
      q += row;
    }
    v128.store(out + i, s0);
    v128.store(out + i, s1, 16);
    v128.store(out + i, s2, 32);
    v128.store(out + i, s3, 48);
  }
  for (; i < row; i += 16) {
    let s = splat(0);
    let p = x + i,
      q = y + i;
    for (let r = 0; r < count; r++) {
      s = f32x4.add(s, f32x4.mul(v128.load(p), v128.load(q)));
      p += row;
      q += row;
    }
    put(out + i, s, row - i);
  }
}
