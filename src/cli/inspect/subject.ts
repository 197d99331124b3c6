/** What is looked into: random networks of a preset, the networks of a run at a checkpoint, or a pretrained model. */
import { type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { backendNamed, chosenBackend } from "../../backends/registry.ts";
import { ArgumentError, nearest } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { type Network, openEmptyNetwork, openNetwork } from "../../interp/network.ts";
import { type ModelConfig, type PresetName, presets } from "../../model/config.ts";
import { type InitOptions, initialPopulation } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";
import { streams } from "../../studies/population/arm.ts";
import type { BackendChoice } from "../commonOptions.ts";
import { diskError } from "../disk/diskError.ts";
import type { RunIo } from "../io.ts";
import { isRepo } from "../models/hubNames.ts";
import { cachedCommit, cacheFolder } from "../models/modelCache.ts";
import { openModel, passWeights } from "../models/openModel.ts";
import type { OpenedSubject, Subject, SubjectChoice } from "./inspected.ts";
import { freshModels, shuffledModels } from "./pretrainedNull.ts";
import { type RunNetworks, readRunNetworks } from "./runNetworks.ts";

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

const fields = ["preset", "step", "seeds", "init"] as const;
const flags = { preset: "--preset", step: "--step", seeds: "--seed", init: "--init" } as const;

/**
 * Finds what was asked for. A preset's name means the preset; a folder of that name is `./name`. A folder with a
 * config.json is a pretrained model, any other that of a run; what is no folder may be a repository in the cache.
 *
 * @throws ArgumentError, FileError  one sentence: nothing of that name, no such preset, step or seed in the run, an option
 *                                   that does not belong to this kind of subject, a file that cannot be believed
 */
export async function openSubject(
  choice: SubjectChoice,
  backendName: BackendChoice,
  io: RunIo,
): Promise<OpenedSubject> {
  const { subject } = choice;
  const opened = async ({ weights, ...rest }: Omit<Subject, "pretrained"> & { weights: Weights }) => {
    const backend = await backendNamed(chosenBackend(backendName, rest.config));
    return {
      ...{ subject: { ...rest, pretrained: null }, backend },
      network: openNetwork(backend, rest.config, weights),
    };
  };
  if (isPreset(subject)) {
    refusePretrained(choice);
    return opened(openPreset(choice, subject));
  }
  const stats = statOf(subject, io.cwd);
  if (stats === undefined && !mayBeFetched(choice, io.cwd)) throw nothingThere(subject);
  if (stats !== undefined && statOf(join(subject, "config.json"), io.cwd) === undefined) {
    if (choice.init !== null)
      throw new ArgumentError({
        where: "--init",
        rule: "belongs to a preset; a run has its own",
        got: choice.init.scheme,
      });
    refusePretrained(choice);
    return opened(await readRunNetworks(choice, io.cwd));
  }
  return openPretrained(choice, backendName, io);
}

function nothingThere(subject: string): ArgumentError {
  return new ArgumentError({
    where: "inspect",
    rule: `takes the folder of a run or a pretrained model, a repository that models pull has fetched, or a preset (${presetNames.join(", ")})`,
    got: `${JSON.stringify(subject)}, which is none`,
    wayOut: `Nearest preset: ${JSON.stringify(nearest(subject, presetNames))}.`,
  });
}

/** Whether a text that is no folder is to be looked for in the cache: with an organisation, or where it is there. */
function mayBeFetched({ subject, pretrained: { revision, cache } }: SubjectChoice, cwd: string): boolean {
  if (!isRepo(subject)) return false;
  const home = cacheFolder(cwd, cache ?? undefined, process.env);
  return subject.includes("/") || cachedCommit(home, subject, revision ?? "main") !== null;
}

/** Refuses what only a pretrained model has. */
function refusePretrained({ subject, pretrained, nullKind }: SubjectChoice): void {
  const { revision, cache, processing } = pretrained;
  const given: [flag: string, value: string | null][] = [
    ["--revision", revision],
    ["--cache", cache],
    ["--processing", processing.length > 0 ? processing.join(",") : null],
    ["--null", nullKind],
  ];
  for (const [where, got] of given)
    if (got !== null)
      throw new ArgumentError({ where, rule: `belongs to a pretrained model, which ${subject} is not`, got });
}

function openPreset(choice: SubjectChoice, subject: PresetName): RunNetworks {
  const { preset, step, seeds, init } = choice;
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
    ...{ name: subject, config, init: drawn, step: 0, seeds: own, run: null },
    weights: randomNetworks(config, drawn, own),
  };
}

async function openPretrained(
  choice: SubjectChoice,
  backendName: BackendChoice,
  io: RunIo,
): Promise<OpenedSubject> {
  for (const field of fields)
    if (choice[field] !== null)
      throw new ArgumentError({
        where: flags[field],
        rule: "belongs to presets and runs; a pretrained model is one network",
        got: JSON.stringify(choice[field]),
        wayOut:
          field === "step" ? "Checkpoints of a repository are its revisions: --revision step512." : undefined,
      });
  const model = await openModel({ model: choice.subject, ...choice.pretrained }, io);
  try {
    const { family, processing, tokenizer, initStd, config: original } = model;
    const backend = await backendNamed(chosenBackend(backendName, original));
    const network = await passWeights(model, io, (config) => {
      const result = openEmptyNetwork(backend, config, { models: 1 });
      return { result, take: result.session.write };
    });
    const nullKind = choice.nullKind ?? "random";
    const subject: Subject = {
      ...{ name: model.name, config: network.config, init: null, step: null, seeds: [0], run: null },
      pretrained: { family, processing, tokenizer, initStd, nullKind, original },
    };
    return { subject, network, backend };
  } finally {
    await model.close();
  }
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

/** Networks of the null, number `first` and the following: as the subject began, or as its family does. */
export async function drawnNetworks(
  { subject, network }: { subject: Subject; network: Network },
  first: number,
  count: number,
): Promise<Weights> {
  const { config, init, pretrained } = subject;
  const stream = nullStream();
  if (pretrained?.nullKind === "shuffled") return shuffledModels(network, { first, count, stream });
  if (pretrained !== null) return freshModels(pretrained.original, pretrained, { first, count, stream });
  return initialPopulation(
    config,
    init as Required<InitOptions>,
    Array.from({ length: count }, (_, draw) => stream.child(first + draw)),
  );
}
