/** Why deeper layers keep less: persistence by layer with parts of the network put back, and what removes the gap. */
import { dot, line, link, rect, text } from "@observablehq/plot";
import type { Interval } from "../../stats/intervals.ts";
import { dotRowsPanel } from "../dotRows.ts";
import type { FigureSpec, Panel } from "../figure.ts";
import { counted, fixed, intervalText } from "../numberText.ts";
import { meanFinite, meanInterval } from "../spread.ts";
import { categoryColors, fontSize, ink, muted, nowColor, nullFill, paper, thenColor } from "../theme.ts";

/** Mean r of each layer in networks of one depth, [layer][seed]. */
export interface HierarchyDepth {
  readonly title: string;
  readonly seeds: number;
  /** As trained. */
  readonly both: readonly ArrayLike<number>[];
  /** Own block trained, all before it initial. */
  readonly own: readonly ArrayLike<number>[];
  /** All before it trained, own block initial. */
  readonly upstream: readonly ArrayLike<number>[];
  /** Against another network's initial tuning. */
  readonly stranger: readonly ArrayLike<number>[];
}

const series = [
  { of: "upstream", label: "upstream trained", color: categoryColors[1], shift: 0.08 },
  { of: "own", label: "own block trained", color: thenColor, shift: -0.08 },
  { of: "both", label: "both", color: nowColor, shift: 0 },
] as const;

interface Point extends Interval {
  layer: number;
}

const pointsOf = (values: readonly ArrayLike<number>[], shift: number): Point[] =>
  values.map((seeds, layer) => {
    const { mean, low, high } = meanInterval(seeds);
    return { layer: layer + shift, estimate: mean, low, high };
  });

function depthPanel(depth: HierarchyDepth, named: boolean): Panel {
  const layers = depth.both.length;
  const stranger = depth.stranger.map((seeds, layer) => {
    const { low, high } = meanInterval(seeds);
    return { x1: layer - 0.5, x2: layer + 0.5, low, high };
  });
  const last = layers - 1;
  const lowest = Math.min(0, ...stranger.map(({ low }) => low).filter(Number.isFinite));
  const drawn = series.map((one) => ({ ...one, points: pointsOf(depth[one.of], one.shift) }));
  const seeds = Array.from({ length: depth.both[0]?.length ?? 0 }, (_, seed) =>
    depth.both.map((values, layer) => ({ seed, layer, r: values[seed] })),
  ).flat();
  return {
    title: depth.title,
    description: drawn
      .map(({ label, points }) => `${label}: r ${points.map(({ estimate }) => fixed(estimate)).join(", ")}`)
      .join("; "),
    options: {
      ...{
        width: 100 + 56 * layers,
        height: 230,
        marginLeft: 34,
        marginRight: 14,
        marginTop: 24,
        marginBottom: 36,
      },
      x: {
        ...{ domain: [-0.5, last + 0.5], ticks: Array.from({ length: layers }, (_, layer) => layer) },
        ...{ tickFormat: (layer: number) => `L${layer}`, label: null },
      },
      y: { domain: [lowest - 0.02, 1], label: "r, mean of units", labelArrow: "none", ticks: 5, grid: true },
      marks: [
        rect(stranger, { x1: "x1", x2: "x2", y1: "low", y2: "high", fill: nullFill }),
        line(seeds, {
          ...{ x: "layer", y: "r", z: "seed" },
          ...{ stroke: nowColor, strokeWidth: 0.5, strokeOpacity: 0.4 },
        }),
        ...drawn.flatMap(({ points, color }) => [
          line(points, { x: "layer", y: "estimate", stroke: color, strokeWidth: 1.4 }),
          link(points, { x: "layer", y1: "low", y2: "high", stroke: color, strokeWidth: 1.8 }),
          dot(points, { x: "layer", y: "estimate", r: 3.5, fill: color, stroke: paper, strokeWidth: 0.5 }),
        ]),
        text(drawn[2].points, {
          ...{ x: "layer", y: "estimate", text: ({ estimate }) => fixed(estimate), dy: 14 },
          ...{ fill: ink, stroke: paper, strokeWidth: 3, fontWeight: 600, fontSize: fontSize.label },
        }),
        ...(named ? drawn : []).map(({ label, color }, at) =>
          text([label], {
            ...{ x: -0.46, y: 0.36 - 0.1 * at, text: () => label, textAnchor: "start" },
            ...{ fill: color, fontWeight: 600, fontSize: fontSize.small },
          }),
        ),
        text(stranger.slice(0, 1), {
          ...{ x: "x1", y: "high", text: () => "another network", textAnchor: "start", dx: 2, dy: -7 },
          ...{ fill: muted, stroke: paper, strokeWidth: 3, fontSize: fontSize.small },
        }),
      ],
    },
  };
}

/** Figure: persistence of every layer, with its own block or all before it put back to the initial weights. */
export function hierarchyByLayer(depths: readonly HierarchyDepth[]): FigureSpec {
  const findings = depths
    .filter(({ both }) => both.length > 1)
    .map(({ title, both, own }) => {
      const last = both.length - 1;
      const change = (of: readonly ArrayLike<number>[]) =>
        `${fixed(meanFinite(of[0]))} to ${fixed(meanFinite(of[last]))}`;
      return `in ${title} r goes from ${change(both)}, with all upstream put back from ${change(own)}`;
    });
  return {
    name: "hierarchy-by-layer",
    title: `From the first to the last layer, ${findings.join("; ") || "nothing was measured"}.`,
    question: "Do deeper layers keep less because they learn more, or because what they read changes?",
    seeds: `${depths.map(({ title, seeds }) => `${counted(seeds, "seed")} (${title})`).join(", ")}.`,
    nullModel: "grey: r of the trained units with another network's initial ones, 95 % t interval.",
    reading:
      "Orange: as trained (thin lines: seeds). Blue: only the layer's own block is trained, embeddings and blocks below are as at the beginning. Green: only those are trained, the own block is as at the beginning. Means over units and seeds with 95 % t intervals over seeds.",
    panels: depths.map((depth, at) => depthPanel(depth, at === 0)),
  };
}

/** What {@link hierarchyDifferences} draws. */
export interface HierarchyDifferencesData {
  readonly seeds: number;
  /** Differences of r within this margin are none. */
  readonly margin: number;
  /** r of layer 0 less that of layer 1, by what was done. */
  readonly differences: readonly (Interval & { readonly label: string })[];
  /** Own share of the lost tuning, by depth and layer. */
  readonly shares: readonly (Interval & { readonly label: string })[];
}

/** Figure: what removes the difference between layers, and whose doing the loss of tuning is. */
export function hierarchyDifferences({
  seeds,
  margin,
  differences,
  shares,
}: HierarchyDifferencesData): FigureSpec {
  const findings = differences.map(
    ({ label, estimate, low, high }) => `${label} ${fixed(estimate)} ${intervalText([low, high])}`,
  );
  return {
    name: "hierarchy-differences",
    title: `Layer 0 keeps more than layer 1 by this difference of r: ${findings.join(", ")}.`,
    question: "What does it take for the layers to keep alike?",
    seeds: `${counted(seeds, "seed")} in every row.`,
    nullModel: `grey band: differences within ±${fixed(margin)}, which count as none. Dashed line at 0, and at a half in the panel of shares, where own weights and upstream take equal parts.`,
    reading:
      "Dots: means over seeds with 95 % t intervals. Left: mean r of layer 0 less that of layer 1 in networks of depth 2. Right: the part of 1 − r that is due to the layer's own block, the other part being due to all before it (Shapley values of the swap).",
    panels: [
      dotRowsPanel({
        title: "layer 0 less layer 1",
        rows: differences.map((row) => ({
          ...{ ...row, note: fixed(row.estimate) },
          null: { low: -margin, high: margin },
        })),
        ...{ axis: "difference of r", reference: 0, color: nowColor, width: 328 },
      }),
      dotRowsPanel({
        title: "own share of the lost tuning",
        rows: shares.map((row) => ({ ...row, note: fixed(row.estimate) })),
        ...{ axis: "share of 1 − r", domain: [0, 1], reference: 0.5, color: nowColor, width: 328 },
      }),
    ],
  };
}
