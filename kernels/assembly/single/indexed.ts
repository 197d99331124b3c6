/** Ops that read an index: one row a token. */
import { put } from "./layout";

/** out[n, :] = table[index[n], :]. */
export function gather(out: usize, table: usize, index: usize, count: i32, width: i32): void {
  const row = <usize>width << 2;
  for (let n = 0; n < count; n++) {
    const p = table + <usize>load<i32>(index) * row;
    for (let o: usize = 0; o < row; o += 16) put(out + o, v128.load(p + o), row - o);
    out += row; index += 4;
  }
}

/** out[index[n], :] += d[n, :], in order of n; out must be zero (or hold what is added to). */
export function scatterAdd(out: usize, index: usize, d: usize, count: i32, width: i32): void {
  const row = <usize>width << 2;
  for (let n = 0; n < count; n++) {
    const p = out + <usize>load<i32>(index) * row;
    for (let o: usize = 0; o < row; o += 16) put(p + o, f32x4.add(v128.load(p + o), v128.load(d + o)), row - o);
    d += row; index += 4;
  }
}
