/** The series that `track` was pointed at, found in the cache, in folders, or in a run; nothing is read yet. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { inTurn } from "../../base/inTurn.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import { folderCheckpoint, type SeriesCheckpoint, weightsCheckpoint } from "../../pretrained/series/index.ts";
import { goingOn, readManifest } from "../../record/manifest.ts";
import { isPopulationStudy } from "../../studies/persistence/runConfig.ts";
import type { TrackOptions } from "../commands/track.ts";
import { diskError } from "../disk/diskError.ts";
import { readRunNetworks } from "../inspect/runNetworks.ts";
import { fileSha256, folderSha256 } from "../models/fileHash.ts";
import { openModelFolder } from "../models/fileSource.ts";
import { cacheFolder, repoFolder, resolveModel } from "../models/modelCache.ts";
import { readTokenizer } from "../models/openModel.ts";
import { readInput } from "../readInput.ts";

/** One network through its training. */
export interface FoundSeries {
  readonly name: string;
  /** By step. */
  readonly checkpoints: readonly SeriesCheckpoint[];
  /** The tokenizer that lies beside the last checkpoint, or beside all of them; null if there is none. */
  tokenizer(): Promise<Tokenizer | null>;
  /** Name of the task, where it is known. */
  readonly task: string | null;
}

type Choice = Pick<TrackOptions, "steps" | "revisions" | "cache" | "preset" | "seeds">;

/**
 * The networks of one MODEL.
 *
 * @throws FileError, ArgumentError  one sentence: no such folder or repository, steps that are missing and how to fetch
 *                                   them, a run that has no checkpoints
 */
export async function findSeries(model: string, choice: Choice, cwd: string): Promise<FoundSeries[]> {
  const path = resolve(cwd, model);
  if (!existsSync(path)) return [await repositorySeries(model, choice, cwd)];
  if (!statSync(path).isDirectory())
    throw new FileError({ where: model, rule: "must be a folder of checkpoints", got: "a file" });
  if (existsSync(join(path, "manifest.json"))) return runSeries(model, path, choice, cwd);
  return [folderSeries(model, path, choice)];
}

const stepOf = (pattern: string) => {
  const [before, after] = pattern.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const form = new RegExp(`^${before}([0-9]{1,15})${after}$`);
  return (name: string): number | undefined => {
    const digits = form.exec(name)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
};

/** A checkpoint in a folder that is found when it is opened. */
function checkpointIn(step: number, label: string, place: () => Promise<string>): SeriesCheckpoint {
  return {
    ...{ step, label },
    files: async () => folderSha256(await place()),
    open: async () => {
      const folder = await openModelFolder(await place(), label);
      try {
        return await folderCheckpoint(folder, () => folder.close());
      } catch (error) {
        await folder.close();
        throw error;
      }
    },
  };
}

async function tokenizerIn(folders: readonly string[]): Promise<Tokenizer | null> {
  for (const path of folders) {
    const folder = await openModelFolder(path, path);
    try {
      const tokenizer = await readTokenizer(folder);
      if (tokenizer !== null) return tokenizer;
    } finally {
      await folder.close();
    }
  }
  return null;
}

/** Steps that were asked for, of those that are there. */
function chosenSteps(
  model: string,
  { steps }: Choice,
  held: readonly number[],
  wayOut?: (step: number) => string | undefined,
) {
  const sorted = [...held].sort((a, b) => a - b);
  if (steps === null) return sorted;
  const missing = steps.filter((step) => !sorted.includes(step));
  if (missing.length === 0) return [...steps].sort((a, b) => a - b);
  const shown =
    sorted.length > 12 ? `${sorted.slice(0, 11).join(", ")} … ${sorted.at(-1)}` : sorted.join(", ");
  throw new FileError({
    where: `${model}, --steps`,
    rule: `${missing.slice(0, 8).join(", ")}${missing.length > 8 ? ` and ${missing.length - 8} more` : ""} ${missing.length === 1 ? "is" : "are"} not here`,
    got: sorted.length === 0 ? "no step at all" : `steps ${shown}`,
    wayOut: wayOut?.(missing[0]),
  });
}

function folderSeries(model: string, path: string, choice: Choice): FoundSeries {
  const step = stepOf(choice.revisions);
  const held = new Map<number, string>();
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    throw diskError(error, path, model, "cannot be read");
  }
  for (const name of names) {
    const number = step(name);
    if (number !== undefined) held.set(number, name);
  }
  if (held.size === 0)
    throw new FileError({
      where: model,
      rule: `must hold folders named ${choice.revisions} with a step for {}`,
      got: names.includes("config.json") ? "a single model" : `${names.length} other names`,
      wayOut: 'Say how they are named with --revisions, such as "checkpoint-{}".',
    });
  const steps = chosenSteps(model, choice, [...held.keys()]);
  return {
    name: model,
    checkpoints: steps.map((number) => {
      const name = held.get(number) as string;
      return checkpointIn(number, `${model}/${name}`, async () => join(path, name));
    }),
    tokenizer: () => tokenizerIn([join(path, held.get(steps[steps.length - 1]) as string), path]),
    task: null,
  };
}

/** A repository whose revisions were fetched. */
async function repositorySeries(model: string, choice: Choice, cwd: string): Promise<FoundSeries> {
  const { revisions, steps, cache } = choice;
  const options = cache === null ? { cwd } : { cwd, cache };
  const place = (step: number) =>
    resolveModel(model, { ...options, revision: revisions.replace("{}", String(step)) });
  const listed = steps ?? heldSteps(model, choice, cwd);
  // no step at all: the sentence that says what is missing and how to fetch it
  if (listed.length === 0) await place(0);
  const held: number[] = [];
  for (const step of listed) {
    try {
      await place(step);
      held.push(step);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    }
  }
  const chosen = chosenSteps(model, { ...choice, steps: listed }, held, (step) => {
    return `"palimpsest models pull ${model} --revision ${revisions.replace("{}", String(step))}" fetches one.`;
  });
  return {
    name: model,
    checkpoints: chosen.map((step) =>
      checkpointIn(step, `${model} ${revisions.replace("{}", String(step))}`, () => place(step)),
    ),
    tokenizer: async () => tokenizerIn([await place(chosen[chosen.length - 1])]),
    task: null,
  };
}

/** Steps among the revisions that the cache holds of a repository. */
function heldSteps(model: string, { cache, revisions }: Choice, cwd: string): number[] {
  const step = stepOf(revisions);
  try {
    const refs = join(repoFolder(cacheFolder(cwd, cache ?? undefined, process.env), model), "refs");
    return readdirSync(refs).flatMap((name) => step(name) ?? []);
  } catch {
    return []; // nothing of it was ever fetched
  }
}

/** The networks of a run of this program. */
async function runSeries(model: string, path: string, choice: Choice, cwd: string): Promise<FoundSeries[]> {
  const file = join(model, "manifest.json");
  const manifest = readManifest(readInput(file, { cwd }), file);
  const models = join(path, "models");
  if (existsSync(models)) {
    const seeds = readdirSync(models).flatMap((name) => stepOf("seed-{}")(name) ?? []);
    seeds.sort((a, b) => a - b);
    return chosenSeeds(model, choice, seeds).map((seed) => {
      const place = join("models", `seed-${seed}`);
      return {
        ...folderSeries(join(model, place), join(path, place), choice),
        name: `${model}, seed ${seed}`,
      };
    });
  }
  if (!isPopulationStudy(manifest.study))
    throw new FileError({
      where: model,
      rule: "holds no checkpoints that can be tracked",
      got: `a run of ${JSON.stringify(manifest.study)}, ${manifest.status}, without models/`,
      wayOut: goingOn(manifest, model) ?? 'Train with "palimpsest train --export all".',
    });
  const { presets, task } = manifest.config;
  const preset =
    choice.preset ?? (Array.isArray(presets) && presets.length === 1 ? String(presets[0]) : null);
  const named = new RegExp(`^checkpoints/${preset ?? "[a-z-]+"}-step-(\\d{1,15})\\.safetensors$`);
  const held = manifest.files.flatMap(({ path: name }) => {
    const digits = named.exec(name)?.[1];
    return digits === undefined ? [] : [{ step: Number(digits), name }];
  });
  const chosen = chosenSteps(model, choice, [...new Set(held.map(({ step }) => step))], () =>
    goingOn(manifest, model),
  );
  if (chosen.length === 0)
    throw new FileError({
      where: model,
      rule: `must hold checkpoints${preset === null ? "" : ` of ${preset}`}`,
      got: `none, in a run that is ${manifest.status}`,
      wayOut: goingOn(manifest, model),
    });
  const networks = (step: number, seeds: readonly number[] | "all") =>
    readRunNetworks({ subject: model, preset: choice.preset, step, seeds }, cwd);
  const { seeds } = await networks(chosen[0], choice.seeds);
  return seeds.map((seed) => ({
    name: `${model}, seed ${seed}`,
    checkpoints: chosen.map((step) => ({
      ...{ step, label: `step ${step}` },
      // of all seeds together
      files: async () => {
        const own = held.filter((one) => one.step === step).map(({ name }) => name);
        return Object.fromEntries(
          await inTurn(own, async (name) => [name, await fileSha256(join(path, name))] as const),
        );
      },
      open: async () => {
        const { config, weights } = await networks(step, [seed]);
        return weightsCheckpoint(config, weights, `${model}, step ${step}`);
      },
    })),
    tokenizer: async () => null,
    task: typeof task === "string" ? task : null,
  }));
}

function chosenSeeds(model: string, { seeds }: Choice, held: readonly number[]): readonly number[] {
  if (seeds === "all") return held;
  const missing = seeds.find((seed) => !held.includes(seed));
  if (missing === undefined) return seeds;
  throw new FileError({
    where: `${model}, --seed`,
    rule: `has the seeds ${held.join(", ")}`,
    got: String(missing),
  });
}
