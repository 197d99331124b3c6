/** How many numbers each weight sums over and feeds: what every initialisation scheme is a formula of. */
import { unknownName } from "../base/errors.ts";
import { keyValueHeads, type ModelConfig } from "./config.ts";
import { weightShapes } from "./weights.ts";

/** What a weight does. */
export type WeightRole = "embedding" | "hidden" | "output" | "bias" | "normWeight" | "normBias";

/** Fans of a weight; a bias has those of the matrix it belongs to, a norm's weight and bias have 1. */
export interface Fan {
  readonly role: WeightRole;
  /** Inputs that one output sums over. An embedding is a matrix times a one-hot vector, so it sums over 1. */
  readonly fanIn: number;
  /** Outputs that one input feeds. */
  readonly fanOut: number;
  /** Whether its product is added to the residual stream (W_O and W_out). */
  readonly writes: boolean;
}

/**
 * The fans of one weight.
 *
 * Heads count together: W_Q maps dModel numbers to nHeads · dHead, W_O maps nHeads · dHead numbers to dModel. Of keys and
 * values there may be fewer heads, so that W_K and W_V feed fewer outputs from as many inputs.
 *
 * @param name  e.g. `blocks.0.attn.W_Q`
 * @throws NameError if the config has no such weight
 */
export function fanOf(config: ModelConfig, name: string): Fan {
  const shapes = weightShapes(config);
  if (!shapes.has(name)) throw unknownName("weight", name, shapes.keys());
  const leaf = name.slice(name.lastIndexOf(".") + 1);
  if (name === "mlm_head.W" || name === "mlm_head.b") {
    const role = leaf === "b" ? "bias" : "hidden";
    return { role, fanIn: config.dModel, fanOut: config.dModel, writes: false };
  }
  if (leaf === "w") return { role: "normWeight", fanIn: 1, fanOut: 1, writes: false };
  if (leaf === "b") return { role: "normBias", fanIn: 1, fanOut: 1, writes: false };
  const [kind, matrix] = leaf.split("_");
  const [fanIn, fanOut, role, writes] = matrixFan(config, matrix);
  return kind === "b" ? { role: "bias", fanIn, fanOut, writes: false } : { role, fanIn, fanOut, writes };
}

function matrixFan(config: ModelConfig, matrix: string): [number, number, WeightRole, boolean] {
  const { dModel, nHeads, dHead, dMlp, dVocab } = config;
  const dHeads = nHeads * dHead;
  switch (matrix) {
    case "O":
      return [dHeads, dModel, "hidden", true];
    case "K":
    case "V":
      return [dModel, keyValueHeads(config) * dHead, "hidden", false];
    case "in":
    case "gate":
      return [dModel, dMlp, "hidden", false];
    case "out":
      return [dMlp, dModel, "hidden", true];
    case "U":
      return [dModel, dVocab, "output", false];
    case "E":
    case "pos":
    case "token": // W_token_type
      return [1, dModel, "embedding", false];
    default: // Q
      return [dModel, dHeads, "hidden", false];
  }
}
