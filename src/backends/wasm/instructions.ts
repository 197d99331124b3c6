/**
 * The instruction words of the kernel interpreter (kernels/assembly/run.ts reads them in the same order).
 *
 * An address is a byte offset, a multiple of 4; its lowest bit says that it counts from the states of the group of
 * models that is being run. Strides are bytes; the planner works in elements, whose bytes the layout says.
 */

import type { Strided } from "../plan/strides.ts";

/** What the matrix product does to a sum before storing it; bits of `flags`, applied in this order. */
export const EPILOGUE = { scale: 16, bias: 1, add: 2, relu: 4, gate: 8 } as const;

/** Codes of the binary elementwise ops. */
export const BINARY = {
  add: 0,
  sub: 1,
  mul: 2,
  div: 3,
  maximum: 4,
  minimum: 5,
  greater: 6,
  gate: 7,
  geluGrad: 8,
  ema: 9,
  emaSquare: 10,
} as const;

/** Codes of the unary elementwise ops. */
export const UNARY = {
  scale: 0,
  offset: 1,
  exp: 2,
  log: 3,
  sqrt: 4,
  tanh: 5,
  erf: 6,
  relu: 7,
  gelu: 8,
} as const;

/** One matrix product with up to three batch loops. Strides in elements. */
export interface Gemm {
  a: number;
  b: number;
  c: number;
  bias: number;
  e: number;
  rows: number;
  inner: number;
  cols: number;
  aRow: number;
  aInner: number;
  bInner: number;
  bCol: number;
  cRow: number;
  eRow: number;
  biasCol: number;
  flags: number;
  alpha: number;
  /** Three loops: how often, and how far each operand moves. */
  loops: readonly { size: number; a: number; b: number; c: number; bias: number; e: number }[];
}

/** Collects instruction words. */
export class InstructionWriter {
  readonly words: number[] = [];
  readonly elementBytes: number;
  readonly #scratch = new DataView(new ArrayBuffer(4));

  constructor(elementBytes: number) {
    this.elementBytes = elementBytes;
  }

  #float(x: number): number {
    this.#scratch.setFloat32(0, x);
    return this.#scratch.getInt32(0);
  }

  #bytes(elements: readonly number[]): number[] {
    return elements.map((stride) => stride * this.elementBytes);
  }

  gemm(g: Gemm): void {
    const strides = this.#bytes([g.aRow, g.aInner, g.bInner, g.bCol, g.cRow, g.eRow, g.biasCol]);
    const of = (key: "a" | "b" | "c" | "bias" | "e") => this.#bytes(g.loops.map((loop) => loop[key]));
    this.words.push(
      0,
      g.a,
      g.b,
      g.c,
      g.bias,
      g.e,
      g.rows,
      g.inner,
      g.cols,
      ...strides,
      g.flags,
      this.#float(g.alpha),
    );
    this.words.push(
      ...g.loops.map((loop) => loop.size),
      ...of("a"),
      ...of("b"),
      ...of("c"),
      ...of("bias"),
      ...of("e"),
    );
  }

  /** out = a op b over three axes; `k`, `k2` are the constants of the running means. */
  binary(op: number, out: number, a: number, b: number, loops: Strided, k = 0, k2 = 0): void {
    this.words.push(1, op, out, a, b, this.#float(k), this.#float(k2), ...loops.sizes);
    this.words.push(...this.#bytes(loops.strides[0]), ...this.#bytes(loops.strides[1]));
  }

  unary(op: number, out: number, x: number, k: number, count: number): void {
    this.words.push(2, op, out, x, this.#float(k), count);
  }

  select(out: number, condition: number, a: number, b: number, count: number): void {
    this.words.push(3, out, condition, a, b, count);
  }

  adamUpdate(out: number, operands: readonly number[], eps: number, count: number): void {
    this.words.push(4, out, ...operands, this.#float(eps), count);
  }

  /** Strided copy over five axes; the outermost of more are written out, one copy after the other. */
  copy(out: number, x: number, loops: Strided): void {
    const { sizes, strides } = loops;
    if (sizes.length > 5) {
      const inner = { sizes: sizes.slice(1), strides: strides.map((of) => of.slice(1)) };
      const [[from], [to]] = strides;
      for (let i = 0; i < sizes[0]; i++)
        this.copy(out + i * to * this.elementBytes, x + i * from * this.elementBytes, inner);
      return;
    }
    this.words.push(
      5,
      out,
      x,
      ...loops.sizes,
      ...this.#bytes(loops.strides[0]),
      ...this.#bytes(loops.strides[1]),
    );
  }

  fill(out: number, count: number): void {
    this.words.push(6, out, count);
  }

  /** out[o, i] = sum over r of x[o, r, i]. */
  sum(out: number, x: number, outer: number, count: number, inner: number): void {
    this.words.push(7, out, x, outer, count, inner);
  }

  /** out[i] = sum over r of x[r, i] y[r, i]. */
  sumProduct(out: number, x: number, y: number, count: number, inner: number): void {
    this.words.push(8, out, x, y, count, inner);
  }

  gather(out: number, table: number, index: number, count: number, width: number): void {
    this.words.push(9, out, table, index, count, width);
  }

  scatterAdd(out: number, index: number, updates: number, count: number, width: number): void {
    this.words.push(10, out, index, updates, count, width);
  }

  oneHot(out: number, index: number, count: number, depth: number): void {
    this.words.push(11, out, index, count, depth);
  }

  softmax(out: number, x: number, rows: number, width: number): void {
    this.words.push(12, out, x, rows, width);
  }

  softmaxGrad(out: number, p: number, d: number, rows: number, width: number): void {
    this.words.push(13, out, p, d, rows, width);
  }

  normScale(out: number, x: number, rows: number, width: number, eps: number): void {
    this.words.push(14, out, x, rows, width, this.#float(eps));
  }

  normalize(out: number, x: number, scale: number, rows: number, width: number): void {
    this.words.push(15, out, x, scale, rows, width);
  }

  /** normScale, normalize and the affine part at once. */
  layerNorm(
    results: readonly [number, number, number],
    x: number,
    w: number,
    b: number,
    rows: number,
    width: number,
    eps: number,
  ): void {
    this.words.push(16, ...results, x, w, b, rows, width, this.#float(eps));
  }

  /** Gradient of layer norm in d · w; w = 0 means d alone. */
  normalizeGrad(
    out: number,
    d: number,
    w: number,
    y: number,
    scale: number,
    rows: number,
    width: number,
  ): void {
    this.words.push(17, out, d, w, y, scale, rows, width);
  }

  /** Both moments and the weight: ema, emaSquare and adamUpdate at once. */
  adamStep(
    results: readonly [number, number, number],
    operands: readonly number[],
    [beta1, beta2]: readonly [number, number],
    eps: number,
    count: number,
  ): void {
    const factors = [beta1, 1 - beta1, beta2, 1 - beta2, eps].map((factor) => this.#float(factor));
    this.words.push(20, ...results, ...operands, ...factors, count);
  }

  crossEntropy(out: number, logits: number, targets: number, rows: number, width: number): void {
    this.words.push(18, out, logits, targets, rows, width);
  }

  crossEntropyGrad(
    out: number,
    logits: number,
    targets: number,
    d: number,
    rows: number,
    width: number,
  ): void {
    this.words.push(19, out, logits, targets, d, rows, width);
  }
}
