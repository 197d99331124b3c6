/** Supporting tables of S15. */
import { seedInterval } from "../../features/seedInterval.ts";
import { fixed, intervalText, noNumber } from "../../figures/numberText.ts";
import type { StudyTable } from "../protocol/study.ts";
import { type Condition, conditions } from "./arms.ts";
import { layers } from "./plan.ts";
import {
  conditionNames,
  factorNames,
  last,
  matchedNumbers,
  numbersOf,
  rAtLoss,
  type SeedTold,
} from "./results.ts";
import { type ConditionTold, factors, type LayerTold } from "./told.ts";

/** `0.71 [0.70, 0.72]` over seeds. */
function over(values: readonly number[], digits = 3): string {
  const { estimate, low, high } = seedInterval(values);
  return `${fixed(estimate, digits)} ${intervalText([low, high], digits)}`;
}

const minus = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);

/** A row for each condition, one cell a number. */
function byCondition(
  seeds: readonly SeedTold[],
  cells: readonly ((told: ConditionTold) => number)[],
): string[][] {
  return conditions.map((condition) => [
    conditionNames[condition],
    ...cells.map((of) => over(numbersOf(seeds, condition, of))),
  ]);
}

/** The same for each layer. */
function byLayer(seeds: readonly SeedTold[], cells: readonly ((told: LayerTold) => number)[]): string[][] {
  return layers.flatMap((layer) =>
    byCondition(
      seeds,
      cells.map((of) => (told: ConditionTold) => of(told.layers[layer])),
    ).map((row) => [`L${layer}`, ...row]),
  );
}

export function lossTable(seeds: readonly SeedTold[]): StudyTable {
  return {
    title: "What was learned",
    columns: [
      ...["networks", "loss before (nats a character)", "after", "after (bits a character)"],
      ...["counting characters", "counting pairs", "displacement"],
    ],
    rows: byCondition(seeds, [
      ({ loss }) => loss[0],
      ({ loss }) => last(loss),
      ({ loss }) => last(loss) / Math.LN2,
      ({ baseline }) => baseline.unigram,
      ({ baseline }) => baseline.bigram,
      ({ displacement }) => last(displacement),
    ]),
    caption:
      "Mean over seeds with its 95 % t interval. Losses on unseen windows of what the networks read; counting: unigram and bigram model of the training text, on the same windows. Displacement: of all weights together, ‖θ − θ₀‖ / ‖θ₀‖.",
  };
}

export function persistenceTable(seeds: readonly SeedTold[]): StudyTable {
  const when = layers.flatMap((layer) =>
    conditions.map((condition) =>
      condition === "shuffled"
        ? [noNumber, noNumber]
        : (["unigram", "bigram"] as const).map((of) => over(numbersOf(seeds, condition, rAtLoss(layer, of)))),
    ),
  );
  const ends = byLayer(seeds, [
    ({ r }) => last(r),
    ({ stranger }) => last(stranger),
    ...factors.map(
      (factor) =>
        ({ end }: LayerTold) =>
          end.kinds[factor],
    ),
    ({ end }) => end.contexts,
    ({ end }) => end.corrected,
    ({ end }) => end.balanced,
    ({ end }) => end.recovered,
  ]);
  return {
    title: "Persistence",
    columns: [
      ...["layer", "networks", "r", "r with a stranger's initialisation"],
      ...factors.map((factor) => `r ${factorNames[factor]}`),
      ...["r character × character before", "r corrected", "r balanced probe", "recovered"],
      ...["r at the unigram's loss", "r at the bigram's loss"],
    ],
    rows: ends.map((row, at) => [...row, ...when[at]]),
    caption:
      "Mean over seeds with its 95 % t interval. r: over cells (character × position) on unseen text; of the effects of character, position, character before and of what characters do only together; over cells (character × character before); corrected for the reliability of the cells; over cells (character × position) of a balanced probe. Recovered: share of neurons that the best one-to-one matching of the layer before and after gives back their own index (chance 1/128). The last columns: r where the loss first is that of a model that counts characters or pairs, between checkpoints.",
  };
}

export function displacementTable(seeds: readonly SeedTold[]): StudyTable {
  return {
    title: "At equal displacement",
    columns: [
      ...["layer", "r text", "noise of its size", "difference", "r shuffled text", "noise of its size"],
      ...["r text, scaled to it", "scaled − shuffled"],
    ],
    rows: layers.map((layer) => {
      const end = (condition: Condition) =>
        numbersOf(seeds, condition, ({ layers: of }) => last(of[layer].r));
      const [text, shuffled] = [end("text"), end("shuffled")];
      const noise = matchedNumbers(seeds, (told) => told.noise.text[layer]);
      const scaled = matchedNumbers(seeds, (told) => told.scaled[layer]);
      return [
        `L${layer}`,
        ...[over(text), over(noise), over(minus(text, noise)), over(shuffled)],
        over(matchedNumbers(seeds, (told) => told.noise.shuffled[layer])),
        ...[over(scaled), over(minus(scaled, shuffled))],
      ];
    }),
    caption:
      "Noise: every weight moved as far as training moved it, in a random direction. Scaled: every weight of the text's network along its own displacement, as far as the shuffled text's moved. Mean over seeds with its 95 % t interval, not adjusted.",
  };
}

export function twinTable(seeds: readonly SeedTold[]): StudyTable {
  return {
    title: "Initialisation against reading",
    columns: [
      "layer",
      "r other windows",
      "r other initialisation",
      "matching gain",
      "r by importance",
      "r plain",
    ],
    rows: layers.map((layer) => [
      `L${layer}`,
      over(matchedNumbers(seeds, ({ otherData }) => otherData.r[layer])),
      over(matchedNumbers(seeds, ({ otherInit }) => otherInit.r[layer])),
      over(matchedNumbers(seeds, ({ otherInit }) => otherInit.matchingGain[layer])),
      over(matchedNumbers(seeds, ({ weighted }) => weighted[layer].weighted)),
      over(matchedNumbers(seeds, ({ weighted }) => weighted[layer].unweighted)),
    ]),
    caption:
      "r of trained tuning of neurons of one index in two networks that share initialisation (other windows) or windows (other initialisation). Matching gain: mean r of the best one-to-one matching of two initialisations, trained less untrained. By importance: r with its initialisation weighted by what taking a neuron to its mean would cost (integrated gradients on unseen text).",
  };
}

export function criterionTable(seeds: readonly SeedTold[]): StudyTable {
  const kinds = ["character", "position"] as const;
  return {
    title: "The original's criterion",
    columns: [
      ...["layer", "networks", "characters: maintained", "by chance", "kappa"],
      ...["positions: maintained", "by chance", "kappa"],
    ],
    rows: byLayer(
      seeds,
      kinds.flatMap((kind) =>
        (["maintained", "chance", "kappa"] as const).map(
          (number) => (told: LayerTold) => told.end.criterion[kind][number],
        ),
      ),
    ),
    caption:
      "Share of the 10 neurons of 128 that were most selective (eta² on unseen text) and have eta² above 0.05 and above half of what it was; by chance: the same of any neuron of the trained layer; kappa = (maintained − chance)/(1 − chance), no number where all neurons pass.",
  };
}

export function selectionTable(seeds: readonly SeedTold[]): StudyTable {
  return {
    title: "What neurons select on the text",
    columns: [
      ...["layer", "networks"],
      ...factors.flatMap((factor) => [`${factorNames[factor]}: untrained`, "trained"]),
    ],
    rows: byLayer(
      seeds,
      factors.flatMap((factor) => [0, 1].map((at) => (told: LayerTold) => told.end.selected[factor][at])),
    ),
    caption:
      "Unbiased share of a neuron's variance over unseen text, cells counted once, mean over neurons and seeds with its 95 % t interval. Character and position share a table, and so do character before and what characters do only together.",
  };
}
