/** Several networks as one: means over them, and what is said of a single one. */
import type { Course, CourseBand, CoursePanel } from "../../figures/index.ts";
import type { HeadScoreName } from "../../interp/headScores.ts";
import { tInterval } from "../../stats/intervals.ts";
import { groupMotions } from "./motion.ts";
import type { JudgedSeries, LayerNumbers, TrackedCheckpoint, TrackResult, Tuned } from "./result.ts";

/** Steps that every series has, ascending. */
export function commonSteps(series: readonly JudgedSeries[]): number[] {
  const [first, ...others] = series.map(({ checkpoints }) => checkpoints.map(({ step }) => step));
  return (first ?? []).filter((step) => others.every((steps) => steps.includes(step)));
}

const at = ({ checkpoints }: JudgedSeries, step: number) =>
  checkpoints.find((checkpoint) => checkpoint.step === step) as TrackedCheckpoint;

/** Mean over networks with its t interval; a single network has no interval. */
export function overNetworks(values: readonly number[]): { value: number; low: number; high: number } {
  const kept = values.filter(Number.isFinite);
  const value = kept.reduce((sum, one) => sum + one, 0) / kept.length;
  if (kept.length < 2) return { value, low: Number.NaN, high: Number.NaN };
  const { low, high } = tInterval(kept);
  return { value, low, high };
}

/** The course of a number over networks: thin lines for each where there are several, and their mean. */
export function courses(
  series: readonly JudgedSeries[],
  of: (checkpoint: TrackedCheckpoint, series: JudgedSeries) => number,
  { label, depth }: { label: string; depth?: number },
): Course[] {
  const steps = commonSteps(series);
  const single = series.map(
    (one): Course => ({
      ...{ label: one.name, depth, thin: true },
      points: one.checkpoints.map((checkpoint) => ({
        ...{ step: checkpoint.step, value: of(checkpoint, one), low: Number.NaN, high: Number.NaN },
      })),
    }),
  );
  const mean: Course = {
    ...{ label, depth },
    points: steps.map((step) => ({ step, ...overNetworks(series.map((one) => of(at(one, step), one))) })),
  };
  return series.length === 1 ? [mean] : [...single, mean];
}

/** A band with the same ends at every step. */
function constantBand(label: string, steps: readonly number[], values: readonly number[]): CourseBand[] {
  const kept = values.filter(Number.isFinite);
  if (kept.length === 0 || steps.length === 0) return [];
  const ends = { low: Math.min(...kept), high: Math.max(...kept) };
  const middle = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  return [{ label, points: steps.map((step) => ({ step, ...ends, middle })) }];
}

/** Loss on the probe: of one network with its interval over sequences, else of all. */
export function lossPanels({ series }: TrackResult): CoursePanel[] {
  if (series.every(({ checkpoints }) => checkpoints.every(({ loss }) => Number.isNaN(loss.estimate))))
    return [];
  const lines = courses(series, ({ loss }) => loss.estimate, { label: "mean" });
  const [only] = series;
  const own: Course[] =
    series.length > 1
      ? lines
      : [
          {
            label: only.name,
            points: only.checkpoints.map(({ step, loss }) => ({
              ...{ step, value: loss.estimate, low: loss.low, high: loss.high },
            })),
          },
        ];
  const random = series.flatMap((one) => one.random.map(({ loss }) => loss));
  const steps = commonSteps(series);
  return [
    {
      title: series.length > 1 ? "mean over networks" : "tint: 95 % t interval over sequences of the probe",
      ...{
        courses: own,
        bands: constantBand("random networks", steps, random),
        axis: "nats a token",
        digits: 3,
      },
    },
  ];
}

/** Names of the factors, as a reader sees them. */
export function tunedTitle(name: Tuned, { classesAre }: TrackResult["probe"]): string {
  const titles: Readonly<Record<Tuned, string>> = {
    all: `${classesAre} × position cells`,
    class: classesAre,
    position: "position",
    interaction: `${classesAre} × position, beyond both`,
    context: "class of the token before",
  };
  return titles[name];
}

/** A unit among those that are most selective for the class. */
export interface TopUnit {
  /** As in `L0N17`. */
  readonly unit: string;
  /** Selectivity for the class at the last checkpoint and at the first. */
  readonly selectivity: number;
  readonly before: number;
  /** Correlation of the curve over classes with that at the first. */
  readonly r: number;
  /** The class with the largest effect at the last checkpoint and at the first; null for a unit without a curve. */
  readonly prefers: string | null;
  readonly preferred: string | null;
}

/** Units that are listed. */
const mostUnits = 12;

/** The units of a series that are most selective for the class at its last checkpoint, the most selective first. */
export function topUnits({ checkpoints }: JudgedSeries, { classes }: TrackResult["probe"]): TopUnit[] {
  const [first, last] = [checkpoints[0], checkpoints[checkpoints.length - 1]];
  return last.layers
    .flatMap(({ layer, units }) => {
      const before = first.layers[layer].units;
      return Array.from(
        units.selectivity.class,
        (selectivity, unit): TopUnit => ({
          ...{ unit: `L${layer}N${unit}`, selectivity, before: before.selectivity.class[unit] },
          ...{ r: units.r.class[unit], prefers: classes[units.prefers[unit]] ?? null },
          preferred: classes[before.prefers[unit]] ?? null,
        }),
      );
    })
    .filter(({ selectivity }) => Number.isFinite(selectivity))
    .sort((a, b) => b.selectivity - a.selectivity)
    .slice(0, mostUnits);
}

const layersOf = ([first]: readonly JudgedSeries[]) => first?.checkpoints[0]?.layers.length ?? 0;
const depthOf = (layer: number, layers: number) => (layers < 2 ? 0.6 : layer / (layers - 1));

/** Selectivity by factor: a panel each, a line for each layer. */
export function selectivityPanels({ series, probe }: TrackResult): CoursePanel[] {
  const layers = layersOf(series);
  if (layers === 0) return [];
  const steps = commonSteps(series);
  return (["class", "position", "context", "interaction"] as const).map((name) => ({
    title: tunedTitle(name, probe),
    courses: Array.from({ length: layers }, (_, layer) => {
      const all = courses(series, (one) => one.layers[layer].selectivity[name], {
        ...{ label: `L${layer}`, depth: depthOf(layer, layers) },
      });
      return all.filter(({ thin }) => thin !== true);
    }).flat(),
    bands: constantBand(
      "random networks",
      steps,
      series.flatMap((one) => one.random.flatMap(({ selectivity }) => selectivity.map((own) => own[name]))),
    ),
    ...{ axis: "selectivity", reach: [0], digits: 3 },
  }));
}

/** Most layers with a panel of their own. */
const mostPanels = 12;

/** Persistence: a panel for each layer, with both nulls. */
export function persistencePanels({ series }: TrackResult): CoursePanel[] {
  const layers = layersOf(series);
  const every = Math.ceil(layers / mostPanels);
  const shown = Array.from({ length: layers }, (_, layer) => layer).filter((layer) => layer % every === 0);
  const steps = commonSteps(series);
  const over = (step: number, of: (numbers: LayerNumbers) => readonly number[], layer: number) =>
    series.flatMap((one) => of(at(one, step).layers[layer])).filter(Number.isFinite);
  const span = (values: readonly number[], lows = values, highs = values) => ({
    low: lows.length === 0 ? Number.NaN : Math.min(...lows),
    high: highs.length === 0 ? Number.NaN : Math.max(...highs),
    middle: values.reduce((sum, value) => sum + value, 0) / values.length,
  });
  return shown.map((layer) => ({
    title: `layer ${layer}`,
    courses: courses(series, (one) => one.layers[layer].r.all, { label: "mean" }),
    bands: [
      {
        label: "shuffled identity",
        points: steps.map((step) => ({
          step,
          ...span(
            over(step, ({ shuffled }) => [shuffled.all.mean], layer),
            over(step, ({ shuffled }) => [shuffled.all.low], layer),
            over(step, ({ shuffled }) => [shuffled.all.high], layer),
          ),
        })),
      },
      {
        label: "random networks",
        points: steps.map((step) => ({ step, ...span(over(step, ({ randomR }) => randomR.all, layer)) })),
      },
    ].filter(({ points }) => points.some(({ low }) => Number.isFinite(low))),
    ...{ axis: "tuning r", reach: [0, 1] },
  }));
}

/** Kinds of heads that are followed. */
export const followedHeads = ["previous", "induction"] as const satisfies readonly HeadScoreName[];

const headNames = { previous: "previous token", induction: "induction" } as const;

/** The highest score of any head of any random network; NaN without any. */
export function randomTop({ random }: JudgedSeries, kind: HeadScoreName): number {
  const all = random.flatMap(({ heads }) => heads?.[kind].flat() ?? []).filter(Number.isFinite);
  return all.length === 0 ? Number.NaN : Math.max(...all);
}

/** The best score of a network's heads at a checkpoint, and whose it is. */
export function bestHead({ heads }: TrackedCheckpoint, kind: HeadScoreName): { name: string; score: number } {
  let best = { name: "none", score: Number.NaN };
  heads?.[kind].forEach((row, layer) => {
    row.forEach((score, head) => {
      if (!(score <= best.score) && Number.isFinite(score)) best = { name: `L${layer}H${head}`, score };
    });
  });
  return best;
}

/** Lines of heads at most. */
const mostHeads = 64;

/** Emergence of heads: a panel for each kind; of one network a line for each head, of several the best of each. */
export function headPanels({ series }: TrackResult): CoursePanel[] {
  const [first] = series;
  const table = first?.checkpoints[0]?.heads;
  if (table === null || table === undefined) return [];
  const steps = commonSteps(series);
  return followedHeads.map((kind) => {
    const tops = series.map((one) => randomTop(one, kind)).filter(Number.isFinite);
    const bands: CourseBand[] =
      tops.length === 0
        ? []
        : [
            {
              label: "random networks",
              points: steps.map((step) => ({ step, low: 0, high: Math.max(...tops), middle: 0 })),
            },
          ];
    return {
      title: headNames[kind],
      courses:
        series.length > 1
          ? courses(series, (one) => bestHead(one, kind).score, { label: "best head" })
          : headLines(first, kind),
      ...{ bands, axis: "score beyond uniform", reach: [0, 1] },
    };
  });
}

/** Every head's course, those that end highest in full. */
function headLines(series: JudgedSeries, kind: HeadScoreName): Course[] {
  const last = series.checkpoints.at(-1)?.heads?.[kind] ?? [];
  const heads = last
    .flatMap((row, layer) => row.map((score, head) => ({ layer, head, score })))
    .filter(({ score }) => Number.isFinite(score))
    .sort((a, b) => b.score - a.score)
    .slice(0, mostHeads);
  const strong = heads.slice(0, 4);
  return [...heads].reverse().map((one) => ({
    ...{ label: `L${one.layer}H${one.head}`, thin: !strong.includes(one) },
    points: series.checkpoints.map(({ step, heads: all }) => ({
      ...{ step, value: all?.[kind][one.layer][one.head] ?? Number.NaN, low: Number.NaN, high: Number.NaN },
    })),
  }));
}

/** Motion of the weights: a line for each group. */
export function motionPanels({ series }: TrackResult): CoursePanel[] {
  const last = series[0]?.checkpoints.at(-1);
  if (last === undefined) return [];
  const groups = [...groupMotions(last.motions).keys()];
  const layers = layersOf(series);
  return [
    {
      title: series.length > 1 ? "mean over networks" : series[0].name,
      courses: groups.flatMap((group) => {
        const layer = /^L(\d+)/.exec(group)?.[1];
        const depth = layer === undefined ? undefined : depthOf(Number(layer), layers);
        const all = courses(series, ({ motions }) => groupMotions(motions).get(group) ?? Number.NaN, {
          ...{ label: group, depth },
        });
        return all.filter(({ thin }) => thin !== true);
      }),
      ...{ bands: [], axis: "relative motion", reach: [0] },
    },
  ];
}
