/** Histograms over the grey band of their null. */
import { areaY, line, rectY, ruleX, text } from "@observablehq/plot";
import { axisNumber } from "./dotRows.ts";
import type { Panel } from "./figure.ts";
import { panelWidth } from "./heatMaps.ts";
import { fontSize, ink, nullFill, nullLine } from "./theme.ts";

/** Shares in bins. */
export interface Histogram {
  title: string;
  description: string;
  /** Ends of the bins, ascending; one more than there are bins. */
  edges: ArrayLike<number>;
  /** Share in each bin, in [0, 1]. */
  shares: ArrayLike<number>;
  /** The null by bin. */
  band?: { low: ArrayLike<number>; high: ArrayLike<number> };
  /** The null as a curve, in shares a bin. */
  curve?: readonly { x: number; share: number }[];
  /** Value with a line and a label of its own. */
  marked?: { value: number; label: string };
  /** Name and unit of the axis. */
  axis: string;
  /** Of what the shares are, e.g. `activations`. */
  of: string;
  color: string;
}

/** Whether a bin has ends to be drawn between. */
const drawable = ({ x1, x2 }: { x1: number; x2: number }) => Number.isFinite(x1 + x2);

/** A histogram as an outline over its null. */
export function histogramPanel({
  title,
  description,
  edges,
  shares,
  band,
  curve = [],
  marked,
  axis,
  of,
  color,
}: Histogram): Panel {
  const bins = Array.from({ length: Math.max(0, edges.length - 1) }, (_, i) => ({
    x1: edges[i],
    x2: edges[i + 1],
    share: Number.isFinite(shares[i]) ? shares[i] : 0,
    low: band?.low[i] ?? 0,
    high: band?.high[i] ?? 0,
  })).filter(drawable);
  const top = [...bins.flatMap(({ share, high }) => [share, high]), ...curve.map(({ share }) => share)]
    .filter(Number.isFinite)
    .reduce((a, b) => Math.max(a, b), 0);
  // what leaves the frame is not drawn: clip paths need names that would have to be unique in a page
  const ends = bins.length === 0 ? [0, 1] : [bins[0].x1, bins[bins.length - 1].x2];
  return {
    title,
    description,
    options: {
      width: panelWidth,
      height: 170,
      marginLeft: 34,
      marginRight: 10,
      marginTop: 20,
      marginBottom: 36,
      x: {
        domain: ends,
        ticks: 5,
        tickFormat: (value: number) => axisNumber(value, ends[1] - ends[0]),
        label: axis,
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        domain: [0, top > 0 ? 1.12 * top : 1],
        ticks: 4,
        tickFormat: (share: number) => axisNumber(100 * share, 100 * top),
        label: `% of ${of}`,
        labelArrow: "none",
        grid: true,
      },
      marks: [
        rectY(band === undefined ? [] : bins, { x1: "x1", x2: "x2", y1: "low", y2: "high", fill: nullFill }),
        areaY(bins.flatMap(stepOf), { x: "x", y1: 0, y2: "share", fill: color, fillOpacity: 0.16 }),
        line(
          curve.filter(({ x }) => x >= ends[0] && x <= ends[1]),
          { x: "x", y: "share", stroke: nullLine, strokeWidth: 2.5 },
        ),
        line(outlineOf(bins), { x: "x", y: "share", stroke: color, strokeWidth: 1.4 }),
        ruleX(marked === undefined ? [] : [marked.value], { stroke: ink, strokeWidth: 1.4 }),
        text(marked === undefined ? [] : [marked], {
          x: "value",
          text: "label",
          frameAnchor: "top",
          // on the side that has room
          textAnchor: marked !== undefined && 2 * marked.value > ends[0] + ends[1] ? "end" : "start",
          dx: marked !== undefined && 2 * marked.value > ends[0] + ends[1] ? -4 : 4,
          dy: 2,
          fill: ink,
          fontWeight: 600,
          fontSize: fontSize.label,
        }),
      ],
    },
  };
}

interface Bin {
  x1: number;
  x2: number;
  share: number;
}

const stepOf = ({ x1, x2, share }: Bin) => [
  { x: x1, share },
  { x: x2, share },
];

/** Up from the axis, along the bins, and down again. */
function outlineOf(bins: readonly Bin[]): { x: number; share: number }[] {
  const [first, last] = [bins[0], bins[bins.length - 1]];
  if (first === undefined) return [];
  return [{ x: first.x1, share: 0 }, ...bins.flatMap(stepOf), { x: last.x2, share: 0 }];
}
