/** `palimpsest runs compare`: what differs between runs, in settings, files and numbers. */
import { ArgumentError, UserError } from "../../base/errors.ts";
import { type JsonValue, parseJson } from "../../record/canonicalJson.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import type { RunsCompareOptions } from "../commands/runsCompare.ts";
import type { Outcome, RunIo } from "../io.ts";
import { compareNumbers, intervalLevel } from "./compareNumbers.ts";
import { compareText } from "./compareText.ts";
import type { ComparedOutcome, Comparison, OutcomeValue } from "./comparison.ts";
import { compareFiles, configDifferences } from "./configDifferences.ts";
import { lastMeasurements } from "./lastMeasurements.ts";
import { damageCode, runFileBytes } from "./runFile.ts";
import { type FoundRun, manifestLimit, namedPlace, readRun } from "./runPlace.ts";
import { runRow } from "./runRow.ts";

/** An outcome as a result file holds it. */
interface FoundOutcome extends OutcomeValue {
  readonly study: string;
  readonly name: string;
  readonly label: string;
}

type Members = Readonly<Record<string, JsonValue | undefined>>;
const isMembers = (value: JsonValue | undefined): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const members = (value: JsonValue | undefined): Members[] =>
  Array.isArray(value) ? value.filter(isMembers) : [];

/** The outcomes of a study's result, or of all its studies. */
function outcomesOf(result: Members): FoundOutcome[] {
  const own = members(result.outcomes).flatMap(({ name, label, estimate, interval }): FoundOutcome[] => {
    if (typeof name !== "string" || typeof label !== "string" || typeof estimate !== "number") return [];
    if (!Array.isArray(interval) || interval.length !== 2) return [];
    const [low, high] = interval as readonly JsonValue[];
    if (typeof low !== "number" || typeof high !== "number") return [];
    return [{ study: String(result.study), name, label, estimate, interval: [low, high] }];
  });
  return [...own, ...members(result.studies).flatMap(outcomesOf)];
}

/** The outcomes that each run's result holds, side by side in the order in which they come first. */
function compareOutcomes(runs: readonly (readonly FoundOutcome[])[]): ComparedOutcome[] {
  const byKey = new Map<string, { -readonly [K in keyof ComparedOutcome]: ComparedOutcome[K] }>();
  for (const [at, outcomes] of runs.entries())
    for (const { study, name, label, estimate, interval } of outcomes) {
      const key = JSON.stringify([study, name]);
      const row = byKey.get(key) ?? { study, name, label, values: runs.map(() => null) };
      byKey.set(key, { ...row, values: row.values.with(at, { estimate, interval }) });
    }
  return [...byKey.values()];
}

async function readOutcomes(run: FoundRun): Promise<FoundOutcome[]> {
  const entry = run.manifest.files.find(({ path }) => path === "result.json");
  if (entry === undefined) return [];
  const where = `${run.name}/${entry.path}`;
  const bytes = await runFileBytes(run, entry);
  const result = parseJson(strictUtf8(bytes, where), { file: where });
  return isMembers(result) ? outcomesOf(result) : [];
}

function opened(names: readonly string[], cwd: string): FoundRun[] {
  const runs = names.map((name) => readRun(namedPlace(name, cwd), manifestLimit));
  const twice = runs.find((run, i) => runs.findIndex(({ folder }) => folder === run.folder) !== i);
  if (twice === undefined) return runs;
  throw new ArgumentError({ where: "runs compare", rule: "each run may be named once", got: twice.name });
}

/** Compares runs with the first of them. */
export async function compareRuns(
  { runs: names, statistics }: RunsCompareOptions,
  io: RunIo,
): Promise<Outcome> {
  const runs = opened(names, io.cwd);
  const leftOut: string[] = [];
  const outcomes: FoundOutcome[][] = [];
  const measured: Awaited<ReturnType<typeof lastMeasurements>>[] = [];
  for (const run of runs) {
    io.signal.throwIfAborted();
    io.board.log(`Reading ${run.name}`);
    try {
      outcomes.push(await readOutcomes(run));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      leftOut.push(error.message);
      outcomes.push([]);
    }
    const last = await lastMeasurements(run);
    leftOut.push(...last.leftOut);
    measured.push(last);
  }
  const isAsked = (statistic: string) =>
    statistics === null || statistics.some((name) => statistic === name || statistic.startsWith(`${name}.`));
  const comparison: Comparison = {
    runs: runs.map(({ name, manifest }, i) => {
      const { status, seeds, answer } = runRow({ place: { base: io.cwd, name }, foreign: null });
      const diverged = Object.fromEntries(measured[i].diverged);
      return { run: name, study: manifest.study, status, seeds, diverged, answer };
    }),
    differences: configDifferences(runs.map(({ manifest }) => manifest)),
    files: compareFiles(runs.map(({ manifest }) => manifest)),
    outcomes: compareOutcomes(outcomes),
    asked: statistics,
    numbers: compareNumbers(measured.map(({ cells }) => cells)).filter(({ statistic }) => isAsked(statistic)),
    leftOut,
  };
  const exitCode = leftOut.length > 0 ? damageCode : 0;
  return { result: resultOf(comparison), summary: compareText(comparison), exitCode };
}

/** What `--json` prints. A field that a run has not is left out of the values, which are by the run's name. */
function resultOf({ runs, differences, files, outcomes, numbers, leftOut }: Comparison): object {
  const byRun = <T>(values: readonly T[]) =>
    Object.fromEntries(runs.flatMap(({ run }, i) => (values[i] === undefined ? [] : [[run, values[i]]])));
  return {
    runs,
    differences: differences.map(({ field, values }) => ({ field, values: byRun(values) })),
    files: {
      equal: files.equal,
      different: files.different.map(({ path, sha256 }) => ({ path, sha256: byRun(sha256) })),
      missing: files.missing.map(({ path, sha256 }) => ({ path, sha256: byRun(sha256) })),
    },
    outcomes: outcomes.map(({ values, ...outcome }) => ({ ...outcome, values: byRun(values) })),
    numbers: {
      level: intervalLevel,
      method:
        "means over units, then seeds; differences over the seeds that both have, t interval; descriptive",
      cells: numbers.map(({ numbers: ofRuns, ...cell }) => ({ ...cell, values: byRun(ofRuns) })),
    },
    leftOut,
  };
}
