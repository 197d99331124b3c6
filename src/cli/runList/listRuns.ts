/** `palimpsest runs list`: the runs in a folder as a table, the latest first. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { counted } from "../../figures/index.ts";
import type { RunsListOptions } from "../commands/runsList.ts";
import { aligned } from "../inspect/tables.ts";
import type { Outcome, RunIo } from "../io.ts";
import { lineText } from "../lineText.ts";
import { bytesText } from "../models/transfer.ts";
import { findRuns } from "./findRuns.ts";
import { type RunRow, runRow } from "./runRow.ts";

/** Models that are named in a row; more are counted. */
const namedModels = 3;

/** `2025-01-31 23:59`, in local time. */
function minute(time: string): string {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function modelsText({ models, study }: RunRow): string {
  if (models.length <= namedModels) return models.join(", ");
  return study === "all" ? `${models.length} studies` : `${models.slice(0, namedModels).join(", ")} …`;
}

function tableOf(rows: readonly RunRow[]): string[] {
  const cells = rows.map((row) =>
    [
      row.run,
      row.study ?? "-",
      row.status,
      row.started === null ? "-" : minute(row.started),
      modelsText(row) || "-",
      row.seeds === null ? "-" : String(row.seeds),
      row.status === "foreign" ? "-" : bytesText(row.bytes),
    ].map(lineText),
  );
  const table = aligned([["run", "study", "status", "started", "models", "seeds", "size"], ...cells], {
    left: 5,
  });
  const said = rows.map(({ answer, note }) => [answer, note].filter((text) => text !== null).join("; "));
  return table.map((line, i) => `${line}  ${i === 0 ? "" : lineText(said[i - 1])}`.trimEnd());
}

/** Later runs first; what has no date last, by name. */
function byDate(a: RunRow, b: RunRow): number {
  const [from, to] = [a, b].map(({ started }) => (started === null ? 0 : Date.parse(started)));
  return to - from || (a.run < b.run ? -1 : 1);
}

/** Lists the runs of a folder. */
export function listRuns({ folder, study, status }: RunsListOptions, { cwd }: RunIo): Outcome {
  // the folder that the first run makes
  const none = folder === null && !existsSync(resolve(cwd, "runs"));
  const rows = (none ? [] : findRuns(folder ?? "runs", cwd)).map(runRow).sort(byDate);
  const chosen = rows.filter(
    (row) => (study === null || row.study === study) && (status === null || row.status === status),
  );
  const where = folder ?? "runs";
  const left = rows.length - chosen.length;
  const foot =
    chosen.length === 0
      ? left === 0
        ? `No runs in ${lineText(where)}.`
        : `None of the ${counted(rows.length, "folder")} in ${lineText(where)} is such a run.`
      : left > 0
        ? `${counted(left, "other")} not shown.`
        : null;
  return {
    result: { folder: where, runs: chosen },
    summary: [...(chosen.length > 0 ? tableOf(chosen) : []), ...(foot === null ? [] : [foot])].join("\n"),
  };
}
