/** `palimpsest train`: from checked options to a run folder with its report. */
import { type BackendName, chosenBackend } from "../../backends/registry.ts";
import { ArgumentError } from "../../base/errors.ts";
import { type Corpus, makeCorpus, type TokenizerChoice } from "../../data/text/corpus.ts";
import { encodeTexts } from "../../data/text/encodeTexts.ts";
import { tokenizerOf } from "../../data/tokenizer.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import { counted, renderFigure } from "../../figures/index.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { commandText } from "../../record/commandWords.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { analyseText } from "../../studies/text/analyse.ts";
import { textFigures, textReport } from "../../studies/text/report.ts";
import type { TextDetail, TextResult } from "../../studies/text/result.ts";
import { type TextSpec, textConfig, textSchedule, textTraining } from "../../studies/text/spec.ts";
import { growTextPopulation, type TextPopulation } from "../../studies/text/study.ts";
import { type TrainOptions, trainWords } from "../commands/train.ts";
import type { Outcome, RunIo } from "../io.ts";
import { readInput } from "../readInput.ts";
import type { RunFolder } from "../runFolder.ts";
import { drawingDocument } from "../svgFile.ts";
import { type Card, cardFacts, cardOf, modelsOnCard } from "./card.ts";
import { inRun, type OpenRun, type RunPlan } from "./inRun.ts";
import { engineOf, installed } from "./installed.ts";
import { progressState } from "./progressState.ts";
import { writeModels, writePopulation } from "./trainFiles.ts";
import { trainSummary } from "./trainSummary.ts";
import { readText, type TextInput } from "./trainText.ts";

/** Most networks in a job: those that share a vector. */
const MODELS_PER_JOB = 4;
/** First part of every stream key. */
const STUDY = "train";

/** The options with the backend that was chosen, and what was read. */
interface Prepared {
  readonly options: TrainOptions & { readonly backend: BackendName };
  readonly input: TextInput;
  readonly corpus: Corpus;
  readonly spec: TextSpec;
  /** What samples begin with. */
  readonly prompt: { readonly text: string; readonly tokens: Int32Array };
}

function tokenizerChoice({ tokenizer, vocab }: TrainOptions, cwd: string): TokenizerChoice {
  if (tokenizer !== null)
    return { kind: "given", tokenizer: tokenizerOf(readInput(tokenizer, { cwd }), { file: tokenizer }) };
  return vocab === null ? { kind: "characters" } : { kind: "bpe", vocab };
}

/** What samples begin with: what was asked for, else a line feed, else the first token of the training text. */
function promptOf(asked: string | null, tokenizer: Tokenizer, corpus: Corpus): Prepared["prompt"] {
  const text = asked ?? "\n";
  const { runs, tokens, unknown } = encodeTexts([text], tokenizer);
  if (unknown.size === 0 && tokens > 0) return { text, tokens: runs[0] };
  if (asked === null) {
    const first = corpus.train[0].slice(0, 1);
    return { text: tokenizer.decode(first), tokens: first };
  }
  throw new ArgumentError({
    where: "--prompt",
    rule: "must be made of characters that the tokenizer has",
    got: [...unknown.keys()].map((character) => JSON.stringify(character)).join(" ") || JSON.stringify(asked),
  });
}

function prepare(asked: TrainOptions, io: RunIo): Prepared {
  const { cwd, board } = io;
  const { size, steps } = asked;
  const options = { ...asked, backend: chosenBackend(asked.backend, size) };
  textConfig({ ...size, dVocab: 2 }); // throws for sizes that no model has, before the text is read
  const input = readText(asked.text, cwd, asked.tagged);
  const { files, lineEndsChanged, marks } = input;
  board.log(`${asked.text}: ${counted(files.length, "file")}, ${input.text.length} characters`);
  if (marks > 0) board.log(`Left out ${counted(marks, "byte order mark")}`);
  if (lineEndsChanged > 0) board.log(`Made line feeds of ${counted(lineEndsChanged, "other line end")}`);
  const corpus = makeCorpus(input.text, {
    ...{ tokenizer: tokenizerChoice(asked, cwd), nCtx: size.nCtx, heldOutShare: asked.heldOut },
    classes: input.classes ?? undefined,
  });
  board.log(
    `${corpus.tokenizer.size} tokens; ${corpus.size.train.tokens} to train on, ${corpus.size.heldOut.tokens} held out in ${counted(corpus.split.heldOut.length, "block")}`,
  );
  const spec: TextSpec = {
    ...{ study: STUDY, config: textConfig({ ...size, dVocab: corpus.dVocab }), init: asked.init },
    ...{ batch: asked.batch, rate: asked.lr, schedule: textSchedule(asked.schedule, steps) },
    ...{ ...textTraining(steps), probe: asked.probe, sampling: asked.sampling },
  };
  return { options, input, corpus, spec, prompt: promptOf(asked.prompt, corpus.tokenizer, corpus) };
}

/** Trains a population on a text into a run folder. */
export async function runTrain(asked: TrainOptions, io: RunIo): Promise<Outcome> {
  const prepared = prepare(asked, io);
  const { backend, relaxed, workers, seeds, out, preset } = prepared.options;
  const engine = engineOf(backend, { relaxed });
  const card = await cardOf(backend);
  const plan: RunPlan = {
    ...{ study: STUDY, out, engine, workers, relaxed, card },
    config: configOf(prepared),
    command: trainWords(prepared.options),
    started: { seeds: seeds.length, preset },
  };
  return inRun(plan, io, async (run) => {
    const { folder } = run;
    const population = await growPopulation(prepared, io, run, card);
    io.board.log(`Writing ${folder.name}`);
    const { numbers, detail } = analyseText(population, prepared.corpus);
    const found: Omit<TextResult, "run"> = { ...factsOf(prepared, population), ...numbers };
    const result = (place: string): TextResult => ({ ...found, run: place });
    writeRun(folder, prepared, population, { result: result("."), detail, engine, card });
    return (place) => ({
      result: result(place),
      summary: trainSummary(result(place), `${place}/report.html`),
    });
  });
}

function growPopulation(
  { options, corpus, spec, prompt }: Prepared,
  { board, clock }: RunIo,
  { pool, begunWith }: OpenRun,
  card: Card | null,
): Promise<TextPopulation> {
  const { backend, relaxed, seeds, preset } = options;
  const progress = progressState([{ name: preset, models: seeds.length, steps: spec.steps }], clock);
  return growTextPopulation(
    spec,
    seeds,
    { corpus, prompt: prompt.tokens },
    {
      backend: { name: backend, relaxed },
      modelsPerJob:
        card === null ? Math.min(MODELS_PER_JOB, Math.ceil(seeds.length / begunWith)) : modelsOnCard,
      runJobs: (jobs, tell) =>
        pool.runText(jobs, (job, event, slot) => {
          tell(job, event);
          if (event.kind === "end") progress.leave(preset, slot);
          else {
            const { step, loss } = event;
            progress.event(preset, job, jobs[job].seeds.length, slot, { kind: "progress", step, loss });
          }
          board.update(progress.read());
        }),
    },
  );
}

/** What of a result the population does not decide. */
function factsOf(
  { options, input, corpus, prompt }: Prepared,
  { seeds, probe, samples }: TextPopulation,
): Omit<
  TextResult,
  | "config"
  | "parameters"
  | "seeds"
  | "steps"
  | "baseline"
  | "heldOut"
  | "groups"
  | "topUnits"
  | "models"
  | "run"
> {
  const { tokenizer, size, unknown, tokensPerCharacter } = corpus;
  const { files, lineEndsChanged, text } = input;
  const { temperature, topK, tokens } = options.sampling;
  const learned = options.vocab === null ? "characters" : "bpe";
  return {
    study: STUDY,
    preset: options.preset,
    text: {
      ...{ files, lineEndsChanged, characters: text.length, ...size },
      unknown: [...unknown].map(([character, count]) => ({ character, count })),
    },
    tokenizer: {
      kind: options.tokenizer === null ? learned : "given",
      tokens: tokenizer.size,
      charactersPerToken: 1 / tokensPerCharacter,
    },
    probe: {
      design: probe.design,
      sequences: probe.count,
      followed: Array.from(probe.followed, (token) => tokenizer.tokenText(token)),
      classes: classFacts(probe),
    },
    sampling: { prompt: prompt.text, tokens, temperature, topK },
    samples: seeds.map((seed, model) => ({
      seed,
      texts: samples[model].map((sample) => tokenizer.decode(sample)),
    })),
  };
}

/** The classes of words, and the positions of the probe that each has. */
function classFacts({ classes }: TextPopulation["probe"]): TextResult["probe"]["classes"] {
  if (classes === null) return null;
  const { name, levels, of } = classes;
  const positions = levels.map(() => 0);
  for (const level of of) if (level >= 0) positions[level]++;
  return { name, levels: levels.map((level, at) => ({ level, positions: positions[at] })) };
}

function writeRun(
  folder: RunFolder,
  { options, corpus }: Prepared,
  population: TextPopulation,
  made: { result: TextResult; detail: TextDetail; engine: string | null; card: Card | null },
): void {
  const { result, detail, engine, card } = made;
  writePopulation(folder, options.preset, population);
  const tokenizer = `${JSON.stringify(corpus.tokenizer.json, null, 1)}\n`;
  folder.write("tokenizer.json", tokenizer);
  writeModels(folder, population, tokenizer, options.export);
  const document = drawingDocument();
  for (const figure of textFigures(result, detail))
    folder.write(`figures/${figure.name}.svg`, renderFigure(figure, document));
  const { backend, relaxed } = options;
  folder.write(
    "report.html",
    textReport({
      ...{ result, detail, document, command: commandText(trainWords(options)) },
      facts: [
        ["Palimpsest", installed.versions.palimpsest],
        ["backend", relaxed ? `${backend}, fused multiply-add` : backend],
        ...cardFacts(card),
        ["kernels", engine === null ? "none" : engine.slice(0, 16)],
      ],
    }),
  );
}

/** Every option that decides a number; files by their hashes. */
function configOf({ options, input, corpus, spec, prompt }: Prepared): Record<string, JsonValue> {
  const { tagged, preset, vocab, size, seeds, heldOut, sampling, backend, relaxed } = options;
  const { batch, steps, rate, schedule, init, probe } = spec;
  return {
    ...{
      preset,
      vocab,
      ...size,
      batch,
      steps,
      lr: rate,
      seeds: [...seeds],
      heldOut,
      probe,
      backend,
      relaxed,
    },
    schedule: { ...schedule },
    init: { scheme: init.scheme, embeddingScale: init.embeddingScale ?? 1 },
    text: input.files.map(({ path, sha256 }) => ({ path, sha256 })),
    tagged,
    tokenizer: sha256OfBytes(new TextEncoder().encode(JSON.stringify(corpus.tokenizer.json))),
    sampling: { ...sampling, prompt: prompt.text },
  };
}
