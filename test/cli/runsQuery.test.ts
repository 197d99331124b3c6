/** SQL over runs, by the real database in its real process, which is bundled first. */
import { fork } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parquetWriteBuffer } from "hyparquet-writer";
import { build } from "tsdown";
import { beforeAll, expect, test, vi } from "vitest";
import type { Interruption } from "../../src/cli/io.ts";
import { askEngine } from "../../src/cli/runList/queryEngine.ts";
import type { Answer } from "./harness.ts";
import { makeRun, measured, parquet, runs, temporaryFolder } from "./madeRuns.ts";

const place = temporaryFolder();
const at = (...path: string[]) => join(place.path, ...path);
/** The bundled process, where DuckDB can be found and where it cannot. */
let [script, scriptAlone] = ["", ""];

/** A name that would be a pattern, end a text in SQL, or be a formula. */
const oddName = "it's [a] run*; -- ?";
const measuredOf = (run: number) =>
  Array.from({ length: 60 }, (_, i) =>
    measured({
      ...{
        model: i % 3,
        seed: i % 3,
        step: i < 30 ? 0 : 160,
        unit: i % 10,
        statistic: i % 2 ? "eta2.token" : "amount",
      },
      value: i % 7 === 0 ? Number.NaN : ((i * 31 + run * 17) % 101) / 8,
    }),
  );
const bySteps = (run: number) =>
  Object.fromEntries(
    [0, 160].map((step) => [
      `measurements/gpt-step-${String(step).padStart(6, "0")}.parquet`,
      parquet(measuredOf(run).filter((row) => row.step === step)),
    ]),
  );

const endless = "SELECT count(*) FROM range(100000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3";

beforeAll(async () => {
  const bundle = async (outDir: string) => {
    const entry = {
      queryProcess: new URL("../../src/cli/runList/queryProcess.ts", import.meta.url).pathname,
    };
    const only = { config: false, format: "esm", platform: "node", dts: false, logLevel: "silent" } as const;
    await build({ ...only, entry, outDir, external: [/^@duckdb/] });
    return join(outDir, readdirSync(outDir).find((name) => /^queryProcess\.m?js$/.test(name)) ?? "");
  };
  script = await bundle(at("with"));
  scriptAlone = await bundle(at("alone"));
  symlinkSync(join(import.meta.dirname, "../../node_modules"), at("with/node_modules"));
  for (const [run, name] of ["a", oddName].entries())
    makeRun(at("work/runs", name), {
      config: { seeds: [0, 1, 2], lr: (run + 1) / 1000, init: { scheme: "gpt2" }, odd: Number.NaN },
      started: "2026-03-01T10:00:00.000Z",
      files: bySteps(run),
    });
});

const query = (sql: string, ...args: string[]): Promise<Answer> =>
  runs(at("work"), ["query", sql, ...args, "--quiet", "--workers", "1", "--memory", "256"], { script });

/** The rows of an answer. */
async function rowsOf(sql: string, ...args: string[]): Promise<unknown[][]> {
  const { stdout, stderr, exitCode } = await query(sql, ...args, "--json");
  expect([stderr, exitCode]).toEqual(["", 0]);
  return JSON.parse(stdout).rows;
}

test("an aggregate over all runs is the one that JavaScript makes of the same rows", async () => {
  const rows = await rowsOf(
    "SELECT run, seed, count(*), sum(value) FROM measurements WHERE statistic = 'eta2.token' AND step = 160 AND isfinite(value) GROUP BY ALL ORDER BY ALL",
  );
  const expected = ["a", oddName].flatMap((name, run) =>
    [0, 1, 2].map((seed) => {
      const values = measuredOf(run)
        .filter((row) => row.seed === seed && row.step === 160 && row.statistic === "eta2.token")
        .flatMap(({ value }) => (value === null || Number.isNaN(value) ? [] : [value]));
      // eighths are exact, so the order of the sum does not matter
      return [`runs/${name}`, seed, values.length, values.reduce((sum, value) => sum + value, 0)];
    }),
  );
  expect(rows).toEqual(expected);
});

test("every row of every file is there once, with the run's name whatever it is made of", async () => {
  expect(await rowsOf("SELECT run, count(*) FROM measurements GROUP BY run ORDER BY run")).toEqual([
    ["runs/a", 60],
    [`runs/${oddName}`, 60],
  ]);
  expect(await rowsOf("SELECT count(*) FROM measurements", "runs/a")).toEqual([[60]]);
  expect(await rowsOf("SELECT count(*) FROM measurements", "runs/a", "runs", "runs/a")).toEqual([[120]]);
});

test("runs has a row for each run, with its config as JSON", async () => {
  const sql =
    "SELECT study, status, started::VARCHAR, seeds, (config->>'lr')::DOUBLE, config->>'$.init.scheme', config->'odd' FROM runs ORDER BY 5";
  const row = (lr: number) => [
    ...["persistence", "complete", "2026-03-01 10:00:00", 3, lr, "gpt2", '{"$number":"NaN"}'],
  ];
  expect(await rowsOf(sql)).toEqual([row(0.001), row(0.002)]);
  expect(await rowsOf("SELECT count(*) FROM measurements JOIN runs USING (run) WHERE seeds = 3")).toEqual([
    [120],
  ]);
});

test("sweeps joins the datasets of sweeps, whatever fields they swept", async () => {
  const dataset = (field: string, values: readonly number[]) => {
    const text = (name: string, of: string) => ({
      name,
      data: values.map(() => of),
      type: "STRING" as const,
    });
    const columnData = [
      text("job", "j"),
      { name: field, data: [...values], type: "DOUBLE" as const },
      text("statistic", "r"),
    ];
    return {
      study: "sweep",
      files: { "dataset.parquet": new Uint8Array(parquetWriteBuffer({ columnData })) },
    };
  };
  makeRun(at("sweeps/x"), dataset("lr", [0.25, 0.5]));
  makeRun(at("sweeps/y"), dataset("dMlp", [32]));
  const sql = "SELECT run, job, lr, dMlp FROM sweeps ORDER BY ALL";
  const { stdout } = await runs(at("sweeps"), ["query", sql, "x", "y", "--json", "--quiet"], { script });
  expect(JSON.parse(stdout).rows).toEqual([
    ["x", "j", 0.25, null],
    ["x", "j", 0.5, null],
    ["y", "j", null, 32],
  ]);
  expect(await rowsOf("SELECT count(value) FROM sweeps")).toEqual([[0]]);
});

test("JSON keeps what a number is; CSV is made for spreadsheets, and no cell of it is a formula", async () => {
  const sql = `SELECT '=cmd()' AS "=a", '+1' AS b, '-x' AS c, '@x' AS d, -1 AS e, 'nan'::DOUBLE AS f, NULL AS g,
    1.50 AS h, 'a"b,c' AS i, 9007199254740993 AS j, DATE '2026-01-02' AS k, [1, 2] AS l, 'Ä' AS m`;
  const [row] = await rowsOf(sql);
  const texts = ["=cmd()", "+1", "-x", "@x"];
  const odd = { $number: "NaN" };
  expect(row).toEqual([...texts, -1, odd, null, 1.5, 'a"b,c', "9007199254740993", "2026-01-02", [1, 2], "Ä"]);
  const { stdout } = await query(sql, "--csv");
  expect(stdout).toBe(
    '\'=a,b,c,d,e,f,g,h,i,j,k,l,m\n\'=cmd(),\'+1,\'-x,\'@x,-1,NaN,,1.5,"a""b,c",9007199254740993,2026-01-02,"[1,2]",Ä\n',
  );
  const both = await query("SELECT 1", "--csv", "--json");
  expect([both.exitCode, both.stderr]).toEqual([2, "--csv: cannot be had together with --json.\n"]);
});

test("the table has numbers to the right, and no text steers the terminal", async () => {
  const { stdout } = await query(
    "SELECT * FROM (VALUES ('ab', 1.0 / 3, NULL), (chr(27) || '[2J' || chr(10), 20, 7)) AS t(text, x, n)",
  );
  expect(stdout.split("\n")).toEqual([
    "text                    x  n",
    "ab               0.333333  -",
    "\\u001b[2J\\u000a        20  7",
    "2 rows",
    "",
  ]);
});

test("PIVOT and other forms of a question are answered", async () => {
  const pivot =
    "PIVOT (FROM measurements WHERE isfinite(value)) ON statistic USING count(*) GROUP BY step ORDER BY step";
  const counts = [0, 160].map((step) => [
    step,
    ...["amount", "eta2.token"].map(
      (statistic) =>
        [0, 1]
          .flatMap(measuredOf)
          .filter((row) => row.step === step && row.statistic === statistic && !Number.isNaN(row.value))
          .length,
    ),
  ]);
  expect(await rowsOf(pivot)).toEqual(counts);
  expect(await rowsOf("WITH x AS (SELECT 2 AS y) FROM x;")).toEqual([[2]]);
  expect((await rowsOf("DESCRIBE measurements")).map(([name]) => name)).toEqual([
    ...["run", "arm", "model", "seed", "step", "site", "unit", "statistic", "value"],
  ]);
});

test("nothing can be written, and nothing but the checked files read", async () => {
  const path = at("work/runs/a/measurements/gpt-step-000000.parquet");
  const before = readFileSync(path);
  const inside = "0/measurements/gpt-step-000000.parquet";
  writeFileSync(at("work/secret.csv"), "a\n1\n");
  const refused = [
    `COPY (SELECT 1) TO '${inside}'`,
    `EXPLAIN ANALYZE COPY (SELECT 1) TO '${inside}'`,
    `COPY (SELECT 1) TO '${at("work/new.csv")}'`,
    `ATTACH '${inside}' AS x`,
    `SELECT * FROM read_csv('${at("work/secret.csv")}')`,
    "INSTALL httpfs",
    "SET enable_external_access = true",
  ];
  for (const sql of refused) {
    const { exitCode, stderr } = await query(sql);
    expect([sql, exitCode, stderr]).toEqual([
      sql,
      2,
      expect.stringMatching(/^runs query: DuckDB cannot answer this; got [^\n]*\.\n$/),
    ]);
  }
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(at("work")).sort()).toEqual(["runs", "secret.csv"]);
});

test("wrong SQL is one sentence with DuckDB's proposals", async () => {
  const { exitCode, stderr } = await query("SELECT statistics FROM measurements");
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^runs query: DuckDB cannot answer this; got [^\n]*"statistic"[^\n]*\.\n$/);
  expect((await query(" ")).stderr).toBe('SQL: must not be empty; got "".\n');
});

test("a file that is not what its manifest says is left out and named, and the exit code is 3", async () => {
  const cwd = at("damaged");
  makeRun(join(cwd, "runs/good"), { files: bySteps(0) });
  makeRun(join(cwd, "runs/bad"), { files: bySteps(0) });
  makeRun(join(cwd, "runs/worse"));
  writeFileSync(join(cwd, "runs/worse/manifest.json"), "{");
  const path = join(cwd, "runs/bad/measurements/gpt-step-000160.parquet");
  const bytes = readFileSync(path);
  bytes[60] ^= 1;
  writeFileSync(path, bytes);
  const sql = "SELECT run, count(*) FROM measurements GROUP BY run ORDER BY run";
  const { stdout, stderr, exitCode } = await runs(cwd, ["query", sql, "--json", "--quiet"], { script });
  expect(exitCode).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    rows: [
      ["runs/bad", 30],
      ["runs/good", 60],
    ],
    leftOut: [
      expect.stringMatching(/^runs\/worse\/manifest\.json/),
      expect.stringMatching(/^runs\/bad\/measurements\/gpt-step-000160\.parquet: the manifest says SHA-256/),
    ],
  });
  expect(stderr.match(/^Left out: /gm)).toHaveLength(2);
});

test("without DuckDB one sentence says what to install", async () => {
  const { exitCode, stderr } = await runs(at("work"), ["query", "SELECT 1", "--quiet"], {
    script: scriptAlone,
  });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(
    /^runs query: needs DuckDB, which cannot be loaded; got [^\n]*\. Install it where palimpsest is installed: "npm install @duckdb\/node-api"\.\n$/,
  );
});

test.each([
  ["process.kill(process.pid, 'SIGSEGV')", /its process ended by SIGSEGV/],
  ["process.exit(7)", /its process ended with 7/],
])("a crash of the database (%s) costs one sentence", async (code, got) => {
  writeFileSync(at("crash.mjs"), `process.on("message", () => ${code});`);
  const { exitCode, stderr } = await runs(at("work"), ["query", "SELECT 1", "--quiet"], {
    script: at("crash.mjs"),
  });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^runs query: DuckDB gave up; got [^\n]*\. No run was changed\.\n$/);
  expect(stderr).toMatch(got);
});

test("Ctrl+C interrupts a question, and nothing is left of it", async () => {
  mkdirSync(at("tmp"));
  vi.stubEnv("TMPDIR", at("tmp"));
  const controller = new AbortController();
  // the process begins to work once its private folder is there
  const watch = setInterval(() => {
    if (readdirSync(at("tmp")).length > 0)
      controller.abort({ by: "SIGINT", exitCode: 130 } satisfies Interruption);
  }, 5);
  const io = { signal: controller.signal };
  const { exitCode, stderr } = await runs(at("work"), ["query", endless, "--quiet"], { script, io });
  clearInterval(watch);
  vi.unstubAllEnvs();
  expect([exitCode, stderr]).toEqual([130, "palimpsest: stopped by SIGINT.\n"]);
  expect(readdirSync(at("tmp"))).toEqual([]);
});

test.each(["at once", "in the middle of a question"])(
  "a parent that dies %s takes the process of the database and its folder with it",
  async (when) => {
    const folder = mkdtempSync(at("orphan-"));
    const child = fork(script, [], { cwd: folder, serialization: "advanced", execArgv: [] });
    const exit = once(child, "exit");
    const sql = "SELECT max(h) FROM (SELECT hash(range) AS h FROM range(1000000000) ORDER BY h)";
    child.send({ kind: "ask", order: { sql, runs: [], threads: 1, memory: 2 ** 26 } });
    // it sorts more than its memory holds, so it is at work once it has moved some of that to the disk
    while (when !== "at once" && !existsSync(join(folder, "spill"))) await setImmediate();
    child.disconnect();
    await exit;
    expect(existsSync(folder)).toBe(false);
  },
);

test("an answer that is too long is refused, and one that is not comes whole", async () => {
  const folder = at("engine");
  mkdirSync(folder);
  const order = { runs: [], threads: 1, memory: 2 ** 28 };
  const options = { folder, script, rowLimit: 5000, signal: new AbortController().signal };
  const { names, types, rows } = await askEngine(
    { ...order, sql: "SELECT range AS i FROM range(5000)" },
    options,
  );
  expect([names, types]).toEqual([["i"], ["BIGINT"]]);
  expect(rows.map(([i]) => i)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  await expect(askEngine({ ...order, sql: "FROM range(5001)" }, options)).rejects.toThrow(
    "runs query: an answer may have 5000 rows; this one has more. Use LIMIT, or aggregate.",
  );
});

test("no runs, and folders without any, are said to be so", async () => {
  mkdirSync(at("none/other"), { recursive: true });
  const told = async (...args: string[]) =>
    (await runs(at("none"), ["query", "SELECT 1", ...args, "--quiet"], { script })).stderr;
  expect(await told()).toMatch(/^runs query: needs runs: there is no folder runs here\. /);
  expect(await told("other")).toBe("other: must be a run, or hold runs; got none.\n");
});
