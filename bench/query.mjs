// How long a question in SQL takes over runs with a million rows, from the command to its answer: every file is hashed, the
// tables are made anew, and nothing of them is kept. The answer is compared with the same sums made in JavaScript.
//
//   npm run build && node bench/query.mjs [--rows 1000000] [--runs 10]
//
// Prints one JSON line: rows, bytes, seconds of five turns, and whether every answer was right.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileEntry, manifestBytes, measurementsToParquet } from "palimpsest/record";

const { values } = parseArgs({
  options: { rows: { type: "string", default: "1000000" }, runs: { type: "string", default: "10" } },
});
const [rows, runs] = [Number(values.rows), Number(values.runs)];
const turns = 5;
const command = new URL("../bin/palimpsest.js", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "palimpsest-bench-"));

/** Writes a run whose values are whole numbers, so that their sums are exact in any order. */
function writeRun(name, count) {
  const sites = Array.from({ length: 8 }, (_, layer) => `blocks.${layer >> 1}.${layer % 2 ? "mlp" : "attn"}`);
  const measured = Array.from({ length: count }, (_, i) => ({
    ...{ arm: "original", model: i % 30, seed: i % 30, step: 2 ** (i % 7), site: sites[i % 8], unit: i % 64 },
    ...{ statistic: i % 2 ? "eta2.token" : "eta2.position", value: (i * 7919) % 1009 },
  }));
  const bytes = measurementsToParquet(measured);
  const entry = fileEntry("measurements/all.parquet", bytes);
  mkdirSync(join(folder, "runs", name, "measurements"), { recursive: true });
  writeFileSync(join(folder, "runs", name, entry.path), bytes);
  const parts = {
    study: "bench",
    status: "complete",
    config: {},
    versions: { palimpsest: "0" },
    engine: null,
  };
  writeFileSync(join(folder, "runs", name, "manifest.json"), manifestBytes({ ...parts, files: [entry] }));
  const sum = measured.reduce((total, { seed, value }) => total + (seed === 3 ? value : 0), 0);
  return { bytes: entry.bytes, sum };
}

try {
  const each = Math.ceil(rows / runs);
  const written = Array.from({ length: runs }, (_, run) =>
    writeRun(`r${String(run).padStart(6, "0")}`, Math.min(each, rows - run * each)),
  );
  const sql =
    "SELECT run, sum(value), (SELECT count(*) FROM measurements) FROM measurements WHERE seed = 3 GROUP BY run";
  const seconds = [];
  let right = true;
  for (let turn = 0; turn < turns; turn++) {
    const begun = performance.now();
    const text = execFileSync(
      process.execPath,
      [command, "runs", "query", `${sql} ORDER BY run`, "--json", "--quiet"],
      {
        cwd: folder,
        maxBuffer: 2 ** 28,
      },
    );
    seconds.push((performance.now() - begun) / 1000);
    const answer = JSON.parse(text).rows;
    right &&= answer.length === runs;
    right &&= answer.every(([, sum, count], run) => sum === written[run].sum && count === rows);
  }
  const bytes = written.reduce((sum, run) => sum + run.bytes, 0);
  console.log(
    JSON.stringify({ rows, runs, bytes, seconds: seconds.map((s) => Number(s.toFixed(3))), right }),
  );
  process.exitCode = right ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
