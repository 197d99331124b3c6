/** The files of sweeps whose results are planted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRunFolder } from "../../../src/cli/runFolder.ts";
import type { SweepStore } from "../../../src/cli/sweep/store.ts";
import { writeSweep } from "../../../src/cli/sweep/writeSweep.ts";
import { parseJson } from "../../../src/record/canonicalJson.ts";
import type { SweepResult } from "../../../src/studies/sweep/result.ts";
import type { SweepSummary } from "../../../src/studies/sweep/summary.ts";
import { planOf, plantedResult } from "../../studies/sweep/sample.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-write-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Writes a sweep into a folder of its own; `found` makes the results. */
async function write(
  out: string,
  file: object,
  found = plantedResult as (key: string, job: never) => SweepResult,
) {
  const plan = planOf(file);
  const jobs = plan.jobs.map(({ key, job }) => ({
    ...{ key, job, name: `lr ${job.config.lr}`, size: { models: 4, modelSteps: 8 } },
  }));
  const byKey = new Map(jobs.map(({ key, job }) => [key, job]));
  const store = {
    name: "store",
    read: async (key: string) => found(key, byKey.get(key) as never),
    evidence: async () => new Map([[jobs[0].key, [`store/${jobs[0].key}.differs-0123456789ab.json`]]]),
  } as unknown as SweepStore;
  const folder = createRunFolder({ study: "sweep", out, cwd, date: () => new Date(0) });
  const print = await writeSweep({
    ...{ plan, jobs, store, folder, givenUp: new Map(), command: "palimpsest sweep s.yaml" },
    signal: new AbortController().signal,
    program: { version: "1", engineOf: () => null },
  });
  const bytesOf = (name: string) => readFileSync(join(cwd, out, name));
  const rowsOf = (name: string) =>
    parquetReadObjects({ file: Uint8Array.from(bytesOf(name)).buffer, compressors: {} });
  return { plan, jobs, print, bytesOf, rowsOf, result: print(".").result as SweepSummary };
}

test("of more points than a page or a text can hold all numbers are in tables, and the rest stays small", async () => {
  const draws = 2100;
  const { plan, jobs, result, print, bytesOf, rowsOf } = await write("many", {
    ...{ seeds: 2, random: { draws, over: { lr: { logUniform: [1e-4, 1e-2] } } } },
  });
  expect(plan.points.length).toBeGreaterThan(2000);
  expect([result.points, result.jobs.done]).toEqual([null, jobs.length]);
  const listed = parseJson(bytesOf("jobs.json").toString(), { file: "jobs.json" });
  expect(bytesOf("jobs.json").toString()).toBe(`${JSON.stringify(listed, null, 2)}\n`);
  expect((listed as unknown[]).length).toBe(jobs.length);

  const means = await rowsOf("points.parquet");
  // 2 layers × 2 kinds × 3 statistics, 2 of the network and one of the job
  expect(means.length).toBe(plan.points.length * (12 + 2 + 1));
  const [{ key, job }] = jobs;
  const planted =
    plantedResult(key, job).series.find(({ statistic }) => statistic === "heldOutLoss")?.values ?? [];
  expect(means.find((row) => row.job === key && row.statistic === "heldOutLoss")).toMatchObject({
    ...{ lr: job.config.lr, layer: null, kind: null, seeds: 2, mean: (planted[0] + planted[1]) / 2 },
  });
  expect((await rowsOf("dataset.parquet")).length).toBe(plan.points.length * (14 * 2 + 1));

  const page = parseHTML(bytesOf("report.html").toString()).document;
  expect(page.querySelectorAll("#jobs tbody tr").length).toBe(2000);
  expect(page.querySelector("#jobs")?.textContent).toContain(
    `The first 2000 of ${plan.points.length} points`,
  );
  expect(page.querySelector("#figures")?.textContent).toMatch(/at most \d+ points are drawn, evenly/);
  const figures = readdirSync(join(cwd, "many", "figures"));
  // a dot and its interval take less than 200 bytes
  for (const name of figures) expect(statSync(join(cwd, "many", "figures", name)).size).toBeLessThan(5e5);
  expect(print(".").summary).toMatch(/and \d+ more, in the report/);
});

test("an alarm says which files to look at and what ends it", async () => {
  const { jobs, print } = await write("alarm", { seeds: 2, grid: { lr: [0.1, 0.2] } });
  const { summary, exitCode } = print(".");
  const [{ key }] = jobs;
  expect(exitCode).toBe(1);
  expect(summary).toContain(
    `The first is kept as store/${key}.json, the second as store/${key}.differs-0123456789ab.json. Compute the job once more with another --store`,
  );
  expect(summary).toContain("where that comes to the first, remove the second; else remove both");
});

test("a study with a plan that had other seeds, or was quick, is marked wherever its verdicts are", async () => {
  const found = (key: string, job: never): SweepResult => ({
    ...{ key, job, series: [], models: [] },
    outcomes: [{ statistic: "x", value: 1, low: 0, high: 2 }],
    verdicts: [{ about: "H", statement: "It is so.", verdict: "supported" }],
  });
  const of = async (out: string, file: object) => {
    const { result, print, bytesOf } = await write(out, { study: "layer-hierarchy", ...file }, found);
    const page = parseHTML(bytesOf("report.html").toString()).document;
    return [
      result.points[0].departure,
      page.querySelector("#verdicts .alarm")?.textContent,
      print(".").summary,
    ];
  };
  const marked = async (out: string, file: object, text: RegExp) => {
    for (const said of await of(out, file)) expect(said).toMatch(text);
  };
  await marked("seeds", { seeds: 3 }, /Not the planned seeds\. The rules were written for \d+ seeds/);
  await marked("quick", { base: { quick: true } }, /Quick run: nothing is decided\./);
  const [departure, alarm, summary] = await of("planned", {});
  expect([departure, alarm]).toEqual([null, undefined]);
  expect(summary).not.toMatch(/planned seeds|Quick run/);
});
