/** Fused ops along the last axis: each takes a whole row at a time. */
import { type Executor, rowLength } from "./executor.ts";
import { checkedIndex } from "./indexOps.ts";

function rowMaximum(x: Float64Array, start: number, length: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + length; i++) largest = Math.max(largest, x[i]);
  return largest;
}

function rowMean(x: Float64Array, start: number, length: number): number {
  let total = 0;
  for (let i = start; i < start + length; i++) total += x[i];
  return total / length;
}

/** Writes exp(x − max x) / Σ exp(x − max x); a row of −∞ alone has no such thing and becomes NaN. */
function softmaxRow(x: Float64Array, start: number, length: number, out: Float64Array): void {
  const largest = rowMaximum(x, start, length); // subtracted: exp overflows above 709
  let total = 0;
  for (let i = start; i < start + length; i++) total += out[i] = Math.exp(x[i] - largest);
  for (let i = start; i < start + length; i++) out[i] /= total;
}

type FusedOp =
  | "softmax"
  | "softmaxGrad"
  | "normScale"
  | "normalize"
  | "normalizeGrad"
  | "crossEntropy"
  | "crossEntropyGrad";

/** Executors of the fused ops. */
export const fusedExecutors: { [P in FusedOp]: Executor<P> } = {
  softmax: (node) => {
    const length = rowLength(node);
    return ([x], out) => {
      for (let start = 0; start < out.length; start += length) softmaxRow(x, start, length, out);
    };
  },
  softmaxGrad: (node) => {
    const length = rowLength(node);
    return ([p, d], out) => {
      for (let start = 0; start < out.length; start += length) {
        let dot = 0;
        for (let i = start; i < start + length; i++) dot += p[i] * d[i];
        for (let i = start; i < start + length; i++) out[i] = p[i] * (d[i] - dot);
      }
    };
  },
  normScale: ({ inputs: [x], attrs: { eps } }) => {
    const length = rowLength(x);
    return ([values], out) => {
      for (let row = 0; row < out.length; row++) {
        const start = row * length;
        const mean = rowMean(values, start, length);
        let squares = 0;
        for (let i = start; i < start + length; i++) squares += (values[i] - mean) ** 2;
        out[row] = Math.sqrt(squares / length + eps);
      }
    };
  },
  normalize: (node) => {
    const length = rowLength(node);
    return ([x, scale], out) => {
      for (let row = 0; row < scale.length; row++) {
        const start = row * length;
        const mean = rowMean(x, start, length);
        for (let i = start; i < start + length; i++) out[i] = (x[i] - mean) / scale[row];
      }
    };
  },
  normalizeGrad: (node) => {
    const length = rowLength(node);
    return ([d, y, scale], out) => {
      for (let row = 0; row < scale.length; row++) {
        const start = row * length;
        const mean = rowMean(d, start, length);
        let dot = 0;
        for (let i = start; i < start + length; i++) dot += d[i] * y[i];
        for (let i = start; i < start + length; i++)
          out[i] = (d[i] - mean - y[i] * (dot / length)) / scale[row];
      }
    };
  },
  crossEntropy: ({ inputs: [logits] }) => {
    const length = rowLength(logits);
    return ([x, targets], out) => {
      for (let row = 0; row < out.length; row++) {
        const start = row * length;
        const target = checkedIndex("crossEntropy", targets[row], length);
        const largest = rowMaximum(x, start, length);
        let total = 0;
        for (let i = start; i < start + length; i++) total += Math.exp(x[i] - largest);
        out[row] = Math.log(total) - (x[start + target] - largest);
      }
    };
  },
  crossEntropyGrad: (node) => {
    const length = rowLength(node);
    return ([x, targets, d], out) => {
      for (let row = 0; row < targets.length; row++) {
        const start = row * length;
        const target = checkedIndex("crossEntropyGrad", targets[row], length);
        softmaxRow(x, start, length, out);
        out[start + target] -= 1;
        for (let i = start; i < start + length; i++) out[i] *= d[row];
      }
    };
  },
};
