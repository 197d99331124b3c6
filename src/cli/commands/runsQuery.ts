/** `palimpsest runs query`: its options. */
import { totalmem } from "node:os";
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { addDisplay, addWorkers, type DisplayFlags, valueOption } from "../commonOptions.ts";
import { path, text, wholeNumber } from "../optionValues.ts";

/** What is asked of which runs. */
export interface RunsQueryOptions {
  readonly sql: string;
  /** Run folders, or folders of runs; none for those in `runs`. */
  readonly runs: readonly string[];
  readonly threads: number;
  /** Bytes that the database may use. */
  readonly memory: number;
  /** Whether the answer is printed as CSV. */
  readonly csv: boolean;
}

interface Flags extends DisplayFlags {
  readonly workers: number;
  readonly memory: number;
  readonly csv?: boolean;
}

/** A mebibyte, and the least that DuckDB works with. */
const [mebibyte, leastMemory] = [2 ** 20, 64];

const more = `
DuckDB answers, which is installed apart: npm install @duckdb/node-api. It finds three tables:

  measurements  run, arm, model, seed, step, site, unit, statistic, value: all measurements of the runs (docs/runs.md)
  sweeps        run, job, study, seed, statistic, layer, kind, value, low, high, and a column for every swept field
  runs          run, study, status, started (UTC), seeds, bytes, answer, engine, config (JSON), versions (JSON)

Before that, the SHA-256 of every file is compared with its manifest; a file that differs is left out and named, and the
exit code is then 3. The database can read these files and nothing else, and can write nothing; nothing of it is kept.
Ctrl+C interrupts it.
NaN is a number to it, larger than all others: isfinite(value) leaves out what is undefined, such as dead units.

Examples:
  palimpsest runs query "SELECT run, arm, avg(value) AS loss FROM measurements
    WHERE statistic = 'heldOutLoss.position' AND step = 160 GROUP BY ALL ORDER BY loss"
  palimpsest runs query "SELECT run, (config->>'lr')::DOUBLE AS lr, answer FROM runs ORDER BY lr" sweeps
  palimpsest runs query "FROM measurements WHERE step = 0 LIMIT 5" runs/small --csv > first.csv
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addRunsQuery(
  runs: Command,
  cores: number,
  run: (options: RunsQueryOptions, display: DisplayFlags) => Promise<void>,
): void {
  const standard = Math.max(leastMemory, Math.floor(totalmem() / mebibyte / 2));
  const command = runs
    .command("query")
    .description("Ask the measurements of runs in SQL.")
    .argument("<sql>", "one question, such as SELECT count(*) FROM measurements")
    .argument("[run...]", "run folders, or folders of runs (default: runs)")
    .addOption(
      valueOption(
        "memory",
        "MiB",
        "memory of the database; more than that goes to the disk meanwhile",
        wholeNumber(leastMemory, 2 ** 24),
      ).default(standard, "half of the machine's"),
    );
  addWorkers(command, cores).option("--csv", "print CSV in place of a table").addHelpText("after", more);
  addDisplay(command, { progress: true });
  command.action((sql: string, given: string[], { workers, memory, csv = false, ...display }: Flags) => {
    if (csv && display.json === true)
      throw new ArgumentError({ where: "--csv", rule: "cannot be had together with --json" });
    return run(
      {
        sql: text("SQL")(sql.trim()),
        runs: given.map(path("RUN")),
        threads: workers,
        memory: memory * mebibyte,
        csv,
      },
      display,
    );
  });
}
