/** Networks compared with the initialisation that they come from, layer by layer. */
import { tuningCorrelation } from "../../features/persistence.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import type { Backend } from "../../graph/backend.ts";
import { modelCount, type Weights } from "../../model/weights.ts";
import { openTuning } from "../population/lookInside.ts";
import { type LazyOrRichArm, probeOf } from "./arms.ts";
import { layers } from "./plan.ts";

/** What of a layer is compared: activations after the rectifier or before it. */
export type Place = "post" | "pre";
const siteOf = (layer: number, place: Place) => `blocks.${layer}.mlp.hook_${place}`;

/** How much of the initial tuning networks have. */
export interface Compared {
  /** Mean r over the units that have tuning in both, [layer][seed]. */
  readonly r: readonly Float64Array[];
  /** Units without a correlation: silent, or constant over all cells, in one of the two; [layer][seed]. */
  readonly excluded: readonly Int32Array[];
}

/** A comparison with one initialisation, for any number of networks. */
export interface Comparison {
  of(weights: Weights, place?: Place): Promise<Compared>;
  close(): void;
}

/** @param start  the initialisations, [model, ...shape] by name */
export async function openComparison(
  backend: Backend,
  arm: LazyOrRichArm,
  start: Weights,
): Promise<Comparison> {
  const { config } = arm.growth;
  const models = modelCount(config, start);
  const probe = probeOf(arm);
  const open = (place: Place) =>
    openTuning(backend, config, models, { sites: [`blocks.*.mlp.hook_${place}`], probe });
  const looks = { post: open("post"), pre: open("pre") };
  const first = { post: await looks.post.measure(start), pre: await looks.pre.measure(start) };
  return {
    of: async (weights, place = "post") => {
      const curves = await looks[place].measure(weights);
      const means = layers.map((layer) => {
        const [before, after] = [first[place], curves].map(
          (of) => of.get(siteOf(layer, place)) as TuningCurves,
        );
        return unitMeans(tuningCorrelation(before, after), models);
      });
      return { r: means.map(({ mean }) => mean), excluded: means.map(({ excluded }) => excluded) };
    },
    close: () => {
      looks.post.close();
      looks.pre.close();
    },
  };
}
