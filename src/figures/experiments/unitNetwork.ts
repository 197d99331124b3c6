/** Which units go together and which against each other: a network of the pairs that exceed chance. */
import type { RenderFunction } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { labelsMark, type PlacedLabel } from "../labelsMark.ts";
import { counted, fixed, listed } from "../numberText.ts";
import { type Subject, subjectSeeds, subjectSlug, subjectTitle } from "../subject.ts";
import { svgElement } from "../svgElement.ts";
import { longestLabel, shortLabel } from "../textWidth.ts";
import { divergingPoles, fontSize, muted } from "../theme.ts";

/** A unit of {@link UnitNetworkData}. */
export interface NetworkUnit {
  /** `L0N17` */
  name: string;
  layer: number;
}

/** What {@link unitNetwork} draws. */
export interface UnitNetworkData {
  subject: Subject;
  /** Units that edges refer to, by index. */
  units: readonly NetworkUnit[];
  /** Pairs beyond every null, r in [−1, 1]. */
  edges: readonly { a: number; b: number; r: number }[];
  /** Pairs that were looked at. */
  pairs: number;
  /** Smallest |r| that is beyond the nulls. */
  threshold: number;
  /** How many pairs would be beyond it: with labels permuted, and in freshly drawn networks. */
  expected: readonly { null: string; pairs: number }[];
  /**
   * Where the edges were chosen by another measure than |r| alone: how many there are, drawn or not, and before training;
   * and what they are beyond.
   */
  beyond?: { pairs: number; opposed: number; before: number | null; null: string };
  /** Effective number of distinct inputs behind each r. */
  effectiveInputs: number;
  /** Most edges that are drawn, default 40: the strongest. */
  most?: number;
}

type Edge = UnitNetworkData["edges"][number];

/** Edges of a picture at most, unless the data says otherwise. */
const mostEdges = 40;
const rowHeight = 17;
/** Names are cut to this, px. */
const longestName = 64;
/** Sweeps that sort the columns by their neighbours; more change nothing that one could see. */
const sweeps = 8;
const arcRoom = 46;
const head = 22;
const foot = 44;

/** Thin at the threshold, thick at |r| = 1, px. */
function widthOf(r: number, threshold: number): number {
  const share = threshold < 1 ? (Math.abs(r) - threshold) / (1 - threshold) : 1;
  return Math.round(100 * (0.6 + 3.4 * Math.max(0, Math.min(1, share)))) / 100;
}

/** Red and unbroken for pairs that go together, blue and dashed for pairs that go against each other. */
const strokeOf = (r: number, threshold: number) => ({
  stroke: r < 0 ? divergingPoles.below : divergingPoles.above,
  "stroke-width": widthOf(r, threshold),
  ...(r < 0 ? { "stroke-dasharray": "5,3" } : {}),
});

/** Units that have an edge, in columns by layer, sorted so that neighbours stand near each other. */
function columnsOf(
  { units }: UnitNetworkData,
  edges: readonly Edge[],
): { layer: number; members: number[] }[] {
  const linked = [...new Set(edges.flatMap(({ a, b }) => [a, b]))].sort((a, b) => a - b);
  const layers = [...new Set(linked.map((unit) => units[unit].layer))].sort((a, b) => a - b);
  const columns = layers.map((layer) => ({
    layer,
    members: linked.filter((unit) => units[unit].layer === layer),
  }));
  for (let sweep = 0; sweep < sweeps && columns.length > 0; sweep++) {
    const place = new Map(
      columns.flatMap(({ members }) =>
        members.map((unit, i) => [unit, i - (members.length - 1) / 2] as const),
      ),
    );
    const middle = (unit: number) => {
      const near = edges
        .filter(({ a, b }) => a === unit || b === unit)
        .map(({ a, b }) => place.get(a === unit ? b : a) as number);
      return near.reduce((sum, y) => sum + y, 0) / near.length;
    };
    // one column at a time, or two would chase each other
    const { members } = columns[sweep % columns.length];
    const middles = new Map(members.map((unit) => [unit, middle(unit)]));
    members.sort((a, b) => (middles.get(a) as number) - (middles.get(b) as number) || a - b);
  }
  return columns;
}

interface NodePlace {
  x: number;
  y: number;
  column: number;
}

/** The line of an edge: straight across layers, an arc beside the column within one. */
function pathOf(a: NodePlace, b: NodePlace, { half, columns }: { half: number; columns: number }): string {
  if (a.column === b.column) {
    const side = a.column < columns / 2 ? -1 : 1;
    const x = a.x + side * half;
    const reach = x + side * Math.min(2 * arcRoom - 20, 14 + 0.5 * Math.abs(a.y - b.y));
    return `M${x},${a.y}Q${reach},${(a.y + b.y) / 2} ${x},${b.y}`;
  }
  const [left, right] = a.x < b.x ? [a, b] : [b, a];
  const [x1, x2] = [left.x + half, right.x - half];
  const bend = (x2 - x1) / 2;
  return `M${x1},${left.y}C${x1 + bend},${left.y} ${x2 - bend},${right.y} ${x2},${right.y}`;
}

function edgesMark(
  edges: readonly Edge[],
  places: ReadonlyMap<number, NodePlace>,
  { half, columns, threshold }: { half: number; columns: number; threshold: number },
): RenderFunction {
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "edges", fill: "none", "stroke-opacity": 0.75 });
    for (const { a, b, r } of edges) {
      const [from, to] = [places.get(a), places.get(b)];
      if (from !== undefined && to !== undefined)
        group.append(
          svgElement(document, "path", { d: pathOf(from, to, { half, columns }), ...strokeOf(r, threshold) }),
        );
    }
    return group;
  };
}

/** Four lines with what they mean, beneath the network. */
function keyMark(threshold: number, top: number): RenderFunction {
  const samples = [
    { r: 1, text: "r = 1" },
    { r: threshold, text: `r = ${fixed(threshold)}` },
    { r: -threshold, text: `r = ${fixed(-threshold)}` },
    { r: -1, text: "r = −1" },
  ];
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", {
      "aria-label": "key",
      "font-size": fontSize.small,
      fill: muted,
    });
    samples.forEach(({ r, text }, i) => {
      const [x, y] = [8 + (i % 2) * 100, top + 10 + Math.floor(i / 2) * 16];
      group.append(
        svgElement(document, "path", { d: `M${x},${y}h24`, ...strokeOf(r, threshold) }),
        svgElement(document, "text", { x: x + 30, y, dy: "0.32em", "text-anchor": "start" }, text),
      );
    });
    return group;
  };
}

function panelOf(data: UnitNetworkData, edges: readonly Edge[]): Panel {
  const { units, threshold } = data;
  const columns = columnsOf(data, edges);
  const tallest = columns.reduce((most, { members }) => Math.max(most, members.length), 0);
  const labels = (unit: number) => shortLabel(units[unit].name, longestName, fontSize.label);
  const half =
    longestLabel(
      columns.flatMap(({ members }) => members.map(labels)),
      fontSize.label,
    ) /
      2 +
    4;
  const width = columns.length <= 2 ? 328 : 450;
  const height = head + foot + rowHeight * Math.max(1, tallest);
  const places = new Map<number, NodePlace>();
  const xOf = (column: number) =>
    columns.length === 1
      ? width / 2
      : arcRoom + half + ((width - 2 * (arcRoom + half)) * column) / (columns.length - 1);
  columns.forEach(({ members }, column) => {
    const top = head + (rowHeight * (tallest - members.length)) / 2;
    members.forEach((unit, i) => {
      places.set(unit, { x: Math.round(xOf(column)), y: Math.round(top + rowHeight * (i + 0.5)), column });
    });
  });
  const names: PlacedLabel[] = [
    ...columns.map(({ layer }, column) => ({
      text: `layer ${layer}`,
      x: Math.round(xOf(column)),
      y: 8,
      fill: muted,
    })),
    ...[...places].map(([unit, { x, y }]) => ({ text: labels(unit), x, y, size: fontSize.label, rim: true })),
  ];
  return {
    title:
      columns.length === 0
        ? "no pair exceeds the nulls"
        : `${counted(edges.length, "pair")} of ${counted(places.size, "unit")}`,
    description:
      edges.length === 0
        ? "an empty picture"
        : edges
            .slice(0, 12)
            .map(({ a, b, r }) => `${units[a].name} and ${units[b].name} ${fixed(r)}`)
            .concat(edges.length > 12 ? [`and ${edges.length - 12} more`] : [])
            .join("; "),
    options: {
      width,
      height,
      margin: 0,
      axis: null,
      marks: [
        edgesMark(edges, places, { half, columns: columns.length, threshold }),
        labelsMark(names),
        keyMark(threshold, height - foot + 8),
      ],
    },
  };
}

/** Figure: units in columns by layer, lines between those that are correlated or opposed beyond the nulls. */
export function unitNetwork(data: UnitNetworkData): FigureSpec {
  const { most = mostEdges, units } = data;
  const valid = data.edges.filter(
    ({ a, b, r }) => Number.isFinite(r) && units[a] !== undefined && units[b] !== undefined && a !== b,
  );
  const edges = valid.toSorted((x, y) => Math.abs(y.r) - Math.abs(x.r)).slice(0, most);
  const { beyond } = data;
  const opposed = beyond?.opposed ?? valid.filter(({ r }) => r < 0).length;
  const count = beyond?.pairs ?? valid.length;
  const expected = listed(data.expected.map((one) => `${fixed(one.pairs, 1)} (${one.null})`));
  return {
    name: subjectSlug("unit-network", data.subject),
    title:
      beyond === undefined
        ? `${data.subject.name}: ${count} of ${data.pairs} pairs of units exceed |r| ${fixed(data.threshold)}, ${count - opposed} correlated and ${opposed} opposed${
            expected === "" ? "" : `; expected by chance: ${expected}`
          }.`
        : `${subjectTitle(data.subject)}: ${count} of ${data.pairs} pairs of units are beyond chance, ${count - opposed} correlated and ${opposed} opposed${
            beyond.before === null ? "" : `; before training ${beyond.before} were`
          }.`,
    question: "Which units respond together or against each other, beyond what chance gives?",
    seeds: subjectSeeds(data.subject),
    nullModel: `${beyond === undefined ? `expected pairs beyond the threshold: ${expected || "not measured"}` : beyond.null}. Each r rests on ${fixed(data.effectiveInputs, 0)} effectively distinct inputs.`,
    reading: `Columns are layers; red lines join units that respond together, blue dashed ones units that respond against each other; the thicker, the larger |r|.${
      edges.length < count ? ` The ${edges.length} strongest of ${count} pairs are drawn.` : ""
    }`,
    panels: [panelOf(data, edges)],
  };
}
