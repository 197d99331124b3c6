/** Ends of direct paths: components that write to the residual stream, and inputs of components that read it. */
import { ArgumentError } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { hook, type Site } from "../model/hookPoints.ts";
import type { Region } from "./edits.ts";
import { type SweepCell, type SweepOptions, sweepPlan } from "./sweep.ts";

/** A sender or a receiver. */
export interface PathEnd extends SweepCell {
  /** What a table calls it: `L0H1`, `L1H0.k` (`L1KV0.k` of grouped keys), `embed`, `L0.mlp_out`, `logits`; `@3` is position 3. */
  readonly name: string;
}

const roles = {
  sender: {
    fits: /^hook_(pos_|token_type_)?embed$|attn\.hook_z$|hook_attn_out$|mlp\.hook_post$|hook_mlp_out$/,
    rule: "is not what a component writes to the stream",
    wayOut: "Senders are attn.hook_z, hook_attn_out, mlp.hook_post, hook_mlp_out and the embeddings.",
  },
  receiver: {
    fits: /attn\.hook_[qkv]$|mlp\.hook_pre(_linear)?$|^unembed\.hook_out$/,
    rule: "is not an input that a component takes from the stream",
    wayOut:
      "Receivers are attn.hook_q, attn.hook_k, attn.hook_v, mlp.hook_pre, mlp.hook_pre_linear and unembed.hook_out.",
  },
} as const;

/**
 * The ends that sweeps visit, one sweep after the other.
 *
 * @throws ArgumentError  for no sweep, a site that is no such end, logits together with others or in part, and for what
 *                        {@link SweepOptions} forbids
 * @throws NameError      for a site or an axis that does not exist, with the nearest one
 */
export function pathEnds(
  config: ModelConfig,
  role: keyof typeof roles,
  sweeps: readonly SweepOptions[],
  pos: number,
): PathEnd[] {
  const { fits, rule, wayOut } = roles[role];
  if (sweeps.length === 0)
    throw new ArgumentError({
      where: `path patching, ${role}s`,
      rule: "must have at least one",
      got: "an empty list",
    });
  const ends = sweeps.flatMap((sweep) => sweepPlan(config, sweep, pos).cells);
  for (const end of ends) {
    const { sites, region } = end;
    const stranger = sites.find(({ name }) => !fits.test(name));
    if (stranger !== undefined)
      throw new ArgumentError({ where: `path patching, ${role} "${stranger.name}"`, rule, wayOut });
    if (isLogits(end) && (sites.length > 1 || Object.keys(region).length > 0))
      throw new ArgumentError({
        where: `path patching, ${role} "${hook.logits}"`,
        rule: "the logits are a receiver of their own, taken whole",
        got: sites.length > 1 ? "other sites with them" : `parts by ${Object.keys(region).join(" and ")}`,
        wayOut:
          "Give them as { over: [hook.logits], by: [] }; the metric says which positions and tokens it reads.",
      });
  }
  return ends.map((end) => ({ ...end, name: nameOf(end) }));
}

/** Whether an end is the end of all paths. */
export const isLogits = ({ sites }: SweepCell): boolean => sites.some(({ name }) => name === hook.logits);

/**
 * Place in the order of computation: embeddings, then attention and MLP of every layer, then the logits. In parallel
 * blocks attention and MLP of a layer have one place, for neither reads what the other writes.
 */
function stageOf({ parallelBlocks }: ModelConfig, { name, layer }: Site): number {
  if (layer === undefined) return name === hook.logits ? Number.POSITIVE_INFINITY : -1;
  return 2 * layer + (name.includes("mlp") && !parallelBlocks ? 1 : 0);
}

/** Whether there is a direct path: something of the sender is computed before something of the receiver. */
export function reaches(config: ModelConfig, sender: SweepCell, receiver: SweepCell): boolean {
  const stages = ({ sites }: SweepCell) => sites.map((site) => stageOf(config, site));
  return Math.min(...stages(sender)) < Math.max(...stages(receiver));
}

function nameOf({ sites, region }: SweepCell): string {
  const where = region.pos === undefined ? "" : `@${region.pos}`;
  return sites.map((site) => siteLabel(site, region)).join("+") + where;
}

function siteLabel(site: Site, { heads, units }: Region): string {
  if (site.name === hook.logits) return "logits";
  const part = site.name.slice(site.name.lastIndexOf("hook_") + "hook_".length);
  const which = units === undefined ? "" : `[${units}]`;
  if (site.layer === undefined) return `${part}${which}`;
  if (heads === undefined) return `L${site.layer}.${part}${which}`;
  const kind = site.axes.includes("kvHead") ? "KV" : "H";
  return `L${site.layer}${kind}${heads}${part === "z" ? "" : `.${part}`}${which}`;
}
