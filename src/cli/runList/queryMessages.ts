/** What the command and the process of the database tell each other. */

/** A cell of an answer: a 64-bit number that float64 cannot hold is text; lists, structs and dates are as JSON has them. */
export type Cell =
  | null
  | boolean
  | number
  | string
  | readonly unknown[]
  | { readonly [key: string]: unknown };

/** A run as the view `runs` has it. */
export interface RunRecord {
  readonly run: string;
  readonly study: string;
  readonly status: string;
  /** ISO 8601. */
  readonly started: string | null;
  readonly seeds: number | null;
  readonly bytes: number;
  readonly answer: string | null;
  readonly engine: string | null;
  /** As JSON holds it. */
  readonly config: object;
  readonly versions: object;
  /** Checked files of measurements, relative to the process's working directory. */
  readonly files: readonly string[];
  /** Checked datasets of sweeps, likewise. */
  readonly datasets: readonly string[];
}

/** What is asked. */
export interface QueryOrder {
  readonly sql: string;
  readonly runs: readonly RunRecord[];
  readonly threads: number;
  /** Bytes that the database may use. */
  readonly memory: number;
}

/** To the process of the database. */
export type ToEngine = { readonly kind: "ask"; readonly order: QueryOrder } | { readonly kind: "interrupt" };

/** Whose fault a failure is: DuckDB is not there, the SQL is wrong, or memory or anything else gave out. */
export type FailureKind = "missing" | "sql" | "engine";

/** From the process of the database. */
export type FromEngine =
  | { readonly kind: "columns"; readonly names: readonly string[]; readonly types: readonly string[] }
  | { readonly kind: "rows"; readonly rows: readonly (readonly Cell[])[] }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly of: FailureKind; readonly message: string };
