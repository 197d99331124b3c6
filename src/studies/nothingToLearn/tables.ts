/** Supporting tables of S7. */
import { seedInterval } from "../../features/seedInterval.ts";
import { fixed, intervalText, noNumber } from "../../figures/numberText.ts";
import type { StudyTable } from "../protocol/study.ts";
import { type Condition, conditions, moved } from "./arms.ts";
import type { TuningShares } from "./crossed.ts";
import type { LayerNumbers } from "./layerNumbers.ts";
import { type LayerPersistence, measures } from "./layerPersistence.ts";
import type { MatchedTold } from "./matched.ts";
import { layers } from "./plan.ts";

/** Conditions as a reader sees them. */
export const conditionNames: Readonly<Record<Condition, string>> = {
  task: "task",
  random: "random",
  permuted: "permuted",
  frozen: "embeddings only",
};

/** `0.71 [0.70, 0.72]` over seeds. */
function over(values: readonly number[], digits = 3): string {
  const { estimate, low, high } = seedInterval(values);
  return `${fixed(estimate, digits)} ${intervalText([low, high], digits)}`;
}

/** A row for each layer and condition. */
function byCondition(
  told: readonly MatchedTold[],
  cells: (
    persistence: readonly LayerPersistence[],
    numbers: readonly LayerNumbers[],
    of: Condition,
  ) => string[],
): string[][] {
  return layers.flatMap((layer) =>
    conditions.map((condition) => [
      `L${layer}`,
      conditionNames[condition],
      ...cells(
        told.map(({ of }) => of[condition].persistence[layer]),
        told.map(({ of }) => of[condition].numbers[layer]),
        condition,
      ),
    ]),
  );
}

export function persistenceTable(told: readonly MatchedTold[]): StudyTable {
  return {
    title: "Persistence after equal steps",
    columns: [
      ...["layer", "condition", "r", "r token", "r position", "gain", "recovered"],
      ...["displacement", "loss before (nats)", "after"],
    ],
    rows: byCondition(told, (kept, _, condition) => [
      over(kept.map(({ r }) => r.at(-1) ?? Number.NaN)),
      over(kept.map(({ token }) => token)),
      over(kept.map(({ position }) => position)),
      over(kept.map(({ gain }) => gain)),
      over(kept.map(({ recovered }) => recovered)),
      over(told.map(({ of }) => of[condition].displacement.at(-1) ?? Number.NaN)),
      over(told.map(({ of }) => of[condition].lossBefore)),
      over(told.map(({ of }) => of[condition].loss)),
    ]),
    caption:
      "Mean over seeds with its 95 % t interval. Gain: slope of the cell means after on those before, 1 unchanged. Recovered: share of neurons that the best one-to-one matching of the layer before and after gives back their own index (chance 1/64). Displacement: of all weights together, ‖θ − θ₀‖ / ‖θ₀‖. Loss: on unseen sequences of what the network was trained on; where nothing can be learned its floor is ln 10 = 2.303 (random) or the entropy of the targets (permuted).",
  };
}

/**
 * Value of a path at a distance: linear between the checkpoints on either side; NaN beyond its end.
 *
 * @param distances  [checkpoint], ascending from 0
 */
export function alongPath(values: readonly number[], distances: readonly number[], target: number): number {
  const next = distances.findIndex((distance) => distance >= target);
  if (next < 0) return Number.NaN;
  if (next === 0) return values[0];
  const share = (target - distances[next - 1]) / (distances[next] - distances[next - 1]);
  return values[next - 1] + share * (values[next] - values[next - 1]);
}

export function pathTable(told: readonly MatchedTold[]): StudyTable {
  const last = (values: readonly number[]) => values.at(-1) ?? Number.NaN;
  const minus = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);
  return {
    title: "At equal displacement",
    columns: [
      ...["layer", "displacement of", "r", "r isotropic noise", "difference"],
      ...["r task, scaled", "difference", "r task, on its path", "difference"],
    ],
    rows: moved.flatMap((condition) =>
      layers.map((layer) => {
        const own = told.map(({ of }) => last(of[condition].persistence[layer].r));
        const noise = told.map((one) => one.noise[condition][layer]);
        const start = [
          `L${layer}`,
          conditionNames[condition],
          over(own),
          over(noise),
          over(minus(noise, own)),
        ];
        if (condition === "task") return [...start, ...new Array<string>(4).fill(noNumber)];
        const scaled = told.map((one) => one.scaled[condition][layer]);
        const path = told.map(({ of }) =>
          alongPath(of.task.persistence[layer].r, of.task.displacement, last(of[condition].displacement)),
        );
        return [...start, over(scaled), over(minus(scaled, own)), over(path), over(minus(path, own))];
      }),
    ),
    caption:
      "Noise: every weight moved as far as training moved it, in a random direction. Scaled: every weight of the task's network at the distance that the control's moved. On its path: the task's network when all its weights together had moved as far as the control's, by interpolation between checkpoints; a seed whose task moved less is left out. Differences are from r in the third column, 95 % t intervals, not adjusted.",
  };
}

export function twinTable(
  told: readonly MatchedTold[],
  shares: readonly (readonly TuningShares[])[],
): StudyTable {
  return {
    title: "Initialisation against data",
    columns: [
      "layer",
      "r other data",
      "r other initialisation",
      "matching gain",
      "CKA gain, normalised",
      "share initialisation",
      "share data",
      "share of both together",
    ],
    rows: layers.map((layer) => [
      `L${layer}`,
      over(told.map(({ otherData }) => otherData.r[layer])),
      over(told.map(({ otherInit }) => otherInit.r[layer])),
      over(told.map(({ otherInit }) => otherInit.matchingGain[layer])),
      over(told.map(({ otherInit }) => otherInit.ckaGain[layer])),
      over(shares[layer].map(({ init }) => init)),
      over(shares[layer].map(({ data }) => data)),
      over(shares[layer].map(({ rest }) => rest)),
    ]),
    caption:
      "r: trained tuning of units of one index in two networks that share the initialisation (other data) or the data (other initialisation). Gains: two initialisations on the same data, trained against untrained; CKA as (s − s₀)/(1 − s₀), s₀ that of the untrained pair. Shares: variance components of the crossed design, jackknife over initialisations.",
  };
}

export function similarityTable(told: readonly MatchedTold[]): StudyTable {
  return {
    title: "Similarity of whole layers to their initialisation, null-normalised",
    columns: [
      "layer",
      "condition",
      "CKA, plain",
      ...measures.map((measure) => measureNames[measure]),
      "matched r beyond a stranger",
      "beyond a rotation",
      "beyond shuffled cells",
    ],
    rows: byCondition(told, (kept) => [
      over(kept.map(({ similarity }) => similarity.cka)),
      ...measures.map((measure) => over(kept.map(({ normalised }) => normalised[measure]))),
      over(kept.map(({ beyondStranger }) => beyondStranger)),
      over(kept.map(({ beyondRotation }) => beyondRotation)),
      over(kept.map(({ beyondShuffle }) => beyondShuffle)),
    ]),
    caption:
      "On cell means. All but the plain CKA are (s − s₀)/(1 − s₀), s₀ the similarity to the untrained layer of another seed: 0 no more alike than strangers, 1 the same. Matched r: mean correlation of the best one-to-one matching, less the same under each null.",
  };
}

const measureNames = {
  cka: "CKA",
  debiasedCka: "CKA, debiased",
  procrustes: "Procrustes",
  rsa: "RSA",
} as const;

export function qualityTable(told: readonly MatchedTold[]): StudyTable {
  const cells = (numbers: readonly LayerNumbers[]) => [
    over(numbers.map(({ linear }) => linear)),
    over(numbers.map(({ alignment }) => alignment)),
    over(
      numbers.map(({ participation }) => participation),
      1,
    ),
    over(
      numbers.map(({ effective }) => effective),
      1,
    ),
    over(numbers.map(({ own }) => own)),
    over(numbers.map(({ previous }) => previous)),
    over(numbers.map(({ first }) => first)),
    over(numbers.map(({ together }) => together)),
  ];
  return {
    title: "Quality beside persistence",
    columns: [
      ...["layer", "network", "r", "Q_lin", "Q_align", "participation ratio", "d_eff"],
      ...["S own", "S previous", "S first", "S together", "quality at init with r"],
    ],
    rows: layers.flatMap((layer) => [
      [`L${layer}`, "untrained", "1", ...cells(told.map(({ initial }) => initial[layer])), "–"],
      ...conditions.map((condition) => {
        const kept = told.map(({ of }) => of[condition].persistence[layer]);
        return [
          `L${layer}`,
          conditionNames[condition],
          over(kept.map(({ r }) => r.at(-1) ?? Number.NaN)),
          ...cells(told.map(({ of }) => of[condition].numbers[layer])),
          over(kept.map(({ qualityOfKept }) => qualityOfKept)),
        ];
      }),
    ]),
    caption:
      "Q_lin: share of the way from unigram to Bayes loss on the task that a linear readout of the neurons covers, held out. Q_align: debiased CKA of the neurons with the next token. d_eff at a ridge of 1 % of the mean eigenvalue. S: Sobol indices at the third position on all sequences of three tokens, mean over neurons: what a token does alone, and what tokens do only together. Last: Spearman correlation over neurons of held-out quality at initialisation with r, mean over seeds.",
  };
}
