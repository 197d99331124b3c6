/** Tables of study S3: every arm, layer and kind in numbers. */
import { randomStream } from "../../base/random.ts";
import { classTransitions, unitClassNames } from "../../features/index.ts";
import { bootstrap } from "../../stats/bootstrap.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/moments.ts";
import { numberText } from "../protocol/numberText.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { StudyTable } from "../protocol/study.ts";
import { layers, thresholds } from "./compare.ts";
import {
  type ArmTold,
  classKappas,
  intervalOf,
  kappaOfMeans,
  ofGroup,
  ofLayer,
  pooledTransitions,
  strangerKappa,
} from "./overArms.ts";
import { groups, plan } from "./plan.ts";

const withInterval = ({ estimate, low, high }: Interval) =>
  `${numberText(estimate)} [${numberText(low)}, ${numberText(high)}]`;

/** The criterion with its nulls. */
export function criterionTable(arms: readonly ArmTold[], family: readonly Outcome[]): StudyTable {
  return {
    title: "The original criterion and its chance levels",
    columns: [
      ...[
        "arm",
        "layer",
        "kind",
        "maintained",
        "null (a)",
        "null (b)",
        "excess",
        "kappa",
        "BCa",
        "p (Holm)",
        "kappa of means",
      ],
      ...["kappa of null (b)", "kappa with position 7"],
    ],
    rows: arms.flatMap((arm) =>
      groups.map(({ layer, kind }, at) => {
        const { p } = family.find(({ name }) => name === `kappa ${arm.name} L${layer} ${kind}`) as Outcome;
        const kappa = ofGroup(arm, at, (told) => told.kappa).filter(Number.isFinite);
        const rates = ofGroup(arm, at, (told) => told.maintained);
        const chances = ofGroup(arm, at, (told) => told.nullShuffle);
        return [
          ...[arm.name, layer, kind],
          numberText(mean(rates)),
          numberText(mean(chances)),
          numberText(mean(ofGroup(arm, at, (told) => told.nullStranger))),
          withInterval(intervalOf(rates.map((rate, seed) => rate - chances[seed]))),
          withInterval(intervalOf(kappa)),
          bcaText(kappa, arm.name, at),
          p === null ? "no value" : numberText(p),
          withInterval(intervalOf(kappaOfMeans(rates, chances))),
          withInterval(strangerKappa(arm, at)),
          withInterval(intervalOf(arm.entries.map(({ kappaUntrained }) => kappaUntrained[at]))),
        ];
      }),
    ),
    caption:
      "Means over seeds; brackets: 95 % t intervals, not adjusted; BCa: bootstrap over seeds. Null (a): any unit of the trained layer; (b): the stranger's unit of the same index. Kappa is the mean of the seeds' kappas, each with its own null; kappa of means is that of the mean rate and the mean chance, which a seed with a chance near 1 cannot pull down, and the kappa of null (b) is of that kind.",
  };
}

function bcaText(kappa: readonly number[], arm: string, group: number): string {
  if (kappa.length < 2) return "no value";
  const stream = randomStream(plan.name, "bootstrap", arm, group);
  const { bca } = bootstrap(kappa, mean, { stream, resamples: 5000 });
  return `[${numberText(bca.low)}, ${numberText(bca.high)}]`;
}

/** Tuning correlations between null and ceiling. */
export function tuningTable(arms: readonly ArmTold[]): StudyTable {
  return {
    title: "Correlation of tuning before and after",
    columns: ["arm", "layer", "kind", "own start", "another initialisation", "twins (ceiling)"],
    rows: arms.flatMap((arm) => [
      ...groups.map(({ layer, kind }, at) => [
        ...[arm.name, layer, kind],
        withInterval(intervalOf(ofGroup(arm, at, (told) => told.r))),
        withInterval(intervalOf(ofGroup(arm, at, (told) => told.strangerR))),
        withInterval(intervalOf(ofGroup(arm, at, (told) => told.twinR))),
      ]),
      ...layers.map((layer) => [
        ...[arm.name, layer, "all cells"],
        withInterval(intervalOf(ofLayer(arm, layer, (told) => told.r))),
        withInterval(intervalOf(ofLayer(arm, layer, (told) => told.strangerR))),
        "",
      ]),
    ]),
    caption:
      "Means over units, then seeds, with 95 % t intervals. Twins: trained from one start on different data.",
  };
}

/** Class transitions by the definition of a class. */
export function transitionsTable(arms: readonly ArmTold[]): StudyTable {
  return {
    title: "Classes before and after",
    columns: [
      ...["arm", "layer", "threshold", "kappa", "kappa of another network", "pooled kappa (SE)", "Rand", "V"],
      ...["drift χ² (df)", "row entropy", "chance entropy"],
    ],
    rows: arms.flatMap((arm) =>
      layers.flatMap((layer) =>
        thresholds.map((threshold, at) => {
          const counts = pooledTransitions(arm, layer, at, "own");
          const { kappa, adjustedRand, cramersV, drift } = classTransitions(counts);
          return [
            ...[arm.name, layer, threshold === 0 ? "largest" : threshold],
            withInterval(intervalOf(classKappas(arm, layer, at, "own"))),
            withInterval(intervalOf(classKappas(arm, layer, at, "stranger"))),
            `${numberText(kappa.estimate)} (${numberText(kappa.standardError)})`,
            numberText(adjustedRand),
            numberText(cramersV.corrected),
            `${numberText(drift.chi2)} (${drift.df})`,
            numberText(meanEntropy(counts)),
            numberText(meanEntropy(pooledTransitions(arm, layer, at, "stranger"))),
          ];
        }),
      ),
    ),
    caption: `Classes: ${unitClassNames.join(", ")}; the source whose share of variance is largest and above the threshold. Kappas: means over seeds with 95 % t intervals. The rest is of all seeds' units together: the adjusted Rand index, Cramér's V corrected for bias, Stuart–Maxwell's test that class sizes stayed (its p would take units for independent), and the mean entropy (nats) of the class after training given that before, with its value for another network's units.`,
  };
}

/** Mean entropy of the rows, each as often as units had its class. */
function meanEntropy(counts: readonly Float64Array[]): number {
  const { entropy } = classTransitions(counts);
  const sizes = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.reduce((sum, size, row) => (size === 0 ? sum : sum + (size / total) * entropy[row]), 0);
}

/** Matching and subspaces. */
export function layersTable(arms: readonly ArmTold[]): StudyTable {
  return {
    title: "Identity of units and subspace of layers",
    columns: [
      ...[
        "arm",
        "layer",
        "recovered",
        "recovered, another network",
        "matched r",
        "matched r, another network",
      ],
      ...["subspace R²", "R², another network", "excess"],
    ],
    rows: arms.flatMap((arm) =>
      layers.map((layer) => {
        const of = (number: Parameters<typeof ofLayer>[2]) =>
          withInterval(intervalOf(ofLayer(arm, layer, number)));
        return [
          ...[arm.name, layer],
          ...[of((told) => told.recovered), of((told) => told.strangerRecovered)],
          ...[of((told) => told.matched), of((told) => told.strangerMatched)],
          ...[of((told) => told.subspace), of((told) => told.subspaceStranger)],
          of((told) => told.subspace - told.subspaceStranger),
        ];
      }),
    ),
    caption:
      "Recovered: share of units that the best one-to-one matching of tuning before and after gives back to themselves; chance is 1/64. Subspace R²: share of trained pre-activation tuning predicted, in cells left out, from the stream that the MLP read at initialisation. Means over seeds with 95 % t intervals.",
  };
}

/** Null (f): the original's screen by permutation tests. */
export function screenTable(arms: readonly ArmTold[]): StudyTable {
  return {
    title: "Units that a permutation test calls selective",
    columns: ["arm", "time", "layer", "token", "position", "eta² of shuffled tokens"],
    rows: arms.flatMap((arm) =>
      ["before", "after"].flatMap((time, at) =>
        layers.map((layer) => {
          const of = (
            number: (screened: (typeof arm.entries)[number]["screened"][number][number]) => number,
          ) => numberText(mean(arm.entries.map(({ screened }) => number(screened[at][layer]))));
          return [
            ...[arm.name, time, layer],
            ...[of(({ token }) => token.selective), of(({ position }) => position.selective)],
            of(({ token }) => token.chance),
          ];
        }),
      ),
    ),
    caption:
      "Share of units at a false discovery rate of 5 %, labels shuffled over the activations of a smaller probe. Shuffled labels explain far less than the criterion's 0.05: by this null nearly all units are selective at any time, and it says nothing about persistence.",
  };
}
