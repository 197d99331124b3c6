/** From what every network told to what S13 found. */
import { mean } from "../../stats/moments.ts";
import { holm } from "../../stats/multiplicity.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { Findings, StudySize } from "../protocol/study.ts";
import { type LotteryKind, moduliOf } from "./arms.ts";
import { drawing } from "./drawing.ts";
import { laterOutcomes } from "./laterOutcomes.ts";
import { predictors } from "./lottery.ts";
import type { LotteryTold } from "./measure.ts";
import { learned } from "./plan.ts";
import {
  type LearnedPair,
  type LotteryResult,
  overScales,
  placeboOf,
  type ResultsByTwin,
  resultsByTwin,
  toldBy,
  valuesOf,
} from "./results.ts";
import { boostTable, decidingTable, matchTable } from "./tables.ts";

/** The statistics of S13 over seeds. */
export function conclude(told: ReadonlyMap<string, readonly LotteryTold[]>, size: StudySize): Findings {
  const byTwin = resultsByTwin(told, size);
  const { results, inUnits, inOneUnit } = byTwin;
  const first = firstOutcomes(results, size);
  const later = laterOutcomes(byTwin, size);
  return {
    outcomes: [...first, ...later],
    notes: notes(byTwin, { first, later }),
    tables: [matchTable(results), boostTable([...results, ...inUnits, ...inOneUnit]), decidingTable(results)],
    figures: drawing(byTwin),
  };
}

/** The outcomes that the study was first run for. */
function firstOutcomes(results: readonly LotteryResult[], { quick }: StudySize): Outcome[] {
  const { smaller, larger } = moduliOf(quick);
  const of = (kind: LotteryKind, ...moduli: number[]) =>
    results.filter(({ arm }) => arm.kind === kind && moduli.includes(arm.modulus));
  const chance = (modulus: number) => 2 / (modulus - 1);
  const both = of("perceptron", smaller, larger);
  const coefficient = (name: (typeof predictors)[number], what: string) =>
    overScales(both, ({ draw }) => draw.coefficients[predictors.indexOf(name)], {
      ...{ name, label: `log odds of winning per SD of initial ${what}, perceptron`, nothing: 0 },
    });
  const match = (kind: LotteryKind, modulus: number, name: string) =>
    overScales(of(kind, modulus), ({ draw }) => draw.match, {
      name,
      label: `units that end with their first frequency, ${kind}, p = ${modulus}`,
      nothing: chance(modulus),
    });
  const boost = (kind: LotteryKind, modulus: number, name: string) =>
    overScales(of(kind, modulus), ({ boost: { effect } }) => effect, {
      name,
      label:
        kind === "perceptron"
          ? `gain of boosted frequencies in units won, perceptron, p = ${modulus}`
          : `gain of the frequency boosted in the embedding in units won, transformer, p = ${modulus}`,
      nothing: 0,
    });
  return [
    match("perceptron", smaller, "match smaller"),
    match("perceptron", larger, "match larger"),
    boost("perceptron", smaller, "boost smaller"),
    boost("perceptron", larger, "boost larger"),
    overScales(both, placeboOf, {
      name: "placebo",
      label: "gain of frequencies that were not boosted, in the other units, perceptron",
      nothing: 0,
    }),
    coefficient("amplitude", "amplitude"),
    coefficient("misalignment", "phase misalignment"),
    coefficient("growth", "growth under gradient descent"),
    overScales(both, ({ draw }) => draw.information, {
      name: "information",
      label: "information of the first frequency on the last, beyond shuffled units, perceptron",
      unit: "nats",
      nothing: 0,
    }),
    overScales(both, ({ draw }) => draw.matchSpecialised, {
      name: "match specialised",
      label: "units that end with their first frequency, of those with purity above a half, perceptron",
    }),
    match("transformer", smaller, "match transformer"),
    boost("transformer", smaller, "boost transformer"),
  ];
}

function notes(
  { results, inUnits, inOneUnit }: ResultsByTwin,
  { first, later }: Readonly<Record<"first" | "later", readonly Outcome[]>>,
): string[] {
  const all = results.flatMap(({ told }) => told);
  const asleep = (kind: LotteryKind) =>
    percentText(
      valuesOf(
        results.filter(({ arm }) => arm.kind === kind),
        ({ draw }) => 1 - draw.awake / draw.units,
      ),
    );
  const failed = leftOut(results);
  const failedInUnits = leftOut([...inUnits, ...inOneUnit]);
  return [
    failed === ""
      ? `All ${all.length} networks and their twins learned at least ${100 * learned} % of the pairs.`
      : `Left out, with their twins, because one of both is right on less than ${100 * learned} % of the pairs or diverged: ${failed}. Means over scales are then over the others.`,
    `Units that no pair wakes after training have no last frequency and are left out: ${asleep("perceptron")} of the perceptrons' units, ${asleep("transformer")} of the transformers'.`,
    "At the largest scale units hardly specialise: that they keep their leading frequency there says that they have hardly moved, not that they were selected. The share among units with purity above a half is therefore given too; it favours units that had a head start.",
    "A boost changes the amplitude of one frequency in a unit's three curves and nothing else of the network; phases, mean and all other frequencies are those of the twin.",
    "The boost of the embedding is far larger than what initialisation does by itself: the power of a frequency over 64 directions varies by an eighth (standard deviation over mean), the boost raises it by five quarters. It shows that the embedding can decide; how far it does without a boost is the last column of the third table.",
    `A transformer's unit has no weight for each number. Its boost is the shortest change of what it reads of the stream, and of what it writes, that does to its curves what the perceptron's does to weights; as its answers to a and to b are changed together, the amplitudes were multiplied by ${amplifiedText(inUnits)}, mean by arm; farthest from 1.5 at the largest scale. ${leadsText(results, inUnits)}`,
    `Boosts in a transformer's units are compared where the network and that twin have learned, whatever became of the twin with the boosted embedding${failedInUnits === "" ? "; all have" : `: without ${failedInUnits}`}. In ${silent(inOneUnit)} pairs the one boosted unit sleeps after training and tells nothing.`,
    `The gain of a boost in a transformer's units is ${gainText([...first, ...later])} of that in a perceptron's; the rule on it asks whether there is one, not how large it is.`,
    holmText("", first),
    holmText(" that were added after the first run", later),
  ];
}

/** How many pairs of each arm have not learned; empty for none. */
function leftOut(results: readonly LotteryResult[]): string {
  return results
    .map((result) => ({ ...result, count: result.told.length - toldBy(result).length }))
    .filter(({ count }) => count > 0)
    .map(({ arm, twin, count }) => {
      const which =
        twin === arm.twins[0] ? "" : twin === "unit" ? " with one unit boosted" : " with units boosted";
      return `${count} of ${arm.seeds.length} of ${arm.name}${which}`;
    })
    .join(", ");
}

/** By what the boosts of units multiplied amplitudes: least and largest mean of an arm, by curve. */
function amplifiedText(inUnits: readonly LotteryResult[]): string {
  return ["over a", "over b", "over the outputs"]
    .map((name, curve) => {
      const take = ({ boost }: LearnedPair) =>
        boost.kind === "embedding" ? Number.NaN : boost.amplified[curve];
      const means = inUnits.map((result) => mean(valuesOf([result], take))).filter(Number.isFinite);
      const [low, high] = [Math.min(...means), Math.max(...means)].map((by) => by.toFixed(2));
      return `${low === high ? low : `${low} to ${high}`} ${name}`;
    })
    .join(", ");
}

/** How many boosted frequencies lead their unit before training. */
function leadsText(results: readonly LotteryResult[], inUnits: readonly LotteryResult[]): string {
  const leads = ({ boost }: LearnedPair) => (boost.kind === "embedding" ? Number.NaN : boost.leads);
  return `Right after it the boosted frequency leads ${percentText(valuesOf(inUnits, leads))} of the units; in the perceptrons ${percentText(valuesOf(results, leads))}.`;
}

/** Gains of boosts in a transformer's units in per cent of a perceptron's, at both moduli. */
function gainText(outcomes: readonly Outcome[]): string {
  const of = (name: string) => outcomes.find((outcome) => outcome.name === name)?.estimate ?? Number.NaN;
  return (["smaller", "larger"] as const)
    .map(
      (size) => `${((100 * of(`boost in units, transformer ${size}`)) / of(`boost ${size}`)).toFixed(0)} %`,
    )
    .join(" (smaller p) and ")
    .concat(" (larger p)");
}

/** Pairs that have learned, of which the boosted unit has no last frequency. */
function silent(inOneUnit: readonly LotteryResult[]): string {
  const pairs = inOneUnit.flatMap(toldBy);
  return `${pairs.filter(({ boost }) => Number.isNaN(boost.effect)).length} of ${pairs.length}`;
}

function holmText(which: string, outcomes: readonly Outcome[]): string {
  const tested = outcomes.filter(({ p }) => p !== null);
  const adjusted = holm(tested.map(({ p }) => p ?? Number.NaN));
  return `Holm-adjusted p over the ${tested.length} tested outcomes${which}: ${tested.map(({ name }, i) => `${name} ${pText(adjusted[i])}`).join(", ")}.`;
}

const pText = (p: number) => (Number.isNaN(p) ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3));
const percentText = (values: readonly number[]) => `${(100 * mean(values)).toFixed(1)} %`;
