/** Parts of a network that can be touched: their names, where they are, and which a network has. */
import { headName, unitName } from "../../../../src/figures/population.ts";
import type { Region } from "../../../../src/interp/index.ts";
import type { ModelConfig } from "../../../../src/model/config.ts";
import { type SiteName, sitesOf } from "../../../../src/model/hookPoints.ts";
import type { TouchEdit } from "../../state/touchChoice.ts";

/** What kind of part. */
export type PartKind = "embed" | "head" | "neuron" | "attn" | "mlp" | "pre" | "mid" | "post";

/** A part, by what its name says. */
export interface Part {
  readonly kind: PartKind;
  /** 0 of the embedding. */
  readonly layer: number;
  /** Head or neuron; 0 of what is one a layer. */
  readonly index: number;
}

/** Where a part is. */
export interface PartPlace {
  readonly site: SiteName;
  readonly region: Region;
}

/** The part of a name that the schema of edits let pass. */
export function partNamed(name: string): Part {
  const match = /^L(\d+)(?:([HN])(\d+)|(attn|mlp|pre|mid|post))$/.exec(name);
  if (match === null) return { kind: "embed", layer: 0, index: 0 };
  const [, layer, letter, index, kind] = match;
  if (letter === undefined) return { kind: kind as PartKind, layer: Number(layer), index: 0 };
  return { kind: letter === "H" ? "head" : "neuron", layer: Number(layer), index: Number(index) };
}

/** The name of a part. */
export function nameOfPart({ kind, layer, index }: Part): string {
  if (kind === "embed") return kind;
  if (kind === "head") return headName(layer, index);
  return kind === "neuron" ? unitName(layer, index) : `L${layer}${kind}`;
}

/** How a person calls it: `L0H1`, `L0 MLP`, `L0 resid_pre`. */
export function partLabel(name: string): string {
  const { kind, layer } = partNamed(name);
  switch (kind) {
    case "embed":
      return "token embedding";
    case "attn":
      return `L${layer} attention`;
    case "mlp":
      return `L${layer} MLP`;
    case "pre":
    case "mid":
    case "post":
      return `L${layer} resid_${kind}`;
    default:
      return name;
  }
}

const pointOf: Readonly<Record<Exclude<PartKind, "embed">, string>> = {
  head: "attn.hook_z",
  neuron: "mlp.hook_post",
  attn: "hook_attn_out",
  mlp: "hook_mlp_out",
  pre: "hook_resid_pre",
  mid: "hook_resid_mid",
  post: "hook_resid_post",
};

/** Where a part is in networks of a config; undefined where they have no such part. */
export function placeOfPart(config: ModelConfig, name: string): PartPlace | undefined {
  const { kind, layer, index } = partNamed(name);
  const site = (kind === "embed" ? "hook_embed" : `blocks.${layer}.${pointOf[kind]}`) as SiteName;
  if (!sitesOf(config).has(site)) return undefined;
  if (kind === "head") return index < config.nHeads ? { site, region: { heads: index } } : undefined;
  if (kind === "neuron") return index < config.dMlp ? { site, region: { units: index } } : undefined;
  return { site, region: {} };
}

/** Why an edit cannot be done to networks of a config with a sequence of some length; null where it can. */
export function editProblem(
  config: ModelConfig,
  { at, pos }: Pick<TouchEdit, "at" | "pos">,
  nPos: number,
): string | null {
  if (placeOfPart(config, at) === undefined) return `these networks have no ${partLabel(at)}`;
  if (pos !== null && pos >= nPos) return `the sequence has no position ${pos}`;
  return null;
}

/** Those of some edits that can be done. */
export function possibleEdits<E extends Pick<TouchEdit, "at" | "pos">>(
  config: ModelConfig,
  edits: readonly E[],
  nPos: number,
): readonly E[] {
  return edits.filter((edit) => editProblem(config, edit, nPos) === null);
}

/** A line of the drawing of a network. */
export interface PartLine {
  readonly kind: "stream" | "attention" | "mlp";
  readonly layer: number;
  readonly names: readonly string[];
}

/** All parts but neurons, in the order in which they fire. */
export function partLines(config: ModelConfig): PartLine[] {
  const { nLayers, nHeads } = config;
  const has = (name: string) => placeOfPart(config, name) !== undefined;
  const line = (kind: PartLine["kind"], layer: number, names: readonly string[]): PartLine[] => {
    const own = names.filter(has);
    return own.length === 0 ? [] : [{ kind, layer, names: own }];
  };
  const heads = (layer: number) => Array.from({ length: nHeads }, (_, head) => headName(layer, head));
  return [
    ...line("stream", 0, ["embed"]),
    ...Array.from({ length: nLayers }, (_, layer) => [
      // between blocks the stream is the same before the one as after the other
      ...(layer === 0 ? line("stream", layer, ["L0pre"]) : []),
      ...line("attention", layer, [...heads(layer), `L${layer}attn`]),
      ...line("stream", layer, [`L${layer}mid`]),
      ...line("mlp", layer, [`L${layer}mlp`]),
      ...line("stream", layer, [`L${layer}post`]),
    ]).flat(),
  ];
}

const streamKinds: readonly PartKind[] = ["pre", "mid", "post"];

/**
 * Parts of the same kind that could be touched instead, the part itself not among them: neurons of the same layer, heads
 * of all layers, other nodes of the stream, and so on.
 */
export function partsLike(config: ModelConfig, name: string): string[] {
  const { kind, layer } = partNamed(name);
  const isLike = (other: PartKind) =>
    other === kind || [kind, other].every((one) => streamKinds.includes(one));
  const all =
    kind === "neuron"
      ? Array.from({ length: config.dMlp }, (_, unit) => unitName(layer, unit))
      : partLines(config)
          .flatMap(({ names }) => names)
          .filter((one) => isLike(partNamed(one).kind));
  return all.filter((one) => one !== name);
}
