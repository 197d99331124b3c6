/** The nonlinearity of an MLP. */
import { gelu, mul, offset, relu, scale, tanh } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { ActFn } from "./config.ts";

/** sqrt(2 / π), which turns the cubic below into an argument of tanh. */
const GELU_SLOPE = Math.sqrt(2 / Math.PI);

/**
 * A nonlinearity, elementwise.
 *
 *   relu      max(x, 0)
 *   gelu      x · Φ(x)
 *   gelu_new  x / 2 · (1 + tanh( sqrt(2/π) (x + 0.044715 x³) )), at most 5e-4 from gelu
 *   silu      x · σ(x) = x / 2 · (1 + tanh(x / 2)): this form overflows nowhere, neither do its gradients
 *
 * @source Hendrycks & Gimpel 2016, eq. 1 and section 2; SiLU: Elfwing, Uchibe & Doya 2018 ("swish" elsewhere)
 */
export function activate(actFn: ActFn, x: Node): Node {
  switch (actFn) {
    case "relu":
      return relu(x);
    case "gelu":
      return gelu(x);
    case "gelu_new": {
      const slope = offset(scale(mul(x, x), 0.044715 * GELU_SLOPE), GELU_SLOPE); // sqrt(2/π) (1 + 0.044715 x²)
      return halfOpen(x, mul(x, slope));
    }
    case "silu":
      return halfOpen(x, scale(x, 0.5));
  }
}

/** x · (1 + tanh y) / 2. */
function halfOpen(x: Node, y: Node): Node {
  return mul(x, scale(offset(tanh(y), 1), 0.5));
}
