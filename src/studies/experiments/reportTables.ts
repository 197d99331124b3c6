/** Tables of the experiments' report as HTML; everything that comes from data is escaped. */
import { escapeHtml, fixed, intervalText, noNumber } from "../../figures/index.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Verdict } from "./section.ts";

/** A cell of a table: a text, or an estimate with its interval. */
export type Cell = string | number | Interval | { readonly low: number; readonly high: number };

/** A table before it is written. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  /** The first cell of a row is its head. */
  readonly rows: readonly (readonly Cell[])[];
  /** Shown at once, however long it is. */
  readonly open?: boolean;
}

/** Decimals that show three digits of the larger of a few numbers, two at least. */
function digitsOf(...values: number[]): number {
  const largest = Math.max(0, ...values.filter(Number.isFinite).map(Math.abs));
  if (largest === 0) return 2;
  return Math.min(5, Math.max(0, 2 - Math.floor(Math.log10(largest))));
}

function numberText(value: number, digits = digitsOf(value)): string {
  // a p value that small is no 0
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(1).replaceAll("-", "−");
  return Number.isInteger(value) ? String(value).replace("-", "−") : fixed(value, digits);
}

function cellHtml(cell: Cell): string {
  if (typeof cell === "string") return `<td>${escapeHtml(cell)}</td>`;
  if (typeof cell === "number") return `<td class="number">${escapeHtml(numberText(cell))}</td>`;
  const { low, high } = cell;
  const digits = "estimate" in cell ? digitsOf(cell.estimate) : digitsOf(low, high);
  const range = intervalText([low, high], digits);
  if (!("estimate" in cell)) return `<td class="number">${escapeHtml(range)}</td>`;
  const interval = range === noNumber ? "" : ` <span class="interval">${escapeHtml(range)}</span>`;
  return `<td class="number">${escapeHtml(numberText(cell.estimate, digits))}${interval}</td>`;
}

/** Whether a column holds numbers, which stand to the right. */
const isNumeric = ({ rows }: Table, column: number) => rows.some((row) => typeof row[column] !== "string");

/** Rows of a table that is shown at once; a longer one opens on demand. */
const SHOWN_ROWS = 14;

/** One table; nothing where it has no rows. */
export function tableHtml(table: Table): string {
  const { caption, columns, rows, open = false } = table;
  if (rows.length === 0) return "";
  const heads = columns.map(
    (label, i) => `<th scope="col"${isNumeric(table, i) ? ' class="number"' : ""}>${escapeHtml(label)}</th>`,
  );
  const lines = rows.map(
    ([head, ...cells]) =>
      `<tr><th scope="row">${escapeHtml(String(head))}</th>${cells.map(cellHtml).join("")}</tr>`,
  );
  const long = !open && rows.length > SHOWN_ROWS;
  const head = long ? "" : `<caption>${escapeHtml(caption)}</caption>`;
  const html = `<div class="scroll"><table>${head}<thead><tr>${heads.join("")}</tr></thead><tbody>${lines.join("\n")}</tbody></table></div>`;
  return long
    ? `<details><summary>${escapeHtml(caption)} (${rows.length} rows)</summary>${html}</details>`
    : html;
}

const signs = { holds: "●", not: "×", open: "○" } as const;

/** A decision with a sign, so that no one has to tell colours apart. */
export function decisionText({ holds }: Verdict): string {
  if (holds === null) return `${signs.open} undecided`;
  return holds ? `${signs.holds} holds` : `${signs.not} does not hold`;
}

/** A verdict with its statement, rule and evidence. */
export function verdictHtml(verdict: Verdict): string {
  return `<p><strong>${escapeHtml(decisionText(verdict))}:</strong> ${escapeHtml(verdict.statement)}</p>
<p class="reading"><b>Evidence:</b> ${escapeHtml(verdict.evidence)} <b>Rule, written before the run:</b> ${escapeHtml(verdict.rule)}.</p>`;
}
