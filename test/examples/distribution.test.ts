/** The example reads a run's numbers of every seed. Oracle: a run whose counts were written by hand. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bySeed, luckOrSeeds } from "../../examples/distribution.ts";
import { type Measurement, measurementsToParquet } from "../../src/record/measurements.ts";

/** Seeds that keep all five units or none, and one that diverged. */
const KEPT = [5, 0, 5, 0, 5, 0, 5, 0, 5, 0, Number.NaN];

function rowsOf(layer: number): Measurement[] {
  return KEPT.flatMap((kept, model) =>
    (
      [
        ["maintained.token", kept / 5],
        ["tracked.token", Number.isNaN(kept) ? Number.NaN : 5],
        ["r.token", layer + kept / 100],
      ] as const
    ).map(([statistic, value]) => ({
      ...{ arm: "original", model, seed: model, step: 160, site: `blocks.${layer}.mlp.hook_post` },
      ...{ unit: null, statistic, value },
    })),
  );
}

test("distribution: seeds that keep all or nothing are told from luck, in the order of the seeds", async () => {
  const run = mkdtempSync(join(tmpdir(), "palimpsest-example-"));
  try {
    mkdirSync(join(run, "measurements"));
    const bytes = measurementsToParquet([...rowsOf(0), ...rowsOf(1)]);
    writeFileSync(join(run, "measurements/original-seeds.parquet"), bytes);
    expect(await bySeed(run, "original", 1, "r.token")).toEqual([
      1.05, 1, 1.05, 1, 1.05, 1, 1.05, 1, 1.05, 1,
    ]);
    const { seeds, rho, p, fit } = await luckOrSeeds(run, "original", 0, "token");
    expect(seeds).toEqual([5, 0, 0, 0, 0, 5]);
    expect(rho).toBeCloseTo(1, 12);
    expect(p).toBe(1 / 1000);
    expect(fit.mean).toBeCloseTo(0.5, 6);
    expect(fit.rho).toBeGreaterThan(0.99);
  } finally {
    rmSync(run, { recursive: true });
  }
});
