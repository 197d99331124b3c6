/** The scale that an activation has by initialisation alone, given that of its input. */
import type { ModelConfig } from "../model/config.ts";
import { fanOf } from "../model/fans.ts";
import type { InitSchemeName } from "../model/init.ts";
import { sinusoidalPositions } from "../model/positions.ts";
import { weightShapes } from "../model/weights.ts";
import { expectedMoments } from "./weightMoments.ts";

/**
 * Expected mean square of a site, over the weights that make it, given the mean squares of the sites it is made from.
 *
 *   product   fanIn · Var w · mean x² + Var b, for weights of mean 0 that are independent of x
 *   embedding Var W_E; a sum of independent embeddings has the sum of both
 *   norm      that of `hook_normalized` (1 less eps / variance), for the weights 1 and biases 0 that norms start with
 *
 * @param squares  mean squares of the other sites, by name
 * @param nPos     positions of the inputs, for the fixed waves of sinusoidal positions
 * @returns        undefined where nothing so simple can be said: values averaged by attention, sums of a stream with
 *                 what is computed from it, rectified units
 */
export function expectedScale(
  config: ModelConfig,
  scheme: InitSchemeName,
  site: string,
  { squares, nPos }: { squares: ReadonlyMap<string, number>; nPos: number },
): number | undefined {
  const laws = expectedMoments(config, scheme);
  const shapes = weightShapes(config);
  const variance = (name: string) => laws.get(name)?.variance ?? 0;
  const square = (name: string) => squares.get(name);
  const product = (weight: string, bias: string, input: number | undefined, fanIn?: number) => {
    if (input === undefined || !shapes.has(weight)) return undefined;
    return (fanIn ?? fanOf(config, weight).fanIn) * variance(weight) * input + variance(bias);
  };
  const embedding = () => variance("embed.W_E");
  const segment = () => variance("token_type_embed.W_token_type");
  const position = () => {
    if (config.positions === "learned") return variance("pos_embed.W_pos");
    if (config.positions === "none" || config.positions === "rotary") return 0;
    const waves = sinusoidalPositions(nPos, config.dModel);
    return waves.reduce((sum, value) => sum + value * value, 0) / waves.length;
  };
  if (site === "hook_embed") return embedding();
  if (site === "hook_pos_embed") return position();
  if (site === "hook_token_type_embed") return segment();
  const first = config.embedNorm ? square("embed.ln.hook_normalized") : embedding() + position() + segment();
  if (site === "blocks.0.hook_resid_pre") return first;
  const last = `blocks.${config.nLayers - 1}.hook_resid_post`;
  if (site === "unembed.hook_out") {
    const bare = config.nLayers > 0 ? square(last) : first;
    const final = config.finalNorm ? square("ln_final.hook_normalized") : bare;
    const stream = config.mlmHead ? square("mlm_head.ln.hook_normalized") : final;
    return config.tiedUnembed
      ? product("embed.W_E", "unembed.b_U", stream, config.dModel)
      : product("unembed.W_U", "unembed.b_U", stream);
  }
  const read = /^blocks\.(\d+)\.(.+)$/.exec(site);
  if (read === null) return undefined;
  const [layer, part] = [Number(read[1]), read[2]];
  const block = `blocks.${layer}`;
  const before =
    layer === 0 ? square("blocks.0.hook_resid_pre") : square(`blocks.${layer - 1}.hook_resid_post`);
  /** What a sublayer reads: the stream, or in a pre-LN block its norm. */
  const reads = (norm: "ln1" | "ln2", stream: number | undefined) =>
    config.normalization === "pre" ? square(`${block}.${norm}.hook_normalized`) : stream;
  const writes = (norm: "ln1" | "ln2") =>
    config.normalization === "post" ? square(`${block}.${norm}.hook_normalized`) : undefined;
  const letter = /^attn\.hook_([qkv])$/.exec(part)?.[1].toUpperCase();
  if (letter !== undefined)
    return product(`${block}.attn.W_${letter}`, `${block}.attn.b_${letter}`, reads("ln1", before));
  switch (part) {
    case "hook_attn_out":
      return product(`${block}.attn.W_O`, `${block}.attn.b_O`, square(`${block}.attn.hook_z`));
    case "mlp.hook_pre":
    case "mlp.hook_pre_linear": {
      const stream = config.mlpOnly || config.parallelBlocks ? before : square(`${block}.hook_resid_mid`);
      const which = config.gatedMlp && part === "mlp.hook_pre" ? "gate" : "in";
      return product(`${block}.mlp.W_${which}`, `${block}.mlp.b_${which}`, reads("ln2", stream));
    }
    case "hook_mlp_out":
      return product(`${block}.mlp.W_out`, `${block}.mlp.b_out`, square(`${block}.mlp.hook_post`));
    case "hook_resid_mid":
      return writes("ln1");
    case "hook_resid_post":
      return writes(config.attnOnly ? "ln1" : "ln2");
    default:
      return undefined;
  }
}
