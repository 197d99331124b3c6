/** The units of a network, under names that a person can type: MLP neurons, residual dimensions, head outputs. */
import { ArgumentError } from "../base/errors.ts";
import { sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { type SiteName, sitesOf } from "../model/hookPoints.ts";

/**
 * What a unit is.
 *
 * - `neuron`: an MLP unit after its nonlinearity, `mlp.hook_post`
 * - `residual`: a dimension of the stream that a block leaves behind, `hook_resid_post`
 * - `head`: a dimension of what a head reads, `attn.hook_z`. A head's own basis is arbitrary (W_V and W_O may be rotated
 *   against each other), so a single dimension says less than the neuron of a rectifier does.
 */
export type UnitKind = "neuron" | "residual" | "head";

/** The units of one kind in one layer. */
export interface UnitSite {
  readonly kind: UnitKind;
  readonly layer: number;
  readonly site: SiteName;
  /** Number of units; of heads, unit `head · perHead + i` is dimension i of a head. */
  readonly units: number;
  /** Dimensions of a head; 0 where units are no heads'. */
  readonly perHead: number;
}

const parts = [
  { kind: "head", part: "attn.hook_z" },
  { kind: "neuron", part: "mlp.hook_post" },
  { kind: "residual", part: "hook_resid_post" },
] as const satisfies readonly { kind: UnitKind; part: string }[];

/** All units of a model, in firing order; kinds that the architecture has not are left out. */
export function unitSites(config: ModelConfig): UnitSite[] {
  const sites = sitesOf(config);
  return Array.from({ length: config.nLayers }, (_, layer) =>
    parts.flatMap(({ kind, part }): UnitSite[] => {
      const site = sites.get(`blocks.${layer}.${part}`);
      if (site === undefined) return [];
      const units = sizeOf(site.shape(1, 1));
      return [{ kind, layer, site: site.name, units, perHead: kind === "head" ? config.dHead : 0 }];
    }),
  ).flat();
}

/** Name of a unit: `L0N17` a neuron, `L0R5` a residual dimension, `L0H1D3` dimension 3 of head 1. */
export function unitName({ kind, layer, perHead }: UnitSite, unit: number): string {
  if (kind === "head") return `L${layer}H${Math.floor(unit / perHead)}D${unit % perHead}`;
  return `L${layer}${kind === "neuron" ? "N" : "R"}${unit}`;
}

/**
 * The unit of a name.
 *
 * @throws ArgumentError if it is no such name, or the model has no such unit
 */
export function unitNamed(config: ModelConfig, name: string): { site: UnitSite; unit: number } {
  const sites = unitSites(config);
  const refuse = (rule: string) =>
    new ArgumentError({
      where: `unit ${JSON.stringify(name)}`,
      rule,
      wayOut:
        sites.length === 0
          ? "This model has no blocks."
          : `Its units are ${sites.map((site) => `${unitName(site, 0)} to ${unitName(site, site.units - 1)}`).join(", ")}.`,
    });
  const read = /^L(\d+)(?:([NR])(\d+)|H(\d+)D(\d+))$/.exec(name);
  if (read === null) throw refuse("is no name of a unit");
  const [layer, index, head, dimension] = [read[1], read[3], read[4], read[5]].map(Number);
  const kind = read[2] === undefined ? "head" : read[2] === "N" ? "neuron" : "residual";
  const site = sites.find((one) => one.layer === layer && one.kind === kind);
  if (site === undefined) throw refuse("this model has no such units");
  const unit = kind === "head" ? head * site.perHead + dimension : index;
  if (!(unit < site.units) || (kind === "head" && dimension >= site.perHead))
    throw refuse("this model has no such unit");
  return { site, unit };
}
