/** Tables for the terminal: plain, aligned, no wider than a reader's window where that can be helped. */
import { type Judged, marked } from "./judged.ts";

/** Columns of a terminal that a table is laid out for. */
export const tableWidth = 100;
/** What stands where there is no number. */
const none = "-";
/** Stands after a number beyond its null. */
export const mark = "*";

/** Rows of cells as lines: the first column to the left, the others to the right, two spaces between. */
export function aligned(
  rows: readonly (readonly string[])[],
  { left = 1 }: { left?: number } = {},
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
}

/** Decimals that show three digits of the largest of some numbers. */
export function digitsFor(values: readonly number[]): number {
  const largest = Math.max(0, ...values.filter(Number.isFinite).map(Math.abs));
  if (largest === 0) return 2;
  return Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(largest))));
}

/** A number with so many decimals, without the sign of a rounded zero. */
export function decimals(value: number, digits: number): string {
  if (!Number.isFinite(value)) return none;
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** `[low, high]`. */
export function rangeText(range: readonly [number, number] | null, digits: number): string {
  return range?.every(Number.isFinite) ? `[${range.map((end) => decimals(end, digits)).join(", ")}]` : none;
}

/** A p value in few characters. */
export function pText(p: number | null): string {
  if (p === null) return none;
  return p < 0.0995 ? p.toPrecision(p < 0.001 ? 1 : 2) : p.toFixed(2);
}

/** A judged cell with its name. */
export interface NamedCell {
  /** One text for each label column. */
  readonly labels: readonly string[];
  readonly judged: Judged;
}

/** What the rows of a list are. */
export interface ListOptions {
  /** Heads of the label columns. */
  readonly heads: readonly string[];
  /** Head of the numbers. */
  readonly value: string;
  /** Most rows; the others are counted in a line below. */
  readonly top: number;
  /** Whether rows stand by size, the largest first, or as they come. */
  readonly sorted: boolean;
  /** What the interval is over, e.g. `seeds`; null where there is none. */
  readonly over: string | null;
}

/** Cells one a line: name, estimate, interval, null, p. */
export function cellList(cells: readonly NamedCell[], options: ListOptions): string[] {
  const { heads, value, top, sorted, over } = options;
  const size = ({ judged }: NamedCell) => (Number.isNaN(judged.estimate) ? -1 : Math.abs(judged.estimate));
  const ordered = sorted ? [...cells].sort((a, b) => size(b) - size(a)) : cells;
  const shown = ordered.slice(0, top);
  const digits = digitsFor(shown.map(({ judged }) => judged.estimate));
  const withNull = shown.some(({ judged }) => judged.null !== null);
  const rows = shown.map(({ labels, judged }) => [
    ...labels,
    `${decimals(judged.estimate, digits)}${marked(judged) ? mark : " "}`,
    ...(over === null ? [] : [rangeText(judged.interval, digits)]),
    ...(withNull && judged.null !== null
      ? [
          `${decimals(judged.null.median, digits)} ${rangeText([judged.null.low, judged.null.high], digits)}`,
          pText(judged.p),
        ]
      : []),
  ]);
  const head = [
    ...heads,
    `${value} `,
    ...(over === null ? [] : [`95 % over ${over}`]),
    ...(withNull ? ["null", "p"] : []),
  ];
  const rest = cells.length - shown.length;
  const hidden = ordered.slice(top).filter(({ judged }) => marked(judged)).length;
  return [
    ...aligned([head, ...rows], { left: heads.length }),
    ...(rest > 0
      ? [`and ${rest} more${hidden > 0 ? `, ${hidden} of them marked` : ""} (--top, --json)`]
      : []),
  ];
}

/**
 * Cells in rows and columns, where that fits the width; null where it does not.
 *
 * @param columns  heads of the columns
 * @param rows     a label and one cell a column
 */
export function cellMatrix(
  corner: string,
  columns: readonly string[],
  rows: readonly { readonly label: string; readonly cells: readonly Judged[] }[],
): string[] | null {
  const digits = digitsFor(rows.flatMap(({ cells }) => cells.map(({ estimate }) => estimate)));
  const lines = aligned([
    [corner, ...columns.map((head) => `${head} `)],
    ...rows.map(({ label, cells }) => [
      label,
      ...cells.map((cell) => `${decimals(cell.estimate, digits)}${marked(cell) ? mark : " "}`),
    ]),
  ]);
  return lines.some((line) => line.length > tableWidth) ? null : lines;
}

/** A text in lines of a table's width, broken at spaces; what belongs to a line before is indented. */
export function wrapped(text: string, width = tableWidth): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
