/** Activations made by hand, so that the right answer is known. */
import type { RandomStream } from "../../src/base/random.ts";
import { latinBlocks, type Probe } from "../../src/data/probes.ts";
import { type TuningCurves, tuningCurvesOf } from "../../src/features/tuningCurves.ts";

/** A unit's activation in one place of a probe. */
export type Unit = (at: { token: number; pos: number; sequence: number }) => number;

/** Raw activations of one model, [sequence, pos, unit]. */
export function plantedActivations(probe: Probe, units: readonly Unit[]): number[] {
  const values: number[] = [];
  for (let sequence = 0; sequence < probe.count; sequence++)
    for (let pos = 0; pos < probe.nPos; pos++)
      for (const unit of units)
        values.push(unit({ token: probe.tokens[sequence * probe.nPos + pos], pos, sequence }));
  return values;
}

/** Curves of a population, each model given by its units. */
export function plantedCurves(probe: Probe, models: readonly (readonly Unit[])[]): TuningCurves {
  return tuningCurvesOf(
    models.flatMap((units) => plantedActivations(probe, units)),
    { site: "planted", models: models.length, units: models[0].length, probe },
  );
}

/** A table look-up: tuned to token and position at random, deaf to the context. */
export function randomLookUp(stream: RandomStream, dVocab: number, nPos: number): Unit {
  const table = Float64Array.from({ length: dVocab * nPos }, () => stream.normal());
  return ({ token, pos }) => table[token * nPos + pos];
}

/** The usual probe of these tests. */
export function smallProbe(stream: RandomStream, { dVocab = 5, nPos = 4, blocks = 6 } = {}): Probe {
  return latinBlocks({ dVocab, nPos, blocks, stream });
}
