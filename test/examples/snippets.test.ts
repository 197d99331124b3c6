/** The examples run as a reader would run them, against the built package, and what they print is true. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { neighbourModel } from "../../src/features/index.ts";
import { measurementsToParquet } from "../../src/record/measurements.ts";
import { writeSafetensors } from "../../src/record/safetensors.ts";

/** Loss on 256 unseen sequences scatters about its expectation by less than this, nats. */
const SAMPLING = 0.1;
/** Sums of float32 numbers of order 1. */
const ROUNDING = 1e-5;

const printed: string[] = [];
beforeEach(() => {
  printed.length = 0;
  vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => vi.restoreAllMocks());

const total = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0);

test("trainPopulation: every seed learns, and with a causal mask none gets below the exact floor", async () => {
  const { losses, floor } = await import("../../examples/trainPopulation.ts");
  const [first, last] = [losses[0], losses[losses.length - 1]];
  expect(last).toHaveLength(4);
  last.forEach((loss, model) => {
    expect(loss).toBeLessThan(first[model] - 0.3);
    expect(loss).toBeGreaterThan(floor - SAMPLING);
  });
  expect(printed).toHaveLength(losses.length + 1);
});

test("persistence: a neuron keeps its own tuning and has nothing of another start's", async () => {
  const { meanR } = await import("../../examples/persistence.ts");
  expect(printed).toHaveLength(2);
  for (const site of ["blocks.0.mlp.hook_post", "blocks.1.mlp.hook_post"]) {
    const own = meanR(site);
    const other = meanR(site, neighbourModel(own.length));
    expect(Math.min(...own)).toBeGreaterThan(0.5);
    expect(Math.abs(total(other) / other.length)).toBeLessThan(0.1);
  }
});

test("tuningCurves: shares add up to one, the token curve about its mean to nothing", async () => {
  const { shares, token, unit } = await import("../../examples/tuningCurves.ts");
  expect(total(shares)).toBeCloseTo(1, 9);
  expect(Math.abs(total(token))).toBeLessThan(ROUNDING);
  expect(token).toHaveLength(10);
  expect(printed[0]).toContain(`L0N${unit}: token ${shares[0].toFixed(2)}`);
});

test("hooks: patterns are causal averages, and a silent head moves the logits of every model", async () => {
  const { pattern, changes } = await import("../../examples/hooks.ts");
  for (let row = 0; row < pattern.length / 7; row++) {
    const keys = pattern.subarray(row * 7, (row + 1) * 7);
    expect(total(keys)).toBeCloseTo(1, 5);
    expect(total(keys.subarray((row % 7) + 1))).toBe(0);
  }
  expect(changes).toHaveLength(3);
  expect(Math.min(...changes)).toBeGreaterThan(0);
});

test("interp: edits are reported, the lens ends in the model's logits, gradients point to what an edit would do", async () => {
  const { attribution, drops, impacts, lens, logits, patched, report } = await import(
    "../../examples/interp.ts"
  );
  expect(report.map(({ touched }) => touched)).toEqual([112, 112, 112, 112]); // 2 networks, 7 positions, 8 numbers
  expect(report.every(({ norm }) => norm > 0)).toBe(true);
  const places = lens.sites.length * 7 * 10;
  for (const model of [0, 1])
    expect(lens.logits.data.slice((model + 1) * places - 70, (model + 1) * places)).toEqual(
      logits.data.slice(model * 70, (model + 1) * 70),
    );
  expect(drops).toHaveLength(8);
  expect(drops.every((drop) => Number.isFinite(drop) && drop !== 0)).toBe(true);
  expect(attribution).toHaveLength(2);
  expect(patched.shape).toEqual([2, 2, 2]);
  expect(patched.data.every((effect) => Number.isFinite(effect) && effect !== 0)).toBe(true);
  expect(impacts.axes).toEqual(["model", "layer", "unit"]);
  expect(Math.min(...impacts.data)).toBeLessThan(0);
  expect(printed.length).toBeGreaterThan(4);
});

test("heads: networks that have learned nothing have no head of any kind, and every score has its interval", async () => {
  const { heads } = await import("../../examples/heads.ts");
  expect(heads.map(({ class: kind }) => kind)).toEqual(new Array(8).fill("abstain"));
  for (const { corrected, p } of heads.flatMap(({ scores }) => Object.values(scores))) {
    expect(corrected.low).toBeLessThan(corrected.high);
    expect(p).toBeGreaterThan(0);
  }
  expect(printed).toHaveLength(8);
});

test("paths: only what comes before is a sender, and the heads of a layer add up to its attention", async () => {
  const { direct, paths } = await import("../../examples/paths.ts");
  expect(paths.effect.estimate.shape).toEqual([2, 5, 12]);
  // the embedding reaches 12 inputs of heads, a head of layer 0 the 6 of layer 1, each in two networks
  expect(paths.effect.estimate.data.filter((effect) => Number.isFinite(effect))).toHaveLength(
    2 * (12 + 2 * 6),
  );
  expect(printed).toHaveLength(12 + 2 * 6);
  expect(printed[0]).toMatch(/^embed > L0H0\.q: /);
  const effects = direct.effect.estimate.data; // [model 2, sender 6, receiver 1]
  for (const model of [0, 1])
    for (const layer of [0, 1]) {
      const at = model * 6 + layer * 2;
      expect(effects[at] + effects[at + 1]).toBeCloseTo(effects[model * 6 + 4 + layer], 4);
    }
});

test("circuits: matrices have their sizes, and every score its place among random networks, alone and in its family", async () => {
  const { composition, copying, direction, logits, places, scores } = await import(
    "../../examples/circuits.ts"
  );
  expect([logits.rows, logits.columns, scores.rows, scores.columns]).toEqual([10, 10, 8, 8]);
  expect(composition.components).toEqual(["L0H0>L1H0", "L0H0>L1H1", "L0H1>L1H0", "L0H1>L1H1"]);
  for (const kind of ["q", "k", "v"] as const)
    for (const [i, p] of places[kind].p.high.data.entries()) {
      expect(p).toBeGreaterThanOrEqual(1 / 100);
      expect(places[kind].familywise.high.data[i]).toBeGreaterThanOrEqual(p);
    }
  expect(copying.shape).toEqual([2, 2, 2]);
  for (const score of copying.data) expect(Math.abs(score)).toBeLessThan(1);
  expect([direction.top.length, direction.bottom.length]).toEqual([2, 2]);
  expect(printed).toHaveLength(7);
});

test("readRun: rows and tensors come out as they went in, and a changed byte is found", async () => {
  const { damagedFiles, measurements, meanEta2, weights } = await import("../../examples/readRun.ts");
  const base = mkdtempSync(join(tmpdir(), "palimpsest-"));
  try {
    const folder = createRunFolder({ study: "trial", out: "run", cwd: base, date: () => new Date(0) });
    const row = { arm: "causal", model: 0, seed: 7, step: 0, site: "blocks.0.mlp.hook_post" };
    const rows = [0.25, Number.NaN, 0.75].map((value, unit) => ({
      ...{ ...row, unit, statistic: "eta2.token", value },
    }));
    folder.write("measurements/causal-step-000000.parquet", measurementsToParquet(rows));
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const tensors = [["embed.W_E", { shape: [1, 3, 2], data }]] as const;
    folder.write("checkpoints/causal-step-000000.safetensors", writeSafetensors(tensors));
    const versions = { palimpsest: "0" };
    folder.commit({ study: "trial", status: "complete", config: {}, versions, engine: null });

    const table = join(folder.path, "measurements/causal-step-000000.parquet");
    expect(await measurements(table)).toEqual(rows.map((one) => ({ ...one, seed: 7n })));
    expect(await meanEta2(table, "blocks.0.mlp.hook_post")).toBe(0.5);
    const checkpoint = join(folder.path, "checkpoints/causal-step-000000.safetensors");
    expect(weights(checkpoint).get("embed.W_E")).toEqual({ shape: [1, 3, 2], data });
    expect(damagedFiles(folder.path)).toEqual([]);
    const bytes = readFileSync(table);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(table, bytes);
    expect(damagedFiles(folder.path)).toEqual(["measurements/causal-step-000000.parquet"]);
  } finally {
    rmSync(base, { recursive: true });
  }
});
