/** Rows of estimates with their intervals over grey bands: the forest that many figures are. */
import { barX, dot, link, ruleX, text, tickX } from "@observablehq/plot";
import type { Interval } from "../stats/intervals.ts";
import type { Panel } from "./figure.ts";
import { panelWidth } from "./heatMaps.ts";
import { fixed, intervalText } from "./numberText.ts";
import type { Band } from "./subject.ts";
import { longestLabel, shortLabel } from "./textWidth.ts";
import { divergingPoles, fontSize, ink, muted, nullFill, nullLine, paper } from "./theme.ts";

/** One row. Ends that are not finite are not drawn. */
export interface DotRow extends Interval {
  label: string;
  /** The null: a grey band with a tick in its middle. */
  null?: Band;
  /** A second estimate, drawn hollow beneath the first. */
  other?: Interval;
  /** Single networks behind their mean, thin ticks. */
  marks?: readonly number[];
  /** To the right of the row. */
  note?: string;
  /** In full colour and with a bold label; the others are grey. Default true. */
  strong?: boolean;
}

/** Rows that share an axis. */
export interface DotRows {
  title: string;
  rows: readonly DotRow[];
  /** Name and unit of the axis. */
  axis: string;
  /** Ends of the axis; by default all that is drawn, and the reference. */
  domain?: readonly [number, number];
  /** Where a thin line stands: the value of nothing at all. */
  reference?: number;
  /** Colour of the estimates. */
  color: string;
  /** Colour of the second estimates, default grey. */
  otherColor?: string;
  /** Draws each estimate as a bar from the reference, too, red above and blue below it. */
  bars?: boolean;
  /** Decimals in the description, default 2. */
  digits?: number;
  /** px; default {@link panelWidth}. */
  width?: number;
}

/** Rows whose numbers a description names; more would tire who listens. */
const mostDescribed = 12;
const rowHeight = 18;

function describe(rows: readonly DotRow[], digits: number): string {
  const parts = rows.slice(0, mostDescribed).map((row) => {
    const interval = intervalText([row.low, row.high], digits);
    const band =
      row.null === undefined ? "" : `, null ${intervalText([row.null.low, row.null.high], digits)}`;
    return `${row.label} ${fixed(row.estimate, digits)}${Number.isFinite(row.low + row.high) ? ` ${interval}` : ""}${band}`;
  });
  const rest = rows.length - parts.length;
  return [...(parts.length === 0 ? ["no rows"] : parts), ...(rest > 0 ? [`and ${rest} more`] : [])].join(
    "; ",
  );
}

/** The smallest interval that holds every finite number of the rows, a twentieth wider on both sides. */
export function domainOf(rows: readonly DotRow[], reference: number | undefined): [number, number] {
  const values = rows
    .flatMap((row) => [
      ...[row.estimate, row.low, row.high],
      ...(row.null === undefined ? [] : [row.null.low, row.null.high]),
      ...(row.other === undefined ? [] : [row.other.estimate, row.other.low, row.other.high]),
      ...(row.marks ?? []),
    ])
    .concat(reference ?? [])
    .filter(Number.isFinite);
  if (values.length === 0) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const margin = high > low ? (high - low) / 20 : Math.max(1e-6, Math.abs(high) / 20);
  return [low - margin, high + margin];
}

/** Dots in rows: band and tick of the null, interval, estimate; labels at the left, notes at the right. */
export function dotRowsPanel({
  title,
  rows,
  axis,
  domain,
  reference,
  color,
  otherColor = muted,
  bars = false,
  digits = 2,
  width = panelWidth,
}: DotRows): Panel {
  const [low, high] = domain ?? domainOf(rows, reference);
  const clamp = (value: number) => Math.min(high, Math.max(low, value));
  const marginLeft =
    Math.ceil(
      Math.min(
        width / 2.4,
        longestLabel(
          rows.map(({ label }) => label),
          fontSize.small,
        ),
      ),
    ) + 10;
  const notes = longestLabel(
    rows.map(({ note }) => note ?? ""),
    fontSize.small,
  );
  // one width for the usual notes, so that the axes of panels side by side are equally long
  const marginRight = notes > 0 ? Math.ceil(Math.max(32, notes)) + 14 : 10;
  const numbered = rows.map((row, index) => ({ ...row, index }));
  const banded = numbered.flatMap(({ null: band, index }) =>
    band !== undefined && Number.isFinite(band.low + band.high) ? [{ ...band, index }] : [],
  );
  const others = numbered.flatMap(({ other, index }) => (other === undefined ? [] : [{ ...other, index }]));
  const single = numbered.flatMap(({ marks = [], index }) =>
    marks.filter((value) => value >= low && value <= high).map((value) => ({ value, index })),
  );
  const paint = ({ strong = true }: DotRow) => (strong ? color : muted);
  const spans = <T extends Interval>(items: readonly T[]) =>
    items.filter((item) => Number.isFinite(item.low + item.high));
  const inAxis = <T extends Interval>(items: readonly T[]) =>
    items.filter(({ estimate }) => estimate >= low && estimate <= high);
  return {
    title,
    description: describe(rows, digits),
    options: {
      width,
      height: 44 + rowHeight * Math.max(1, rows.length),
      marginLeft,
      marginRight,
      marginTop: 6,
      marginBottom: 38,
      x: {
        domain: [low, high],
        ticks: Math.max(2, Math.round((width - marginLeft - marginRight) / 50)),
        tickFormat: (value: number) => axisNumber(value, high - low),
        label: axis,
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: { type: "band", domain: numbered.map(({ index }) => index), axis: null, padding: 0.2 },
      marks: [
        barX(banded, {
          x1: (band: Band) => clamp(band.low),
          x2: (band: Band) => clamp(band.high),
          y: "index",
          fill: nullFill,
        }),
        tickX(
          banded.filter(({ middle }) => middle !== undefined && middle >= low && middle <= high),
          { x: "middle", y: "index", stroke: nullLine, strokeWidth: 1.5 },
        ),
        barX(bars ? numbered.filter(({ estimate }) => Number.isFinite(estimate)) : [], {
          x1: () => clamp(reference ?? 0),
          x2: ({ estimate }: DotRow) => clamp(estimate),
          y: "index",
          insetTop: 3,
          insetBottom: 3,
          fill: ({ estimate }: DotRow) =>
            estimate < (reference ?? 0) ? divergingPoles.below : divergingPoles.above,
          fillOpacity: 0.6,
        }),
        ruleX(reference === undefined ? [] : [reference], { stroke: nullLine, strokeDasharray: "2,2" }),
        tickX(single, {
          ...{ x: "value", y: "index", insetTop: 2, insetBottom: 2 },
          ...{ stroke: color, strokeWidth: 0.8, strokeOpacity: 0.45 },
        }),
        link(spans(others), {
          x1: (row: Interval) => clamp(row.low),
          x2: (row: Interval) => clamp(row.high),
          y: "index",
          dy: 4,
          stroke: otherColor,
          strokeWidth: 1,
        }),
        dot(inAxis(others), { x: "estimate", y: "index", dy: 4, r: 2.5, stroke: otherColor, fill: paper }),
        link(spans(numbered), {
          x1: (row: Interval) => clamp(row.low),
          x2: (row: Interval) => clamp(row.high),
          y: "index",
          dy: others.length > 0 ? -2 : 0,
          stroke: paint,
          strokeWidth: 2,
        }),
        dot(inAxis(numbered), {
          x: "estimate",
          y: "index",
          dy: others.length > 0 ? -2 : 0,
          r: bars ? 2.5 : 3.5,
          fill: paint,
        }),
        text(numbered, {
          y: "index",
          text: ({ label }: DotRow) => shortLabel(label, width / 2.4, fontSize.small),
          frameAnchor: "left",
          textAnchor: "end",
          dx: -6,
          fill: ({ strong = true }: DotRow) => (strong ? ink : muted),
          fontSize: fontSize.small,
        }),
        text(
          numbered.filter(({ note }) => note !== undefined),
          {
            y: "index",
            text: "note",
            frameAnchor: "right",
            textAnchor: "end",
            dx: marginRight - 2,
            fill: ({ strong = true }: DotRow) => (strong ? ink : muted),
            fontSize: fontSize.small,
          },
        ),
      ],
    },
  };
}

/** A number on an axis of some length, with the decimals that its ticks need and a true minus sign. */
export function axisNumber(value: number, length: number): string {
  const digits = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(Math.max(length, 1e-9)))));
  const text = fixed(value, digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
