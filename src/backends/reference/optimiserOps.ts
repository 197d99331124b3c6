/** Ops of the optimisers: running means and Adam's step. */
import type { Executor } from "./executor.ts";

type OptimiserOp = "ema" | "emaSquare" | "adamUpdate";

/** Executors of the optimisers' ops. */
export const optimiserExecutors: { [P in OptimiserOp]: Executor<P> } = {
  ema: ({ attrs: { beta } }) => {
    return ([m, g], out) => {
      for (let i = 0; i < out.length; i++) out[i] = beta * m[i] + (1 - beta) * g[i];
    };
  },
  emaSquare: ({ attrs: { beta } }) => {
    return ([v, g], out) => {
      for (let i = 0; i < out.length; i++) out[i] = beta * v[i] + (1 - beta) * g[i] * g[i];
    };
  },
  adamUpdate: ({ attrs: { eps } }) => {
    return ([weight, m, v, [rate], [correction1], [correction2]], out) => {
      for (let i = 0; i < out.length; i++)
        out[i] = weight[i] - (rate * (m[i] / correction1)) / (Math.sqrt(v[i] / correction2) + eps);
    };
  },
};
