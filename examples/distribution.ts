/** Are seeds alike? Reads the numbers of every seed out of a run folder. `node distribution.mjs runs/thousand` */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { randomStream } from "palimpsest";
import {
  betaBinomialFit,
  intraclassCorrelation,
  overdispersionTest,
  quantileInterval,
  successTable,
} from "palimpsest/stats";

/** One statistic of a layer's neurons, a number a seed in the order of the seeds; those that diverged are left out. */
export async function bySeed(
  run: string,
  preset: string,
  layer: number,
  statistic: string,
): Promise<number[]> {
  const file = new Uint8Array(readFileSync(join(run, "measurements", `${preset}-seeds.parquet`))).buffer;
  const rows = await parquetReadObjects({ file });
  return rows
    .filter((row) => row.site === `blocks.${layer}.mlp.hook_post` && row.statistic === statistic)
    .map((row) => row.value)
    .filter(Number.isFinite);
}

/** Luck or seeds? Counts of maintained units, as they are and as units that survive independently would have them. */
export async function luckOrSeeds(run: string, preset: string, layer: number, kind: "token" | "position") {
  const [shares, tracked] = [
    await bySeed(run, preset, layer, `maintained.${kind}`),
    await bySeed(run, preset, layer, `tracked.${kind}`),
  ];
  const counts = {
    successes: shares.map((share, seed) => Math.round(share * tracked[seed])),
    trials: tracked,
  };
  return {
    seeds: [...successTable(counts)],
    rho: intraclassCorrelation(counts),
    p: overdispersionTest(counts, { stream: randomStream("luck", layer, kind), resamples: 999 }).p,
    fit: betaBinomialFit(counts),
  };
}

const [run, preset = "original"] = process.argv.slice(2);
if (run !== undefined && process.argv[1]?.includes("distribution"))
  for (const layer of [0, 1])
    for (const kind of ["token", "position"] as const) {
      const { seeds, rho, p, fit } = await luckOrSeeds(run, preset, layer, kind);
      const { estimate, low, high } = quantileInterval(await bySeed(run, preset, layer, `r.${kind}`), 0.05);
      console.log(
        `L${layer} ${kind}: seeds that keep 0, 1, … units ${seeds.join(" ")}; rho ${rho.toFixed(3)}, p ${p}`,
      );
      console.log(`  likeliest beta-binomial: mean ${fit.mean.toFixed(3)}, rho ${fit.rho.toFixed(3)}`);
      console.log(
        `  one seed in twenty has tuning r below ${estimate.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`,
      );
    }
