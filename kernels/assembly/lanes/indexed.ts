/** Ops that read an index: each model has its own token in its lane, so the four lanes read four different rows. */
// @ts-ignore: decorator
@inline function allEqual(t: v128): bool {
  return i32x4.all_true(i32x4.eq(t, i32x4.splat(i32x4.extract_lane(t, 0))));
}

/** out[n, :] = table[index[n], :], lane by lane; where the four models share the token it is one row copy. */
export function gather(out: usize, table: usize, index: usize, count: i32, width: i32): void {
  const row = <usize>width << 4;
  for (let n = 0; n < count; n++) {
    const t = v128.load(index);
    const p0 = table + <usize>i32x4.extract_lane(t, 0) * row;
    if (allEqual(t)) memory.copy(out, p0, row);
    else {
      const p1 = table + <usize>i32x4.extract_lane(t, 1) * row + 4;
      const p2 = table + <usize>i32x4.extract_lane(t, 2) * row + 8;
      const p3 = table + <usize>i32x4.extract_lane(t, 3) * row + 12;
      for (let o: usize = 0; o < row; o += 16) {
        store<f32>(out + o, load<f32>(p0 + o));
        store<f32>(out + o, load<f32>(p1 + o), 4);
        store<f32>(out + o, load<f32>(p2 + o), 8);
        store<f32>(out + o, load<f32>(p3 + o), 12);
      }
    }
    out += row; index += 16;
  }
}

// @ts-ignore: decorator
@inline function addLane(p: usize, d: usize): void {
  store<f32>(p, load<f32>(p) + load<f32>(d));
}

/** out[index[n], :] += d[n, :], in order of n, lane by lane; out must be zero (or hold what is added to). */
export function scatterAdd(out: usize, index: usize, d: usize, count: i32, width: i32): void {
  const row = <usize>width << 4;
  for (let n = 0; n < count; n++) {
    const t = v128.load(index);
    const p0 = out + <usize>i32x4.extract_lane(t, 0) * row;
    if (allEqual(t)) {
      for (let o: usize = 0; o < row; o += 16) v128.store(p0 + o, f32x4.add(v128.load(p0 + o), v128.load(d + o)));
    } else {
      const p1 = out + <usize>i32x4.extract_lane(t, 1) * row + 4;
      const p2 = out + <usize>i32x4.extract_lane(t, 2) * row + 8;
      const p3 = out + <usize>i32x4.extract_lane(t, 3) * row + 12;
      for (let o: usize = 0; o < row; o += 16) {
        addLane(p0 + o, d + o);
        addLane(p1 + o, d + o + 4);
        addLane(p2 + o, d + o + 8);
        addLane(p3 + o, d + o + 12);
      }
    }
    d += row; index += 16;
  }
}
