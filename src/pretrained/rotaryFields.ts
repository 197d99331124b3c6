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

/** What is said of how queries and keys turn. */
type Rotary = Pick<ModelConfig, "positions" | "rotaryDim" | "rotaryBase" | "ropeScaling">;

const kinds = { default: "none", linear: "linear", llama3: "llama3" } as const;
const largest = 1e12; // bases in use are 1e4 to 1e7
/** Every name of the two options that some family or some version of transformers has beside the object. */
const baseNames = ["rope_theta", "rotary_emb_base"];
const shareNames = ["partial_rotary_factor", "rotary_pct"];

function readScaling(rope: JsonFields, nCtx: number): RopeScaling | undefined {
  const field = rope.has("rope_type") ? "rope_type" : "type";
  const kind = rope.choice(field, kinds, "default");
  if (field === "rope_type") rope.only("type", rope.text(field), "as rope_type says");
  // where frequencies do not depend on it, files have it all the same
  const originalCtx = rope.integer("original_max_position_embeddings", sizeLimits.nCtx, nCtx);
  if (kind === "none") {
    rope.only("factor", 1, "positions are not scaled");
    return undefined;
  }
  const factor = rope.number("factor", [1, largest]);
  if (kind === "linear") return { kind, factor };
  return {
    kind,
    factor,
    lowFreqFactor: rope.number("low_freq_factor", [0, largest]),
    highFreqFactor: rope.number("high_freq_factor", [0, largest]),
    originalCtx,
  };
}

function readFrom(
  fields: JsonFields,
  rope: JsonFields | undefined,
  names: RotaryNames,
  { dHead, nCtx }: { dHead: number; nCtx: number },
): Rotary {
  const number = (inside: string, outside: string, limits: readonly [number, number], fallback: number) =>
    rope?.has(inside) ? rope.number(inside, limits) : fields.number(outside, limits, fallback);
  const rotaryBase = number("rope_theta", names.base, [1, largest], 10000);
  const { name = "partial_rotary_factor", fallback = 1 } = names.share ?? {};
  const share = number("partial_rotary_factor", name, [0, 1], fallback);
  if (names.share === undefined && share !== 1)
    fields.fail(name, "the family turns all dimensions of a head, so it must be 1");
  for (const other of baseNames) fields.only(other, rotaryBase, "the base that the file says elsewhere");
  for (const other of shareNames) fields.only(other, share, "the share that the file says elsewhere");
  const rotaryDim = Math.trunc(dHead * share); // as Python's int()
  if (rotaryDim < 2 || rotaryDim % 2 !== 0)
    fields.fail(name, `must leave an even number of a head's ${dHead} dimensions to turn, not ${rotaryDim}`);
  const ropeScaling = rope && readScaling(rope, nCtx);
  for (const strange of rope?.unread() ?? []) rope?.fail(strange, "is not known to turn positions here");
  return { positions: "rotary", rotaryDim, rotaryBase, ...(ropeScaling && { ropeScaling }) };
}

/**
 * How queries and keys are turned.
 *
 * Read from `rope_parameters`, or from `rope_scaling` with the family's fields beside it; from both, they must agree.
 *
 * @throws FileError for a kind of scaling that is not supported, for an option that is not known, and where two places
 *                   contradict each other
 */
export function readRotary(
  fields: JsonFields,
  names: RotaryNames,
  sizes: { dHead: number; nCtx: number },
): Rotary {
  const [now, before] = ["rope_parameters", "rope_scaling"].map((name) => {
    const rope = fields.object(name);
    return rope?.unread().length === 0 ? undefined : rope; // {} says nothing
  });
  const rotary = readFrom(fields, now ?? before, names, sizes);
  if (now === undefined || before === undefined) return rotary;
  const other = readFrom(fields, before, names, sizes);
  if (JSON.stringify(other) !== JSON.stringify(rotary))
    fields.fail("rope_scaling", "turns positions otherwise than rope_parameters");
  return rotary;
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
