/** Jobs whose process ends, anywhere, and that are gone on with: what is told is what one process would have told. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { durablePool } from "../../src/cli/jobs/durablePool.ts";
import { jobKeys } from "../../src/cli/jobs/jobKey.ts";
import { openJournal } from "../../src/cli/journal/journal.ts";
import type { Pool } from "../../src/cli/workers/pool.ts";
import { readSafetensorsHeader } from "../../src/record/safetensorsHeader.ts";
import type { PopulationJob } from "../../src/studies/population/job.ts";
import { hashOf } from "../record/bitsOf.ts";
import { experimentsJob, populationJob, studyJob, textJob } from "../studies/sampleJobs.ts";
import { inlinePool } from "./inlinePool.ts";
import { type Left, memoryJournal, nothingLeft } from "./memoryJournal.ts";

/** Steps between two states of the sample jobs. */
const SAVE_EVERY = 4;

const some = (...seeds: number[]): PopulationJob => ({
  ...populationJob(),
  models: seeds.map((seed) => ({ init: seed, data: seed })),
});

type Tell = (job: number, event: { readonly kind: string }) => void;
type Run = (pool: Pool, tell: Tell) => Promise<void>;

/** Two jobs of every kind, one of them twice as large where that is cheap. */
const kinds: Record<string, Run> = {
  population: (pool, tell) => pool.runJobs([some(0, 1), some(2)], tell),
  text: (pool, tell) => pool.runText([textJob(), { ...textJob(), seeds: [7] }], tell),
  study: (pool, tell) => pool.runStudy([studyJob("plain"), studyJob("shifted")], tell),
  experiments: (pool, tell) => pool.runExperiments([experimentsJob([0]), experimentsJob([1, 2])], tell),
};

/** What a process did: what it told of each job, and the events of jobs that it computed itself. */
interface Sitting {
  readonly told: readonly (readonly { readonly kind: string }[])[];
  readonly computed: number;
  readonly warnings: readonly string[];
  /** Whether it was cut off. */
  readonly cut: boolean;
}

class Cut extends Error {}

/** One process: it goes on with what was left, and is cut off before its event, or its change on the disk, of a number. */
async function sit(
  run: Run,
  left: Left,
  options: { cutAtEvent?: number; cutAtChange?: number; saveEvery?: number } = {},
): Promise<Sitting> {
  const { cutAtEvent = -1, cutAtChange = -1, saveEvery = SAVE_EVERY } = options;
  const told: { readonly kind: string }[][] = [[], []];
  const warnings: string[] = [];
  let [computed, changes, cut] = [0, 0, false];
  const journal = memoryJournal(left, () => {
    if (changes++ === cutAtChange) throw new Cut();
  });
  const pool = inlinePool(saveEvery, () => {
    if (computed === cutAtEvent) throw new Cut();
    computed++;
  });
  try {
    const durable = durablePool(pool, journal, { warn: (text) => warnings.push(text) });
    await run(durable, (job, event) => told[job].push(event));
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    cut = true;
  }
  return { told, computed, warnings, cut };
}

/** What the jobs tell without any of this. */
async function plainly(run: Run): Promise<string> {
  const told: { readonly kind: string }[][] = [[], []];
  await run(inlinePool(Number.POSITIVE_INFINITY), (job, event) => told[job].push(event));
  return hashOf(told);
}

test.each(Object.entries(kinds))(
  "a run of %s jobs, cut off before any event and gone on with, tells what an uninterrupted one tells",
  async (kind, run) => {
    const expected = await plainly(run);
    const whole = await sit(run, nothingLeft());
    expect(hashOf(whole.told)).toBe(expected);
    let computedAgain = 0;
    for (let cutAtEvent = 0; cutAtEvent < whole.computed; cutAtEvent++) {
      const left = nothingLeft();
      expect((await sit(run, left, { cutAtEvent })).cut).toBe(true);
      const rest = await sit(run, left);
      expect(hashOf(rest.told), `cut before event ${cutAtEvent}`).toBe(expected);
      expect(rest.warnings).toEqual([]);
      computedAgain = Math.max(computedAgain, cutAtEvent + rest.computed - whole.computed);
      if (cutAtEvent % 4 > 0) continue;
      const again = await sit(run, left);
      expect([hashOf(again.told), again.computed]).toEqual([expected, 0]);
    }
    // the work of a job since its last state, and nothing that was kept: a job without states begins again
    const most = kind === "population" || kind === "text" ? 6 : 7;
    expect(computedAgain).toBeLessThanOrEqual(most);
  },
);

test("a run that is cut off at any change on the disk, and again while it is gone on with, tells the same", async () => {
  const run: Run = (pool, tell) => pool.runText([textJob()], tell);
  const saveEvery = 2;
  const expected = await plainly(run);
  let cuts = 0;
  for (let cutAtChange = 0; ; cutAtChange++) {
    const left = nothingLeft();
    const { cut } = await sit(run, left, { cutAtChange, saveEvery });
    if (!cut) break;
    cuts++;
    await sit(run, left, { cutAtChange: cutAtChange % 5, saveEvery });
    const rest = await sit(run, left, { saveEvery });
    expect(hashOf(rest.told), `cut at change ${cutAtChange}`).toBe(expected);
    expect(rest.warnings).toEqual([]);
  }
  // four savings of two parts, two of which drop an older state, and the end with one of each: before and after
  expect(cuts).toBe(2 * (4 * 2 + 2 + 2));
});

test("what is kept is listed once for all jobs, however many they are and whatever they keep", async () => {
  const left = nothingLeft();
  const run: Run = (pool, tell) =>
    pool.runText(
      [3, 4].map((seed) => ({ ...textJob(), seeds: [seed] })),
      tell,
    );
  await sit(run, left, { cutAtEvent: 9 });
  let listed = 0;
  const journal = memoryJournal(left);
  const counted = Object.defineProperty({ ...journal }, "kept", {
    get: () => {
      listed++;
      return journal.kept;
    },
  });
  const told: { readonly kind: string }[][] = [[], []];
  const durable = durablePool(inlinePool(2), counted, { warn: () => {} });
  await run(durable, (job, event) => told[job].push(event));
  expect([told.map((events) => events.at(-1)?.kind), listed]).toEqual([["end", "end"], 1]);
});

/** What is left of the first job of a population run, a while after it was begun, or at its end. */
async function leftOfOneJob(cutAtEvent?: number) {
  const left = nothingLeft();
  const run: Run = (pool, tell) => pool.runJobs([some(0, 1)], tell);
  const expected = await plainly(run);
  await sit(run, left, { cutAtEvent });
  const names = [...left.parts.keys()].map((path) => path.split("/")[2].replace(".safetensors", "")).sort();
  const damage = (name: string) => {
    const path = [...left.parts.keys()].find((each) => each.endsWith(`/${name}.safetensors`));
    if (path === undefined) throw new Error(`no ${name} among ${names.join()}`);
    left.damaged.add(path);
  };
  return { left, run, expected, names, damage };
}

test.each<[string, number | undefined, string[], string]>([
  ["the newest state", 12, ["4.state"], "it goes on from step 12"],
  ["both states", 12, ["4.state", "3.state"], "it begins again"],
  ["what was told last", 12, ["4.told"], "it goes on from step 12"],
  ["what was told first", 12, ["1.told"], "it begins again"],
  ["the end", undefined, ["5.told"], "it goes on from step 16"],
  ["all that was told", undefined, ["1.told", "2.told", "3.told", "4.told", "5.told"], "it begins again"],
])("damage to %s costs what it held, and is told", async (_, cutAtEvent, damaged, place) => {
  const { left, run, expected, names, damage } = await leftOfOneJob(cutAtEvent);
  const tolds = ["1.told", "2.told", "3.told", "4.told"];
  expect(names).toEqual(
    [...tolds, ...(cutAtEvent === undefined ? ["5.told", "4.state"] : ["3.state", "4.state"])].sort(),
  );
  for (const name of damaged) damage(name);
  const rest = await sit(run, left);
  expect(hashOf(rest.told)).toBe(expected);
  expect(rest.warnings).toEqual([
    `interrupted, models of seeds 0, 1: some of its work was damaged; ${place}.`,
  ]);
  const again = await sit(run, left);
  expect([hashOf(again.told), again.computed, again.warnings]).toEqual([expected, 0, []]);
});

test("a state says of itself what it is, with the shapes of its arrays", async () => {
  const { left } = await leftOfOneJob(12);
  const [path, bytes] = [...left.parts].find(([name]) => name.endsWith("/4.state.safetensors")) ?? [];
  const { places, metadata } = readSafetensorsHeader(bytes as Uint8Array, { file: path as string });
  const shapes = new Map(places.map(({ name, shape }) => [name, shape]));
  expect(shapes.get("weights.blocks.0.mlp.W_in")).toEqual([2, 16, 8]);
  expect(shapes.get("moments.m/embed.W_E")).toEqual([2, 10, 16]);
  expect(shapes.get("losses")).toEqual([16, 2]);
  expect(Object.fromEntries([...metadata].filter(([key]) => key !== "value" && key !== "optimizer"))).toEqual(
    {
      ...{ of: (path as string).split("/")[1], step: "16", dataPosition: "16" },
      streams: '[["interrupted",0,"data"],["interrupted",1,"data"]]',
    },
  );
});

test("equal jobs of one run are kept each by itself, and work is remembered once", async () => {
  const left = nothingLeft();
  let done = 0;
  const value = { table: [{ r: -0 }], values: Float32Array.of(Number.NaN, 1) };
  const sitOnce = async () => {
    const durable = durablePool(inlinePool(SAVE_EVERY), memoryJournal(left), { warn: () => {} });
    const told: unknown[][] = [[], []];
    await durable.runStudy([studyJob(), studyJob()], (job, event) => told[job].push(event));
    const work = async () => {
      done++;
      return value;
    };
    const remembered = await Promise.all([durable.remember("table", work), durable.remember("table", work)]);
    return hashOf([told, remembered]);
  };
  const first = await sitOnce();
  expect(await sitOnce()).toBe(first);
  expect(done).toBe(1);
});

test("work that failed is not remembered, and may be tried again", async () => {
  const durable = durablePool(inlinePool(1), memoryJournal(nothingLeft()), { warn: () => {} });
  const failing = () => Promise.reject(new Error("tried"));
  await expect(durable.remember("more", failing)).rejects.toThrow("tried");
  expect(await durable.remember("more", async () => 7)).toBe(7);
});

test("the real journal keeps it too: a flipped bit in a folder is found and computed again", async () => {
  const path = mkdtempSync(join(tmpdir(), "palimpsest-"));
  try {
    const run = kinds.population;
    const expected = await plainly(run);
    const sitThere = async (cutAtEvent: number) => {
      const journal = openJournal({ path, shown: "run", date: () => new Date(0) });
      const told: { readonly kind: string }[][] = [[], []];
      let computed = 0;
      const pool = inlinePool(SAVE_EVERY, () => {
        if (computed++ === cutAtEvent) throw new Cut();
      });
      const durable = durablePool(pool, journal, { warn: () => {} });
      await run(durable, (job, event) => told[job].push(event)).catch((error) => {
        if (!(error instanceof Cut)) throw error;
      });
      const { notices, kept } = journal;
      journal.release();
      return { told: hashOf(told), notices, kept, computed };
    };
    const { kept } = await sitThere(12);
    const state = kept.map((part) => part.path).find((name) => name.endsWith("/4.state.safetensors"));
    const bytes = readFileSync(join(path, state as string));
    bytes[bytes.length >> 1] ^= 4;
    writeFileSync(join(path, state as string), bytes);
    const { told, notices } = await sitThere(-1);
    expect(told).toBe(expected);
    expect(notices).toEqual([`run/${state}: is damaged; it is made again.`]);
    expect(await sitThere(-1)).toMatchObject({ told: expected, notices: [], computed: 0 });
  } finally {
    rmSync(path, { recursive: true });
  }
});

test("the key of a job is that of its content: not of its order, its copies or the cut of another array", () => {
  const { key } = jobKeys();
  const text = textJob();
  const is = key("text", text);
  expect(is).toMatch(/^[0-9a-f]{32}$/);
  expect(key("text", structuredClone(text))).toBe(is);
  expect(key("text", Object.fromEntries(Object.entries(text).reverse()) as typeof text)).toBe(is);
  const train = text.train.map((run) => run.slice());
  train[0][3]++;
  const [first, ...others] = text.train;
  const recut = [first.slice(0, 5), first.slice(5), ...others];
  const keys = [
    key("text", { ...text, train }),
    key("text", { ...text, train: recut }),
    key("text", { ...text, seeds: [4, 0] }),
    key("text", { ...text, prompt: Int32Array.of(...text.prompt, 0) }),
    key("text", { ...text, backend: { name: "wasm", relaxed: true } }),
    key("text", { ...text, spec: { ...text.spec, rate: text.spec.rate * (1 + 2 ** -52) } }),
  ];
  expect(new Set([is, ...keys]).size).toBe(7);
  expect(key("study", studyJob())).not.toBe(key("study", studyJob("shifted")));
});
