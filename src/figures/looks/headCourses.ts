/** Scores of every head through training: a small line a score, over what random networks have. */
import type { RenderFunction } from "@observablehq/plot";
import { tInterval } from "../../stats/intervals.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { labelsMark, type PlacedLabel } from "../labelsMark.ts";
import { counted, fixed, intervalText, listed } from "../numberText.ts";
import { headName } from "../population.ts";
import { meanFinite, sortedFinite } from "../spread.ts";
import { type Band, type Subject, subjectSeeds, subjectSlug } from "../subject.ts";
import { svgElement } from "../svgElement.ts";
import { shortLabel } from "../textWidth.ts";
import { fontSize, ink, muted, nowColor, nullFill, nullLine, thenColor } from "../theme.ts";

/** One score of one head through training. */
export interface HeadCourse {
  /** Corrected score, [network][step]. */
  networks: readonly ArrayLike<number>[];
  /** The same score of a single freshly drawn network: middle 95 %. */
  null?: Band;
}

/** What {@link headCourses} draws. */
export interface HeadCoursesData {
  subject: Subject;
  /** Steps that were looked at, ascending. */
  steps: readonly number[];
  heads: readonly {
    layer: number;
    head: number;
    /** Networks in which the head is of a kind, by kind; the others abstain. Not given while no null can judge it. */
    kinds?: Readonly<Record<string, number>>;
    scores: Readonly<Record<string, HeadCourse>>;
  }[];
  /** What the null is: `959 networks drawn from the same initialisation`. */
  nullName: string;
}

const width = 450;
const [left, head, gap, rowHeight] = [40, 26, 8, 40] as const;
/** Networks that are drawn one by one; of more, evenly chosen ones. */
const mostLines = 32;

type Range = readonly [low: number, high: number];

/** Ends of a score over all heads, so that heads compare. */
function rangeOf(data: HeadCoursesData, name: string): Range {
  const values = sortedFinite(
    data.heads.flatMap(({ scores }) => {
      const { networks = [], null: band } = scores[name] ?? {};
      return [...networks.flatMap((of) => Array.from(of)), band?.low ?? Number.NaN, band?.high ?? Number.NaN];
    }),
  );
  const [low, high] = [values[0] ?? 0, values[values.length - 1] ?? 1];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

/** Mean over networks at a step; NaN where none has the score. */
const meanAt = ({ networks }: HeadCourse, at: number) => meanFinite(networks.map((of) => of[at]));

function linesMark(
  data: HeadCoursesData,
  cells: readonly { course: HeadCourse; x: number; y: number; range: Range }[],
  cellWidth: number,
): RenderFunction {
  const { steps } = data;
  const last = Math.max(1, steps.at(-1) ?? 1);
  const round = (value: number) => Math.round(10 * value) / 10;
  const height = rowHeight - 8;
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "courses", fill: "none" });
    for (const { course, x, y, range } of cells) {
      const across = (step: number) => round(x + (cellWidth * Math.log1p(step)) / Math.log1p(last));
      const up = (value: number) =>
        round(
          y +
            height * (1 - (Math.min(range[1], Math.max(range[0], value)) - range[0]) / (range[1] - range[0])),
        );
      const { null: band, networks } = course;
      if (band !== undefined && Number.isFinite(band.low + band.high))
        group.append(
          svgElement(document, "rect", {
            ...{
              x,
              y: up(band.high),
              width: cellWidth,
              height: Math.max(1, round(up(band.low) - up(band.high))),
            },
            fill: nullFill,
          }),
        );
      if (band?.middle !== undefined && Number.isFinite(band.middle))
        group.append(
          svgElement(document, "path", {
            d: `M${x},${up(band.middle)}h${cellWidth}`,
            stroke: nullLine,
            "stroke-width": 1,
          }),
        );
      const path = (value: (at: number) => number) => {
        const points = steps.flatMap((step, at) =>
          Number.isFinite(value(at)) ? [`${across(step)},${up(value(at))}`] : [],
        );
        return points.length < 2 ? "" : `M${points.join("L")}`;
      };
      const every = Math.ceil(networks.length / mostLines);
      const thin = networks.filter((_, i) => i % every === 0).map((of) => path((at) => of[at]));
      const mean = (at: number) => meanAt(course, at);
      group.append(
        svgElement(document, "path", {
          d: thin.join(""),
          stroke: nowColor,
          "stroke-width": 0.6,
          "stroke-opacity": 0.4,
        }),
        svgElement(document, "path", { d: path(mean), stroke: nowColor, "stroke-width": 1.6 }),
      );
      for (const [at, fill] of [
        [0, thenColor],
        [steps.length - 1, nowColor],
      ] as const)
        if (steps.length > 0 && Number.isFinite(mean(at)))
          group.append(
            svgElement(document, "circle", { cx: across(steps[at]), cy: up(mean(at)), r: 2.5, fill }),
          );
    }
    return group;
  };
}

/** One score in one layer, mean over its heads: in every network, and over them. */
interface LayerMove {
  layer: number;
  name: string;
  from: number;
  to: number;
  /** Now less then, one a network. */
  changes: readonly number[];
}

/**
 * How scores went, layer by layer. Heads of a layer are drawn alike, so by its number no head is the counterpart of
 * another network's, and what has a mean over networks is the layer.
 */
function layerMoves({ heads, steps }: HeadCoursesData, names: readonly string[]): LayerMove[] {
  const layers = [...new Set(heads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const end = steps.length - 1;
  return layers.flatMap((layer) =>
    names.flatMap((name): LayerMove[] => {
      const courses = heads.flatMap((one) => (one.layer === layer ? (one.scores[name] ?? []) : []));
      const count = Math.max(0, ...courses.map(({ networks }) => networks.length));
      const pairs = Array.from({ length: count }, (_, network) => {
        const at = (step: number) => meanFinite(courses.map(({ networks }) => networks[network]?.[step]));
        return { from: at(0), to: at(end) };
      }).filter(({ from, to }) => Number.isFinite(from + to));
      if (pairs.length === 0) return [];
      return [
        {
          ...{ layer, name },
          from: meanFinite(pairs.map(({ from }) => from)),
          to: meanFinite(pairs.map(({ to }) => to)),
          changes: pairs.map(({ from, to }) => to - from),
        },
      ];
    }),
  );
}

/** Chance that any interval of the title's search leaves out its true value. */
const alpha = 0.05;

/** Which score moves most, if the networks show that any does: intervals are corrected for the search among them. */
function moveText(moves: readonly LayerMove[], { steps }: HeadCoursesData): string {
  if (moves.length === 0) return `no score at any of ${counted(steps.length, "step")}`;
  if (steps.length < 2) return "nothing was trained yet";
  const several = moves.filter(({ changes }) => changes.length > 1);
  if (several.length === 0) return "one network alone does not show what moves";
  const level = 1 - alpha / several.length;
  const [most] = several
    .map((move) => ({ ...move, ...tInterval(move.changes, level) }))
    .filter(({ low, high }) => low > 0 || high < 0)
    .toSorted((a, b) => Math.abs(b.estimate) - Math.abs(a.estimate));
  return most === undefined
    ? `no score of a layer is shown to move (${counted(several.length, "mean")} over heads and networks)`
    : `${most.name} in layer ${most.layer} moves most, from ${fixed(most.from)} to ${fixed(most.to)}, mean over its heads; change ${intervalText([most.low, most.high])}, 95 % of all ${several.length} together`;
}

/** What kinds of heads there are, counted over the heads of a layer in all networks; empty while none can be judged. */
function kindText({ heads, subject }: HeadCoursesData): string {
  if (heads.some(({ kinds }) => kinds === undefined)) return "";
  const layers = [...new Set(heads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const told = layers.flatMap((layer) => {
    const own = heads.filter((one) => one.layer === layer);
    const kinds = [...new Set(own.flatMap(({ kinds: of = {} }) => Object.keys(of)))].sort();
    const all = own.length * subject.seeds;
    return kinds.map((kind) => {
      const count = own.reduce((sum, { kinds: of = {} }) => sum + (of[kind] ?? 0), 0);
      return `${kind} ${fixed(count, 0)} of ${counted(all, "head")} in layer ${layer}`;
    });
  });
  return told.length === 0
    ? `; no head is of a known kind in any of ${counted(subject.seeds, "network")}`
    : `; of a known kind: ${listed(told)}`;
}

function panelOf(
  data: HeadCoursesData,
  layer: number,
  names: readonly string[],
  ranges: readonly Range[],
): Panel {
  const heads = data.heads.filter((one) => one.layer === layer);
  const cellWidth = Math.floor((width - left - 4) / Math.max(1, names.length)) - gap;
  const placed = heads.flatMap((one, row) =>
    names.flatMap((name, column) => {
      const course = one.scores[name];
      if (course === undefined) return [];
      return [
        {
          course,
          name,
          one,
          x: left + column * (cellWidth + gap),
          y: head + row * rowHeight + 4,
          range: ranges[column],
        },
      ];
    }),
  );
  const end = data.steps.length - 1;
  const labels: PlacedLabel[] = [
    ...names.map((name, column) => ({
      text: shortLabel(name, cellWidth + gap, fontSize.small),
      ...{ x: left + column * (cellWidth + gap), y: 6, anchor: "start" as const, strong: true },
    })),
    ...names.map((_, column) => ({
      text: ranges[column].map((value) => fixed(value)).join(" to "),
      ...{ x: left + column * (cellWidth + gap), y: 17, anchor: "start" as const, fill: muted },
    })),
    ...heads.map((one, row) => ({
      text: headName(one.layer, one.head),
      ...{ x: 0, y: head + row * rowHeight + rowHeight / 2, anchor: "start" as const, fill: ink },
    })),
  ];
  const described = placed.map(
    ({ course, name, one }) =>
      `${headName(one.layer, one.head)} ${name} ${fixed(meanAt(course, 0))} to ${fixed(meanAt(course, end))}`,
  );
  return {
    title: `layer ${layer}`,
    description: `corrected scores of ${counted(heads.length, "head")} from step ${fixed(data.steps[0], 0)} to step ${fixed(data.steps[end], 0)}, mean over networks: ${described.join("; ") || "none"}`,
    options: {
      width,
      height: head + rowHeight * Math.max(1, heads.length),
      margin: 0,
      axis: null,
      marks: [linesMark(data, placed, cellWidth), labelsMark(labels)],
    },
  };
}

/** Figure: heads × scores, each a small line from then to now over the band of random networks. */
export function headCourses(data: HeadCoursesData): FigureSpec {
  const names = [...new Set(data.heads.flatMap(({ scores }) => Object.keys(scores)))];
  const ranges = names.map((name) => rangeOf(data, name));
  const layers = [...new Set(data.heads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const moves = layerMoves(data, names);
  return {
    name: subjectSlug("head-courses", data.subject),
    title: `${data.subject.name}: ${moveText(moves, data)}${moves.length === 0 ? "" : kindText(data)}.`,
    question: "When do heads become what they are, and were they that before training?",
    seeds: subjectSeeds(data.subject),
    nullModel: `grey band and line: ${data.nullName}, middle 95 % and median of single networks at the same place.`,
    reading:
      "A row a head, a column a score, its range beneath its name; 0 is uniform attention and 1 the pure kind (uniformity: 1 is uniform). Steps run to the right on a logarithmic axis. Thin: single seeds; thick: their mean; blue dot: before training, orange: now. Heads of a layer are drawn alike: by its number none is the counterpart of another seed's, so the title is over all heads of a layer.",
    panels: layers.map((layer) => panelOf(data, layer, names, ranges)),
  };
}
