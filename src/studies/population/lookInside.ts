/** Tuning of networks that are not in training: of given weights, in one call. */
import type { Probe } from "../../data/probes.ts";
import { type TuningCurves, tuningProgram, tuningStates } from "../../features/tuningCurves.ts";
import type { Backend } from "../../graph/backend.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SiteSelector } from "../../model/hookPoints.ts";
import { modelCount, type Weights, weightShapes } from "../../model/weights.ts";

/** A measurement of tuning that can be repeated for other weights of the same networks without compiling again. */
export interface TuningLook {
  /** Curves by site name in firing order. */
  measure(weights: Weights): Promise<Map<string, TuningCurves>>;
  close(): void;
}

/** Opens a measurement of the tuning of `models` networks at some sites. */
export function openTuning(
  backend: Backend,
  config: ModelConfig,
  models: number,
  { sites, probe }: { sites: readonly SiteSelector[]; probe: Probe },
): TuningLook {
  const shapes = weightShapes(config);
  const session = backend.open({
    models,
    states: { ...Object.fromEntries(shapes), ...tuningStates(config, sites, probe) },
  });
  const program = tuningProgram(session, config, { sites, probe });
  return {
    measure: async (weights) => {
      for (const name of shapes.keys()) session.write(name, weights[name]);
      return program.measure();
    },
    close: () => session.close(),
  };
}

/** Tuning curves of weights, [model, ...shape], by site name in firing order. */
export async function tuningOf(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  options: { sites: readonly SiteSelector[]; probe: Probe },
): Promise<Map<string, TuningCurves>> {
  const look = openTuning(backend, config, modelCount(config, weights), options);
  try {
    return await look.measure(weights);
  } finally {
    look.close();
  }
}
