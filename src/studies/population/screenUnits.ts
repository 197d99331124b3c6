/** The original study's screen for selective units, with a test that holds: null (f), labels shuffled over activations. */
import { randomStream } from "../../base/random.ts";
import type { Probe } from "../../data/probes.ts";
import { labelPermutation, siteActivations } from "../../features/index.ts";
import type { Backend } from "../../graph/backend.ts";
import { openNetwork } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SiteName } from "../../model/hookPoints.ts";
import type { Weights } from "../../model/weights.ts";
import { mean } from "../../stats/moments.ts";
import { bh } from "../../stats/multiplicity.ts";

/** What the tests say of one kind of label and the MLP units of one layer. */
export interface ScreenedKind {
  /** Share of the units with variance that are selective at a false discovery rate of 5 %. */
  readonly selective: number;
  /** Mean eta² that shuffled labels explain. */
  readonly chance: number;
}

/** The MLP units of one layer. */
export interface ScreenedLayer {
  readonly token: ScreenedKind;
  readonly position: ScreenedKind;
}

/** What {@link screenUnits} needs besides the networks. */
export interface ScreenOptions {
  readonly study: string;
  /** Seeds of the networks that are screened, by model; every seed shuffles by itself. Others are left out. */
  readonly seeds: ReadonlyMap<number, number>;
  readonly probe: Probe;
  readonly permutations: number;
}

/**
 * Permutation tests of eta² of every MLP unit, with Benjamini–Hochberg over the units of a layer.
 *
 * @param weights  [model, ...shape]
 * @returns        by seed, [layer]
 */
export async function screenUnits(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  { study, seeds, probe, permutations }: ScreenOptions,
): Promise<Map<number, ScreenedLayer[]>> {
  if (seeds.size === 0) return new Map();
  const { tokens, nPos } = probe;
  const labels = { token: tokens, position: tokens.map((_, at) => at % nPos) };
  const sites = Array.from(
    { length: config.nLayers },
    (_, layer): SiteName => `blocks.${layer}.mlp.hook_post`,
  );
  const network = openNetwork(backend, config, weights);
  try {
    const activations = await siteActivations(network, probe, sites);
    const screen = (model: number, seed: number, site: SiteName, kind: keyof typeof labels): ScreenedKind => {
      const values = activations[model].get(site) as ArrayLike<number>;
      const stream = randomStream(study, seed, "labels", site, kind);
      const { p, chance } = labelPermutation(values, labels[kind], { permutations, stream });
      const tested = p.filter(Number.isFinite);
      return {
        selective: bh(tested).filter((adjusted) => adjusted <= 0.05).length / tested.length,
        chance: mean(chance.filter(Number.isFinite)),
      };
    };
    return new Map(
      [...seeds].map(([model, seed]) => [
        seed,
        sites.map((site) => ({
          token: screen(model, seed, site, "token"),
          position: screen(model, seed, site, "position"),
        })),
      ]),
    );
  } finally {
    network.close();
  }
}
