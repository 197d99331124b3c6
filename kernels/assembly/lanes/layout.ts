/**
 * The lane layout: every scalar of a model is stored beside the same scalar of three other models, one `v128` of four
 * float32. An operation is then a plain loop over one model's scalars, four models at a time: no remainder, no
 * shuffle, and each lane's arithmetic is the same whatever its neighbours hold.
 *
 * ../single/layout.ts exports the same names, and kernels/build.mjs compiles the files beside these folders with either.
 */
/** Bytes of one element (a power of two, of exponent SHIFT): four models' float32 (or int32). */
export const ELEMENT: usize = 16;
export const SHIFT: usize = 4;

/** The vector of elements at p; `stride` bytes lie between elements, and `left` bytes of result are wanted. */
// @ts-ignore: decorator
@inline export function fetch(p: usize, stride: usize, left: usize): v128 {
  return v128.load(p);
}

/** How far an operand of that stride moves on with each vector. */
// @ts-ignore: decorator
@inline export function advance(stride: usize): usize {
  return stride;
}

/** Stores a vector of elements, but no more than the `left` bytes that remain of the result. */
// @ts-ignore: decorator
@inline export function put(p: usize, x: v128, left: usize): void {
  v128.store(p, x);
}

/** One element that every element of a vector meets: a number of each model. */
// @ts-ignore: decorator
@inline export function repeated(p: usize): v128 {
  return v128.load(p);
}

/** How many rows a vector holds one element each of, when `left` rows remain. */
// @ts-ignore: decorator
@inline export function rowsAtOnce(left: i32): i32 {
  return 1;
}

/** The element at p of each of the rows at hand, `stride` bytes apart. */
// @ts-ignore: decorator
@inline export function down(p: usize, stride: usize): v128 {
  return v128.load(p);
}

/** Stores an element of each of the rows at hand. */
// @ts-ignore: decorator
@inline export function putDown(p: usize, x: v128, stride: usize): void {
  v128.store(p, x);
}

/** Copies one element, bit by bit. */
// @ts-ignore: decorator
@inline export function copyElement(out: usize, x: usize): void {
  v128.store(out, v128.load(x));
}

/** The number of row i among the rows at hand, for all elements of a vector along that row. */
// @ts-ignore: decorator
@inline export function ofRow(x: v128, i: i32): v128 {
  return x;
}
