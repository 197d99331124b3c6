/** Weights of the original study: a PyTorch state dict, read into our names and layouts. */
import { ArgumentError, unknownName } from "../base/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../graph/node.ts";
import { type ModelConfig, presets } from "./config.ts";
import { weightShapes } from "./weights.ts";

/** One tensor of a state dict, row-major. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Where one of our weights is found: the tensor's name and shape there, and the position there of our element. */
interface Origin {
  name: string;
  shape: Shape;
  /** Index into the tensor's data of element `at` of ours. */
  from(at: number): number;
}

const plainNames: Readonly<Record<string, string>> = {
  "embed.W_E": "token_embed.weight",
  "pos_embed.W_pos": "pos_embed.weight",
  "unembed.W_U": "output.weight",
  "unembed.b_U": "output.bias",
  "ln1.w": "norm1.weight",
  "ln1.b": "norm1.bias",
  "ln2.w": "norm2.weight",
  "ln2.b": "norm2.bias",
  "attn.W_Q": "attn.W_Q.weight",
  "attn.b_Q": "attn.W_Q.bias",
  "attn.W_K": "attn.W_K.weight",
  "attn.b_K": "attn.W_K.bias",
  "attn.W_V": "attn.W_V.weight",
  "attn.b_V": "attn.W_V.bias",
  "attn.W_O": "attn.W_O.weight",
  "attn.b_O": "attn.W_O.bias",
  "mlp.W_in": "ff.0.weight",
  "mlp.b_in": "ff.0.bias",
  "mlp.W_out": "ff.2.weight",
  "mlp.b_out": "ff.2.bias",
};

function originOf(ours: string, shape: Shape): Origin {
  const inBlock = /^blocks\.(\d+)\.(.*)$/.exec(ours);
  const name = inBlock === null ? plainNames[ours] : `layers.${inBlock[1]}.${plainNames[inBlock[2]]}`;
  const leaf = ours.slice(ours.lastIndexOf(".") + 1);
  const same = (at: number) => at;
  // a bias of several heads is stored with the heads side by side, as ours lies in memory
  if (leaf.startsWith("b")) return { name, shape: [sizeOf(shape)], from: same };
  if (leaf === "w" || leaf === "W_E" || leaf === "W_pos") return { name, shape, from: same };
  // a PyTorch Linear stores [out, in], heads side by side; ours are [in, out], with head first in W_Q, W_K, W_V
  if (leaf === "W_Q" || leaf === "W_K" || leaf === "W_V") {
    const [nHeads, dModel, dHead] = shape;
    const from = (at: number) => {
      const head = Math.floor(at / (dModel * dHead));
      const unit = Math.floor(at / dHead) % dModel;
      return (head * dHead + (at % dHead)) * dModel + unit;
    };
    return { name, shape: [nHeads * dHead, dModel], from };
  }
  const out = shape[shape.length - 1];
  const into = sizeOf(shape) / out;
  return { name, shape: [out, into], from: (at) => (at % out) * into + Math.floor(at / out) };
}

/**
 * The weights of a model from a state dict of the original study.
 *
 * Linear layers are transposed from [out, in] and attention's split into heads; nothing is folded, scaled or centred.
 * Names there: `token_embed.weight`, `pos_embed.weight`, `layers.{l}.attn.W_Q.weight`, `layers.{l}.norm1.weight`,
 * `layers.{l}.ff.0.weight`, `layers.{l}.ff.2.weight`, `output.weight`, and the like with `bias`.
 *
 * @param stateDict  tensors by their names there
 * @param config     what the model is; the notebook's by default
 * @returns          float64 by our names, [1, ...shape]: the numbers as given
 * @throws ArgumentError  if a tensor is missing, has another shape or number of elements, or holds what is no finite number
 * @throws NameError      if there is a tensor that the config has no place for
 */
export function fromOriginal(
  stateDict: Readonly<Record<string, StateTensor>>,
  config: ModelConfig = presets.original,
): Record<string, Float64Array> {
  const known = new Set<string>();
  const weights: Record<string, Float64Array> = {};
  for (const [ours, shape] of weightShapes(config)) {
    const origin = originOf(ours, shape);
    known.add(origin.name);
    const { data } = checkTensor(origin, stateDict[origin.name]);
    weights[ours] = Float64Array.from({ length: sizeOf(shape) }, (_, at) => data[origin.from(at)]);
  }
  for (const name of Object.keys(stateDict)) {
    if (!known.has(name)) throw unknownName("state dict of the original study", name, known);
  }
  return weights;
}

function checkTensor({ name, shape }: Origin, tensor: StateTensor | undefined): StateTensor {
  const fail = (rule: string, got: string): never => {
    throw new ArgumentError({
      where: `state dict, "${name}"`,
      rule,
      got,
      wayOut: "Check that the file is complete and the config is the file's.",
    });
  };
  if (tensor === undefined) return fail("must be there", "nothing under that name");
  if (!Array.isArray(tensor.shape) || !sameShape(tensor.shape, shape))
    return fail(`must have shape ${showShape(shape)}`, showShape(Array.from(tensor.shape ?? [])));
  const { data } = tensor;
  if (data?.length !== sizeOf(shape))
    return fail(`must hold ${sizeOf(shape)} values`, String(data?.length ?? "no data"));
  for (let at = 0; at < data.length; at++) {
    if (!Number.isFinite(data[at])) return fail("must hold finite numbers", `${data[at]} at index ${at}`);
  }
  return tensor;
}
