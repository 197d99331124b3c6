/** The models that minimal pairs are put to: a pretrained one, or the seeds of a run of `palimpsest train`. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { FileError } from "../../base/errors.ts";
import { type RandomStream, randomStream } from "../../base/random.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import type { Backend } from "../../graph/backend.ts";
import { type Network, openEmptyNetwork, openNetwork } from "../../interp/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type InitSchemeName, initialPopulation, initSchemes } from "../../model/init.ts";
import { stackWeights, type Weights } from "../../model/weights.ts";
import { goingOn, readManifest } from "../../record/manifest.ts";
import { freshModels } from "../inspect/pretrainedNull.ts";
import type { RunIo } from "../io.ts";
import { entriesOf } from "../models/fileSource.ts";
import {
  loadWeights,
  type ModelChoice,
  type OpenModel,
  openModel,
  passWeights,
  requireTokenizer,
} from "../models/openModel.ts";
import { readInput } from "../readInput.ts";
import { isFolder } from "./isFolder.ts";

/** Models of one architecture with one tokenizer. Close it. */
export interface PairSubject {
  /** As the user named it. */
  readonly name: string;
  readonly family: string;
  /** As config.json describes it, before any processing. */
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** Of a run's models, [model]; null for a pretrained model. */
  readonly seeds: readonly number[] | null;
  /** Updates that a run's models had, where all checkpoints were exported; else null. */
  readonly step: number | null;
  /** Seeds of the run that left no model: they diverged. */
  readonly missing: readonly number[];
  /** How fresh networks are drawn, for a reader. */
  readonly init: string;
  /** Opens the models as one population. */
  open(backend: Backend): Promise<Network>;
  /** Freshly initialised networks, number `first` and the following; draw i takes `child(i)`. */
  fresh(first: number, count: number): Weights;
  close(): Promise<void>;
}

const nullStream = (): RandomStream => randomStream("pairs", "null");

/** What the manifest of a run of `palimpsest train` has to say. */
const settingsSchema = z.object({
  seeds: z.array(z.int().nonnegative()).min(1),
  init: z.object({
    scheme: z.enum(Object.keys(initSchemes) as [InitSchemeName, ...InitSchemeName[]]),
    embeddingScale: z.number().nonnegative(),
  }),
});

/**
 * Finds the models. A folder with a manifest.json and a folder `models` is a run.
 *
 * @throws FileError, ArgumentError  one sentence: as openModel; no tokenizer; a run without manifest or models, or whose
 *                                   models are not of one architecture, tokenizer and step
 */
export async function openPairSubject(choice: ModelChoice, io: RunIo): Promise<PairSubject> {
  const path = resolve(io.cwd, choice.model);
  const isRun =
    choice.revision === null &&
    isFolder(join(path, "models")) &&
    (await entriesOf(path, choice.model)).some(({ name }) => name === "manifest.json");
  return isRun ? openRun(choice, io) : openPretrained(choice, io);
}

async function openPretrained(choice: ModelChoice, io: RunIo): Promise<PairSubject> {
  const model = await openModel(choice, io);
  try {
    return {
      ...{ name: model.name, family: model.family, config: model.config },
      tokenizer: requireTokenizer(model, choice.model),
      ...{ seeds: null, step: null, missing: [] },
      init: `as ${model.family} begins, standard deviation ${model.initStd}`,
      open: (backend) =>
        passWeights(model, io, (config) => {
          const result = openEmptyNetwork(backend, config, { models: 1 });
          return { result, take: result.session.write };
        }),
      fresh: (first, count) => freshModels(model.config, model, { first, count, stream: nullStream() }),
      close: () => model.close(),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** Numbers behind the names of folders such as `seed-3`, ascending. */
async function numbered(cwd: string, path: string, form: RegExp): Promise<number[]> {
  const entries = await entriesOf(resolve(cwd, path), path);
  return entries
    .flatMap(({ name }) => {
      const found = form.exec(name);
      return found === null ? [] : [Number(found[1])];
    })
    .sort((a, b) => a - b);
}

/** The model of a seed: its folder, or that of its last step where every checkpoint was exported. */
async function modelOfSeed(cwd: string, path: string): Promise<{ path: string; step: number | null }> {
  const steps = await numbered(cwd, path, /^step(\d{1,15})$/);
  const step = steps.at(-1) ?? null;
  return { path: step === null ? path : join(path, `step${step}`), step };
}

function settingsOf(run: string, cwd: string): z.infer<typeof settingsSchema> {
  const file = join(run, "manifest.json");
  const manifest = readManifest(readInput(file, { cwd }), file);
  const { study, config } = manifest;
  if (study !== "train")
    throw new FileError({
      where: file,
      rule: "must be the manifest of a run of palimpsest train",
      got: `one of ${JSON.stringify(study)}`,
    });
  if (manifest.status !== "complete")
    throw new FileError({
      ...{ where: run, rule: "must be a complete run, whose models are all there", got: manifest.status },
      wayOut: goingOn(manifest, run),
    });
  const { data, error } = settingsSchema.safeParse(config);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new FileError({
    where: `${file}: config.${issue.path.join(".")}`,
    rule: "must be what this version of palimpsest writes there",
    got: issue.message,
  });
}

async function openRun(choice: ModelChoice, io: RunIo): Promise<PairSubject> {
  const { cwd } = io;
  const { seeds: asked, init } = settingsOf(choice.model, cwd);
  const folder = join(choice.model, "models");
  const seeds = await numbered(cwd, folder, /^seed-(\d{1,15})$/);
  if (seeds.length === 0)
    throw new FileError({ where: folder, rule: "must hold models, seed-0 and so on", got: "none" });
  const models: OpenModel[] = [];
  const close = async () => {
    for (const model of models.splice(0)) await model.close();
  };
  try {
    const places: { path: string; step: number | null }[] = [];
    for (const seed of seeds) {
      const place = await modelOfSeed(cwd, join(folder, `seed-${seed}`));
      places.push(place);
      models.push(await openModel({ ...choice, model: place.path }, io));
    }
    const [{ step }] = places;
    const [first] = models;
    const { config, family } = first;
    const tokenizer = requireTokenizer(first, first.name);
    for (const [at, model] of models.entries()) {
      const refuse = (what: string): never => {
        throw new FileError({ where: model.name, rule: `must have the ${what} of ${first.name}` });
      };
      if (places[at].step !== step) refuse("step");
      if (JSON.stringify(model.config) !== JSON.stringify(config)) refuse("config");
      const own = requireTokenizer(model, model.name);
      if (JSON.stringify(own.json) !== JSON.stringify(tokenizer.json)) refuse("tokenizer");
    }
    return {
      ...{ name: choice.model, family, config, tokenizer, seeds, step },
      missing: asked.filter((seed) => !seeds.includes(seed)),
      init: `${init.scheme}, as the run began`,
      open: async (backend) => {
        const loaded = [];
        for (const model of models) loaded.push(await loadWeights(model, io));
        const [{ config: processed }] = loaded;
        const weights = loaded.map((model) => model.weights);
        return openNetwork(backend, processed, stackWeights(processed, weights));
      },
      fresh: (from, count) =>
        initialPopulation(
          config,
          init,
          Array.from({ length: count }, (_, draw) => nullStream().child(from + draw)),
        ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
