/** Where heads look on average, beside attention that knows nothing. */

import { quantileSorted } from "../../stats/quantile.ts";
import { amountScale, type ColorScale } from "../colorScale.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { type HeatMap, heatMapPanel } from "../heatMaps.ts";
import { fixed } from "../numberText.ts";
import { headName } from "../population.ts";
import { sortedFinite } from "../spread.ts";
import { type Subject, subjectSeeds, subjectSlug } from "../subject.ts";

/** One head of {@link AttentionPatternsData}. */
export interface HeadPattern {
  layer: number;
  head: number;
  /** Mean over a probe, or of one sequence, [queryPos][keyPos], row-major, each row summing to 1. */
  pattern: ArrayLike<number>;
  /** The same before training: the head is then drawn twice, then beside now. */
  before?: ArrayLike<number>;
  /** What kind of head it is, where it is of any. */
  kind?: string;
}

/** What {@link attentionPatterns} draws. */
export interface AttentionPatternsData {
  subject: Subject;
  nPos: number;
  causal: boolean;
  /** What was attended to, default `the probe`. */
  probe?: string;
  /** Labels of the positions, default their numbers. */
  labels?: readonly string[];
  heads: readonly HeadPattern[];
}

/** Room for maps side by side, px: it decides the size of a cell, the same in every panel. */
const mapsWidth = 228;

/** Keys that a query sees. */
const visible = ({ nPos, causal }: AttentionPatternsData, query: number) => (causal ? query + 1 : nPos);

/** One value a cell, blank where the mask forbids to look. */
function masked(data: AttentionPatternsData, value: (query: number, key: number) => number): Float64Array {
  const { nPos } = data;
  return Float64Array.from({ length: nPos * nPos }, (_, i) => {
    const [query, key] = [Math.floor(i / nPos), i % nPos];
    return key < visible(data, query) ? value(query, key) : Number.NaN;
  });
}

/**
 * Mean over the queries that have a choice of half the sum of |A − B|, by default from uniform attention B = 1/n: 0 is
 * the same, 1 attention to other keys altogether.
 */
function distance(data: AttentionPatternsData, pattern: ArrayLike<number>, from?: ArrayLike<number>): number {
  const { nPos } = data;
  let sum = 0;
  let queries = 0;
  for (let query = 0; query < nPos; query++) {
    const keys = visible(data, query);
    if (keys < 2) continue;
    queries++;
    for (let key = 0; key < keys; key++) {
      const at = query * nPos + key;
      sum += Math.abs(pattern[at] - (from === undefined ? 1 / keys : from[at])) / 2;
    }
  }
  return queries === 0 ? Number.NaN : sum / queries;
}

/** Where the query looks most often, apart from queries without a choice. */
function strongest(data: AttentionPatternsData, pattern: ArrayLike<number>): string {
  const { nPos } = data;
  let best: { query: number; key: number } | undefined;
  for (let query = 0; query < nPos; query++)
    for (let key = 0; visible(data, query) > 1 && key < visible(data, query); key++)
      if (best === undefined || pattern[query * nPos + key] > pattern[best.query * nPos + best.key])
        best = { query, key };
  return best === undefined
    ? "no query has a choice"
    : `most from ${best.query} to ${best.key}, ${fixed(pattern[best.query * nPos + best.key])}`;
}

function panelOf(
  data: AttentionPatternsData,
  { title, description, maps }: { title: string; description: string; maps: readonly HeatMap[] },
  scale: ColorScale,
  { withLegend, paired }: { withLegend: boolean; paired: boolean },
): Panel {
  const positions = data.labels ?? Array.from({ length: data.nPos }, (_, pos) => String(pos));
  const high = scale.kind === "amount" ? scale.high : 1;
  // then beside now, a head a line
  const across = paired || data.nPos > 10 ? 2 : 3;
  return heatMapPanel({
    title,
    description,
    maps,
    rows: { title: "query", labels: positions },
    columns: { title: "key", labels: positions },
    scale,
    ...(withLegend
      ? {
          legend: {
            title: "attention",
            ticks: [
              { value: 0, label: "0" },
              { value: high, label: fixed(high) },
              { value: 1 / data.nPos, label: `1/${data.nPos}` },
            ],
          },
        }
      : {}),
    across,
    maxCell: Math.min(15, mapsWidth / across / data.nPos),
  });
}

/** Figure: mean patterns, a panel a layer, all on one scale with uniform attention beside them. */
export function attentionPatterns(data: AttentionPatternsData): FigureSpec {
  const layers = [...new Set(data.heads.map(({ layer }) => layer))].sort((a, b) => a - b);
  const uniform = masked(data, (query) => 1 / visible(data, query));
  const valuesOf = (pattern: ArrayLike<number>) =>
    masked(data, (query, key) => pattern[query * data.nPos + key]);
  const shown = data.heads.map(({ layer, head, pattern, before, kind }) => ({
    kind: kind === undefined ? "" : ` · ${kind}`,
    layer,
    name: headName(layer, head),
    values: valuesOf(pattern),
    distance: distance(data, pattern),
    pattern,
    before:
      before === undefined
        ? undefined
        : {
            values: valuesOf(before),
            distance: distance(data, before),
            moved: distance(data, pattern, before),
          },
  }));
  const pairs = shown.flatMap(({ name, before }) =>
    before === undefined ? [] : [{ name, moved: before.moved }],
  );
  // under a causal mask the first query has no choice, and its 1 would take the colours from all the others
  const free = [
    uniform,
    ...shown.flatMap(({ values, before }) => [values, ...(before === undefined ? [] : [before.values])]),
  ].flatMap((values) => Array.from(values.subarray(data.causal ? data.nPos : 0)));
  const scale = amountScale(free);
  const distances = sortedFinite(shown.map((head) => head.distance));
  const [furthest] = shown
    .filter((head) => Number.isFinite(head.distance))
    .toSorted((a, b) => b.distance - a.distance);
  const [mostMoved] = pairs
    .filter(({ moved }) => Number.isFinite(moved))
    .toSorted((a, b) => b.moved - a.moved);
  const { probe = "the probe" } = data;
  return {
    name: subjectSlug("attention-patterns", data.subject),
    title:
      furthest === undefined
        ? `${data.subject.name}: no head whose queries have a choice.`
        : `${data.subject.name}: ${furthest.name} is furthest from uniform attention, it moves ${fixed(furthest.distance)} of its attention; the median head moves ${fixed(quantileSorted(distances, 0.5))}.${
            mostMoved === undefined
              ? ""
              : mostMoved.moved === 0
                ? " No head differs from its initialisation."
                : ` Training changed ${mostMoved.name} most, by ${fixed(mostMoved.moved)} of its attention.`
          }`,
    question: `Where does each head look on average, and how is that different from looking everywhere alike${pairs.length > 0 ? ", and from before training" : ""}?`,
    seeds: subjectSeeds(data.subject),
    nullModel: `uniform attention, the last panel on the same scale: 1/n to each of the n keys that a query sees${data.causal ? " (masked)" : ""}.`,
    reading: `Rows are queries, columns keys, colour the mean attention over ${probe}; Δ is the total variation distance from uniform attention, 0 to 1, mean over queries${pairs.length > 0 ? "; moved, how much of it is elsewhere than before training" : ""}.${
      data.causal
        ? " Blank: behind the mask. The first query sees only itself: its 1 has the last colour."
        : ""
    }`,
    panels: [
      ...layers.map((layer) => {
        const heads = shown.filter((head) => head.layer === layer);
        return panelOf(
          data,
          {
            title: `layer ${layer}`,
            description: `mean attention of ${heads.length} heads; ${heads.map((head) => `${head.name}${head.kind}: ${fixed(head.distance)} from uniform, ${strongest(data, head.pattern)}`).join("; ")}`,
            maps: heads.flatMap(({ name, kind, values, distance, before }) =>
              before === undefined
                ? [{ title: `${name}${kind}`, note: `Δ ${fixed(distance)}`, values }]
                : [
                    { title: `${name} then`, note: `Δ ${fixed(before.distance)}`, values: before.values },
                    {
                      title: `${name} now${kind}`,
                      note: `Δ ${fixed(distance)}, moved ${fixed(before.moved)}`,
                      values,
                    },
                  ],
            ),
          },
          scale,
          { withLegend: false, paired: pairs.length > 0 },
        );
      }),
      panelOf(
        data,
        {
          title: "reference",
          description: `uniform ${data.causal ? "causal " : ""}attention over ${data.nPos} positions`,
          maps: [{ title: "uniform", note: "Δ 0.00", values: uniform }],
        },
        scale,
        { withLegend: true, paired: pairs.length > 0 },
      ),
    ],
  };
}
