/** Names of sites as they are typed and shown: short ones for the usual, full ones for all. */
import { NameError, nearest } from "../../base/errors.ts";
import type { ModelConfig } from "../../model/config.ts";
import { hook, type SiteSelector, sitesOf } from "../../model/hookPoints.ts";

/** Short names of sites of every layer, as `--sites` takes them. */
export const shortSites = {
  "resid-pre": hook.residPre("all"),
  "resid-mid": hook.residMid("all"),
  "resid-post": hook.residPost("all"),
  "attn-out": hook.attnOut("all"),
  "mlp-out": hook.mlpOut("all"),
  q: hook.q("all"),
  k: hook.k("all"),
  v: hook.v("all"),
  scores: hook.attnScores("all"),
  pattern: hook.pattern("all"),
  z: hook.z("all"),
  "mlp-pre": hook.mlpPre("all"),
  "mlp-post": hook.mlpPost("all"),
} as const satisfies Record<string, SiteSelector>;

/** A name in {@link shortSites}. */
export type ShortSite = keyof typeof shortSites;

/**
 * The selector that a text stands for: a short name, a site of this model, or `blocks.*` with one.
 *
 * @throws NameError with the nearest of all of these
 */
export function siteSelector(text: string, config: ModelConfig): SiteSelector {
  if (Object.hasOwn(shortSites, text)) return shortSites[text as ShortSite];
  const sites = [...sitesOf(config).keys()];
  const patterns = new Set(sites.map((name) => name.replace(/^blocks\.\d+/, "blocks.*")));
  const known: string[] = [...sites, ...patterns];
  if (known.includes(text)) return text as SiteSelector;
  throw new NameError({
    where: "--sites",
    rule: `no such site; short names are ${Object.keys(shortSites).join(", ")}`,
    got: JSON.stringify(text),
    wayOut: `Nearest: ${JSON.stringify(nearest(text, [...Object.keys(shortSites), ...known]))}.`,
  });
}

/** `L0 resid_pre` for `blocks.0.hook_resid_pre`, `L1 mlp.post` for `blocks.1.mlp.hook_post`. */
export function shortName(site: string): string {
  return site.replace(/^blocks\.(\d+)\./, "L$1 ").replace("hook_", "");
}
