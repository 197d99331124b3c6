/** An answer of the database as a table for readers and as CSV. */
import { counted } from "../../figures/index.ts";
import { aligned } from "../inspect/tables.ts";
import { lineText } from "../lineText.ts";
import type { Answer } from "./queryEngine.ts";
import type { Cell } from "./queryMessages.ts";

/** Rows and characters of a cell that a table shows. */
const [shownRows, shownWidth] = [1000, 60];
/** Significant digits of a number in a table. */
const digits = 6;

const textOf = (cell: Cell) => (typeof cell === "object" ? JSON.stringify(cell) : String(cell));

function shownCell(cell: Cell): string {
  if (cell === null) return "-";
  if (typeof cell === "number" && Number.isFinite(cell) && !Number.isInteger(cell))
    return String(Number(cell.toPrecision(digits)));
  const text = lineText(textOf(cell));
  return text.length > shownWidth ? `${text.slice(0, shownWidth - 1)}…` : text;
}

/** The answer as aligned columns: numbers to the right, all else to the left. */
export function tableText({ names, rows }: Answer): string {
  const shown = rows.slice(0, shownRows);
  const cells = [names.map(lineText), ...shown.map((row) => row.map(shownCell))];
  const isNumber = names.map((_, column) => {
    const values = shown.map((row) => row[column]).filter((cell) => cell !== null);
    return values.length > 0 && values.every((cell) => typeof cell === "number");
  });
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const padded = cells.map((row) =>
    row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))),
  );
  const left = rows.length - shown.length;
  const foot =
    left > 0 ? `${counted(left, "more row")}; --csv and --json print all.` : counted(rows.length, "row");
  return [...aligned(padded, { left: names.length }), foot].join("\n");
}

/** What a spreadsheet would take for a formula. */
const formula = /^[=+\-@\t\r]/;

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number" || typeof cell === "boolean") return String(cell);
  const plain = textOf(cell);
  const text = formula.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The answer as CSV: numbers in full, nothing where there is none (NULL), NaN and Infinity by name. A text that begins as
 * a formula gets an apostrophe before it, so that no spreadsheet runs what stands in a file.
 */
export function csvText({ names, rows }: Answer): string {
  return [names, ...rows].map((row) => row.map(csvCell).join(",")).join("\n");
}
