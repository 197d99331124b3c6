/** Networks and strangers, before and after training: what strong units became of. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import {
  displacementOf,
  drawDirection,
  matchedNoise,
  type StrengthRegression,
  strengthRegression,
  type TuningCurves,
} from "../../features/index.ts";
import { modelCount, type Weights } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { growNetworks } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { SelectionArm } from "./arms.ts";
import { groups, plan } from "./plan.ts";

/** The numbers of a {@link StrengthRegression} of one network. */
export type Numbers = { readonly [K in keyof StrengthRegression]: number };

/** What one seed tells; where one of its networks diverged, its numbers mean nothing. */
export interface SelectionTold {
  readonly diverged: boolean;
  /** In the order of the plan's groups. */
  readonly own: readonly Numbers[];
  /** The same with the trained units of the stranger. */
  readonly stranger: readonly Numbers[];
  /** The same with the network moved by noise as far as training moved it, instead of trained. */
  readonly noise: readonly Numbers[];
}

/** From the seed of a network to that of its stranger's initialisation. */
const OTHER = 10_000;
const layers = [0, 1];

/** Grows and measures some seeds. */
export async function measureSelection(
  { growth, blocks }: SelectionArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<SelectionTold[]> {
  const { config, steps } = growth;
  const looks: Weights[] = [];
  // networks, then strangers
  const { divergedAt } = await growNetworks(
    backend,
    growth,
    [
      ...seeds.map((seed) => ({ init: seed, data: seed })),
      ...seeds.map((seed) => ({ init: seed + OTHER, data: seed })),
    ],
    {
      look: (_, weights) => {
        looks.push(weights);
      },
      progress: (step, loss) => progress((0.8 * step) / steps, loss),
    },
  );
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(plan.name)),
  });
  const tuning = openTuning(backend, config, modelCount(config, looks[0]), {
    ...{ sites: ["blocks.*.mlp.hook_post"], probe },
  });
  const [start, end] = looks;
  const direction = drawDirection(
    config,
    "isotropic",
    displacementOf(start, end),
    [0, OTHER].flatMap((away) => seeds.map((seed) => randomStream(plan.name, seed + away, "noise"))),
  );
  try {
    const before = await tuning.measure(start);
    const after = await tuning.measure(end);
    const astray = await tuning.measure(matchedNoise(start, end, direction, 2 * seeds.length));
    const compared = layers.map((layer) => {
      const by = (then: ReadonlyMap<string, TuningCurves>, away: number) => {
        const [from, to] = [before, then].map(
          (of) => of.get(`blocks.${layer}.mlp.hook_post`) as TuningCurves,
        );
        const partner = (model: number) => (model < seeds.length ? model + away : Number.NaN);
        return strengthRegression(from, to, { partner });
      };
      return { own: by(after, 0), stranger: by(after, seeds.length), noise: by(astray, 0) };
    });
    const told = (whose: "own" | "stranger" | "noise", model: number) =>
      groups.map(({ layer, kind }) => numbersOf(compared[layer][whose][kind], model));
    return seeds.map((_, model) => ({
      diverged: [model, seeds.length + model].some((network) => divergedAt[network] !== null),
      own: told("own", model),
      stranger: told("stranger", model),
      noise: told("noise", model),
    }));
  } finally {
    tuning.close();
  }
}

function numbersOf(found: StrengthRegression, model: number): Numbers {
  return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, values[model]])) as Numbers;
}
