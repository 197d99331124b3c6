/** How large a run of the page may be. The command line, which keeps nothing that it has written, has no such limit. */
import { ArgumentError } from "../../../src/base/errors.ts";
import { parameterCount } from "../../../src/model/weights.ts";
import type { Arm } from "../../../src/studies/persistence/spec.ts";
import type { ArmSpec } from "../../../src/studies/population/arm.ts";

/** Tuning values that a page can compare at every picture: one for each seed, MLP unit, token and position. */
const mostTuning = 2 ** 22;
/** Bytes that a run may keep, and all runs of a page together. */
export const mostBytes = { run: 2 ** 31, page: 2 ** 32 } as const;
/** Places besides the checkpoints where a run was stopped that are kept, the latest. */
export const MOST_PAUSES = 8;

/** Weights, and two moments of each, as they are kept to go on from; and the weights once more, to be looked at. */
const BYTES_OF_WEIGHT = 4 * 4;
const BYTES_OF_TUNING = 4;
const BYTES_OF_LOSS = 8;

/** Tuning values of one look: [seed, unit, token, position] of all layers' neurons. */
function tuningValues({ config, probe }: ArmSpec, models: number): number {
  const units = config.attnOnly ? 0 : config.nLayers * config.dMlp;
  return models * units * config.dVocab * probe.nPos;
}

/** Bytes that a run of the page keeps in the end, nearly: looks and states at its checkpoints and pauses, and losses. */
export function keptBytes(arm: ArmSpec, models: number): number {
  const places = arm.checkpoints.length + MOST_PAUSES;
  const weights = BYTES_OF_WEIGHT * models * parameterCount(arm.config);
  return (
    places * (weights + BYTES_OF_TUNING * tuningValues(arm, models)) + BYTES_OF_LOSS * models * arm.steps
  );
}

/**
 * The arm itself, if a page can hold a run of it and keep up with it.
 *
 * @throws ArgumentError  in a sentence that says what to choose instead
 */
export function checkedSize(arm: Arm): Arm {
  const { spec, models } = arm;
  const tuning = tuningValues(spec, models.length);
  if (tuning > mostTuning)
    throw new ArgumentError({
      where: "size",
      rule: `a run of the page may have ${mostTuning} tuning values, one for each seed, MLP unit, token and position`,
      got: String(tuning),
      wayOut: "Choose fewer of them; the command line has no such limit.",
    });
  const bytes = keptBytes(spec, models.length);
  if (bytes > mostBytes.run)
    throw new ArgumentError({
      where: "size",
      rule: `a run of the page may keep ${mostBytes.run} bytes of weights, tuning and losses`,
      got: String(bytes),
      wayOut: "Choose smaller networks, fewer seeds or fewer steps; the command line has no such limit.",
    });
  return arm;
}
