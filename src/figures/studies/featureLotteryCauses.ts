/** Figures of S13: what at initialisation decides the winner, and what a boost changes. */
import { dot, line, link, ruleY, text } from "@observablehq/plot";
import { type Interval, wilson } from "../../stats/intervals.ts";
import { amountScale } from "../colorScale.ts";
import { type DotRow, dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { heatMapPanel } from "../heatMaps.ts";
import { counted, fixed, percent } from "../numberText.ts";
import { meanInterval } from "../spread.ts";
import type { Band } from "../subject.ts";
import { fontSize, ink, muted, nowColor, nullLine } from "../theme.ts";

/** One number a seed of some networks. */
export interface SeedValues {
  readonly label: string;
  readonly values: readonly number[];
}

/** What {@link lotteryCauses} draws. */
export interface LotteryCausesData {
  /** Alternatives and winners of the units of some networks, pooled over seeds, [rank, phase bin]. */
  readonly map: {
    readonly network: string;
    readonly frequencies: number;
    readonly phaseBins: number;
    readonly offered: ArrayLike<number>;
    readonly won: ArrayLike<number>;
  };
  /** Coefficients of a conditional logit, by predictor. */
  readonly predictors: readonly { readonly name: string; readonly networks: readonly SeedValues[] }[];
}

function rowOf({ label, values }: SeedValues, band?: Band): DotRow {
  const { mean, low, high } = meanInterval(values);
  return { ...{ label, estimate: mean, low, high, note: fixed(mean), null: band } };
}

/** Ranks that are drawn: beyond them hardly any frequency wins. */
const ranksShown = 8;

function mapPanel({ network, frequencies, phaseBins, offered, won }: LotteryCausesData["map"]): Panel {
  const shown = Math.min(ranksShown, frequencies);
  const rates = Array.from({ length: shown * phaseBins }, (_, cell) => won[cell] / offered[cell]);
  const degrees = (bin: number) => Math.round((180 * bin) / phaseBins);
  return heatMapPanel({
    title: "share won by rank and phase",
    description: `${network}: the strongest frequency wins ${percent(rates[0])} where its phases are aligned and ${percent(rates[phaseBins - 1])} where they oppose each other`,
    maps: [{ title: "", values: rates }],
    rows: {
      title: "rank at initialisation",
      labels: Array.from({ length: shown }, (_, rank) => String(rank + 1)),
    },
    columns: {
      title: "phase misalignment, degrees",
      labels: Array.from({ length: phaseBins }, (_, bin) => `${degrees(bin)}–${degrees(bin + 1)}`),
      upwards: true,
    },
    scale: amountScale(rates),
    maxCell: 36,
    cellHeight: 18,
    cellText: (value) => ({ text: Number.isFinite(value) ? fixed(value) : "" }),
  });
}

/** Figure: who wins by initial rank and phase, and the coefficients of a logit of the winner. */
export function lotteryCauses({ map, predictors }: LotteryCausesData): FigureSpec {
  const { phaseBins, offered, won, frequencies } = map;
  const [aligned, opposed] = [0, phaseBins - 1].map((cell) => won[cell] / offered[cell]);
  return {
    name: "lottery-causes",
    title: `The strongest frequency of a unit wins ${percent(aligned)} of the time where its phases are aligned at initialisation, ${percent(opposed)} where they are opposed.`,
    question: "What at initialisation decides which frequency wins?",
    seeds: `${counted(Math.max(0, ...predictors.flatMap(({ networks }) => networks.map(({ values }) => values.length))), "seed")} a network.`,
    nullModel: `dashed line: 0, no influence; in the map every cell would hold ${fixed(1 / frequencies)}.`,
    reading: `Map (${map.network}): of all frequencies of a rank and a misalignment, the share that won their unit, pooled over seeds. Misalignment: distance of the phase of the output from the sum of the phases of the inputs. Dots: coefficients of a conditional logit of the winner on all three, log odds per standard deviation, mean over seeds with 95 % t interval.`,
    panels: [
      mapPanel(map),
      ...predictors.map(({ name, networks }) =>
        dotRowsPanel({
          ...{ title: name, axis: "log odds per SD", reference: 0, color: nowColor },
          rows: networks.map((network) => rowOf(network)),
        }),
      ),
    ],
  };
}

/** Change of the share of boosted frequencies that win; beside it that of frequencies that were not boosted. */
export interface UnitBoosts extends SeedValues {
  readonly placebo: readonly number[];
}

/** What {@link lotteryBoosts} draws. */
export interface LotteryBoostsData {
  readonly factor: number;
  /** Boosts in half of the units of perceptrons, and of transformers, and in one unit of transformers. */
  readonly units: readonly UnitBoosts[];
  readonly transformerUnits: readonly UnitBoosts[];
  readonly oneUnit: readonly UnitBoosts[];
  /** Change of the share of units that the frequency boosted in the embedding wins. */
  readonly embeddings: readonly SeedValues[];
  /** Boosted frequencies of units by initial rank, pooled over the seeds of one kind of network. */
  readonly byRank: Readonly<Record<"offered" | "wonPlain" | "wonBoosted", ArrayLike<number>>>;
  /** Which network that is. */
  readonly pooled: string;
}

function ranksPanel({ byRank: { offered, wonPlain, wonBoosted }, pooled, factor }: LotteryBoostsData): Panel {
  const ranks = Array.from(offered).flatMap((count, rank) => (count > 0 ? [rank] : []));
  const course = (won: ArrayLike<number>, aside: number) =>
    ranks.map((rank): Interval & { rank: number } => ({
      rank: rank + 1 + aside,
      ...wilson(won[rank], offered[rank]),
      estimate: won[rank] / offered[rank],
    }));
  const courses = [
    { name: "as it was", color: muted, points: course(wonPlain, -0.06) },
    { name: `× ${factor}`, color: nowColor, points: course(wonBoosted, 0.06) },
  ];
  const size = { width: 340, height: 246 };
  const top = Math.max(0.1, ...courses.flatMap(({ points }) => points.map(({ high }) => high)));
  const [plain, boosted] = courses.map(({ points }) => points[0]?.estimate ?? Number.NaN);
  return {
    title: "perceptron: by rank before the boost",
    description: `${pooled}: the second strongest frequency wins ${percent(plain)} of its units as it was and ${percent(boosted)} when boosted`,
    options: {
      ...size,
      ...{ marginLeft: 38, marginRight: 12, marginTop: 22, marginBottom: 38 },
      x: {
        ...{ domain: [1.5, offered.length + 0.5], ticks: Math.min(8, offered.length) },
        ...{ label: "rank before the boost", labelAnchor: "center", labelArrow: "none" },
      },
      y: {
        domain: [0, 1.15 * top],
        label: "share of units that it wins",
        labelArrow: "none",
        ticks: 5,
        grid: true,
      },
      marks: [
        ruleY([1 / offered.length], { stroke: nullLine, strokeWidth: 1.5 }),
        ...courses.flatMap(({ points, color, name }) => [
          line(points, { x: "rank", y: "estimate", stroke: color, strokeWidth: 1.6 }),
          link(points, { x1: "rank", x2: "rank", y1: "low", y2: "high", stroke: color, strokeWidth: 1.2 }),
          dot(points, { x: "rank", y: "estimate", r: 3, fill: color }),
          text(points.slice(0, 1), {
            ...{ x: "rank", y: "high", text: () => name, textAnchor: "start", dx: -6, dy: -9 },
            ...{ fill: color === muted ? ink : color, fontWeight: 600, fontSize: fontSize.label },
          }),
        ]),
      ],
    },
  };
}

/** A row of a change of a share, whose interval has no room outside [−1, 1]. */
function changeRow(row: SeedValues, placebo?: readonly number[]): DotRow {
  const ofRow = rowOf(row, placebo && bandOf(placebo));
  return { ...ofRow, low: Math.max(-1, ofRow.low), high: Math.min(1, ofRow.high) };
}

function bandOf(placebo: readonly number[]): Band {
  const { mean, low, high } = meanInterval(placebo);
  return { low: Math.max(-1, low), high: Math.min(1, high), middle: mean };
}

/** An axis that all rows share, so that panels compare. */
function sharedDomain(rows: readonly DotRow[]): readonly [number, number] {
  const drawn = rows
    .flatMap(({ estimate, low, high, null: band }) => [estimate, low, high, band?.low ?? 0, band?.high ?? 0])
    .filter(Number.isFinite);
  return [Math.min(0, ...drawn) - 0.03, Math.max(0, ...drawn) + 0.03];
}

/** Figure: what making a frequency stronger at initialisation changes. */
export function lotteryBoosts(data: LotteryBoostsData): FigureSpec {
  const { factor, units, embeddings, transformerUnits, oneUnit } = data;
  const range = (rows: readonly SeedValues[]) => {
    const means = rows.map(({ values }) => meanInterval(values).mean).filter(Number.isFinite);
    const [low, high] = [Math.min(...means), Math.max(...means)].map((mean) => fixed(mean));
    return low === high ? low : `${low} to ${high}`;
  };
  const drawn = [...units, ...embeddings, ...transformerUnits, ...oneUnit];
  const inUnits = (title: string, boosts: readonly UnitBoosts[]) => ({
    ...{ title, axis: "share of units won, change" },
    rows: boosts.map((row) => changeRow(row, row.placebo)),
  });
  const changes = [
    inUnits("perceptron: boosts in units", units),
    inUnits("transformer: boosts in units", transformerUnits),
    inUnits("transformer: one unit alone", oneUnit),
    {
      ...{ title: "transformer: boosts in the embedding", axis: "share of all units won, change" },
      rows: embeddings.map((row) => changeRow(row)),
    },
  ];
  const domain = sharedDomain(changes.flatMap(({ rows }) => rows));
  return {
    name: "lottery-boosts",
    title: `Made ${factor} times as strong at initialisation, a frequency of a perceptron's unit wins it more often by ${range(units)}, one of a transformer's unit by ${range(transformerUnits)}; one of a transformer's embedding wins more of all units by ${range(embeddings)}.`,
    question: "Does a unit become what it was made to lean to?",
    seeds: `${counted(Math.max(0, ...drawn.map(({ values }) => values.length)), "seed")} a network, less those that have not learned.`,
    nullModel:
      "dashed line: 0. Grey band: frequencies that were not boosted, in the other units of the same networks, 95 % t interval and mean. Grey line in the last panel: every frequency alike.",
    reading: `Dots: share of units won with the boost less that of the same frequencies without it, mean over seeds, each network against its twin; lines: 95 % t intervals. One unit alone: 1, 0 or −1 a network. Last panel (${data.pooled}): share won by rank before the boost, pooled over seeds, with Wilson intervals that take units for independent.`,
    panels: [
      ...changes.map(({ title, axis, rows }) =>
        dotRowsPanel({ title, axis, rows, domain, reference: 0, color: nowColor }),
      ),
      ranksPanel(data),
    ],
  };
}
