/** The engine in a browser's web workers, in Node's worker threads and in this process: the same bits everywhere. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import * as library from "../../src/index.ts";
import { presets } from "../../src/model/config.ts";
import { fidelity } from "../../src/studies/fidelity/fidelity.ts";
import { parseFixture } from "../../src/studies/fidelity/fixture.ts";
import type { ArmSpec } from "../../src/studies/population/arm.ts";
import { type ArmResult, cutIntoJobs, gatherArm } from "../../src/studies/population/gather.ts";
import { type JobEvent, type PopulationJob, runJob } from "../../src/studies/population/job.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { constantRate } from "../../src/train/schedules.ts";
import { type Digests, digestsOf } from "./digests.ts";
import { digestsFromPool } from "./digestsFromPool.ts";
import { startBrowser } from "./findBrowser.ts";
import { leftOut, type OpenBrowser, openBrowser, type Visit } from "./openBrowser.ts";
import { buildPage } from "./servePage.ts";

const root = join(import.meta.dirname, "../..");
const STEPS = 20;
const MODELS = 5;
const arm: ArmSpec = {
  study: "browser",
  config: presets.original,
  init: { scheme: "pytorch" },
  task: "random",
  sequences: 64,
  batch: 16,
  steps: STEPS,
  rate: 1e-3,
  schedule: constantRate,
  optimizer: optimizers.adam,
  checkpoints: [0, STEPS],
  probe: {
    blocks: 2,
    nPos: presets.original.nCtx - 1,
    sites: ["blocks.*.mlp.hook_post"],
    keepCells: ["blocks.0.mlp.hook_post"],
  },
  heldOut: 16,
};
const models = Array.from({ length: MODELS }, (_, seed) => ({ init: seed, data: seed }));
/** Two jobs, one of them with a vector that is not full. */
const jobs = cutIntoJobs(arm, models, 4, { name: "wasm" });

/** The same population as one job, in this process. */
async function inProcess(): Promise<ArmResult> {
  const whole: PopulationJob = { arm, models, backend: { name: "wasm" } };
  const events: JobEvent[] = [];
  await runJob(whole, wasmBackend(), (event) => events.push(event));
  return gatherArm([whole], [events]);
}

let expected: Digests = {};
beforeAll(async () => {
  expected = await digestsOf(await inProcess());
});

test("what is compared is a trained population: every weight has moved, no loss is missing", async () => {
  const { checkpoints, losses } = await inProcess();
  expect(checkpoints.map(({ step }) => step)).toEqual([0, STEPS]);
  for (const name of Object.keys(checkpoints[0].weights))
    expect(expected[`checkpoints.1.weights.${name}`]).not.toBe(expected[`checkpoints.0.weights.${name}`]);
  expect(losses.map((ofModel) => ofModel.length)).toEqual(new Array(MODELS).fill(STEPS));
  for (const ofModel of losses) expect(ofModel.every((loss) => loss > 0 && loss < 10)).toBe(true);
});

const builtWorker = join(root, "dist/worker.js");
if (!existsSync(builtWorker))
  console.warn("browser test: dist/worker.js is not built; nothing was checked in worker threads");
test.skipIf(!existsSync(builtWorker)).each([1, 2])(
  "%d worker threads of the built package give the bits of this process",
  async (workers) => {
    const digests = await digestsFromPool(builtWorker, jobs, workers, { workerType: "thread" });
    expect(digests, "dist/ may be older than the source: npm run build").toEqual(expected);
  },
);

test("where CHROME_PATH names no browser, one sentence says so and what to do", async () => {
  const search = startBrowser("", { ...process.env, CHROME_PATH: "/no/such/browser" });
  await expect(search).rejects.toThrow(
    /^browser test: no Chromium can be had; tried CHROME_PATH=\/no\/such\/browser \([^\n]+\)\. Install [^\n]+$/,
  );
});

describe.skipIf(leftOut)("in a browser", () => {
  let browser: Promise<OpenBrowser>;
  let opened: Promise<Visit & { from: string }>;

  // every test awaits the page itself: without a browser each of them fails, and none is quietly passed over
  beforeAll(async () => {
    browser = openBrowser(buildPage);
    opened = browser.then(async ({ from, visit }) => ({ from, ...(await visit("inPage")) }));
    await opened.catch(() => {});
  });

  afterAll(async () => {
    await browser.then(({ close }) => close()).catch(() => {});
  });

  test.each([1, 2])("%d web workers give the bits of this process", async (workers) => {
    const { page, from, workers: started } = await opened;
    const before = started.length;
    const digests = await page.evaluate(([jobs, workers]) => globalThis.inPage.population(jobs, workers), [
      jobs,
      workers,
    ] as const);
    expect(digests, from).toEqual(expected);
    expect(started.length - before).toBe(workers);
  });

  test("from recorded weights the page lands where PyTorch landed, with the numbers of this process", async () => {
    const { page, from } = await opened;
    const result = await page.evaluate(async () => globalThis.inPage.fidelity("seed-42.json"));
    expect(result.pass, from).toBe(true);
    const fixture = JSON.parse(readFileSync(join(root, "fixtures/original/seed-42.json"), "utf8"));
    expect(result, from).toEqual(await fidelity(parseFixture("seed-42.json", fixture), wasmBackend()));
  });

  test("the library's main entry exports in a page what it exports in Node", async () => {
    const { page } = await opened;
    const names = await page.evaluate(() => globalThis.inPage.exportedNames());
    expect(names.sort()).toEqual(Object.keys(library).sort());
  });

  test("the page asked its own server for everything and had nothing to complain of", async () => {
    const { origin, requests, complaints } = await opened;
    expect(requests).toContain(`${origin}/worker.js`);
    expect(requests.filter((url) => new URL(url).origin !== origin)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
