/** How much of one layer has persisted, unit by unit and as a whole. */
import type { RandomStream } from "../../base/random.ts";
import { identityRecovery } from "../../features/identityRecovery.ts";
import { persistence, tuningCorrelation } from "../../features/persistence.ts";
import {
  nullNormalised,
  populationSimilarity,
  type Similarities,
  type SimilarityMeasure,
} from "../../features/representationSimilarity.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { matchingExcess, unitMatching } from "../../features/unitMatching.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import { spearman } from "../../stats/correlation.ts";

/**
 * Measures of the similarity of whole layers. Canonical correlations are not among them: two layers of 64 neurons have
 * more directions than there are cells to tell them apart.
 */
export const measures = ["cka", "debiasedCka", "procrustes", "rsa"] as const satisfies SimilarityMeasure[];
type Measured = (typeof measures)[number];

/** Rotations and orders of cells that a network's matching is compared with. */
const DRAWS = 2;

/** Persistence of one layer of one network and what belongs to it. */
export interface LayerPersistence {
  /** Tuning r with the initialisation, [checkpoint]. */
  readonly r: readonly number[];
  /** The same of token and of position curves, at the end. */
  readonly token: number;
  readonly position: number;
  /** ⟨c₀, c₁⟩ / ⟨c₀, c₀⟩ of the cell means, mean over neurons: 1 unchanged, below 1 faded. */
  readonly gain: number;
  /** Similarity of the whole layer to its initialisation, and what of it exceeds that to a stranger's. */
  readonly similarity: Readonly<Similarities<number, Measured>>;
  readonly normalised: Readonly<Similarities<number, Measured>>;
  /** Share of neurons that the best matching gives back their own index. */
  readonly recovered: number;
  /** Matched mean correlation beyond a stranger's initialisation, a random rotation and shuffled cells. */
  readonly beyondStranger: number;
  readonly beyondRotation: number;
  readonly beyondShuffle: number;
  /** Spearman correlation over neurons of quality at initialisation with r. */
  readonly qualityOfKept: number;
}

/** What {@link persistenceOf} is given: curves of one layer of all networks. */
export interface PersistenceInput {
  readonly initial: TuningCurves;
  readonly trained: TuningCurves;
  /** Untrained layers of other seeds. */
  readonly strangers: TuningCurves;
  /** [model][checkpoint] */
  readonly r: readonly number[][];
  /** Quality of every unit at initialisation, [model][unit]. */
  readonly qualities: readonly Float64Array[];
  readonly stream: (model: number) => RandomStream;
}

/** Persistence of one layer, [model]. */
export function persistenceOf(input: PersistenceInput): LayerPersistence[] {
  const { initial, trained, strangers, qualities } = input;
  const [token, position] = [meanR(initial, trained, "token"), meanR(initial, trained, "position")];
  const kept = persistence(initial, trained);
  const gain = unitMeans(kept.gain, initial.models).mean;
  const own = populationSimilarity(initial, trained, { measures });
  const strange = populationSimilarity(strangers, trained, { measures });
  const pick = (model: number, of: (measure: Measured) => Float64Array): Similarities<number, Measured> => ({
    cka: of("cka")[model],
    debiasedCka: of("debiasedCka")[model],
    procrustes: of("procrustes")[model],
    rsa: of("rsa")[model],
  });
  const { recovered } = identityRecovery(initial, trained);
  const { matched, excess } = matchingExcess(initial, trained, { stream: input.stream, draws: DRAWS });
  const stranger = unitMatching(strangers, trained).oneToOne;
  const unitR = kept.r.all;
  const { units } = initial;
  return input.r.map((r, model) => {
    const pairs = Array.from(qualities[model], (quality, unit) => [quality, unitR[model * units + unit]]);
    const alive = pairs.filter((pair) => pair.every(Number.isFinite));
    return {
      ...{ r, token: token[model], position: position[model], recovered: recovered[model] },
      gain: gain[model],
      similarity: pick(model, (measure) => own[measure]),
      normalised: pick(model, (measure) => nullNormalised(own[measure], strange[measure])),
      beyondStranger: matched.oneToOne[model] - stranger[model],
      beyondRotation: excess.rotated.oneToOne[model],
      beyondShuffle: excess.shuffled.oneToOne[model],
      qualityOfKept: spearman(
        alive.map(([quality]) => quality),
        alive.map(([, kept]) => kept),
      ),
    };
  });
}

/** Mean over units of the correlation of their tuning, [model]. */
export function meanR(
  a: TuningCurves,
  b: TuningCurves,
  kind: "all" | "token" | "position" = "all",
): Float64Array {
  return unitMeans(tuningCorrelation(a, b, { kind }), a.models).mean;
}
