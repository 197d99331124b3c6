/** From what the networks of S15 told to what was found. */
import { counted, fixed } from "../../figures/numberText.ts";
import { meanFinite } from "../../figures/spread.ts";
import { textDisplacement } from "../../figures/studies/textDisplacement.ts";
import { textLoss, textPersistenceCourses, textSelection } from "../../figures/studies/textPersistence.ts";
import { stretchedExponential } from "../../stats/stretchedExponential.ts";
import { holmFamily } from "../protocol/family.ts";
import { type Outcome, type OutcomeNames, overSeeds } from "../protocol/outcome.ts";
import type { Findings } from "../protocol/study.ts";
import { type Condition, conditions } from "./arms.ts";
import { layers, outcomeNames as names } from "./plan.ts";
import {
  bySeed,
  conditionNames,
  conditionOf,
  divergences,
  factorNames,
  last,
  matchedNumbers,
  numbersOf,
  rAtLoss,
  type SeedTold,
} from "./results.ts";
import {
  criterionTable,
  displacementTable,
  lossTable,
  persistenceTable,
  selectionTable,
  twinTable,
} from "./tables.ts";
import { type ConditionTold, factors, type MatchedTold, type TextPersistenceTold } from "./told.ts";

const minus = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);

/** Tuning r at the end, one a seed. */
function endR(seeds: readonly SeedTold[], condition: Condition, layer: number): number[] {
  return numbersOf(seeds, condition, (told) => last(told.layers[layer].r));
}

/** The twelve outcomes that rules about persistence name. */
function family(seeds: readonly SeedTold[]): Outcome[] {
  return holmFamily(
    layers.flatMap((layer) => {
      const atBigram = (condition: Condition) => numbersOf(seeds, condition, rAtLoss(layer, "bigram"));
      const text = atBigram("text");
      return [
        {
          ...{ name: names.text(layer), label: `tuning r after training on text, layer ${layer}` },
          ...{ nothing: 0, bySeed: endR(seeds, "text", layer) },
        },
        {
          ...{ name: names.gpt2(layer), label: `the same from GPT-2's initialisation, layer ${layer}` },
          ...{ nothing: 0, bySeed: endR(seeds, "gpt2", layer) },
        },
        {
          ...{ name: names.kappa(layer), label: `kappa of neurons selective for characters, layer ${layer}` },
          nothing: 0,
          bySeed: numbersOf(seeds, "text", (told) => told.layers[layer].end.criterion.character.kappa),
        },
        {
          name: names.equalDisplacement(layer),
          label: `r text − r shuffled text at equal displacement, layer ${layer}`,
          nothing: 0,
          bySeed: minus(
            matchedNumbers(seeds, ({ scaled }) => scaled[layer]),
            endR(seeds, "shuffled", layer),
          ),
        },
        {
          name: names.otherInit(layer),
          label: `trained tuning r of two initialisations on the same windows, layer ${layer}`,
          nothing: 0,
          bySeed: matchedNumbers(seeds, ({ otherInit }) => otherInit.r[layer]),
        },
        {
          name: names.small(layer),
          label: `share of r that small embeddings leave at the bigram's loss, layer ${layer}`,
          nothing: 1,
          bySeed: atBigram("small").map((r, seed) => r / text[seed]),
        },
      ];
    }),
  );
}

/** Geometric mean of one time a seed. */
function timeOverSeeds(times: readonly number[], given: OutcomeNames): Outcome {
  const logs = overSeeds(times.map(Math.log), given);
  const back = ([low, high]: readonly [number, number]) => [Math.exp(low), Math.exp(high)] as const;
  return {
    ...logs,
    ...{
      estimate: Math.exp(logs.estimate),
      interval: back(logs.interval),
      interval90: back(logs.interval90),
    },
    method: "geometric mean and t interval of logarithms over seeds",
  };
}

/** What stands beside the family, with intervals of its own. */
function beside(seeds: readonly SeedTold[]): Outcome[] {
  const ofText = (of: (told: ConditionTold) => number) => numbersOf(seeds, "text", of);
  const belowBigram = ofText(({ loss, baseline }) => baseline.bigram - last(loss));
  return [
    overSeeds(belowBigram, {
      ...{ name: names.belowBigram, label: "loss of a bigram model − loss of the network, unseen text" },
      ...{ unit: "nats", nothing: 0 },
    }),
    ...(["text", "gpt2"] as const).map((condition) =>
      overSeeds(
        numbersOf(seeds, condition, ({ loss }) => last(loss)),
        {
          name: condition === "text" ? names.loss : names.lossGpt2,
          label: `loss on unseen text, ${condition === "text" ? "PyTorch's" : "GPT-2's"} initialisation`,
          unit: "nats",
        },
      ),
    ),
    ...layers.flatMap((layer) => [
      overSeeds(minus(endR(seeds, "text", layer), endR(seeds, "shuffled", layer)), {
        name: names.equalSteps(layer),
        label: `r text − r shuffled text at equal steps, layer ${layer}`,
        nothing: 0,
      }),
      overSeeds(
        minus(
          endR(seeds, "text", layer),
          matchedNumbers(seeds, ({ noise }) => noise.text[layer]),
        ),
        {
          name: names.noise(layer),
          label: `r text − r isotropic noise of equal displacement, layer ${layer}`,
          nothing: 0,
        },
      ),
      overSeeds(ofText(rAtLoss(layer, "bigram")), {
        name: names.atBigram(layer),
        label: `tuning r when the network is as good as a bigram model, layer ${layer}`,
      }),
      timeOverSeeds(
        ofText(({ steps, layers: of }) => stretchedExponential(steps, of[layer].r).halfLife),
        {
          ...{ name: names.halfLife(layer), label: `fitted half-life of tuning, layer ${layer}` },
          unit: "steps",
        },
      ),
      overSeeds(
        matchedNumbers(seeds, ({ weighted }) => weighted[layer].weighted - weighted[layer].unweighted),
        {
          name: names.important(layer),
          label: `r weighted by importance − plain r, layer ${layer}`,
          nothing: 0,
        },
      ),
      overSeeds(
        ofText(({ layers: of }) => of[layer].end.recovered),
        {
          name: names.recovered(layer),
          label: `share of neurons matched to themselves, layer ${layer}`,
        },
      ),
      overSeeds(
        ofText(({ layers: of }) => of[layer].end.balanced),
        {
          name: names.balanced(layer),
          label: `tuning r on the balanced probe, layer ${layer}`,
          nothing: 0,
        },
      ),
      overSeeds(
        matchedNumbers(seeds, ({ otherData }) => otherData.r[layer]),
        {
          name: names.otherData(layer),
          label: `trained tuning r of one initialisation on other windows, layer ${layer}`,
        },
      ),
    ]),
  ];
}

function notesOf(seeds: readonly SeedTold[], told: readonly TextPersistenceTold[]): string[] {
  const cells = seeds.flatMap(({ matched }) => matched?.cells ?? [])[0] ?? 0;
  const lost = told.filter((one) => divergences(one).length > 0).length;
  const nats = (condition: Condition) =>
    fixed(meanFinite(numbersOf(seeds, condition, ({ loss }) => last(loss))), 3);
  const perLayer = (condition: Condition) =>
    layers.map((layer) => fixed(meanFinite(endR(seeds, condition, layer)))).join(" / ");
  const overLayers = (of: (told: MatchedTold, layer: number) => number) =>
    layers.map((layer) => fixed(meanFinite(matchedNumbers(seeds, (told) => of(told, layer))))).join(" / ");
  const unigram = fixed(meanFinite(numbersOf(seeds, "shuffled", ({ baseline }) => baseline.unigram)), 3);
  return [
    `Tuning on the text is over ${counted(cells, "cell")} (character × position, positions 0, 1, 2–3, 4–7 and so on) that either half of the unseen windows has 8 times at least; cells count alike. On a text, what usually comes before a character is part of its mean; on the balanced probe, where every character is equally likely after every other, it is not.`,
    `Losses on unseen windows: ${conditions.map((condition) => `${conditionNames[condition]} ${nats(condition)}`).join(", ")} nats; of the shuffled text only frequencies can be known, ${unigram} nats.`,
    "Intervals of the twelve outcomes of the family hold together at 95 % (Bonferroni); those of all others hold one by one.",
    "At equal displacement every weight of the text's network was moved along its own displacement to the distance that the shuffled text's moved: a network that no training visited.",
    `A control is no network at rest: on shuffled text training unlearns guesses that vary with the input. In layers ${layers.join(" / ")} r is ${perLayer("shuffled")} after it and ${overLayers(({ noise }, layer) => noise.shuffled[layer])} after noise of its size; after text ${perLayer("text")}, and ${overLayers(({ noise }, layer) => noise.text[layer])} after noise of the text's size. So an advantage of the text over this control is none over motion alone.`,
    "With small embeddings what attention adds to the stream outweighs them, and neurons begin tuned otherwise; whether a low r is noise of their curves shows in r corrected for reliability.",
    "Neurons of one index in two initialisations are exchangeable: r between them is 0 by symmetry unless training gives indices a meaning. The matching gain asks the same up to relabelling.",
    "Shares of variance are cross-validated over two halves of the unseen windows and count every cell once; the effect of a factor is taken beside that of the other factor of its table (character × position, or character × character before), so that what goes together in a text is not counted twice within a table.",
    "One text, one size, one learning rate: seeds vary the initialisation and the order of reading, not the language.",
    ...(lost === 0
      ? []
      : [`${counted(lost, "set")} of ${told.length} had a network that diverged and are left out.`]),
  ];
}

/** The statistics of S15 over seeds. */
export function conclude(told: ReadonlyMap<string, readonly TextPersistenceTold[]>): Findings {
  const seeds = bySeed(told);
  const drawn = conditions.map((condition) => ({
    name: conditionNames[condition],
    networks: seeds.flatMap((seed) => conditionOf(seed, condition) ?? []),
  }));
  return {
    outcomes: [...family(seeds), ...beside(seeds)],
    notes: notesOf(seeds, [...told.values()].flat()),
    tables: [
      lossTable(seeds),
      persistenceTable(seeds),
      displacementTable(seeds),
      twinTable(seeds),
      criterionTable(seeds),
      selectionTable(seeds),
    ],
    figures: [
      textLoss({ seeds: seeds.length, conditions: drawn }),
      textPersistenceCourses({ seeds: seeds.length, layers, conditions: drawn }),
      textDisplacement({
        seeds: drawn[0].networks.length,
        layers: layers.map((layer) => ({
          layer,
          near: {
            shuffled: endR(seeds, "shuffled", layer),
            text: matchedNumbers(seeds, ({ scaled }) => scaled[layer]),
            noise: matchedNumbers(seeds, ({ noise }) => noise.shuffled[layer]),
          },
          far: {
            text: endR(seeds, "text", layer),
            noise: matchedNumbers(seeds, ({ noise }) => noise.text[layer]),
          },
          otherData: matchedNumbers(seeds, ({ otherData }) => otherData.r[layer]),
          otherInit: matchedNumbers(seeds, ({ otherInit }) => otherInit.r[layer]),
        })),
      }),
      textSelection({
        ...{ seeds: seeds.length, layers, conditions: drawn },
        factors: factors.map((name) => ({ name, label: factorNames[name] })),
      }),
    ],
  };
}
