/** Writes figures into a document: `node dist/reliability/main.mjs table docs/reliability.md LINES`. */
import { readFileSync, writeFileSync } from "node:fs";
import type { CheckLine, Form } from "./check.ts";

/** The part of a document that holds the figures of a form. */
const place = (form: Form) => new RegExp(`(<!-- ${form} figures -->\\n)[^]*?(<!-- end -->)`);

const head = "| | promise | figure | trials | seconds |\n|---|---|---|--:|--:|";

/** A row, whose first cell says whose it is. */
function rowOf({ id, promise, figure, count, seconds, passed }: CheckLine): string {
  const shown = passed ? figure : `**failed**: ${figure}`;
  const cells = [id, promise, shown, count.toLocaleString("en"), seconds];
  return `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Letters first, then numbers: A2 before A10. */
const order = (a: string, b: string) => a[0].localeCompare(b[0]) || Number(a.slice(1)) - Number(b.slice(1));

/**
 * Puts the figures of lines into the tables of their forms; rows of other promises stay.
 *
 * @param lines  what the checks printed
 * @throws Error if the document has no place for them
 */
export function fillTables(file: string, lines: string): void {
  let text = readFileSync(file, "utf8");
  const told = lines
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): CheckLine => JSON.parse(line))
    .filter(({ without }) => without === undefined);
  for (const form of ["short", "long"] as const) {
    const news = told.filter((line) => line.form === form);
    if (news.length === 0) continue;
    const found = place(form).exec(text);
    if (found === null) throw new Error(`${file} has no table of ${form} figures`);
    const rows = new Map([...found[0].matchAll(/^\| ([A-G]\d+) \|.*$/gm)].map(([row, id]) => [id, row]));
    for (const line of news) rows.set(line.id, rowOf(line));
    const table = [...rows].sort(([a], [b]) => order(a, b)).map(([, row]) => row);
    text = text.replace(
      place(form),
      (_, start: string, end: string) => `${start}\n${[head, ...table].join("\n")}\n\n${end}`,
    );
  }
  writeFileSync(file, text);
}
