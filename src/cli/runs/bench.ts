/** `palimpsest bench train`: model-steps per second. */
import { chosenBackend } from "../../backends/registry.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { BenchOptions } from "../commands/benchTrain.ts";
import type { Outcome, RunIo } from "../io.ts";
import { openCardPool } from "../workers/cardPool.ts";
import { benchSizes } from "../workers/measureTraining.ts";
import { openPool } from "../workers/pool.ts";
import { cardOf } from "./card.ts";

/** Measures training, the population shared out among the workers, all at once. */
export async function runBench(options: BenchOptions, io: RunIo): Promise<Outcome> {
  const { config, models, seconds, relaxed } = options;
  const backend = chosenBackend(options.backend, benchSizes[config]);
  const card = await cardOf(backend);
  const workers = card === null ? options.workers : 1;
  if (workers > models)
    throw new ArgumentError({
      where: "--workers",
      rule: `must be at most the ${models} of --models`,
      got: String(workers),
    });
  const shares = Array.from({ length: workers }, (_, worker) => Math.floor((models + worker) / workers));
  const { signal } = io;
  const pool = card !== null ? openCardPool({ signal }) : openPool({ workers, signal, relaxed });
  const measured = await pool
    .measure(shares.map((share) => ({ config, models: share, seconds, backend: { name: backend, relaxed } })))
    .finally(() => pool.close());
  const rates = measured.map(
    ({ steps, milliseconds }, worker) => (1000 * steps * shares[worker]) / milliseconds,
  );
  const modelStepsPerSecond = rates.reduce((sum, rate) => sum + rate, 0);
  const result = {
    ...{ config, models, workers, backend: relaxed ? `${backend}, relaxed` : backend, modelStepsPerSecond },
    msPerStep: (1000 * models) / modelStepsPerSecond,
    kernelShare: measured.reduce((sum, { kernelShare }) => sum + kernelShare / workers, 0),
    ...(card === null ? {} : { card: card.adapter }),
    peakRssMb: process.resourceUsage().maxRSS / 1024,
  };
  const summary = [
    `${config}, ${models} models, ${workers} workers, ${result.backend}`,
    `  ${modelStepsPerSecond.toFixed(0)} model-steps per second, ${result.msPerStep.toFixed(3)} ms a step of the population`,
    `  ${(result.kernelShare * 100).toFixed(1)} % of the time in kernels, ${result.peakRssMb.toFixed(0)} MB at most`,
  ].join("\n");
  return { result, summary };
}
