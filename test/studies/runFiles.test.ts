/** Runs as files: written, and opened again. The comparison with the command line needs `npm run build` before. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseHTML } from "linkedom";
import { beforeAll, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { engineBytes, wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError, FileError } from "../../src/base/errors.ts";
import { presets } from "../../src/model/config.ts";
import { memorySource } from "../../src/record/byteSource.ts";
import type { JsonValue } from "../../src/record/canonicalJson.ts";
import { fileEntry, manifestBytes, readManifest } from "../../src/record/manifest.ts";
import { measurementsToParquet } from "../../src/record/measurements.ts";
import { openRunArchive, writeRunArchive } from "../../src/record/runArchive.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { openRun, type RunSource } from "../../src/studies/persistence/openRun.ts";
import type { StudioSettings } from "../../src/studies/persistence/runConfig.ts";
import {
  checkpointPath,
  lossPath,
  type ManifestFields,
  persistenceFiles,
  persistenceManifest,
  populationFiles,
  type RunFile,
  type RunOrigin,
  studioManifest,
} from "../../src/studies/persistence/runFiles.ts";
import { runLosses } from "../../src/studies/persistence/runLosses.ts";
import { armsOf, type PersistenceSettings } from "../../src/studies/persistence/spec.ts";
import { type PersistenceStudy, persistenceStudy } from "../../src/studies/persistence/study.ts";
import type { ArmResult } from "../../src/studies/population/gather.ts";
import { openPopulation } from "../../src/studies/population/openPopulation.ts";
import { inThisThread, smallSettings } from "./settings.ts";

const document = parseHTML("<!doctype html><html><body></body></html>").document as unknown as Document;
const origin: RunOrigin = {
  ...{ backend: "wasm", relaxed: false, engine: sha256OfBytes(engineBytes()) },
  versions: { palimpsest: packageJson.version, browser: "Chromium 147" },
};
const settings: PersistenceSettings = { ...smallSettings, presets: ["original", "causal"], seeds: [0, 1, 2] };

/** A run as its files, the manifest among them. */
function runOf(fields: ManifestFields, files: Iterable<RunFile>): Map<string, Uint8Array> {
  const made = new Map(files);
  const entries = [...made].map(([path, bytes]) => fileEntry(path, bytes));
  return made.set("manifest.json", manifestBytes({ ...fields, files: entries }));
}

/** A source that notes what was asked of it. */
function sourceOf(files: ReadonlyMap<string, Uint8Array>, asked: [string, number][] = []): RunSource {
  return {
    name: "run",
    bytes: async (path, byteLimit) => {
      asked.push([path, byteLimit]);
      return files.get(path)?.slice() ?? new Uint8Array(0);
    },
  };
}

let study: PersistenceStudy;
let run: Map<string, Uint8Array>;
beforeAll(async () => {
  study = await persistenceStudy(settings, inThisThread(8));
  run = runOf(
    persistenceManifest(settings, origin, "complete"),
    persistenceFiles(study, settings, origin, document),
  );
});

test("the files are those of the command line to the byte, and so is the manifest but for where it was made", () => {
  const root = join(import.meta.dirname, "../..");
  if (!existsSync(join(root, "dist/cli.js"))) throw new Error("dist is missing: run `npm run build` first.");
  const place = mkdtempSync(join(tmpdir(), "palimpsest-run-files-"));
  try {
    const options = "--seeds 3 --sequences 64 --steps 6 --workers 1 --quiet --out run".split(" ");
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "bin/palimpsest.js"), "study", "persistence", ...options],
      { cwd: place, encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([0, ""]);
    const written = readdirSync(join(place, "run"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "log.jsonl")
      .map((entry) => relative(join(place, "run"), join(entry.parentPath, entry.name)));
    expect(written.sort()).toEqual([...run.keys()].sort());
    const bytesOf = (path: string) => readFileSync(join(place, "run", path));
    for (const path of written.filter((name) => name !== "manifest.json"))
      expect(bytesOf(path).equals(run.get(path) as Uint8Array), path).toBe(true);
    const node = { palimpsest: packageJson.version, node: process.versions.node };
    const here = readManifest(run.get("manifest.json") as Uint8Array, "manifest.json");
    const there = readManifest(bytesOf("manifest.json"), "manifest.json");
    // the hash of the manifest itself is that of what differs
    expect({ ...there, sha256: here.sha256 }).toEqual({ ...here, versions: node });
    expect(here.versions).toEqual(origin.versions);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test("files are made when they are asked for", () => {
  const later = new Proxy(study, {
    get: (target, key) => {
      if (key === "details") throw new Error("too early");
      return Reflect.get(target, key);
    },
  });
  const files = persistenceFiles(later, settings, origin, document);
  expect(files.next().value?.[0]).toBe("checkpoints/original-step-000000.safetensors");
  expect(() => [...files]).toThrow("too early");
});

test("a run is opened with the settings, arms, steps, weights and losses that it was written with", async () => {
  const opened = await openRun(sourceOf(run));
  expect(opened.settings).toEqual(settings);
  expect([opened.branches, opened.model, opened.backend, opened.relaxed]).toEqual([[], {}, "wasm", false]);
  for (const { preset, main } of study.analyses) {
    const name = preset as "original" | "causal";
    const population = opened.populations.get(name);
    expect(population?.arm.spec).toEqual(main.arm);
    expect(population?.arm.models).toEqual(main.models);
    expect(population?.steps).toEqual(main.checkpoints.map(({ step }) => step));
    for (const { step, weights } of main.checkpoints)
      expect(await opened.weightsAt(name, step)).toEqual(weights);
    expect(await runLosses(opened, name)).toEqual(main.losses);
  }
  expect(await opened.file("report.html")).toEqual(run.get("report.html"));
});

test("a run goes through an archive and back", async () => {
  const bytes = new Uint8Array(
    await new Blob([...writeRunArchive(run, { folder: "run" })] as BlobPart[]).arrayBuffer(),
  );
  const opened = await openRun(await openRunArchive(memorySource("run.zip", bytes)));
  expect(opened.name).toBe("run.zip");
  expect(await opened.weightsAt("causal", 6)).toEqual(study.analyses[1].main.checkpoints.at(-1)?.weights);
});

/** A population of the page: of a changed model, trained to a step, branched on the way. */
async function grown(made: StudioSettings, until: number): Promise<ArmResult> {
  const config = { ...presets.original, ...made.model };
  const { spec, models } = armsOf("original", made.settings, config).main;
  const looks: ArmResult["checkpoints"] = [];
  const losses: Float64Array[] = [];
  let from: Parameters<typeof openPopulation>[3] = {};
  let rate = spec.rate;
  for (const [i, stop] of [...made.branches.map(({ step }) => step), until].entries()) {
    const population = openPopulation({ ...spec, rate }, models, wasmBackend(), from);
    const loop = population.grow({ checkpoints: [], reportEvery: 1 });
    if (i === 0) looks.push({ step: 0, ...(await population.look()) });
    while (losses.length < stop) {
      const next = await loop.next();
      if (!next.done) losses.push(next.value.losses);
    }
    looks.push({ step: stop, ...(await population.look()) });
    from = { from: await population.state(stop) };
    rate = made.branches[i]?.lr ?? rate;
    population.close();
  }
  return {
    ...{ arm: spec, models, checkpoints: looks, divergedAt: models.map(() => null), kernelShare: 0 },
    losses: models.map((_, model) => Float64Array.from(losses, (of) => of[model])),
  };
}

test("a population that was stopped and branched in the page is saved and opened with its way", async () => {
  const made: StudioSettings = {
    settings: { ...smallSettings, seeds: [4, 1] },
    model: { dMlp: 32, actFn: "gelu" },
    branches: [{ step: 2, lr: 0.01 }],
  };
  const main = await grown(made, 5);
  const files = runOf(studioManifest(main, made, origin), populationFiles("original", main));
  const opened = await openRun(sourceOf(files));
  expect(opened.manifest).toMatchObject({ study: "studio", status: "interrupted" });
  expect(opened.settings).toEqual(made.settings);
  expect([opened.model, opened.branches]).toEqual([made.model, made.branches]);
  const population = opened.populations.get("original");
  expect(population?.arm.spec).toEqual(main.arm);
  expect(population?.steps).toEqual([0, 2, 5]);
  for (const { step, weights } of main.checkpoints)
    expect(await opened.weightsAt("original", step)).toEqual(weights);
  expect(await runLosses(opened, "original")).toEqual(main.losses);
  expect(main.losses[0].length).toBe(5);

  const whole = await grown(made, 6);
  expect(studioManifest(whole, made, origin).status).toBe("complete");
  expect(() => studioManifest(main, { ...made, settings: smallSettings }, origin)).toThrow(
    /has the seeds 0, 1/,
  );
  expect(() => studioManifest(main, { ...made, settings }, origin)).toThrow(
    /has one preset; got original, causal/,
  );
});

/** The sentence that something is refused with. */
async function refusal(action: () => Promise<unknown>, kind: typeof FileError = FileError): Promise<string> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return (error as Error).message;
  }
  return "nothing was refused";
}

const studioConfig = (): Record<string, JsonValue> => ({ presets: ["original"], model: {}, branches: [] });

test.each<[change: Record<string, JsonValue | undefined>, sentence: string, study?: string]>([
  [
    { presets: ["mine"] },
    "config.presets.0: must be what this version of palimpsest writes there; got Invalid",
  ],
  [{ presets: [] }, "config.presets: must be"],
  [{ presets: ["original", "original"] }, "got each may be named once."],
  [{ seeds: [1, 1] }, "config.seeds: must be"],
  [{ seeds: [0.5] }, "config.seeds.0: must be"],
  [{ steps: 1e12 }, "config.steps: must be"],
  [
    { batch: 65 },
    "config: must be what this version of palimpsest writes there; got batches of 65 out of 64",
  ],
  [{ lr: -1 }, "config.lr: must be"],
  [{ optimizer: "toString" }, "config.optimizer: must be"],
  [{ task: "__proto__" }, "config.task: must be"],
  [{ init: { scheme: "pytorch" } }, "config.init.embeddingScale: must be"],
  [
    { backend: "<b>" },
    "config.backend: must be what this version of palimpsest writes there; got must be the name",
  ],
  [{ more: 1 }, 'config: must be what this version of palimpsest writes there; got Unrecognized key: "more"'],
  [{ relaxed: undefined }, "config.relaxed: must be"],
  [{ branches: [] }, "Unrecognized key"],
  [
    {},
    'must be the manifest of a run with checkpoints, as study persistence leaves them; got one of "bench"',
    "bench",
  ],
  [{ ...studioConfig(), presets: ["original", "causal"] }, "config.presets: must be", "studio"],
  [{ ...studioConfig(), model: { dMpl: 3 } }, "got model config: no such name", "studio"],
  [{ ...studioConfig(), model: { dMlp: 1e9 } }, "config.model: must be", "studio"],
  [{ ...studioConfig(), model: { ropeScaling: null } }, "config.model.ropeScaling: must be", "studio"],
  [{ ...studioConfig(), model: { nCtx: 7 }, task: "reversal" }, "config: must be", "studio"],
  [{ ...studioConfig(), branches: [{ step: 1 }] }, "got must change a setting.", "studio"],
  [{ ...studioConfig(), branches: [{ step: 1, seeds: [3] }] }, "config.branches.0: must be", "studio"],
  [{ ...studioConfig(), branches: [{ step: 6, lr: 1 }] }, "config.branches.0.step: must be what", "studio"],
  [{ ...studioConfig(), branches: [{ step: 1, batch: 65 }] }, "config.branches.0: must be what", "studio"],
  [
    {
      ...studioConfig(),
      branches: [
        { step: 2, lr: 1 },
        { step: 2, lr: 2 },
      ],
    },
    "got must be in the order of their steps.",
    "studio",
  ],
])("a manifest of %j is refused", async (change, sentence, study = "persistence") => {
  const fields = persistenceManifest(settings, origin, "complete");
  const config = { ...fields.config, ...change } as Record<string, JsonValue>;
  const bytes = manifestBytes({ ...fields, study, config, files: [] });
  const said = await refusal(() => openRun(sourceOf(new Map([["manifest.json", bytes]]))));
  expect(said).toMatch(/^run\/manifest\.json: /);
  expect(said).toContain(sentence);
});

/** The run with another file, which its manifest lists as it is. */
function withFile(path: string, bytes: Uint8Array, listed = fileEntry(path, bytes)): Map<string, Uint8Array> {
  const manifest = readManifest(run.get("manifest.json") as Uint8Array, "m");
  const files = [...manifest.files.filter((file) => file.path !== path), listed];
  return new Map([...run, [path, bytes], ["manifest.json", manifestBytes({ ...manifest, files } as never)]]);
}

test("a file is believed only with the length and hash that the manifest says", async () => {
  const path = checkpointPath("original", 6);
  const damaged = run.get(path)?.slice() as Uint8Array;
  damaged[damaged.length - 1] ^= 1;
  const opened = await openRun(sourceOf(new Map([...run, [path, damaged]])));
  expect(await refusal(() => opened.weightsAt("original", 6))).toMatch(
    /^run\/checkpoints\/original-step-000006\.safetensors: the manifest says SHA-256 [0-9a-f]{64}; got/,
  );
  const short = await openRun(sourceOf(new Map([...run, [lossPath("original"), new Uint8Array(3)]])));
  expect(await refusal(() => runLosses(short, "original"))).toMatch(/the manifest says \d+ bytes; got 3\.$/);
});

test("what a manifest says is too large is refused before it is read, and no more is asked for than it says", async () => {
  const path = checkpointPath("original", 0);
  const asked: [string, number][] = [];
  const bytes = run.get(path) as Uint8Array;
  const huge = withFile(path, bytes, { ...fileEntry(path, bytes), bytes: 2 ** 40 });
  const opened = await openRun(sourceOf(huge, asked));
  expect(await refusal(() => opened.weightsAt("original", 0))).toMatch(
    /original-step-000000\.safetensors: may be \d{7} bytes long; got 1099511627776 in the manifest\.$/,
  );
  expect(await refusal(() => opened.file("report.html", 10))).toMatch(/may be 10 bytes long; got \d+ in the/);
  expect(asked).toEqual([["manifest.json", 2 ** 24]]);
  await opened.file("report.html");
  expect(asked[1]).toEqual(["report.html", run.get("report.html")?.length]);
});

test("a checkpoint has the weights, the step and the seeds of its run", async () => {
  const path = checkpointPath("original", 0);
  const weightsIn = async (bytes: Uint8Array) => {
    const opened = await openRun(sourceOf(withFile(path, bytes)));
    return refusal(() => opened.weightsAt("original", 0));
  };
  const checkpointOf = (change: (result: ArmResult) => void) => {
    const { main } = study.analyses[0];
    const result: ArmResult = { ...main, checkpoints: main.checkpoints.slice(0, 1), losses: [] };
    change(result);
    return [...populationFiles("original", result)][0][1];
  };
  const other = checkpointOf((result) => {
    result.models = [7, 8, 9].map((seed) => ({ init: seed, data: seed }));
  });
  expect(await weightsIn(other)).toMatch(
    /metadata seeds: must be those of the manifest, in its order; got "7,8,9"/,
  );
  const later = run.get(checkpointPath("original", 1)) as Uint8Array;
  expect(await weightsIn(later)).toMatch(/metadata step: must be 0, as in its name; got 1\.$/);
  const fewer = checkpointOf((result) => {
    result.arm = { ...result.arm, config: { ...result.arm.config, nLayers: 1 } };
  });
  expect(await weightsIn(fewer)).toMatch(/tensor blocks\.1\.\S+: the preset has this weight; got none\.$/);
  expect(await weightsIn(new TextEncoder().encode("<html>"))).toMatch(
    /must be a safetensors file; got an HTML page/,
  );
});

test("losses are as many of every network, and none where the file was never written", async () => {
  const path = lossPath("original");
  const row = (model: number, step: number) => ({
    ...{ arm: "original", model, seed: model, step, site: "model", unit: null },
    ...{ statistic: "trainingLoss", value: 1 },
  });
  const uneven = withFile(path, measurementsToParquet([row(0, 0), row(0, 1), row(1, 0), row(1, 1)]));
  expect(await refusal(async () => runLosses(await openRun(sourceOf(uneven)), "original"))).toBe(
    `run/${path}: must hold as many losses of each of 3 networks; got 4 in all.`,
  );
  const many = withFile(path, measurementsToParquet(Array.from({ length: 19 }, (_, step) => row(0, step))));
  expect(await refusal(async () => runLosses(await openRun(sourceOf(many)), "original"))).toMatch(
    /may have 18 rows; got 19\.$/,
  );
  const stopped = new Map([
    ["manifest.json", manifestBytes({ ...persistenceManifest(settings, origin, "interrupted"), files: [] })],
  ]);
  const opened = await openRun(sourceOf(stopped));
  expect(await runLosses(opened, "original")).toBeNull();
  expect(opened.populations.get("causal")?.steps).toEqual([]);
  expect(await refusal(() => opened.weightsAt("original", 0), ArgumentError)).toBe(
    "run, original: has checkpoints at the steps (none); got 0.",
  );
  expect(await refusal(() => opened.file("result.json"), ArgumentError)).toBe(
    'run: the manifest lists no such file; got "result.json".',
  );
});
