import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { presets } from "../../../src/model/config.ts";
import { expandSweep, type SweepPlan } from "../../../src/studies/sweep/expand.ts";
import { jobKey, jobSize, readSweepJob } from "../../../src/studies/sweep/job.ts";
import { draw, type Law } from "../../../src/studies/sweep/laws.ts";
import { parseSweep, type SweepFile } from "../../../src/studies/sweep/spec.ts";

const setting = { engineOf: (name: string) => (name === "wasm" ? "kernels" : null), version: "1.2.3" };
const plan = (file: object): SweepPlan => expandSweep(parseSweep(file, "s.yaml"), "s.yaml", setting);
const keysOf = (file: object) => plan(file).jobs.map(({ key }) => key);
const refusal = (file: object): string => {
  try {
    plan(file);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
};

const small = { sweep: "small", seeds: 2, base: { steps: 4 } } satisfies SweepFile;

test("a grid has a job for every combination, in the order of the file, the last field running fastest", () => {
  const { jobs, points, fields } = plan({
    ...small,
    grid: { lr: [0.001, 0.01], "model.dMlp": [32, 64, 128], task: ["patterns", "random"] },
  });
  expect(jobs.length).toBe(2 * 3 * 2);
  expect(points.map(({ values }) => values).slice(0, 3)).toEqual([
    { lr: 0.001, "model.dMlp": 32, task: "patterns" },
    { lr: 0.001, "model.dMlp": 32, task: "random" },
    { lr: 0.001, "model.dMlp": 64, task: "patterns" },
  ]);
  expect(fields).toEqual([
    { name: "lr", scale: "log", drawn: false },
    { name: "model.dMlp", scale: "log", drawn: false },
    { name: "task", scale: "names", drawn: false },
  ]);
  expect(plan({ ...small, grid: { lr: [1, 2, 3, 4] } }).fields[0].scale).toBe("linear");
});

test("grids, draws and studies multiply; a study without the swept fields is one job", () => {
  const { jobs, points } = plan({
    ...small,
    study: ["persistence", "layer-hierarchy"],
    grid: [{ lr: [0.001, 0.01] }, { "model.dMlp": [32, 64, 128] }],
    random: { draws: 5, over: { batch: { integer: [1, 400] } } },
  });
  // (2 + 3) grid points with 5 draws each; lr 0.001 of the first grid and dMlp 64 of the second are one place
  expect(jobs.filter(({ job }) => job.study === "persistence").length).toBe(25 - 5);
  expect(jobs.filter(({ job }) => job.study === "layer-hierarchy").length).toBe(1);
  expect(points.at(-1)).toMatchObject({ study: "layer-hierarchy", values: {}, draw: null });
  // fields that a grid leaves alone have the value that the job has
  expect(points[0].values).toMatchObject({ lr: 0.001, "model.dMlp": presets.original.dMlp });
});

/** JSON with sorted keys, written anew: an oracle for what is hashed. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const object = value as Record<string, unknown>;
  return `{${Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(object[key])}`)
    .join(",")}}`;
}
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("a key is the SHA-256 of everything that decides the job, defaults written out, and of nothing else", () => {
  const [key] = keysOf({ ...small, base: { lr: 0.002, model: { dModel: 32 }, steps: 4 } });
  const job = {
    format: 1,
    study: "persistence",
    config: {
      ...{ sequences: 500, batch: 32, steps: 4, lr: 0.002, optimizer: "adam", task: "patterns" },
      ...{ probe: "trained", backend: "wasm", init: { scheme: "pytorch", embeddingScale: 1 } },
      // heads share the wider stream
      model: { ...presets.original, dModel: 32, dHead: 16 },
    },
    ...{ seeds: [0, 1], engine: "kernels", version: "1.2.3" },
  };
  expect(key).toBe(sha256(canonical(job)));
});

test("one job has one key, however a sweep comes to it", () => {
  const [key] = keysOf({ ...small, base: { preset: "causal", epochs: 1, sequences: 128 } });
  const others: object[] = [
    { grid: { preset: ["causal"] }, base: { steps: 4, sequences: 128 } },
    { base: { sequences: 128, steps: 4, "model.causal": true } },
    {
      base: {
        steps: 4,
        sequences: 128,
        model: { causal: true, normKind: "layerNorm", rotaryBase: undefined },
      },
    },
    {
      base: {
        steps: 4,
        sequences: 128,
        preset: "causal",
        model: { biases: ["norm", "mlp", "qkv", "unembed", "attnOut"] },
      },
    },
    { base: { steps: 4, preset: "causal" }, random: { draws: 1, over: { sequences: { choice: [128] } } } },
    { base: { steps: 4, preset: "causal" }, grid: [{ sequences: [64, 128] }, { sequences: [128, 256] }] },
    {
      sweep: "another title",
      base: { backend: "wasm", steps: 4, preset: "causal", sequences: 128, lr: 1e-3 },
    },
  ];
  for (const other of others) {
    const clean = JSON.parse(JSON.stringify({ ...small, ...other }));
    expect(keysOf(clean), JSON.stringify(other)).toContain(key);
  }
  const changed = [{ seeds: 3 }, { seeds: [1, 0] }, { base: { steps: 4, preset: "causal", sequences: 129 } }];
  for (const other of changed)
    expect(
      keysOf({ ...small, base: { steps: 4, preset: "causal", sequences: 128 }, ...other }),
    ).not.toContain(key);
});

test("a field that is edited changes the keys of its jobs alone, and the order of a file none", () => {
  const before = keysOf({ ...small, grid: { lr: [0.001, 0.01], "model.dMlp": [32, 64] } });
  const longer = keysOf({ ...small, grid: { "model.dMlp": [64, 32, 128], lr: [0.01, 0.001] } });
  expect(longer.length).toBe(6);
  expect(before.every((key) => longer.includes(key))).toBe(true);
});

test("a field that follows a swept one is named with its ends, unless it was given or stays as it is", () => {
  const movesOf = (file: object) => plan({ sweep: "s", seeds: 2, ...file }).fields.map(({ moves }) => moves);
  // ⌈500/8⌉ · 10 and ⌈500/64⌉ · 10; 64 wide heads of 2 and of 4
  expect(movesOf({ grid: { batch: [8, 64], lr: [0.1, 0.2], "model.nHeads": [2, 4] } })).toEqual([
    [{ name: "steps", low: 80, high: 630 }],
    undefined,
    [{ name: "model.dHead", low: presets.original.dModel / 4, high: presets.original.dModel / 2 }],
  ]);
  expect(movesOf({ base: { steps: 5 }, grid: { batch: [8, 64] } })).toEqual([undefined]);
  expect(movesOf({ base: { "model.dHead": 4 }, grid: { "model.nHeads": [2, 4] } })).toEqual([undefined]);
  expect(movesOf({ grid: { batch: [8, 64], steps: [5, 6] } })).toEqual([undefined, undefined]);
  // as many batches an epoch
  expect(movesOf({ grid: { batch: [250, 260] } })).toEqual([undefined]);
  const drawn = { draws: 9, over: { batch: { integer: [8, 64] } } };
  expect(movesOf({ random: drawn })).toEqual([[expect.objectContaining({ name: "steps" })]]);
});

test("more draws, and other fields, leave the earlier draws as they were", () => {
  const search = (draws: number, more: object = {}) =>
    plan({
      ...small,
      random: {
        draws,
        seed: 7,
        over: { lr: { logUniform: [1e-4, 1e-2] }, batch: { choice: [8, 16] }, ...more },
      },
    });
  const [few, many] = [search(5), search(9)];
  expect(many.points.slice(0, 5)).toEqual(few.points);
  const wider = search(5, { "model.dMlp": { integer: [16, 256] } });
  expect(wider.points.map(({ values: { lr, batch } }) => [lr, batch])).toEqual(
    few.points.map(({ values: { lr, batch } }) => [lr, batch]),
  );
  expect(search(5).points).toEqual(few.points);
});

test("draws keep to their range, are even in it, and are the same everywhere", () => {
  const laws: Law[] = [
    { kind: "uniform", low: -1, high: 3 },
    { kind: "logUniform", low: 1e-4, high: 1e-2 },
    { kind: "integer", low: 5, high: 8 },
    { kind: "logInteger", low: 1, high: 15 },
  ];
  const size = 4000;
  // of a uniform sample the share below its middle lies within 0.5 ± 4 · 0.5/√4000 but once in 16,000 times
  const tolerance = 0.0316;
  const middles = [1, 1e-3, 7, 4];
  laws.forEach((law, i) => {
    const values = Array.from({ length: size }, (_, index) => draw(law, 0, index, "x") as number);
    const { low, high } = law as Extract<Law, { low: number }>;
    expect(values.every((value) => value >= low && value <= high)).toBe(true);
    const below = values.filter((value) => value < middles[i]).length / size;
    expect(Math.abs(below - 0.5), law.kind).toBeLessThan(tolerance);
  });
  expect(draw({ kind: "logUniform", low: 1e-4, high: 1e-2 }, 7, 0, "lr")).toMatchInlineSnapshot(`0.0037283`);
});

test("what is wrong is named: the file, the place, and the nearest name", () => {
  expect(refusal({ ...small, grid: { "model.dMpl": [1, 2] } })).toMatch(
    /^s\.yaml: grid: .*"model\.dMpl".*Nearest: "model\.dMlp"/,
  );
  expect(refusal({ ...small, gird: {} })).toMatch(/^s\.yaml: .*"gird".*Nearest: "grid"/);
  expect(refusal({ ...small, study: "persistance" })).toMatch(/s\.yaml: study: .*Nearest: "persistence"/);
  expect(refusal({ ...small, base: { optimizer: "adm" } })).toMatch(
    /s\.yaml: base\.optimizer: .*Nearest: "adam"/,
  );
  expect(refusal({ ...small, grid: { lr: [0.1, -1] } })).toMatch(
    /s\.yaml: grid\.lr\[1\]: must be a number above 0; got -1/,
  );
  expect(refusal({ ...small, grid: { lr: [] } })).toMatch(/s\.yaml: grid\.lr: must be a list of values/);
  expect(refusal({ ...small, grid: { lr: [1, 1] } })).toMatch(/each value may be named once/);
  expect(refusal({ ...small, grid: { steps: [1] } })).toMatch(/"steps" in both/);
  expect(refusal({ ...small, grid: { epochs: [1] } })).toMatch(/steps and epochs say the same/);
  expect(refusal({ ...small, seeds: 1 })).toMatch(/s\.yaml: seeds: must be a whole number from 2/);
  expect(refusal({ ...small, seeds: [1, 1] })).toMatch(/each seed may be named once/);
  expect(refusal({ ...small, random: { draws: 2, over: { lr: { lognormal: [1, 2] } } } })).toMatch(
    /no such name among uniform/,
  );
  expect(refusal({ ...small, random: { draws: 2, over: { lr: { uniform: [2, 1] } } } })).toMatch(
    /low below high/,
  );
  expect(refusal({ seeds: 2 })).toMatch(/^s\.yaml: sweep: must be a title/);
  for (const odd of [
    null,
    3,
    "x",
    [],
    { ...small, base: 3 },
    { ...small, grid: [] },
    { ...small, random: {} },
  ])
    expect(refusal(odd as object)).toMatch(/^s\.yaml/);
});

test("a job that cannot be is named with its number and values", () => {
  const heads = refusal({ ...small, grid: { lr: [0.001, 0.01], "model.nHeads": [2, 3] } });
  expect(heads).toMatch(
    /^s\.yaml: job 2 of 4 \(lr 0\.001, model\.nHeads 3\): cannot be; got model\.nHeads: must divide/,
  );
  expect(refusal({ ...small, grid: { "model.nCtx": [8, 7] }, base: { task: "reversal" } })).toMatch(
    /job 2 of 2 \(model\.nCtx 7\)/,
  );
  expect(refusal({ ...small, grid: { "model.actFn": ["relu", "gleu"] } })).toMatch(/job 2 of 2 .*gelu/);
  expect(refusal({ ...small, grid: { batch: [16, 501] } })).toMatch(
    /batch: must be at most the 500 sequences; got 501/,
  );
  expect(
    refusal({
      ...small,
      grid: {
        lr: Array.from({ length: 400 }, (_, i) => i + 1),
        batch: Array.from({ length: 400 }, (_, i) => i + 1),
      },
    }),
  ).toMatch(/may come to 100000 jobs; got 160000/);
});

test("a law that draws what its field cannot be is refused before anything is computed", () => {
  const of = (over: object) => refusal({ sweep: "small", seeds: 2, random: { draws: 3, over } });
  expect(of({ batch: { uniform: [8, 64] } })).toMatch(
    /^s\.yaml: job 1 of 3 \(batch \d+\.\d+\): cannot be; got batch: .*whole number/,
  );
  expect(of({ steps: { logUniform: [8, 64] } })).toMatch(/^s\.yaml: job 1 of 3 .*steps: .*whole number/);
  expect(of({ batch: { integer: [8, 64] }, lr: { uniform: [0.1, 1] } })).toBe("accepted");
});

test("a job from elsewhere is held to the limits of a sweep file", () => {
  const files: object[] = [
    small,
    { ...small, base: { preset: "gpt", model: { nLayers: 1, positions: "rotary", rotaryDim: 4 } } },
    {
      ...small,
      base: { preset: "original-minigpt", model: { biases: ["mlp", "norm"], normKind: "layerNorm" } },
    },
    { ...small, study: "layer-hierarchy", base: { quick: true } },
  ];
  for (const file of files)
    for (const { key, job } of plan(file).jobs)
      expect(readSweepJob(JSON.parse(JSON.stringify(job)), key)).toEqual(job);
  const [{ job }] = plan(small).jobs;
  const model = job.config.model as object;
  const others: object[] = [
    { ...job, study: "fidelity" },
    { ...job, seeds: [0] },
    { ...job, seeds: [0, 0] },
    { ...job, seeds: Array.from({ length: 10_001 }, (_, i) => i) },
    { ...job, config: { ...job.config, batch: 36.25 } },
    { ...job, config: { ...job.config, batch: 501 } },
    { ...job, config: { ...job.config, backend: "onnx" } },
    { ...job, config: { ...job.config, preset: "causal" } },
    { ...job, config: { ...job.config, more: 1 } },
    { ...job, config: { ...job.config, model: { ...model, dModel: 1e9 } } },
    { ...job, config: { ...job.config, model: { ...model, normKind: "layerNorm" } } },
    { ...job, config: Object.fromEntries(Object.entries(job.config).filter(([field]) => field !== "lr")) },
  ];
  for (const other of others)
    expect(
      () => readSweepJob(other, jobKey(other as typeof job)),
      JSON.stringify(other).slice(0, 300),
    ).toThrow(/^job [0-9a-f]{12}: is no job that a sweep file comes to/);
});

test("whatever a file holds, it is a sweep or one sentence about it", () => {
  const any = fc.anything({ withNullPrototype: false, maxDepth: 4 });
  const near = fc.record(
    { sweep: fc.string(), study: any, seeds: any, base: any, grid: any, random: any },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(any, near), (value) => {
      const answer = refusal(value as object);
      expect(answer === "accepted" || answer.includes("s.yaml")).toBe(true);
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test("the size of a job is its networks, and their updates", () => {
  const [{ job, key }] = plan({ ...small, seeds: 5, base: { steps: 7 } }).jobs;
  expect(key).toBe(jobKey(job));
  expect(jobSize(job)).toEqual({ models: 10, modelSteps: 70 });
});
