/** Where everything of a row stands: strips of then and now, the scale of persistence, and columns of text. */
import type { CurveKind } from "../../../../src/features/unitCurves.ts";

/** One map of all rows: a kind of curve at a time. */
export interface StripGroup {
  readonly kind: CurveKind;
  readonly time: "then" | "now";
  readonly columns: number;
  /** Columns stand together by so many: the positions of a token. */
  readonly every: number;
  /** Left end of the first column, width of a column, and room between those that stand together, px. */
  readonly left: number;
  readonly cell: number;
  readonly gap: number;
  readonly width: number;
}

/** What is written to the right of a row, besides r. */
export type TextColumn = "selectivity" | "preferred" | "fate";

export interface RowLayout {
  /** Of a row and of a strip in it, px. */
  readonly rowHeight: number;
  readonly stripHeight: number;
  /** Width of the name, px. */
  readonly name: number;
  readonly groups: readonly StripGroup[];
  /** The scale of r from −1 to 1. */
  readonly r: { readonly left: number; readonly width: number };
  /** Width of the picture between name and text, px. */
  readonly picture: number;
  readonly texts: readonly TextColumn[];
}

/** Widths, px. */
const nameWidth = 54;
const seedWidth = 56;
const numberWidth = 46;
const textWidths: Record<TextColumn, number> = { selectivity: 104, preferred: 92, fate: 82 };
/** The scale of r takes what is left, up to this. */
const mostForR = 200;
const timeGap = 6;
const kindGap = 18;
/** From these widths on all kinds are shown side by side, and selectivity is written out. */
const wideFrom = 960;
const mediumFrom = 620;

/** Width of a group without its left end. */
const groupWidth = (columns: number, every: number, cell: number, gap: number) =>
  columns * cell + (Math.ceil(columns / every) - 1) * gap;

/** Whole pixels where cells are wide enough, tenths where not. */
const snapped = (cell: number) => (cell >= 3 ? Math.floor(cell) : Math.floor(10 * cell) / 10);

/**
 * The layout of a list that is `width` px wide.
 *
 * @param kind   shown alone where there is no room for all
 * @param seeds  whether names are followed by seeds
 */
export function rowLayout(
  width: number,
  { dVocab, nPos }: { dVocab: number; nPos: number },
  { kind, seeds }: { kind: CurveKind; seeds: boolean },
): RowLayout {
  const wide = width >= wideFrom;
  const texts: TextColumn[] = wide
    ? ["selectivity", "preferred", "fate"]
    : width >= mediumFrom
      ? ["selectivity"]
      : [];
  const name = nameWidth + (seeds ? seedWidth : 0);
  const rWidth = wide ? 150 : width >= mediumFrom ? 120 : 84;
  const cells: CurveKind = kind === "interaction" ? "interaction" : "all";
  const kinds: CurveKind[] = wide ? ["token", "position", cells] : [kind];
  const textsWidth = texts.reduce((sum, text) => sum + textWidths[text], 0);
  const room = width - name - numberWidth - textsWidth - rWidth - kinds.length * (timeGap + kindGap);
  const columnsOf: Record<CurveKind, number> = {
    token: dVocab,
    position: nPos,
    all: dVocab * nPos,
    interaction: dVocab * nPos,
  };
  const isLong = (of: CurveKind) => of === "all" || of === "interaction";
  // curves take at most half of the room beside the cells, which have many more columns
  const short = kinds.filter((of) => !isLong(of)).reduce((sum, of) => sum + 2 * columnsOf[of], 0);
  const shortRoom = kinds.some(isLong) ? room / 2 : room;
  const shortCell = snapped(Math.max(0.5, Math.min(wide ? 9 : 14, shortRoom / Math.max(1, short))));
  const longRoom = (room - (short > 0 ? short * shortCell : 0)) / 2;
  const longCell = snapped(Math.max(0.2, Math.min(4, longRoom / columnsOf.all)));
  const gap = longCell >= 2 && columnsOf.all * longCell + dVocab - 1 <= longRoom ? 1 : 0;
  const groups: StripGroup[] = [];
  let left = 0;
  for (const of of kinds)
    for (const time of ["then", "now"] as const) {
      const long = isLong(of);
      const columns = columnsOf[of];
      const shape = {
        columns,
        every: long ? nPos : columns,
        cell: long ? longCell : shortCell,
        gap: long ? gap : 0,
      };
      const groupOwn = groupWidth(columns, shape.every, shape.cell, shape.gap);
      groups.push({ kind: of, time, left, width: groupOwn, ...shape });
      left += groupOwn + (time === "then" ? timeGap : kindGap);
    }
  const spare = width - name - numberWidth - textsWidth - left - rWidth;
  const rSpread = Math.floor(Math.min(mostForR, rWidth + Math.max(0, spare)));
  return {
    rowHeight: wide ? 20 : 24,
    stripHeight: wide ? 15 : 18,
    ...{ name, groups, texts },
    r: { left, width: rSpread },
    picture: left + rSpread,
  };
}

/** Left end of a column, px. */
export function columnLeft({ left, cell, every, gap }: StripGroup, column: number): number {
  return left + column * cell + Math.floor(column / every) * gap;
}

/** Narrowest columns that are all labelled, px; of narrower ones every fifth is. */
const labelledFrom = 8;

/** Numbers above a group: of its levels, or of the tokens of its cells, with the middle of what they stand for. */
export function columnLabels(group: StripGroup): { x: number; label: string }[] {
  const { columns, every, cell, kind } = group;
  const size = kind === "token" || kind === "position" ? 1 : every;
  const stride = size * cell >= labelledFrom ? 1 : 5;
  return Array.from({ length: Math.ceil(columns / size / stride) }, (_, i) => ({
    x: columnLeft(group, i * stride * size) + (size * cell) / 2,
    label: String(i * stride),
  }));
}

/** Room for half a point at both ends of the scale of r, px. */
const rInset = 6;

/** Where an r stands, px. */
export function rPlace({ r: { left, width } }: RowLayout, r: number): number {
  return left + rInset + ((r + 1) / 2) * (width - 2 * rInset);
}
