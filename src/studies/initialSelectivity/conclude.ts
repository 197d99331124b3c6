/** From the shares of untrained units to what they say beside their null. */
import { randomStream } from "../../base/random.ts";
import { initialDifferences, initialDistributions } from "../../figures/studies/initialSelectivity.ts";
import { bootstrap } from "../../stats/bootstrap.ts";
import { kolmogorovSmirnov } from "../../stats/kolmogorovSmirnov.ts";
import { mean } from "../../stats/moments.ts";
import { quantileSorted } from "../../stats/quantile.ts";
import { numberText } from "../protocol/numberText.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize, StudyTable } from "../protocol/study.ts";
import type { SelectivityTold, Shares } from "./measure.ts";
import { margin, plan, structure } from "./plan.ts";

type Kind = keyof Shares;
const kinds: readonly Kind[] = ["token", "position"];

/** One configuration and layer. */
interface Compared {
  arm: string;
  layer: number;
  kind: Kind;
  /** Mean eta² over units, by seed. */
  own: Float64Array;
  /** The same over the units of the seed's null networks. */
  chance: Float64Array;
  difference: Float64Array;
  /** Largest distance between the distribution functions of all units and of the null's. */
  distance: number;
  /** The same of one null network a seed against the others: what distance nothing at all has. */
  nullDistance: number;
}

/** Statistics over seeds of every configuration. */
export function concludeSelectivity(
  told: ReadonlyMap<string, readonly SelectivityTold[]>,
  { seeds }: StudySize,
): Findings {
  const compared = [...told].flatMap(([arm, entries]) =>
    entries[0].layers.flatMap((_, layer) => kinds.map((kind) => compare(arm, layer, kind, entries))),
  );
  const dead = [...told.values()].flat().reduce((sum, entry) => sum + entry.dead, 0);
  const units = [...told.values()]
    .flat()
    .reduce((sum, { layers }) => sum + layers.reduce((all, of) => all + of.token.length, 0), dead);
  const base = compared.filter(({ arm }) => arm === "base");
  return {
    outcomes: [
      ...[0, 1].flatMap((layer) =>
        shares(
          compared.filter((each) => each.layer === layer),
          layer,
          seeds.length,
        ),
      ),
      ...base.map(({ layer, kind, difference }) =>
        overSeeds(difference, {
          name: `base ${kind} L${layer}`,
          label: `eta² (${kind}) − null, base network, layer ${layer}`,
          nothing: 0,
        }),
      ),
      ...kinds.map((kind) => selectiveOutcome(told, kind)),
    ],
    notes: [
      `${dead} of ${units} units had no variance on the probe and are left out, as are those of the null.`,
      "Attention, which the null has not, lets the context and its interactions vary a unit, at the expense of the shares of token and position: what differs lies mostly below the null.",
      "Layer 1 reads what layer 0 made, which the null does not describe; it is no part of the rule.",
      "Intervals of single differences are not adjusted for their number: the rule counts configurations.",
    ],
    tables: [differencesTable(compared)],
    figures: [
      initialDifferences({ rows: compared, margin, seeds: seeds.length }),
      initialDistributions({
        arm: "base",
        seeds: seeds.length,
        groups: base.map(({ layer, kind, distance, nullDistance }) => ({
          ...{ layer, kind, distance, nullDistance },
          units: pooled(told.get("base") ?? [], (entry) => [entry.layers[layer][kind]]),
          null: pooled(told.get("base") ?? [], ({ nulls }) => nulls.map((of) => of[kind])),
        })),
      }),
    ],
  };
}

function compare(arm: string, layer: number, kind: Kind, entries: readonly SelectivityTold[]): Compared {
  const own = Float64Array.from(entries, ({ layers }) => mean(layers[layer][kind]));
  const chance = Float64Array.from(entries, (entry) =>
    mean(pooled([entry], ({ nulls }) => nulls.map((of) => of[kind]))),
  );
  const others = pooled(entries, ({ nulls }) => nulls.slice(1).map((of) => of[kind])).sort();
  const distribution = (x: number) => countUpTo(others, x) / others.length;
  const distance = (values: Float64Array) => kolmogorovSmirnov(values, { distribution }).d;
  return {
    ...{ arm, layer, kind, own, chance },
    difference: own.map((value, seed) => value - chance[seed]),
    distance: distance(pooled(entries, ({ layers }) => [layers[layer][kind]])),
    nullDistance: distance(pooled(entries, ({ nulls }) => [nulls[0][kind]])),
  };
}

/** Values of all seeds in one list. */
function pooled(
  entries: readonly SelectivityTold[],
  of: (entry: SelectivityTold) => readonly Float32Array[],
): Float64Array {
  const parts = entries.flatMap(of);
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** How many of some ascending values are at most x. */
function countUpTo(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Shares of configurations that are within the null, and beyond it, for both kinds at once. */
function shares(compared: readonly Compared[], layer: number, seeds: number): Outcome[] {
  const arms = [...new Set(compared.map(({ arm }) => arm))];
  const byArm = arms.map((arm) => compared.filter((each) => each.arm === arm));
  const share = (holds: (difference: number) => boolean) => (sample: readonly number[]) =>
    byArm.filter((pair) =>
      pair.every(({ difference }) => holds(mean(sample.map((seed) => difference[seed])))),
    ).length / arms.length;
  const outcome = (
    name: string,
    label: string,
    statistic: (sample: readonly number[]) => number,
  ): Outcome => {
    const { estimate, sorted, percentile } = bootstrap(
      Array.from({ length: seeds }, (_, seed) => seed),
      statistic,
      { resamples: 2000, stream: randomStream(plan.name, "bootstrap") },
    );
    return {
      ...{ name: `${name} L${layer}`, label: `${label}, layer ${layer}`, unit: "", estimate, seeds, p: null },
      interval: [percentile.low, percentile.high],
      interval90: [quantileSorted(sorted, 0.05), quantileSorted(sorted, 0.95)],
      method: `share of ${arms.length} configurations, percentile bootstrap over seeds`,
    };
  };
  return [
    outcome(
      "share within",
      `configurations within ${margin} of the null`,
      share((value) => Math.abs(value) < margin),
    ),
    outcome(
      "share beyond",
      `configurations above the null by more than ${structure}`,
      share((value) => value > structure),
    ),
  ];
}

function selectiveOutcome(told: ReadonlyMap<string, readonly SelectivityTold[]>, kind: Kind): Outcome {
  const bySeed = (told.get("base") ?? []).flatMap(({ screened }) =>
    screened === undefined ? [] : [mean(screened.map((of) => of[kind].selective))],
  );
  return overSeeds(bySeed, {
    name: `selective ${kind}`,
    label: `units that a permutation test calls ${kind}-selective, base network`,
  });
}

function differencesTable(compared: readonly Compared[]): StudyTable {
  return {
    title: "Every configuration beside its null",
    columns: [
      "configuration",
      "layer",
      "kind",
      "eta²",
      "null",
      "difference",
      "95 % interval",
      "KS distance",
      "KS of null",
    ],
    rows: compared.map(({ arm, layer, kind, own, chance, difference, distance, nullDistance }) => {
      const { estimate, interval } = overSeeds(difference, { name: arm, label: arm });
      const numbers = [mean(own), mean(chance), estimate].map(numberText);
      const ends = `[${interval.map(numberText).join(", ")}]`;
      return [arm, layer, kind, ...numbers, ends, numberText(distance), numberText(nullDistance)];
    }),
    caption:
      "Means over seeds of the mean eta² over units. KS: largest distance between the distribution function of all units and that of the null's; beside it the distance of one null network a seed from the others, which is what chance alone gives.",
  };
}
