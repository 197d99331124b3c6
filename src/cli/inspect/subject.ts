/** What is looked into: random networks of a preset, or the networks of a run at one of its checkpoints. */
import { type Stats, statSync } from "node:fs";
import { resolve } from "node:path";
import { ArgumentError, nearest } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { type ModelConfig, type PresetName, presets } from "../../model/config.ts";
import { type InitOptions, initialPopulation } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";
import { streams } from "../../studies/population/job.ts";
import { diskError } from "../diskError.ts";
import type { Subject, SubjectChoice } from "./inspected.ts";
import { readRunNetworks } from "./runNetworks.ts";

const presetNames = Object.keys(presets) as PresetName[];
const isPreset = (name: string): name is PresetName => presetNames.some((known) => known === name);

/**
 * The networks of a seed that a run has not trained are those that `study persistence` starts from, so a preset's seed is
 * the run's seed at step 0.
 */
export function randomNetworks(
  config: ModelConfig,
  init: Required<InitOptions>,
  seeds: readonly number[],
): Weights {
  return initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream(...streams.init("persistence", seed))),
  );
}

/**
 * Finds what was asked for. A preset's name means the preset; a folder of that name is `./name`.
 *
 * @throws ArgumentError, FileError  one sentence: neither preset nor folder, no such preset, step or seed in the run, an
 *                                   option that does not belong to this kind of subject, a file that cannot be believed
 */
export function openSubject(choice: SubjectChoice, cwd: string): Subject {
  const { subject, preset, step, seeds, init } = choice;
  if (!isPreset(subject)) {
    const stats = statOf(subject, cwd);
    if (stats === undefined)
      throw new ArgumentError({
        where: "inspect",
        rule: `takes the folder of a run or a preset (${presetNames.join(", ")})`,
        got: `${JSON.stringify(subject)}, which is neither`,
        wayOut: `Nearest preset: ${JSON.stringify(nearest(subject, presetNames))}.`,
      });
    if (init !== null)
      throw new ArgumentError({
        where: "--init",
        rule: "belongs to a preset; a run has its own",
        got: init.scheme,
      });
    return readRunNetworks(choice, cwd);
  }
  if (preset !== null && preset !== subject)
    throw new ArgumentError({
      where: "--preset",
      rule: `must be that of the subject, ${subject}`,
      got: preset,
    });
  if (step !== null && step !== 0)
    throw new ArgumentError({
      where: "--step",
      rule: `${subject} is a preset, whose networks are random: there is step 0 only`,
      got: String(step),
      wayOut: "Give the folder of a run to look at trained networks.",
    });
  if (seeds === "all")
    throw new ArgumentError({
      where: "--seed",
      rule: "all belongs to a run; a preset has a network for every number",
      got: '"all"',
      wayOut: "Give a list such as 0-9.",
    });
  const own = seeds ?? [0];
  const drawn = init ?? { scheme: "pytorch", embeddingScale: 1 };
  const config = presets[subject];
  return {
    ...{ preset: subject, config, init: drawn, step: 0, seeds: own, run: null },
    weights: randomNetworks(config, drawn, own),
  };
}

/** What lies at a path; undefined where nothing does. */
function statOf(path: string, cwd: string): Stats | undefined {
  const absolute = resolve(cwd, path);
  try {
    return statSync(absolute, { throwIfNoEntry: false });
  } catch (error) {
    throw diskError(error, absolute, path, "cannot be looked into");
  }
}

/** Where the networks of a null come from: draw i is `child(i)`, for every verb. */
export const nullStream = () => randomStream("inspect", "null");

/** Networks of the subject's config and initialisation that are nobody's subject. */
export function drawnNetworks({ config, init }: Subject, draws: number): Weights {
  const stream = nullStream();
  return initialPopulation(
    config,
    init,
    Array.from({ length: draws }, (_, draw) => stream.child(draw)),
  );
}
