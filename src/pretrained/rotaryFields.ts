/** Rotary options of config.json, in the form of today and in those before transformers 5. */
import { type ModelConfig, type RopeScaling, sizeLimits } from "../model/config.ts";
import type { JsonValue } from "../record/canonicalJson.ts";
import type { JsonFields } from "./jsonFields.ts";

/** Names that a family had for two options before they moved into `rope_parameters`, and their fallbacks. */
export interface RotaryNames {
  readonly base: string;
  /** Share of a head's dimensions that turn; undefined where all do. */
  readonly share?: { readonly name: string; readonly fallback: number };
}

const kinds = { default: "none", linear: "linear", llama3: "llama3" } as const;
const largest = 1e12; // bases in use are 1e4 to 1e7

function readScaling(rope: JsonFields, nCtx: number): RopeScaling | undefined {
  const kind = rope.choice(rope.has("rope_type") ? "rope_type" : "type", kinds, "default");
  if (kind === "none") return undefined;
  const factor = rope.number("factor", [1, largest]);
  if (kind === "linear") return { kind, factor };
  return {
    kind,
    factor,
    lowFreqFactor: rope.number("low_freq_factor", [0, largest]),
    highFreqFactor: rope.number("high_freq_factor", [0, largest]),
    originalCtx: rope.integer("original_max_position_embeddings", sizeLimits.nCtx, nCtx),
  };
}

/**
 * How queries and keys are turned.
 *
 * Read from `rope_parameters`, or from `rope_scaling` with the family's fields beside it.
 *
 * @throws FileError for a kind of scaling that is not supported
 */
export function readRotary(
  fields: JsonFields,
  names: RotaryNames,
  { dHead, nCtx }: { dHead: number; nCtx: number },
): Pick<ModelConfig, "positions" | "rotaryDim" | "rotaryBase" | "ropeScaling"> {
  const rope = fields.object("rope_parameters") ?? fields.object("rope_scaling");
  const number = (inside: string, outside: string, limits: readonly [number, number], fallback: number) =>
    rope?.has(inside) ? rope.number(inside, limits) : fields.number(outside, limits, fallback);
  const rotaryBase = number("rope_theta", names.base, [1, largest], 10000);
  const { name = "partial_rotary_factor", fallback = 1 } = names.share ?? {};
  const share = number("partial_rotary_factor", name, [0, 1], fallback);
  if (names.share === undefined && share !== 1)
    fields.fail(name, "the family turns all dimensions of a head, so it must be 1");
  const rotaryDim = Math.trunc(dHead * share); // as Python's int()
  if (rotaryDim < 2 || rotaryDim % 2 !== 0)
    fields.fail(name, `must leave an even number of a head's ${dHead} dimensions to turn, not ${rotaryDim}`);
  const ropeScaling = rope && readScaling(rope, nCtx);
  return { positions: "rotary", rotaryDim, rotaryBase, ...(ropeScaling && { ropeScaling }) };
}

/** `rope_parameters` for a model, as transformers 5 writes them. */
export function writeRotary(config: ModelConfig): Readonly<Record<string, JsonValue>> {
  const { dHead, rotaryDim = dHead, rotaryBase = 10000, ropeScaling: scaling } = config;
  const ofLlama3 = scaling?.kind === "llama3" && {
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalCtx,
  };
  return {
    rope_type: scaling?.kind ?? "default",
    rope_theta: rotaryBase,
    partial_rotary_factor: rotaryDim / dHead,
    ...(scaling && { factor: scaling.factor }),
    ...(ofLlama3 || {}),
  };
}
