/**
 * The layout of one model: an element is one float32 (or int32), row after row without gaps.
 *
 * A vector holds four neighbouring elements of a result, or one element of each of four rows; never four terms of one
 * sum. Each scalar therefore goes through the operations of its lane in ../lanes/layout.ts in the same order, and has
 * the same bits. Where fewer than four remain, a vector is read whole and stored in part: what is read beyond an
 * operand takes part in nothing that is kept, and the host leaves a vector's room after the last one.
 */
export const ELEMENT: usize = 4;
export const SHIFT: usize = 2;

function gathered(p: usize, stride: usize, left: usize): v128 {
  let x = v128.load32_splat(p);
  if (left > 4) x = v128.load32_lane(p + stride, x, 1);
  if (left > 8) x = v128.load32_lane(p + 2 * stride, x, 2);
  if (left > 12) x = v128.load32_lane(p + 3 * stride, x, 3);
  return x;
}

// @ts-ignore: decorator
@inline export function fetch(p: usize, stride: usize, left: usize): v128 {
  if (stride == 4) return v128.load(p);
  if (stride == 0) return v128.load32_splat(p);
  return gathered(p, stride, left);
}

// @ts-ignore: decorator
@inline export function advance(stride: usize): usize {
  return stride << 2;
}

function putPart(p: usize, x: v128, left: usize): void {
  if (left < 8) v128.store32_lane(p, x, 0);
  else {
    v128.store64_lane(p, x, 0);
    if (left > 8) v128.store32_lane(p, x, 2, 8);
  }
}

// @ts-ignore: decorator
@inline export function put(p: usize, x: v128, left: usize): void {
  if (left >= 16) v128.store(p, x);
  else putPart(p, x, left);
}

// @ts-ignore: decorator
@inline export function repeated(p: usize): v128 {
  return v128.load32_splat(p);
}

/** Four rows, or at the end one by itself, which then stands in all four places: see the strides of `down`. */
// @ts-ignore: decorator
@inline export function rowsAtOnce(left: i32): i32 {
  return left >= 4 ? 4 : 1;
}

/** A stride of 0 is one row in all places. */
// @ts-ignore: decorator
@inline export function down(p: usize, stride: usize): v128 {
  let x = v128.load32_splat(p);
  x = v128.load32_lane(p + stride, x, 1);
  x = v128.load32_lane(p + 2 * stride, x, 2);
  return v128.load32_lane(p + 3 * stride, x, 3);
}

// @ts-ignore: decorator
@inline export function putDown(p: usize, x: v128, stride: usize): void {
  v128.store32_lane(p, x, 0);
  v128.store32_lane(p + stride, x, 1);
  v128.store32_lane(p + 2 * stride, x, 2);
  v128.store32_lane(p + 3 * stride, x, 3);
}

// @ts-ignore: decorator
@inline export function copyElement(out: usize, x: usize): void {
  store<u32>(out, load<u32>(x));
}

// @ts-ignore: decorator
@inline export function ofRow(x: v128, i: i32): v128 {
  return i8x16.swizzle(x, i32x4.splat(0x03020100 + 0x04040404 * i)); // its four bytes, four times
}
