/** Is what persists what matters? Importance by persistence, groups that are ablated, and weights that are reset. */
import { dot, line, link, rect, text } from "@observablehq/plot";
import { axisNumber, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText, listed } from "../numberText.ts";
import { meanFinite, meanInterval } from "../spread.ts";
import type { Band } from "../subject.ts";
import { fontSize, ink, muted, nowColor, nullFill, paper, thenColor } from "../theme.ts";

/** One layer of the networks of an arm; costs are rises of the loss above the intact network's, nats. */
export interface FunctionLayer {
  readonly layer: number;
  /** Mean importance of units by rank of their persistence, least persistent first, [seed][bin]. */
  readonly byRank: readonly (readonly number[])[];
  /** The same in any bin with persistence shuffled, mean over seeds. */
  readonly rankNull: Band;
  /** Cost of losing the group of changed and that of persistent units, [seed]. */
  readonly changed: ArrayLike<number>;
  readonly persistent: ArrayLike<number>;
  /** Of groups drawn at random, mean over seeds. */
  readonly random: Band;
  /** Rank correlation of importance and persistence given variance, [seed]. */
  readonly partial: ArrayLike<number>;
}

/** The networks of an arm. */
export interface FunctionPopulation {
  readonly name: string;
  readonly seeds: number;
  readonly diverged: number;
  /** Units in a group. */
  readonly groupSize: number;
  readonly layers: readonly FunctionLayer[];
  /** FPI of every weight group, [seed]: of the own beginning, of equally distant points, of a fresh draw as if it were own. */
  readonly resets: readonly {
    readonly group: string;
    readonly fpi: ArrayLike<number>;
    readonly near: ArrayLike<number>;
    readonly null: Band;
  }[];
}

/** Four panels, two arms of two layers, share a row. */
const panelWidth = 214;

const milli = (value: number) => 1000 * value;
const milliBand = ({ low, high, middle }: Band): Band => ({
  low: milli(low),
  high: milli(high),
  ...(middle === undefined ? {} : { middle: milli(middle) }),
});

/** From 0, or the lowest value if that is below, to a little above the highest. */
function domainOf(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  return [Math.min(0, ...finite), 1.05 * Math.max(0, ...finite)];
}

function seedsText(populations: readonly FunctionPopulation[]): string {
  const counts = populations.map(({ name, seeds }) => `${counted(seeds, "seed")} (${name})`);
  const lost = populations.filter(({ diverged }) => diverged > 0);
  const left = lost.map(({ name, diverged }) => `; ${diverged} of ${name} diverged and are left out`);
  return `${listed(counts)}${left.join("")}.`;
}

/** Every layer of every arm, with the title of its panel. */
function panelsOf(populations: readonly FunctionPopulation[]) {
  return populations.flatMap((population) =>
    population.layers.map((layer) => ({
      population,
      layer,
      title: `${population.name} · layer ${layer.layer}`,
      place: `L${layer.layer}${populations.length > 1 ? ` ${population.name}` : ""}`,
    })),
  );
}

const signed = (value: number, digits = 2) => (value > 0 ? `+${fixed(value, digits)}` : fixed(value, digits));

function rankPanel({ layer, title }: ReturnType<typeof panelsOf>[number]): Panel {
  const bins = layer.byRank[0]?.length ?? 0;
  const seeds = layer.byRank.flatMap((values, seed) =>
    Array.from(values, (cost, bin) => ({ seed, bin: bin + 1, cost: milli(cost) })),
  );
  const means = Array.from({ length: bins }, (_, bin) => ({
    bin: bin + 1,
    ...meanInterval(layer.byRank.map((values) => milli(values[bin]))),
  }));
  const band = milliBand(layer.rankNull);
  const ends = means.filter(({ bin }) => bin === 1 || bin === bins);
  const domain = domainOf([
    ...seeds.map(({ cost }) => cost),
    ...means.flatMap(({ low, high }) => [low, high]),
  ]);
  return {
    title,
    description: `importance of the least persistent eighth to the most persistent one, thousandths of a nat: ${means
      .map(({ mean }) => fixed(mean, 1))
      .join(", ")}; with persistence shuffled ${fixed(band.middle, 1)}`,
    options: {
      ...{ width: panelWidth, height: 226, marginLeft: 34, marginRight: 12, marginTop: 26, marginBottom: 38 },
      x: {
        domain: [0.5, bins + 0.5],
        ticks: Array.from({ length: bins }, (_, bin) => bin + 1),
        tickFormat: (bin: number) => (bin === 1 ? "least" : bin === bins ? "most" : ""),
        ...{ label: "persistence of tuning, units by rank", labelAnchor: "center", labelArrow: "none" },
      },
      y: {
        ...{ domain, label: "importance, nats / 1000", labelArrow: "none", ticks: 5, grid: true },
        tickFormat: (value: number) => axisNumber(value, domain[1] - domain[0]),
      },
      marks: [
        rect([band], { x1: 0.5, x2: bins + 0.5, y1: "low", y2: "high", fill: nullFill }),
        line(seeds, {
          ...{ x: "bin", y: "cost", z: "seed" },
          ...{ stroke: nowColor, strokeWidth: 0.6, strokeOpacity: 0.5 },
        }),
        line(means, { x: "bin", y: "mean", stroke: ink, strokeWidth: 1.6 }),
        link(means, { x: "bin", y1: "low", y2: "high", stroke: ink, strokeWidth: 1.6 }),
        dot(means, { x: "bin", y: "mean", r: 3.5, fill: nowColor, stroke: paper, strokeWidth: 0.5 }),
        text(ends, {
          ...{ x: "bin", y: "high", dy: -9, text: ({ mean }) => fixed(mean, 1) },
          ...{ fill: ink, stroke: paper, strokeWidth: 3, fontWeight: 600, fontSize: fontSize.label },
        }),
      ],
    },
  };
}

/** Figure: importance of units by rank of their persistence. */
export function functionByRank(populations: readonly FunctionPopulation[]): FigureSpec {
  const panels = panelsOf(populations);
  const findings = panels.map(({ layer: { byRank }, place }) => {
    const end = (bin: number) =>
      fixed(milli(meanFinite(byRank.map((values) => values.at(bin) ?? Number.NaN))), 1);
    return `${place} ${end(0)} to ${end(-1)}`;
  });
  const correlations = panels.map(({ layer: { partial } }) => signed(meanFinite(partial)));
  return {
    name: "function-by-rank",
    title: `From the least to the most persistent units importance goes from ${listed(findings)} thousandths of a nat; its rank correlation with persistence, given variance, is ${listed(correlations)}.`,
    question: "Do the units that keep their tuning carry the trained network's predictions?",
    seeds: seedsText(populations),
    nullModel:
      "grey band: mean over seeds with persistence shuffled among the units of each layer, middle 95 % of shuffles.",
    reading:
      "Units of a layer are ranked by the correlation of their tuning after training with that before, and cut into eighths. Thin lines: mean importance in each seed; dots: mean over seeds with its 95 % t interval. Importance is the rise of the loss on unseen sequences when a unit's activation is taken from another sequence.",
    panels: panels.map(rankPanel),
  };
}

/** Where the two groups stand. */
const [changedAt, persistentAt] = [1, 2];

function groupsPanel({ layer, population, title }: ReturnType<typeof panelsOf>[number]): Panel {
  const { changed, persistent } = layer;
  const seeds = Array.from(changed, (cost, seed) => ({
    seed,
    changed: milli(cost),
    persistent: milli(persistent[seed]),
  }));
  const means = [
    { at: changedAt, ...meanInterval(seeds.map((one) => one.changed)) },
    { at: persistentAt, ...meanInterval(seeds.map((one) => one.persistent)) },
  ];
  const band = milliBand(layer.random);
  const domain = domainOf([
    ...seeds.flatMap((one) => [one.changed, one.persistent]),
    ...means.flatMap(({ low, high }) => [low, high]),
  ]);
  return {
    title,
    description: `losing ${population.groupSize} changed units costs ${fixed(means[0].mean, 1)}, as many persistent ones ${fixed(means[1].mean, 1)}, random ones ${fixed(band.middle, 1)} thousandths of a nat`,
    options: {
      ...{ width: panelWidth, height: 240, marginLeft: 34, marginRight: 42, marginTop: 26, marginBottom: 28 },
      x: {
        ...{ domain: [0.6, 2.4], ticks: [changedAt, persistentAt], label: null },
        tickFormat: (at: number) => (at === changedAt ? "changed" : "persistent"),
      },
      y: {
        ...{ domain, label: "cost of losing them, nats / 1000", labelArrow: "none", ticks: 5, grid: true },
        tickFormat: (value: number) => axisNumber(value, domain[1] - domain[0]),
      },
      marks: [
        rect([band], { x1: 0.6, x2: 2.4, y1: "low", y2: "high", fill: nullFill }),
        link(seeds, {
          ...{ x1: changedAt, x2: persistentAt, y1: "changed", y2: "persistent" },
          ...{ stroke: nowColor, strokeWidth: 0.7, strokeOpacity: 0.6 },
        }),
        link(means, { x: "at", y1: "low", y2: "high", stroke: ink, strokeWidth: 1.8 }),
        dot(means, {
          ...{ x: "at", y: "mean", r: 4.5, stroke: paper, strokeWidth: 0.5 },
          fill: ({ at }) => (at === changedAt ? nowColor : thenColor),
        }),
        ...means.map((mean) =>
          text([mean], {
            ...{ x: "at", y: "mean", text: (one: typeof mean) => fixed(one.mean, 0) },
            dx: mean.at === changedAt ? -18 : 18,
            ...{ fill: ink, stroke: paper, strokeWidth: 3, fontWeight: 600, fontSize: fontSize.label },
          }),
        ),
        text([band], {
          ...{ x: 2.4, y: "high", text: () => "random", textAnchor: "start", dx: 3, dy: 4 },
          ...{ fill: muted, fontSize: fontSize.small },
        }),
      ],
    },
  };
}

/** Figure: what it costs to lose a group of persistent units, against a matched group of changed ones. */
export function functionGroups(populations: readonly FunctionPopulation[]): FigureSpec {
  const panels = panelsOf(populations);
  const size = populations[0]?.groupSize ?? 0;
  const findings = panels.map(({ layer: { changed, persistent }, place }) => {
    const differences = Array.from(persistent, (cost, seed) => milli(cost - changed[seed]));
    const { mean, low, high } = meanInterval(differences);
    return `${place} ${signed(mean, 0)} ${intervalText([low, high], 0)}`;
  });
  return {
    name: "function-groups",
    title: `Losing ${size} persistent units costs more (+) or less (−) than losing ${size} changed ones of equal variance: ${listed(findings)} thousandths of a nat.`,
    question: "Is it dearer to lose what training kept than what it changed?",
    seeds: seedsText(populations),
    nullModel: `grey band: groups of ${size} drawn at random from the same strata of variance, mean over seeds, middle 95 % of draws.`,
    reading: `Each line is a seed. The units of a layer are cut into ${size} strata by variance after training; the least persistent unit of every stratum makes the group on the left, the most persistent one that on the right. Dots: mean over seeds with its 95 % t interval.`,
    panels: panels.map(groupsPanel),
  };
}

/** Figure: functional persistence of every weight group. */
export function functionResets(populations: readonly FunctionPopulation[]): FigureSpec {
  const inputs = populations.slice(0, 1).flatMap(({ resets }) =>
    resets
      .filter(({ group }) => group.endsWith("MLP in"))
      .map(({ group, fpi, near }) => {
        return `${group} ${fixed(meanFinite(fpi))}, equally distant weights ${fixed(meanFinite(near))}`;
      }),
  );
  return {
    name: "function-resets",
    title: `Weights reset to their own beginning save this share of what a fresh draw costs: ${listed(inputs) || "nothing was reset"}.`,
    question: "Does a trained network still need its own initial weights, or only weights that are near?",
    seeds: seedsText(populations),
    nullModel:
      "grey band: a fresh draw judged by the others as if it were the own beginning, mean over seeds, middle 95 %; dashed line 0.",
    reading:
      "Full dot: FPI = 1 − cost of resetting a group to its own initial value / cost of a fresh draw. Hollow dot: the same for moving it equally far in random directions; where that is nearer to 1, the own beginning is worth less than its distance: the way back undoes what was learnt. Means over seeds with 95 % t intervals.",
    panels: populations.map(({ name, resets }) =>
      dotRowsPanel({
        title: name,
        rows: resets.map(({ group, fpi, near, null: band }) => ({
          ...{ label: group, null: band },
          ...intervalOf(fpi),
          other: intervalOf(near),
          note: fixed(meanFinite(fpi)),
        })),
        ...{ axis: "FPI", reference: 0, color: nowColor, width: 328 },
      }),
    ),
  };
}

function intervalOf(values: ArrayLike<number>) {
  const { mean, low, high } = meanInterval(values);
  return { estimate: mean, low, high };
}
