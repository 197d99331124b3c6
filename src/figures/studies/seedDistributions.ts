/** How persistence is distributed over seeds, beside what luck alone would give. */
import { dot, line, link, rectY, ruleX, text } from "@observablehq/plot";
import { binomialPmf } from "../../stats/binomial.ts";
import { tInterval } from "../../stats/intervals.ts";
import { sd } from "../../stats/moments.ts";
import { axisNumber } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { panelWidth } from "../heatMaps.ts";
import { counted, fixed, percent } from "../numberText.ts";
import { type Factor, type Population, seedsSentence } from "../population.ts";
import { sortedFinite, spreadOf } from "../spread.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine } from "../theme.ts";

/** One layer and kind: seeds by the number of units that they maintain, and what is expected of them. */
export interface SeedCounts {
  layer: number;
  kind: Factor;
  counts: {
    /** Seeds that maintain 0, 1, 2, … units. */
    seeds: readonly number[];
    /** 95 % range of each where every unit survives independently. */
    independentLow: readonly number[];
    independentHigh: readonly number[];
    /** Expected of the fitted beta-binomial. */
    betaBinomial: readonly number[];
  };
  overdispersion: { rho: number; holm: number };
}

/** One layer and kind, one number a seed. */
export interface CellSeeds {
  layer: number;
  kind: Factor;
  /** Units that the criterion follows, and the share that is maintained. */
  tracked: ArrayLike<number>;
  maintained: ArrayLike<number>;
  /** Share that any unit of the same layer would reach. */
  nullShuffle: ArrayLike<number>;
  excess: ArrayLike<number>;
  r: ArrayLike<number>;
  nullR: ArrayLike<number>;
}

/** What {@link seedDistributions} draws of one preset. */
export interface SeedDistributionsData extends Population {
  summary: Population["summary"] & { distribution: readonly SeedCounts[] | null };
  bySeed: readonly CellSeeds[];
}

/** Bins of a histogram over seeds. */
const BINS = 24;
/** The ordinary study: its seeds are 0 to 29. */
const ORDINARY = 30;
const ALPHA = 0.05;

/** A mean with its interval, drawn above the bars. */
interface Mean {
  label: string;
  mean: number;
  low: number;
  high: number;
  color: string;
}

function meansOf(values: ArrayLike<number>, seeds: readonly number[]): Mean[] {
  const of = (label: string, some: readonly number[], color: string): Mean[] => {
    if (some.length < 2) return [];
    const { estimate, low, high } = tInterval(some);
    return [{ label, mean: estimate, low, high, color }];
  };
  const all = sortedFinite(values);
  const ordinary = Array.from({ length: ORDINARY }, (_, seed) => values[seeds.indexOf(seed)]);
  return [
    ...of(counted(all.length, "seed"), all, nowColor),
    ...(ordinary.every(Number.isFinite) ? of(`seeds 0 to ${ORDINARY - 1}`, ordinary, ink) : []),
  ];
}

interface Bars {
  title: string;
  description: string;
  axis: string;
  edges: readonly number[];
  /** Seeds in each bin. */
  seeds: readonly number[];
  /** The null by bin: a range, or from 0 up. */
  band: { low: readonly number[]; high: readonly number[] };
  /** The null as a curve, seeds a bin. */
  curve?: readonly { x: number; seeds: number }[];
  /** Seeds a bin of a fit, drawn as dots in the bins' middles. */
  fit?: readonly number[];
  means: readonly Mean[];
  zero?: boolean;
  ticks?: readonly number[];
}

/** A histogram of seeds over its null, with means and their intervals above. */
function barsPanel({
  title,
  description,
  axis,
  edges,
  seeds,
  band,
  curve = [],
  fit = [],
  means,
  ...rest
}: Bars): Panel {
  const bins = seeds.map((count, i) => ({
    ...{ x1: edges[i], x2: edges[i + 1], middle: (edges[i] + edges[i + 1]) / 2, count },
    ...{ low: band.low[i] ?? 0, high: band.high[i] ?? 0, fit: fit[i] ?? 0 },
  }));
  const top = [
    ...bins.flatMap(({ count, high }) => [count, high]),
    ...curve.map(({ seeds: at }) => at),
    1,
  ].reduce((a, b) => Math.max(a, b));
  const [from, to] = [edges[0] ?? 0, edges[edges.length - 1] ?? 1];
  const clamp = (value: number) => Math.min(to, Math.max(from, value));
  const rows = means.map((mean, i) => ({ ...mean, y: top * (1.3 - 0.12 * i) }));
  // the labels stand where there is more room
  const toLeft = rows.some(({ mean }) => 2 * mean > from + to);
  return {
    title,
    description,
    options: {
      ...{ width: panelWidth, height: 190 },
      ...{ marginLeft: 36, marginRight: 10, marginTop: 16, marginBottom: 36 },
      x: {
        domain: [from, to],
        ticks: rest.ticks === undefined ? 5 : [...rest.ticks],
        tickFormat: (value: number) => axisNumber(value, to - from),
        label: axis,
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        domain: [0, 1.4 * top],
        // none beside the means
        ticks: roundTicks(0, top, 4),
        tickFormat: (count: number) => fixed(count, 0),
        label: "seeds",
        labelArrow: "none",
        grid: true,
      },
      marks: [
        rectY(bins, {
          x1: "x1",
          x2: "x2",
          y1: "low",
          y2: "high",
          fill: nullFill,
          insetLeft: 0,
          insetRight: 0,
        }),
        line([...curve], { x: "x", y: "seeds", stroke: nullLine, strokeWidth: 2.5 }),
        ruleX(rest.zero === true && from < 0 && to > 0 ? [0] : [], {
          ...{ y1: 0, y2: 1.1 * top }, // not through the labels above
          stroke: nullLine,
          strokeDasharray: "2,2",
        }),
        rectY(bins, { x1: "x1", x2: "x2", y1: 0, y2: "count", fill: nowColor, fillOpacity: 0.16 }),
        line(
          bins.flatMap(({ x1, x2, count }) => [
            { x: x1, count },
            { x: x2, count },
          ]),
          { x: "x", y: "count", stroke: nowColor, strokeWidth: 1.4 },
        ),
        dot(fit.length === 0 ? [] : bins, { x: "middle", y: "fit", r: 2.5, fill: ink }),
        link(rows, {
          x1: ({ low }: Mean) => clamp(low),
          x2: ({ high }: Mean) => clamp(high),
          y: "y",
          stroke: "color",
          strokeWidth: 2,
        }),
        dot(rows, { x: "mean", y: "y", r: 3, fill: "color" }),
        text(rows, {
          x: (row: Mean) => clamp(toLeft ? row.low : row.high),
          y: "y",
          text: "label",
          textAnchor: toLeft ? "end" : "start",
          dx: toLeft ? -7 : 7,
          fill: muted,
          fontSize: fontSize.small,
        }),
      ],
      color: { type: "identity" },
    },
  };
}

/** Round numbers from one end to the other, about so many. */
function roundTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5, 10].find((factor) => factor * size >= rough) as number);
  return Array.from(
    { length: Math.floor(high / step) - Math.ceil(low / step) + 1 },
    (_, i) => (Math.ceil(low / step) + i) * step,
  );
}

/** Equal bins over what is drawn, one of their edges at 0 where 0 is inside. */
function edgesOver(values: readonly number[]): number[] {
  if (values.length === 0) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const width = high > low ? (high - low) / BINS : 1 / BINS;
  const first = Math.floor(low / width);
  return Array.from({ length: Math.floor(high / width) - first + 2 }, (_, i) => (first + i) * width);
}

function binned(values: readonly number[], edges: readonly number[], weights?: readonly number[]): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const width = edges[1] - edges[0];
  for (const [i, value] of values.entries()) {
    // a share such as 0.6 − 0.2 may be a last bit below the edge that it lies on
    const bin = Math.floor((value - edges[0]) / width + 1e-9);
    counts[Math.min(counts.length - 1, Math.max(0, bin))] += weights?.[i] ?? 1;
  }
  return counts;
}

const cellName = ({ layer, kind }: { layer: number; kind: Factor }) => `L${layer} ${kind}`;

function maintainedPanel(counted: SeedCounts, values: CellSeeds, seeds: readonly number[]): Panel {
  const { counts, overdispersion } = counted;
  const most = Math.max(1, counts.seeds.length - 1);
  const edges = Array.from({ length: most + 2 }, (_, k) => (k - 0.5) / most);
  const shares = counts.seeds.map((count, k) => `${k}: ${count}`).join(", ");
  return barsPanel({
    title: `${cellName(values)} · maintained, ρ ${fixed(overdispersion.rho)}`,
    description: `seeds by the number of units that they maintain: ${shares}`,
    axis: `share maintained of ${most} units`,
    edges,
    seeds: counts.seeds,
    band: { low: counts.independentLow, high: counts.independentHigh },
    fit: counts.betaBinomial,
    means: meansOf(values.maintained, seeds),
    ticks: Array.from({ length: most + 1 }, (_, k) => k / most),
  });
}

/** Excess that a network would have in which nothing persists: every followed unit survives as any unit does. */
function excessPanel(values: CellSeeds, seeds: readonly number[]): Panel {
  const excess = sortedFinite(values.excess);
  const [by, weights]: [number[], number[]] = [[], []];
  for (let seed = 0; seed < values.tracked.length; seed++) {
    const [n, chance] = [values.tracked[seed], values.nullShuffle[seed]];
    if (!(n > 0 && Number.isFinite(chance) && Number.isFinite(values.excess[seed]))) continue;
    binomialPmf(n, chance).forEach((weight, k) => {
      by.push(k / n - chance);
      weights.push(weight);
    });
  }
  // a value that hardly any seed would have needs no room
  const shown = by.filter((_, i) => weights[i] > 0.01);
  const edges = edgesOver([...excess, ...shown]);
  const expected = binned(by, edges, weights);
  const below = excess.filter((value) => value < 0).length;
  return barsPanel({
    title: `${cellName(values)} · excess over chance`,
    description: `maintained less each seed's own null: ${percent(below / excess.length)} of the seeds are below it`,
    axis: "maintained − null",
    edges,
    seeds: binned(excess, edges),
    band: { low: expected.map(() => 0), high: expected },
    means: meansOf(values.excess, seeds),
    zero: true,
  });
}

function tuningPanel(values: CellSeeds, seeds: readonly number[]): Panel {
  const r = sortedFinite(values.r);
  const edges = edgesOver(r);
  const [all] = meansOf(r, []);
  const spread = sd(r);
  const width = edges[1] - edges[0];
  const points = 80;
  const normal =
    all === undefined || !(spread > 0)
      ? []
      : Array.from({ length: points + 1 }, (_, i) => {
          const x = edges[0] + (i / points) * (edges[edges.length - 1] - edges[0]);
          const z = (x - all.mean) / spread;
          return {
            x,
            seeds: (r.length * width * Math.exp((-z * z) / 2)) / (spread * Math.sqrt(2 * Math.PI)),
          };
        });
  const chance = spreadOf(values.nullR);
  return barsPanel({
    title: `${cellName(values)} · r (null ${fixed(chance.low)} to ${fixed(chance.high)})`,
    description: `mean correlation of a seed's units with their own start, from ${fixed(r[0])} to ${fixed(r[r.length - 1])}; with another start the middle 90 % are from ${fixed(chance.low)} to ${fixed(chance.high)}`,
    axis: "tuning r, mean of a seed's units",
    edges,
    seeds: binned(r, edges),
    band: { low: [], high: [] },
    curve: normal,
    means: meansOf(values.r, seeds),
  });
}

/**
 * Figure of one preset: seeds by the units they maintain, by their excess and by their tuning r, a row for every layer and
 * kind; undefined where the distribution was not described.
 */
export function seedDistributions(data: SeedDistributionsData): FigureSpec | undefined {
  const { distribution, preset, seeds } = data.summary;
  if (distribution === null || distribution.length === 0) return undefined;
  const rho = distribution.map(({ overdispersion }) => overdispersion.rho).filter(Number.isFinite);
  const beyond = distribution.filter(({ overdispersion }) => overdispersion.holm < ALPHA).length;
  const [low, high] = [Math.min(...rho), Math.max(...rho)];
  return {
    name: `seed-distributions-${preset}`,
    title: `Seeds differ by more than the luck of their units in ${beyond} of ${counted(distribution.length, "cell")} (${preset}): two units of one seed share their fate with ρ ${fixed(low)} to ${fixed(high)}.`,
    question: "How is persistence distributed over seeds, and how much of it is luck?",
    seeds: seedsSentence([data]),
    nullModel:
      "maintained: grey band, the 95 % range of each bar if every unit of every seed survived independently with the common probability; excess: grey bars, networks in which nothing persists; tuning r: grey curve, the normal distribution that t intervals suppose (the null of r itself stands above each panel: the middle 90 % of seeds against another start).",
    reading:
      "Orange bars: seeds. Black dots: the beta-binomial that fits best. Above: mean and 95 % t interval of all seeds and of the seeds 0 to 29 of the ordinary study. ρ: intraclass correlation, 0 where units survive independently.",
    panels: distribution.flatMap((cell) => {
      const values = data.bySeed.find(({ layer, kind }) => layer === cell.layer && kind === cell.kind);
      if (values === undefined) return [];
      return [maintainedPanel(cell, values, seeds), excessPanel(values, seeds), tuningPanel(values, seeds)];
    }),
  };
}
