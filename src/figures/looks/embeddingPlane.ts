/** Embeddings in the plane in which they spread most, then and now. */
import type { RenderFunction } from "@observablehq/plot";
import type { FigureSpec, Panel } from "../figure.ts";
import { labelPlaces } from "../labelPlaces.ts";
import { labelsMark } from "../labelsMark.ts";
import { fixed, intervalText, listed, percent } from "../numberText.ts";
import { type Band, type Subject, subjectSeeds, subjectSlug, subjectTitle } from "../subject.ts";
import { svgElement } from "../svgElement.ts";
import { fontSize, nowColor, nullLine, rule, thenColor } from "../theme.ts";

type Point = readonly [x: number, y: number];

/** What {@link embeddingPlane} draws. */
export interface EmbeddingPlaneData {
  subject: Subject;
  tables: readonly {
    /** `token embeddings` */
    title: string;
    labels: readonly string[];
    /** Coordinates in one plane for both times. */
    before: readonly Point[];
    points: readonly Point[];
    /** Share of the variance of both that the plane holds, in [0, 1]. */
    share: number;
    /** Distance that the vectors moved, over their distance from the mean before; root mean squares in the whole space. */
    moved: number;
    /** The share in random tables that moved as far: middle 95 %. */
    null: Band;
  }[];
}

const size = 296;
const margin = 18;
const radius = 3;

function panelOf({
  title,
  labels,
  before,
  points,
  share,
  null: band,
}: EmbeddingPlaneData["tables"][number]): Panel {
  const finite = [...before, ...points].flat().filter(Number.isFinite);
  const reach = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const scale = (size / 2 - margin) / reach;
  const place = ([x, y]: Point) => ({
    x: Math.round(10 * (size / 2 + scale * x)) / 10,
    y: Math.round(10 * (size / 2 - scale * y)) / 10,
  });
  const pairs = labels.flatMap((label, i) =>
    [...(before[i] ?? [Number.NaN]), ...(points[i] ?? [Number.NaN])].every(Number.isFinite)
      ? [{ label, from: place(before[i]), to: place(points[i]) }]
      : [],
  );
  const marks: RenderFunction = (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "points" });
    group.append(
      svgElement(document, "path", {
        d: `M${margin},${size / 2}H${size - margin}M${size / 2},${margin}V${size - margin}`,
        stroke: rule,
      }),
    );
    for (const { from, to } of pairs)
      group.append(
        svgElement(document, "path", {
          d: `M${from.x},${from.y}L${to.x},${to.y}`,
          stroke: nullLine,
          "stroke-width": 1,
        }),
        svgElement(document, "circle", { cx: from.x, cy: from.y, r: radius, fill: thenColor }),
        svgElement(document, "circle", { cx: to.x, cy: to.y, r: radius, fill: nowColor }),
      );
    return group;
  };
  return {
    title,
    description: `${pairs.length} vectors; the plane holds ${percent(share)} of their variance, in random tables ${intervalText([band.low, band.high])}`,
    options: {
      width: size,
      height: size,
      margin: 0,
      axis: null,
      marks: [
        marks,
        labelsMark(
          labelPlaces(
            pairs.map(({ label, to }) => ({ label, ...to })),
            pairs.flatMap(({ from, to }) => [from, to]),
            { size: fontSize.label, radius, width: size, height: size },
          ).map((label) => ({ ...label, rim: true })),
        ),
      ],
    },
  };
}

/** Figure: a panel a table, a line from where each vector was to where it is. */
export function embeddingPlane(data: EmbeddingPlaneData): FigureSpec {
  const of = (text: (table: EmbeddingPlaneData["tables"][number]) => string) =>
    listed(data.tables.map((table) => `${text(table)} (${table.title})`));
  return {
    name: subjectSlug("embedding-plane", data.subject),
    title:
      data.tables.length === 0
        ? `${subjectTitle(data.subject)}: 0 tables of embeddings.`
        : `${subjectTitle(data.subject)}: embeddings moved by ${of(({ moved }) => percent(moved))} of their spread.`,
    question: "Do embeddings lie where their initialisation put them?",
    seeds: subjectSeeds(data.subject),
    nullModel: `random tables that moved as far, normal numbers: their plane holds ${of(({ null: band }) => intervalText([band.low, band.high]))} of the variance, and shows as much order as chance does.`,
    reading: `One plane for both times, the two principal axes of all vectors, then and now: it holds ${of(({ share }) => fixed(share))} of the variance. Blue: before training; orange: now; both axes have one scale. Names without room are left out.`,
    panels: data.tables.map(panelOf),
  };
}
