/** What a run measured last: by arm, site and statistic the mean over units of every seed. */
import { parquetMetadata, parquetRead } from "hyparquet";
import { FileError, UserError } from "../../base/errors.ts";
import type { FileEntry } from "../../record/manifest.ts";
import { mean } from "../../stats/index.ts";
import { runFileBytes } from "./runFile.ts";
import type { FoundRun } from "./runPlace.ts";

/** One statistic at one site of one arm. */
export interface LastCell {
  /** Empty in a run that tracks models, whose arms are its networks: there they are the seeds. */
  readonly arm: string;
  readonly site: string;
  readonly statistic: string;
  /** The last step at which it was measured. */
  readonly step: number;
  /** Mean over the units where it is defined, by seed; a seed without any is left out. */
  readonly seeds: ReadonlyMap<number, number>;
  /** Seeds that were measured and have no defined value, as diverged networks have none. */
  readonly lost: number;
}

/** What was read, and what could not be. */
export interface LastMeasurements {
  /** By arm, site and statistic. */
  readonly cells: ReadonlyMap<string, LastCell>;
  /** By arm, how many networks have no defined value at the last step, whatever was measured; arms without any left out. */
  readonly diverged: ReadonlyMap<string, number>;
  /** One sentence for each file that is not what the manifest says. */
  readonly leftOut: readonly string[];
}

/** Most rows of a file: more than any run of the studies has in all. */
const rowLimit = 20_000_000;
const columns = ["arm", "seed", "step", "site", "statistic", "value"] as const;

/** A column as it is read; 64-bit numbers are bigint. */
type Column = ArrayLike<unknown>;

/** The columns of a file of measurements. */
async function readColumns(
  bytes: Uint8Array,
  where: string,
): Promise<Record<(typeof columns)[number], Column>> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const found: Record<string, unknown[]> = Object.fromEntries(columns.map((column) => [column, []]));
  try {
    const rows = Number(parquetMetadata(file).num_rows);
    if (!(rows >= 0 && rows <= rowLimit))
      throw new FileError({ where, rule: `may have ${rowLimit} rows`, got: String(rows) });
    await parquetRead({
      file,
      columns: [...columns],
      onChunk: ({ columnName, columnData, rowStart }) => {
        for (let i = 0; i < columnData.length; i++) found[columnName][rowStart + i] = columnData[i];
      },
    });
    const missing = columns.find((column) => found[column].length !== rows);
    if (missing !== undefined)
      throw new FileError({ where, rule: `must have a column ${missing} of ${rows} rows` });
  } catch (error) {
    if (error instanceof UserError) throw error;
    const got = error instanceof Error ? error.message : String(error);
    throw new FileError({ where, rule: "must be measurements as palimpsest writes them", got });
  }
  return found as Record<(typeof columns)[number], Column>;
}

/** The files that hold the last step: of `NAME-step-000160.parquet` the latest of each name, and all others. */
function lastFiles(files: readonly FileEntry[]): FileEntry[] {
  const latest = new Map<string, { step: number; entry: FileEntry }>();
  for (const entry of files) {
    if (!/^measurements\/.*\.parquet$/.test(entry.path)) continue;
    const numbered = /^(.*)step-([0-9]+)\.parquet$/.exec(entry.path);
    const name = numbered?.[1] ?? entry.path;
    const step = Number(numbered?.[2] ?? 0);
    if (step >= (latest.get(name)?.step ?? 0)) latest.set(name, { step, entry });
  }
  return [...latest.values()].map(({ entry }) => entry);
}

/** Values of a cell as they are gathered. */
interface Gathered {
  readonly arm: string;
  readonly site: string;
  readonly statistic: string;
  step: number;
  /** By seed; of one without a defined value none. */
  values: Map<number, number[]>;
}

/** By arm, seeds that have no value in any cell, if there are such. */
function divergedIn(cells: Iterable<Gathered>): Map<string, number> {
  const isWhole = new Map<string, Map<number, boolean>>();
  for (const { arm, values } of cells) {
    const seeds = isWhole.get(arm) ?? new Map<number, boolean>();
    isWhole.set(arm, seeds);
    for (const [seed, list] of values) seeds.set(seed, list.length > 0 || (seeds.get(seed) ?? false));
  }
  const counts = [...isWhole].map(
    ([arm, seeds]) => [arm, [...seeds.values()].filter((whole) => !whole).length] as const,
  );
  return new Map(counts.filter(([, count]) => count > 0));
}

/**
 * The means over units at the last step of every arm, site and statistic. A file that is damaged is left out and named;
 * undefined values (of dead units) are left out of the means.
 */
export async function lastMeasurements(run: FoundRun): Promise<LastMeasurements> {
  const { manifest } = run;
  const gathered = new Map<string, Gathered>();
  const leftOut: string[] = [];
  for (const entry of lastFiles(manifest.files))
    try {
      const where = `${run.name}/${entry.path}`;
      const table = await readColumns(await runFileBytes(run, entry), where);
      for (let i = 0; i < table.value.length; i++) {
        const arm = manifest.study === "track" ? "" : String(table.arm[i]);
        const [site, statistic] = [String(table.site[i]), String(table.statistic[i])];
        const step = Number(table.step[i]);
        const key = JSON.stringify([arm, site, statistic]);
        let cell = gathered.get(key);
        if (cell === undefined) gathered.set(key, (cell = { arm, site, statistic, step, values: new Map() }));
        if (step < cell.step) continue;
        if (step > cell.step) [cell.step, cell.values] = [step, new Map()];
        const value = table.value[i];
        const seed = Number(table.seed[i]);
        const ofSeed = cell.values.get(seed) ?? [];
        cell.values.set(seed, ofSeed);
        if (typeof value === "number" && Number.isFinite(value)) ofSeed.push(value);
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      leftOut.push(error.message);
    }
  const cells = [...gathered].map(([key, { values, ...cell }]): [string, LastCell] => {
    const defined = [...values].filter(([, list]) => list.length > 0);
    const seeds = new Map(defined.map(([seed, list]) => [seed, mean(list)]));
    return [key, { ...cell, seeds, lost: values.size - defined.length }];
  });
  return { cells: new Map(cells), diverged: divergedIn(gathered.values()), leftOut };
}
