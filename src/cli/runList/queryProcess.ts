/**
 * The process of the database: it loads DuckDB, shows it the files it was told and answers one question.
 *
 * DuckDB is native code: should it crash, this process is all that is lost. Nothing is kept in a file of DuckDB's own, so
 * there is no index that could be damaged: it is made anew each time, from the files of the runs.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBType, DuckDBValue, DuckDBValueConverter } from "@duckdb/node-api";
import type { Cell, FailureKind, FromEngine, QueryOrder, RunRecord, ToEngine } from "./queryMessages.ts";

type DuckDB = typeof import("@duckdb/node-api");

/** Bytes beside those that the database counts itself. */
const memoryBeside = 2 ** 30;
/** Milliseconds between two looks at the memory. */
const watchInterval = 250;
/** Milliseconds between two interruptions. */
const interruptInterval = 50;
/** Digits of a decimal number that float64 holds exactly. */
const exactDigits = 15;

/** The tables by their columns; what a run is made of is told as JSON. */
const runColumns = {
  ...{ run: "VARCHAR", study: "VARCHAR", status: "VARCHAR", started: "TIMESTAMP", seeds: "INTEGER" },
  ...{ bytes: "BIGINT", answer: "VARCHAR", engine: "VARCHAR", config: "JSON", versions: "JSON" },
} satisfies Partial<Record<keyof RunRecord, string>>;
const fileColumns = { file: "VARCHAR", run: "VARCHAR" };
const measurementColumns = {
  ...{ arm: "VARCHAR", model: "INTEGER", seed: "BIGINT", step: "INTEGER", site: "VARCHAR" },
  ...{ unit: "INTEGER", statistic: "VARCHAR", value: "DOUBLE" },
};

/** Those that every sweep has; each has columns for its fields too. */
const sweepColumns = {
  ...{ job: "VARCHAR", study: "VARCHAR", seed: "BIGINT", statistic: "VARCHAR", layer: "INTEGER" },
  ...{ kind: "VARCHAR", value: "DOUBLE", low: "DOUBLE", high: "DOUBLE" },
};

/** A text as SQL writes it; nothing in it can end it. */
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const listOf = (texts: readonly string[]) => `[${texts.map(literal).join(", ")}]`;

function tell(message: FromEngine): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}

/** The question failed: what kind of failure it is is known where it is thrown. */
function failure(of: FailureKind, error: unknown): Error & { of: FailureKind } {
  return Object.assign(new Error(error instanceof Error ? error.message : String(error)), { of });
}

async function load(): Promise<DuckDB> {
  try {
    return await import("@duckdb/node-api");
  } catch (error) {
    throw failure("missing", error);
  }
}

/** Makes a table of objects, which are handed over as one text whatever stands in them. */
async function makeTable(
  connection: DuckDBConnection,
  name: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly object[],
): Promise<void> {
  const shape = literal(JSON.stringify([columns]));
  await connection.run(
    `CREATE TABLE ${name} AS SELECT unnest(from_json($1::JSON, ${shape}), recursive := true)`,
    [JSON.stringify(rows)],
  );
}

/** Makes a view of files with the run of each, told from each other by their paths; or one without rows. */
async function makeView(
  connection: DuckDBConnection,
  name: string,
  files: readonly string[],
  read: { readonly columns: Readonly<Record<string, string>>; readonly others: boolean },
): Promise<void> {
  const wanted = read.others ? "data.* EXCLUDE (checked_file)" : Object.keys(read.columns).join(", ");
  const none = Object.entries({ run: "VARCHAR", ...read.columns }).map(
    ([column, type]) => `NULL::${type} AS ${column}`,
  );
  // files of the same columns are not opened before they are asked for
  const rows = `SELECT checked.run, ${wanted}
    FROM read_parquet(${listOf(files)}, filename = 'checked_file', union_by_name = ${read.others}) AS data
    JOIN checked ON checked.file = checked_file`;
  const empty = `SELECT ${none.join(", ")} WHERE false`;
  await connection.run(`CREATE VIEW ${name} AS ${files.length > 0 ? rows : empty}`);
}

/** A database in memory that can read the files that were told and nothing else, and whose settings are fixed. */
async function open({ DuckDBInstance }: DuckDB, order: QueryOrder): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    threads: String(order.threads),
    memory_limit: `${Math.floor(order.memory / 2 ** 20)}MiB`,
    temp_directory: join(process.cwd(), "spill"),
  });
  const connection = await instance.connect();
  const checked = order.runs.flatMap(({ run, files, datasets }) =>
    [...files, ...datasets].map((file) => ({ file, run })),
  );
  await makeTable(connection, "runs", runColumns, order.runs);
  await makeTable(connection, "checked", fileColumns, checked);
  const measurements = order.runs.flatMap(({ files }) => files);
  const sweeps = order.runs.flatMap(({ datasets }) => datasets);
  await makeView(connection, "measurements", measurements, { columns: measurementColumns, others: false });
  await makeView(connection, "sweeps", sweeps, { columns: sweepColumns, others: true });
  if (checked.length > 0)
    await connection.run(`SET allowed_paths = ${listOf(checked.map(({ file }) => file))}`);
  await connection.run("SET enable_external_access = false");
  await connection.run("SET lock_configuration = true");
  return connection;
}

/** Numbers and texts as they are; what JSON has no kind for as its text. */
function cellOf({ DuckDBTypeId, JsonDuckDBValueConverter }: DuckDB): DuckDBValueConverter<Cell> {
  return (value: DuckDBValue, type: DuckDBType) => {
    if (
      value === null ||
      typeof value === "boolean" ||
      typeof value === "number" ||
      typeof value === "string"
    )
      return value;
    if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    const json = JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter) as Cell;
    const isShort =
      type.typeId === DuckDBTypeId.DECIMAL && String(json).replace(/\D/g, "").length <= exactDigits;
    return isShort ? Number(json) : json;
  };
}

/**
 * Answers a question. Only what selects is let through: a statement that writes could write one of the files it may read.
 * `PIVOT` is made of one that creates a type in memory and one that selects.
 */
async function answer(duckdb: DuckDB, connection: DuckDBConnection, sql: string): Promise<void> {
  const { SELECT, CREATE } = duckdb.StatementType;
  const toCell = cellOf(duckdb);
  const statements = await connection.extractStatements(sql);
  if (statements.count === 0) throw new Error("there is no statement in it");
  for (let i = 0; i < statements.count; i++) {
    const statement = await statements.prepare(i);
    const type = statement.statementType;
    if (type !== SELECT && type !== CREATE)
      throw new Error(`it may only select, and this is ${duckdb.StatementType[type]}`);
    if (i < statements.count - 1) {
      await statement.run();
      continue;
    }
    const result = await statement.stream();
    await tell({ kind: "columns", names: result.columnNames(), types: result.columnTypes().map(String) });
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      await tell({ kind: "rows", rows: chunk.convertRows(toCell) });
    }
  }
}

let connection: DuckDBConnection | null = null;
let interrupted = false;

async function carryOut(order: QueryOrder): Promise<void> {
  const duckdb = await load();
  try {
    connection = await open(duckdb, order);
  } catch (error) {
    throw failure("engine", error);
  }
  try {
    if (interrupted) throw new Error("Interrupted");
    await answer(duckdb, connection, order.sql);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // what a file or the memory does to a question is not the question's fault
    throw failure(/^(IO|Out of Memory|INTERNAL|FATAL)/i.test(message) ? "engine" : "sql", message);
  }
}

/** Ends at once, in the middle of a question too, for which an orderly end would wait. */
const leave = () => process.kill(process.pid, "SIGKILL");

/** The parent is gone, which would have removed the folder. */
function orphaned(): void {
  const folder = process.cwd();
  process.chdir("..");
  rmSync(folder, { recursive: true, force: true });
  leave();
}

process.on("SIGINT", () => {}); // the terminal sends it to parent and child; the parent says what is to be done
process.on("disconnect", orphaned);
// it may have been gone before this could be heard
if (!process.connected) orphaned();

process.on("message", (message: ToEngine) => {
  if (message.kind === "interrupt") {
    interrupted = true;
    // one that comes between two statements interrupts nothing
    setInterval(() => connection?.interrupt(), interruptInterval);
    return;
  }
  const { order } = message;
  const watch = setInterval(() => {
    if (process.memoryUsage.rss() <= order.memory + memoryBeside) return;
    clearInterval(watch);
    void tell({ kind: "failed", of: "engine", message: `more than ${order.memory} bytes of memory` }).then(
      leave,
    );
  }, watchInterval);
  carryOut(order)
    .then(
      () => tell({ kind: "done" }),
      (error) => tell({ kind: "failed", of: error.of ?? "engine", message: error.message }),
    )
    // DuckDB's threads would keep the process
    .finally(() => process.exit());
});
