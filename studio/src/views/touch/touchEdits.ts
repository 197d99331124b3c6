/** Interventions of a link as interventions of src/interp. */
import {
  type ActivationCache,
  type Edit,
  edit,
  meanOver,
  type Network,
  runWithCache,
} from "../../../../src/interp/index.ts";
import type { ModelConfig } from "../../../../src/model/config.ts";
import type { SiteName } from "../../../../src/model/hookPoints.ts";
import type { EditHow, TouchEdit, TouchEdits } from "../../state/touchChoice.ts";
import { placeOfPart } from "./parts.ts";

/** What is touched, and what parts are replaced with. All sequences are equally long. */
export interface TouchInputs {
  readonly tokens: readonly number[];
  /** The sequence that parts are patched from. */
  readonly other: readonly number[];
  /** Held-out sequences, [batch][pos]: means are over all of them, resampling takes the first {@link DRAWS}. */
  readonly reference: readonly (readonly number[])[];
}

/** Sequences that a part is resampled from. */
export const DRAWS = 16;
/** Held-out sequences that means are over. */
export const REFERENCE = 64;

/** Runs that replacements come from: those that the edits need. */
export interface Sources {
  readonly other?: ActivationCache;
  readonly reference?: ActivationCache;
}

/** The site of an edit that these networks have. */
function placeOf(config: ModelConfig, { at }: TouchEdit) {
  const place = placeOfPart(config, at);
  if (place === undefined) throw new Error(`touch: ${at} is no part of these networks`);
  return place;
}

/** Rows that one variant of edits needs: several where a part is resampled. */
export function drawsOf(variants: readonly TouchEdits[], { reference }: TouchInputs): number {
  const resampled = variants.some((edits) => edits.some(({ how }) => how === "resample"));
  return resampled ? Math.min(DRAWS, reference.length) : 1;
}

/** Runs the other sequence, and the held-out ones, as far as edits take something from them. */
export async function sourcesOf(
  network: Network,
  variants: readonly TouchEdits[],
  { other, reference }: TouchInputs,
): Promise<Sources> {
  const sitesBy = (hows: readonly EditHow[]) => [
    ...new Set(
      variants
        .flat()
        .filter(({ how }) => hows.includes(how))
        .map((one) => placeOf(network.config, one).site),
    ),
  ];
  const cacheOf = async (sites: readonly SiteName[], tokens: readonly (readonly number[])[]) =>
    sites.length === 0 ? undefined : (await runWithCache(network, tokens, { sites })).cache;
  return {
    other: await cacheOf(sitesBy(["patch"]), [other]),
    reference: await cacheOf(sitesBy(["mean", "resample"]), reference),
  };
}

/**
 * Variants of edits as edits of one packed run: row `variant · draws + draw` has the edits of its variant, and takes what
 * is resampled from held-out sequence `draw`.
 *
 * @param variants  edits that these networks have
 */
export function packedEdits(
  { config }: Pick<Network, "config">,
  variants: readonly TouchEdits[],
  { sources, draws }: { sources: Sources; draws: number },
): Edit[] {
  const sequences = Array.from({ length: variants.length * draws }, (_, row) => row % draws);
  const means = new Map<SiteName, ReturnType<typeof meanOver>>();
  const meanAt = (site: SiteName) => {
    const known = means.get(site) ?? meanOver((sources.reference as ActivationCache).get(site), ["batch"]);
    means.set(site, known);
    return known;
  };
  return variants.flatMap((edits, variant) =>
    edits.map((one) => {
      const { site, region } = placeOf(config, one);
      const rows = Array.from({ length: draws }, (_, draw) => variant * draws + draw);
      const where = { ...region, batch: rows, ...(one.pos === null ? {} : { pos: one.pos }) };
      switch (one.how) {
        case "zero":
          return edit(site, where, { kind: "zero" });
        case "scale":
          return edit(site, where, { kind: "scale", by: one.by });
        case "mean":
          return edit(site, where, { kind: "mean", values: meanAt(site) });
        case "patch":
          return edit(site, where, { kind: "fromCache", cache: sources.other as ActivationCache });
        default:
          return edit(site, where, {
            kind: "fromCache",
            cache: sources.reference as ActivationCache,
            batch: sequences,
          });
      }
    }),
  );
}
