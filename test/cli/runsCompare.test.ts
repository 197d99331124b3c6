import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Measurement } from "../../src/record/measurements.ts";
import { makeRun, parquet, runs, temporaryFolder } from "./madeRuns.ts";

const place = temporaryFolder();
const at = (...path: string[]) => join(place.path, ...path);

/** Digits to which a sum in another order agrees. */
const DIGITS = 12;

/** A file of the last step in which every seed has the values of some units. */
const units = (bySeed: Record<number, number[]>, row: Partial<Measurement> = {}) =>
  Object.entries(bySeed).flatMap(([seed, values]) =>
    values.map((value, unit) => ({ step: 160, seed: Number(seed), unit, value, ...row })),
  );

const compared = async (folder: string, ...args: string[]) => {
  const answer = await runs(at(folder), ["compare", ...args, "--json", "--quiet"]);
  return { ...answer, result: JSON.parse(answer.stdout) };
};

test("settings that differ are named, and nothing else is", async () => {
  const config = { seeds: [0, 1, 2], lr: 0.001, init: { scheme: "gpt2", embeddingScale: 1 }, only: null };
  const { only: _, ...less } = config;
  makeRun(at("config/a"), { config });
  makeRun(at("config/b"), {
    config: { ...less, lr: 0.01, init: { scheme: "pytorch", embeddingScale: 1 } },
    versions: { palimpsest: "0.1.0", node: "22.0.0" },
    engine: "a".repeat(64),
  });
  const { result } = await compared("config", "a", "b");
  expect(result.differences).toEqual([
    { field: "config.init.scheme", values: { a: "gpt2", b: "pytorch" } },
    { field: "config.lr", values: { a: 0.001, b: 0.01 } },
    { field: "config.only", values: { a: null } },
    { field: "engine", values: { a: null, b: "a".repeat(64) } },
    { field: "versions.node", values: { b: "22.0.0" } },
  ]);
  const { stdout } = await runs(at("config"), ["compare", "a", "b", "--quiet"]);
  expect(stdout).toContain("config.lr           0.001  0.01");
  makeRun(at("config/c"), { config });
  const same = await runs(at("config"), ["compare", "a", "c", "--quiet"]);
  expect(same.stdout).toContain("Same study, config, engine and versions.");
});

test("files are equal, different or not in every run by their hashes", async () => {
  makeRun(at("files/a"), { files: { "x.txt": "1", "y.txt": "2", "z.txt": "3" } });
  makeRun(at("files/b"), { files: { "x.txt": "1", "y.txt": "9", "w.txt": "4" } });
  const { result } = await compared("files", "a", "b");
  expect(result.files.equal).toEqual(["x.txt"]);
  expect(result.files.different.map(({ path }: { path: string }) => path)).toEqual(["y.txt"]);
  const [w, z] = result.files.missing;
  expect([w.path, w.sha256.a, typeof w.sha256.b]).toEqual(["w.txt", null, "string"]);
  expect([z.path, typeof z.sha256.a, z.sha256.b]).toEqual(["z.txt", "string", null]);
});

test("a difference is the mean over common seeds of the means over units, with SciPy's paired t interval", async () => {
  // means over units: 1, 2.5, −0.5, 4 and 100; a unit without a value does not count
  const a = { 0: [0.5, 1.5], 1: [2.5], 2: [-1, 0, Number.NaN], 3: [4], 7: [100] };
  const b = { 1: [3, 3.5], 2: [0.5], 3: [2, 4], 0: [1.75], 9: [-5] };
  const earlier = units({ 0: [50], 1: [60] }, { step: 8 });
  makeRun(at("t/a"), { files: { "measurements/gpt-step-000160.parquet": parquet(units(a)) } });
  makeRun(at("t/b"), {
    files: {
      "measurements/gpt-step-000008.parquet": parquet(earlier),
      "measurements/gpt-step-000160.parquet": parquet(units(b)),
    },
  });
  const { result } = await compared("t", "a", "b");
  const [cell] = result.numbers.cells;
  expect(result.numbers.cells).toHaveLength(1);
  expect([cell.arm, cell.site, cell.statistic]).toEqual(["gpt", "blocks.0.mlp.hook_post", "eta2.token"]);
  expect(cell.values.a).toEqual({ step: 160, seeds: 5, lost: 0, mean: 107 / 5, difference: null });
  const { difference, ...rest } = cell.values.b;
  expect(rest).toEqual({ step: 160, seeds: 5, lost: 0, mean: 3.5 / 5 });
  // scipy.stats.t.interval(0.95, 3, np.mean(d), scipy.stats.sem(d)) with d = [0.75, 0.75, 1, -1]
  expect(difference.seeds).toBe(4);
  expect(difference.equal).toBe(false);
  expect(difference.mean).toBeCloseTo(0.375, DIGITS);
  expect(difference.interval[0]).toBeCloseTo(-1.0956265386848636, DIGITS);
  expect(difference.interval[1]).toBeCloseTo(1.8456265386848636, DIGITS);
});

test("one common seed has no interval, none has no difference, the same numbers are equal", async () => {
  const file = (bySeed: Record<number, number[]>) => ({
    files: { "measurements/gpt-step-000160.parquet": parquet(units(bySeed)) },
  });
  makeRun(at("few/a"), file({ 0: [1], 1: [2] }));
  makeRun(at("few/one"), file({ 1: [5], 4: [2] }));
  makeRun(at("few/none"), file({ 8: [5], 9: [2] }));
  makeRun(at("few/same"), file({ 1: [2], 0: [1] }));
  const { result } = await compared("few", "a", "one", "none", "same");
  const { values } = result.numbers.cells[0];
  expect(values.one.difference).toEqual({ seeds: 1, mean: 3, interval: null, equal: false });
  expect(values.none.difference).toBeNull();
  expect(values.same.difference).toEqual({ seeds: 2, mean: 0, interval: [0, 0], equal: true });
});

test("every mean has its number of seeds, and seeds that diverged are counted and in no mean", async () => {
  const nan = Number.NaN;
  const file = (gpt: Record<number, number[]>, causal: Record<number, number[]>, dead: number[]) => ({
    files: {
      "measurements/gpt-step-000160.parquet": parquet([
        ...units(gpt),
        // a unit that is dead in one network only does not make that one diverged
        ...units({ 0: dead, 1: [3], 2: [nan] }, { site: "blocks.0.hook_resid_post" }),
      ]),
      "measurements/causal-step-000160.parquet": parquet(units(causal, { arm: "causal" })),
    },
  });
  makeRun(at("lost/a"), file({ 0: [1], 1: [2], 2: [nan, nan] }, { 0: [1], 1: [2] }, [nan]));
  makeRun(at("lost/b"), file({ 0: [2], 1: [4, nan], 2: [nan] }, { 0: [nan], 1: [nan] }, [1]));
  const { result } = await compared("lost", "a", "b");
  expect(result.runs.map(({ diverged }: { diverged: object }) => diverged)).toEqual([
    { gpt: 1 },
    { causal: 2, gpt: 1 },
  ]);
  const cellOf = (arm: string, site: string) =>
    result.numbers.cells.find((cell: { arm: string; site: string }) => cell.arm === arm && cell.site === site)
      .values;
  expect(cellOf("gpt", "blocks.0.mlp.hook_post").a).toMatchObject({ seeds: 2, lost: 1, mean: 1.5 });
  expect(cellOf("gpt", "blocks.0.mlp.hook_post").b).toMatchObject({
    ...{ seeds: 2, lost: 1, mean: 3 },
    difference: { seeds: 2, mean: 1.5 },
  });
  expect(cellOf("gpt", "blocks.0.hook_resid_post").a).toMatchObject({ seeds: 1, lost: 2, mean: 3 });
  expect(cellOf("causal", "blocks.0.mlp.hook_post").b).toBeNull();
  const { stdout } = await runs(at("lost"), ["compare", "a", "b", "--quiet"]);
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^A {2}a: .*, 1 of gpt diverged/);
  expect(lines[1]).toMatch(/^B {2}b: .*, (2 of causal and 1 of gpt|1 of gpt and 2 of causal) diverged/);
  expect(lines.find((line) => line.startsWith("arm "))).toMatch(/ A +n +B +n +B - A +n$/);
  expect(lines.find((line) => line.startsWith("gpt") && line.includes("hook_post"))).toMatch(
    / 1\.5\d* +2 of 3 +3\.0* +2 of 3 +1\.5\d* \[.*\] +2$/,
  );
});

test("of a series the last step is taken, of losses too, and where they differ it is said", async () => {
  const losses = (steps: number) =>
    Array.from({ length: steps }, (_, step) =>
      [0, 1].map((seed) => ({ step, seed, value: step + seed })),
    ).flat();
  const loss = (steps: number) =>
    parquet(losses(steps).map((row) => ({ ...row, site: "model", unit: null, statistic: "trainingLoss" })));
  makeRun(at("steps/a"), { files: { "measurements/loss.parquet": loss(4) } });
  makeRun(at("steps/b"), { files: { "measurements/loss.parquet": loss(9) } });
  const { result } = await compared("steps", "a", "b");
  const { values } = result.numbers.cells[0];
  expect([values.a.step, values.a.mean, values.b.step, values.b.mean]).toEqual([3, 3.5, 8, 8.5]);
  const { stdout } = await runs(at("steps"), ["compare", "a", "b", "--quiet"]);
  expect(stdout).toContain("Numbers at the last step (A step 3, B step 8)");
  expect(stdout).toContain("It describes these runs and tests nothing");
});

test("the networks of a tracked series are its seeds, whatever they are called", async () => {
  const tracked = (name: string, plus: number) => ({
    ...{ study: "track", config: { models: [name] } },
    files: {
      "measurements/network-0-step-000004.parquet": parquet(
        units({ 0: [1 + plus] }, { arm: `${name}, seed 0` }),
      ),
      "measurements/network-1-step-000004.parquet": parquet(
        units({ 1: [2 + plus] }, { arm: `${name}, seed 1` }),
      ),
    },
  });
  makeRun(at("track/a"), tracked("x", 0));
  makeRun(at("track/b"), tracked("y", 3));
  const { result } = await compared("track", "a", "b");
  expect(result.numbers.cells).toHaveLength(1);
  expect(result.numbers.cells[0].values.b.difference).toMatchObject({ seeds: 2, mean: 3, interval: [3, 3] });
});

test("a damaged file is left out and named, the others are compared, and the exit code is 3", async () => {
  const files = {
    "measurements/gpt-step-000160.parquet": parquet(units({ 0: [1], 1: [2] })),
    "measurements/original-step-000160.parquet": parquet(units({ 0: [1], 1: [2] }, { arm: "original" })),
  };
  makeRun(at("damaged/a"), { files });
  makeRun(at("damaged/b"), { files });
  const path = at("damaged/b/measurements/gpt-step-000160.parquet");
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] ^= 4;
  writeFileSync(path, bytes);
  const { result, exitCode } = await compared("damaged", "a", "b");
  expect(exitCode).toBe(3);
  expect(result.leftOut).toEqual([
    expect.stringContaining("b/measurements/gpt-step-000160.parquet: the manifest says SHA-256"),
  ]);
  const told = result.numbers.cells.map(({ arm, values }: { arm: string; values: object }) => [
    arm,
    Object.values(values).map((value) => value !== null),
  ]);
  expect(told).toEqual([
    ["gpt", [true, false]],
    ["original", [true, true]],
  ]);
});

test("a file that is no Parquet although its hash is right is one sentence", async () => {
  makeRun(at("odd/a"), { files: { "measurements/x.parquet": "PAR1, or so it says: PAR1" } });
  makeRun(at("odd/b"), {});
  const { result, exitCode } = await compared("odd", "a", "b");
  expect(exitCode).toBe(3);
  expect(result.leftOut).toEqual([
    expect.stringMatching(
      /^a\/measurements\/x\.parquet: must be measurements as palimpsest writes them; got /,
    ),
  ]);
});

test("outcomes of studies stand side by side, each with its own interval", async () => {
  const study = (outcomes: object[]) => ({
    ...{ study: "emergence", config: { seeds: null } },
    files: { "result.json": JSON.stringify({ study: "emergence", seeds: [0, 1], outcomes }) },
  });
  const outcome = { name: "gain", label: "gain, nats", estimate: 0.25, interval: [0.125, 0.375] };
  makeRun(at("study/a"), study([outcome]));
  makeRun(at("study/b"), study([{ ...outcome, estimate: 0.5, interval: [{ $number: "NaN" }, 1] }]));
  const { result } = await compared("study", "a", "b");
  expect(result.outcomes).toEqual([
    {
      ...{ study: "emergence", name: "gain", label: "gain, nats" },
      values: {
        a: { estimate: 0.25, interval: [0.125, 0.375] },
        b: { estimate: 0.5, interval: [{ $number: "NaN" }, 1] },
      },
    },
  ]);
});

test("--statistics takes names and what stands before their dot", async () => {
  const file = (value: number) => ({
    files: {
      "measurements/gpt-step-000160.parquet": parquet(
        ["eta2.token", "eta2.position", "omega2.token", "eta20"].flatMap((statistic) =>
          units({ 0: [value], 1: [value] }, { statistic }),
        ),
      ),
    },
  });
  makeRun(at("some/a"), file(1));
  makeRun(at("some/b"), file(2));
  const names = async (...options: string[]) =>
    (await compared("some", "a", "b", ...options)).result.numbers.cells.map(
      ({ statistic }: { statistic: string }) => statistic,
    );
  expect(await names("--statistics", "eta2")).toEqual(["eta2.position", "eta2.token"]);
  expect(await names("--statistics", "eta2.token,omega2")).toEqual(["eta2.token", "omega2.token"]);
  expect(await names()).toEqual(["eta2.position", "eta2.token", "eta20", "omega2.token"]);
  const { stdout } = await runs(at("some"), ["compare", "a", "b", "--quiet"]);
  expect(stdout).not.toContain("omega2.token");
  expect(stdout).toContain("1 row of omega2, epsilon2, amount, crossValidated not shown");
});

test("fewer than two runs, one twice, and one that is none are refused", async () => {
  makeRun(at("refused/a"));
  const told = async (...args: string[]) => {
    const { exitCode, stderr } = await runs(at("refused"), ["compare", ...args]);
    return [exitCode, stderr];
  };
  expect(await told("a")).toEqual([2, "runs compare: needs two runs or more; got a.\n"]);
  expect(await told("a", "./a/")).toEqual([2, "runs compare: each run may be named once; got a.\n"]);
  expect(await told("a", "b")).toEqual([2, expect.stringContaining("b: cannot be opened as a run")]);
});
