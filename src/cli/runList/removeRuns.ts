/** `palimpsest runs remove`: removes runs for good, after a question. */
import { realpathSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { ArgumentError, FileError, UserError } from "../../base/errors.ts";
import { counted, listed } from "../../figures/index.ts";
import type { RunsRemoveOptions } from "../commands/runsRemove.ts";
import type { Outcome, RunIo } from "../io.ts";
import { OwnedError } from "../journal/lock.ts";
import { lineText } from "../lineText.ts";
import { bytesText } from "../models/transfer.ts";
import { shownOwner } from "./owner.ts";
import { type Removable, removable } from "./removable.ts";
import { leftovers, removeFolder, sweepLeftover } from "./removeFolder.ts";

/** A run that was not removed. */
interface Refused {
  readonly run: string;
  readonly reason: string;
}

/** Exit codes where a run could not be removed: another process works on it, or the disk refused. */
const [ownedCode, refusedCode] = [4, 2];
/** Files that are named; more are counted. */
const namedFiles = 3;

/** All of them, if all may be removed: none is touched before the last is looked at. */
function chosenRuns(names: readonly string[], cwd: string): Removable[] {
  const all = names.map((name) => removable(name, cwd));
  const runs = all.filter(({ folder }, i) => all.findIndex((run) => run.folder === folder) === i);
  for (const { folder, row } of runs) {
    const outer = runs.find((run) => folder.startsWith(`${run.folder}${sep}`));
    if (outer !== undefined)
      throw new ArgumentError({
        where: row.run,
        rule: "lies inside another run that is named",
        got: outer.row.run,
      });
    const owner = shownOwner(folder);
    if (owner !== null)
      throw new OwnedError({
        where: row.run,
        rule: "belongs to another process",
        got: `pid ${owner.pid} on ${owner.host}, since ${owner.since}`,
        wayOut: "No run was removed.",
      });
  }
  return runs;
}

function runLine({ row, others }: Removable): string {
  const named = others.slice(0, namedFiles).map((path) => JSON.stringify(path));
  const more = others.length - named.length;
  const also =
    others.length === 0
      ? ""
      : `, with ${counted(others.length, "file")} that ${others.length === 1 ? "is" : "are"} not the run's: ${listed(more > 0 ? [...named, `${more} more`] : named)}`;
  return lineText(
    `${row.run}: ${row.study ?? "unknown study"}, ${row.status}, ${bytesText(row.bytes)}${also}`,
  );
}

/** Whether the user wants it. */
async function isWanted(
  runs: readonly Removable[],
  { yes, others }: RunsRemoveOptions,
  io: RunIo,
): Promise<boolean> {
  if (yes) {
    const strange = runs.find((run) => run.others.length > 0);
    if (strange === undefined || others) return true;
    throw new FileError({
      where: strange.row.run,
      rule: "holds files that are not the run's",
      got: listed(strange.others.slice(0, namedFiles).map((path) => JSON.stringify(path))),
      wayOut: "Move them elsewhere, or have them removed too with --others.",
    });
  }
  if (io.ask === undefined)
    throw new ArgumentError({ where: "runs remove", rule: "needs --yes where nobody can be asked" });
  const what = runs.length === 1 ? "this run" : `these ${runs.length} runs`;
  const answer = await io.ask(`${runs.map(runLine).join("\n")}\nRemove ${what} for good? [y/N] `);
  io.signal.throwIfAborted();
  return /^y(es)?$/i.test(answer.trim());
}

function answerOf(
  runs: readonly Removable[],
  refused: readonly Refused[],
  swept: readonly string[],
  dryRun: boolean,
): Pick<Outcome, "result" | "summary"> {
  const bytes = runs.reduce((sum, { row }) => sum + row.bytes, 0);
  const done = dryRun ? "Would remove" : "Removed";
  const total = `${counted(runs.length, "run")}, ${bytesText(bytes)}`;
  return {
    result: {
      dryRun,
      removed: runs.map(({ row: { run, bytes }, files, others }) => ({
        run,
        bytes,
        files: files.length,
        others,
      })),
      refused,
      swept,
    },
    summary: [
      ...(dryRun ? runs.map(runLine) : []),
      `${done} ${total}.`,
      ...(swept.length > 0
        ? [`${done} ${counted(swept.length, "leftover")} of removals that were killed.`]
        : []),
    ].join("\n"),
  };
}

/** Removes runs. */
export async function removeRuns(options: RunsRemoveOptions, io: RunIo): Promise<Outcome> {
  const { cwd, date } = io;
  const runs = chosenRuns(options.runs, cwd);
  const top = realpathSync(cwd);
  const left = leftovers([join(top, "runs"), ...runs.map(({ folder }) => dirname(folder))]);
  const shown = (path: string) => relative(top, path).replaceAll("\\", "/");
  if (options.dryRun) return answerOf(runs, [], left.map(shown), true);
  if (!(await isWanted(runs, options, io)))
    return { ...answerOf([], [], [], false), summary: "Nothing was removed.", exitCode: 1 };
  const removed: Removable[] = [];
  const refused: Refused[] = [];
  let exitCode = 0;
  for (const run of runs) {
    io.signal.throwIfAborted();
    try {
      removeFolder(run, { date });
      removed.push(run);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      io.warn(error.message);
      refused.push({ run: run.row.run, reason: error.message });
      exitCode = error instanceof OwnedError ? ownedCode : Math.max(exitCode, refusedCode);
    }
  }
  const swept = left.filter(sweepLeftover).map(shown);
  return { ...answerOf(removed, refused, swept, false), exitCode };
}
