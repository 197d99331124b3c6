/** B5: SQL over runs makes its tables anew from the files each time; a damaged file is left out and named. */
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { type Measurement, measurementsToParquet } from "../../src/record/measurements.ts";
import type { Check } from "../check.ts";
import { type Patch, startCommand, withProgram } from "../crash/commandLine.ts";

const runs = 8;
const question =
  "SELECT run, count(*) AS rows, sum(value) AS total FROM measurements GROUP BY run ORDER BY run";
const file = "measurements/one.parquet";

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  hash: [
    {
      find: /if \(found !== sha256\) throw new FileError\(\{\s+where,\s+rule: `the manifest says SHA-256/,
      replace: "if (false) throw new FileError({ where, rule: `the manifest says SHA-256",
    },
    {
      find: /if \(stats\.size !== entry\.bytes\) throw new FileError/,
      replace: "if (false) throw new FileError",
    },
  ],
};

function makeRun(cwd: string, run: number, rows: number): void {
  const folder = createRunFolder({
    ...{ study: "persistence", out: `runs/run-${run}`, cwd, date: () => new Date(0) },
    started: { cwd, workers: 1 },
  });
  const measurement = (unit: number): Measurement => ({
    ...{ arm: "toy", model: 0, seed: run, step: 0, site: "blocks.0.mlp.hook_post", unit },
    ...{ statistic: "toy", value: run + unit / 1024 },
  });
  folder.write(file, measurementsToParquet(Array.from({ length: rows }, (_, unit) => measurement(unit))));
  folder.commit({
    ...{ study: "persistence", status: "complete", config: { seeds: [run] }, engine: null },
    ...{ versions: { palimpsest: "0.1.0" }, command: ["study", "persistence"] },
  });
}

const damages: Readonly<Record<string, (path: string, stream: RandomStream) => void>> = {
  "a bit flipped": (path, stream) => {
    const bytes = new Uint8Array(readFileSync(path));
    bytes[stream.integer(bytes.length)] ^= 1 << stream.integer(8);
    writeFileSync(path, bytes);
  },
  "cut in half": (path) => truncateSync(path, readFileSync(path).length >> 1),
  missing: (path) => rmSync(path),
};

interface Asked {
  readonly code: number | null;
  readonly rows: readonly string[];
  readonly stderr: string;
  readonly seconds: number;
}

async function ask(cwd: string, build: string): Promise<Asked> {
  const { code, stdout, stderr, seconds } = await startCommand(
    ["runs", "query", question, "--csv", "--quiet"],
    { cwd, build },
  ).ended;
  return { code, rows: stdout.trim().split(/\r?\n/).slice(1), stderr, seconds };
}

/** Every path below a folder. */
const pathsIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).sort().join("\n");

export const queriedRuns: Check = {
  id: "B5",
  promise:
    "SQL over runs keeps no index that could be damaged; a damaged file is left out of the answer and named.",
  weakenings: Object.keys(weakened),
  run: (form, { seed, say, without }) =>
    withProgram(without === undefined ? [] : weakened[without], {}, async (build, top) => {
      const failures: string[] = [];
      const cwd = join(top, "small");
      mkdirSync(cwd);
      for (let run = 0; run < runs; run++) makeRun(cwd, run, 100);
      const paths = pathsIn(cwd);
      const whole = await ask(cwd, build);
      if (whole.code !== 0 || whole.rows.length !== runs)
        throw new Error(`the query over sound runs ended with ${whole.code}: ${whole.stderr}`);
      const each = form === "short" ? 1 : 20;
      let count = 1;
      for (const [name, damage] of Object.entries(damages))
        for (let k = 0; k < each; k++) {
          count++;
          const stream = randomStream("queried runs", seed, name, k);
          const run = stream.integer(runs);
          const path = join(cwd, "runs", `run-${run}`, file);
          const bytes = readFileSync(path);
          damage(path, stream);
          const { code, rows, stderr } = await ask(cwd, build);
          writeFileSync(path, bytes);
          const fail = (text: string) => void failures.push(`${name}, run ${run}: ${text}`);
          if (code !== 3) fail(`the query ended with ${code}`);
          if (!stderr.includes(`run-${run}/${file}`))
            fail(`the query does not name the file: ${stderr.trim()}`);
          if (rows.join() !== whole.rows.filter((_, index) => index !== run).join())
            fail(`the answer is ${rows.join(" ")}`);
        }
      if (pathsIn(cwd) !== paths) failures.push("the queries left files behind");
      const seconds: Record<string, number> = {};
      if (form === "long") {
        const large = join(top, "large");
        mkdirSync(large);
        for (let run = 0; run < 4; run++) makeRun(large, run, 250_000);
        const asked = await ask(large, build);
        seconds.secondsForAMillionRows = Math.round(10 * asked.seconds) / 10;
        say(`${asked.seconds.toFixed(1)} s for a million rows`);
        if (asked.code !== 0 || asked.seconds > 10)
          failures.push(`a million rows took ${asked.seconds.toFixed(1)} s`);
      }
      return {
        figure: `${failures.length} failures in ${count} queries`,
        count,
        coverage: { runs, damaged: count - 1, ...seconds },
        failures,
      };
    }),
};
