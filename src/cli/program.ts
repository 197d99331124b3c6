/** The commands with their options: from words to what is to be done. Who does it, and where it is shown, is the caller's. */
import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { ArgumentError } from "../base/errors.ts";
import type { StudyPlan } from "../studies/protocol/study.ts";
import { commandError } from "./commandError.ts";
import { addBenchTrain, type BenchOptions } from "./commands/benchTrain.ts";
import { addExperiments, type ExperimentsOptions } from "./commands/experiments.ts";
import { addInspect, type InspectOptions } from "./commands/inspect.ts";
import { addModels } from "./commands/models.ts";
import { addModelsCheck } from "./commands/modelsCheck.ts";
import { addModelsPairs } from "./commands/modelsPairs.ts";
import { addModelsPull } from "./commands/modelsPull.ts";
import { addModelsRun } from "./commands/modelsRun.ts";
import { addResume, type ResumeOptions } from "./commands/resume.ts";
import { addRuns } from "./commands/runs.ts";
import { addRunsCompare, type RunsCompareOptions } from "./commands/runsCompare.ts";
import { addRunsList, type RunsListOptions } from "./commands/runsList.ts";
import { addRunsQuery, type RunsQueryOptions } from "./commands/runsQuery.ts";
import { addRunsRemove, type RunsRemoveOptions } from "./commands/runsRemove.ts";
import { addStudio, type StudioOptions } from "./commands/studio.ts";
import { addStudy, addStudyAll, type StudyOptions, type StudyRunOptions } from "./commands/study.ts";
import { addStudyFidelity, type FidelityOptions } from "./commands/studyFidelity.ts";
import { addStudyFindings, type FindingsOptions } from "./commands/studyFindings.ts";
import { addStudyList, type StudyEntry, studyList } from "./commands/studyList.ts";
import { addStudyPersistence, type PersistenceOptions } from "./commands/studyPersistence.ts";
import { addSweep, type SweepOptions } from "./commands/sweep.ts";
import { addTrack, type TrackOptions } from "./commands/track.ts";
import { addTrain, type TrainOptions } from "./commands/train.ts";
import { addVerify, type VerifyOptions } from "./commands/verify.ts";
import { addWorker, type WorkerOptions } from "./commands/worker.ts";
import type { DisplayFlags } from "./commonOptions.ts";
import { verbFirst } from "./inspect/verbFirst.ts";
import type { LinesIo, Outcome, ReplayIo, RunIo, ServingIo } from "./io.ts";
import type { CheckOptions } from "./models/check.ts";
import type { PullOptions } from "./models/pull.ts";
import type { ModelRunOptions } from "./models/run.ts";
import type { PairsOptions } from "./pairs/runPairs.ts";

/** What the commands do. The command line itself knows only their options. */
export interface Handlers {
  /** What `study list` shows. */
  readonly studies: readonly StudyEntry[];
  /** Studies that have a command made from their plan. */
  readonly plans: readonly StudyPlan[];
  readonly study: (options: StudyOptions, io: RunIo) => Promise<Outcome>;
  readonly allStudies: (options: StudyRunOptions, io: RunIo) => Promise<Outcome>;
  readonly findings: (options: FindingsOptions, io: RunIo) => Promise<Outcome>;
  readonly persistence: (options: PersistenceOptions, io: RunIo) => Promise<Outcome>;
  readonly fidelity: (options: FidelityOptions, io: RunIo) => Promise<Outcome>;
  readonly experiments: (options: ExperimentsOptions, io: RunIo) => Promise<Outcome>;
  readonly inspect: (options: InspectOptions, io: RunIo) => Promise<Outcome>;
  readonly train: (options: TrainOptions, io: RunIo) => Promise<Outcome>;
  readonly track: (options: TrackOptions, io: RunIo) => Promise<Outcome>;
  readonly sweep: (options: SweepOptions, io: RunIo) => Promise<Outcome>;
  /** Resolves to the exit code once it was stopped or the queue is empty. */
  readonly worker: (options: WorkerOptions, io: ServingIo) => Promise<number>;
  readonly resume: (options: ResumeOptions, io: ReplayIo) => Promise<Outcome>;
  readonly verify: (options: VerifyOptions, io: ReplayIo) => Promise<Outcome>;
  readonly runsList: (options: RunsListOptions, io: RunIo) => Promise<Outcome>;
  readonly runsCompare: (options: RunsCompareOptions, io: RunIo) => Promise<Outcome>;
  readonly runsQuery: (options: RunsQueryOptions, io: RunIo) => Promise<Outcome>;
  readonly runsRemove: (options: RunsRemoveOptions, io: RunIo) => Promise<Outcome>;
  /** Resolves to the exit code. */
  readonly modelsCheck: (options: CheckOptions, io: LinesIo) => Promise<number>;
  readonly modelsPull: (options: PullOptions, io: RunIo) => Promise<Outcome>;
  readonly modelsRun: (options: ModelRunOptions, io: RunIo) => Promise<Outcome>;
  readonly modelsPairs: (options: PairsOptions, io: RunIo) => Promise<Outcome>;
  readonly bench: (options: BenchOptions, io: RunIo) => Promise<Outcome>;
  /** Resolves to the exit code once it was stopped. */
  readonly studio: (options: StudioOptions, io: ServingIo) => Promise<number>;
}

/** Who carries a parsed command out; the three kinds differ in what they are given. */
export interface Carrier {
  /** One that leaves a run folder, which its words make again. */
  readonly makesRun: (display: DisplayFlags, start: (io: RunIo) => Promise<Outcome>) => Promise<void>;
  /** Any other that ends with an outcome. */
  readonly answers: (display: DisplayFlags, start: (io: ReplayIo) => Promise<Outcome>) => Promise<void>;
  /** One that prints as it goes; resolves to the exit code. */
  readonly prints: (display: DisplayFlags, start: (io: ServingIo) => Promise<number>) => Promise<void>;
}

/** What decides defaults and how help looks. */
export interface ProgramSetting {
  readonly cores: number;
  /** Columns of help. */
  readonly width: number;
  /** Whether the output is one. */
  readonly terminal: boolean;
  /** Where help and version go. */
  readonly write: (text: string) => void;
}

/** The whole command line. */
function buildProgram(
  handlers: Handlers,
  { cores, width, terminal, write }: ProgramSetting,
  carrier: Carrier,
): Command {
  const { makesRun, answers, prints } = carrier;
  const program = new Command("palimpsest")
    // before any subcommand, which inherits these
    .exitOverride()
    .configureOutput({
      writeOut: write,
      // errors are told in our own words, and the help of a group without a command is asked for, not pushed
      writeErr: () => {},
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
      getOutHasColors: () => false,
    })
    .description("Do features emerge in training, or were they there all along?")
    .version(packageJson.version, "--version", "print the version");
  const study = program.command("study").description("Studies: a question, its nulls, and a decision rule.");
  addExperiments(program, cores, (options, display) =>
    makesRun(display, (io) => handlers.experiments(options, io)),
  );
  addInspect(program, (options, display) => answers(display, (io) => handlers.inspect(options, io)));
  addTrain(program, cores, (options, display) => makesRun(display, (io) => handlers.train(options, io)));
  addTrack(program, cores, (options, display) => makesRun(display, (io) => handlers.track(options, io)));
  addSweep(program, cores, (options, display) => makesRun(display, (io) => handlers.sweep(options, io)));
  addWorker(program, { cores, terminal }, (options, display) =>
    prints(display, (io) => handlers.worker(options, io)),
  );
  addResume(program, (options, display) => answers(display, (io) => handlers.resume(options, io)));
  addVerify(program, (options, display) => answers(display, (io) => handlers.verify(options, io)));
  const runs = addRuns(program);
  addRunsList(runs, (options, display) => answers(display, (io) => handlers.runsList(options, io)));
  addRunsCompare(runs, (options, display) => answers(display, (io) => handlers.runsCompare(options, io)));
  addRunsQuery(runs, cores, (options, display) => answers(display, (io) => handlers.runsQuery(options, io)));
  addRunsRemove(runs, (options, display) => answers(display, (io) => handlers.runsRemove(options, io)));
  const models = addModels(program);
  addModelsCheck(models, (options, display) => prints(display, (io) => handlers.modelsCheck(options, io)));
  addModelsPull(models, (options, display) => answers(display, (io) => handlers.modelsPull(options, io)));
  addModelsRun(models, (options, display) => answers(display, (io) => handlers.modelsRun(options, io)));
  addModelsPairs(models, (options, display) => answers(display, (io) => handlers.modelsPairs(options, io)));
  const bench = program.command("bench").description("Measurements of speed.");
  addStudyList(study, (display) => answers(display, async () => studyList(handlers.studies)));
  addStudyPersistence(study, cores, (options, display) =>
    makesRun(display, (io) => handlers.persistence(options, io)),
  );
  addStudyFidelity(study, (options, display) => makesRun(display, (io) => handlers.fidelity(options, io)));
  for (const plan of handlers.plans)
    addStudy(study, plan, { cores, width }, (options, display) =>
      makesRun(display, (io) => handlers.study(options, io)),
    );
  addStudyAll(study, cores, (options, display) =>
    makesRun(display, (io) => handlers.allStudies(options, io)),
  );
  addStudyFindings(study, (options, display) => answers(display, (io) => handlers.findings(options, io)));
  addStudio(program, (options, display) => prints(display, (io) => handlers.studio(options, io)));
  addBenchTrain(bench, cores, (options, display) => answers(display, (io) => handlers.bench(options, io)));
  return program;
}

/**
 * Parses words and has what they ask for carried out.
 *
 * @throws UserError  one sentence for words that are no command; nothing where help or the version was asked for, which
 *                    was then written
 */
export async function runWords(
  words: readonly string[],
  handlers: Handlers,
  setting: ProgramSetting,
  carrier: Carrier,
): Promise<void> {
  const program = buildProgram(handlers, setting, carrier);
  let ordered = words;
  try {
    ordered = verbFirst(words, program);
    await program.parseAsync(ordered, { from: "user" });
  } catch (error) {
    const told = error instanceof CommanderError ? commandError(error, program, ordered) : error;
    if (told !== null) throw told;
  }
}

/**
 * What the command of a manifest asks for, not begun. The words may come from anybody: only a command that makes a run is
 * taken.
 *
 * @throws UserError  for words that are no command, or another one
 */
export async function runMadeBy(
  words: readonly string[],
  handlers: Handlers,
  setting: Pick<ProgramSetting, "cores">,
): Promise<(io: RunIo) => Promise<Outcome>> {
  let found: ((io: RunIo) => Promise<Outcome>) | undefined;
  const another = async () => {};
  await runWords(
    words,
    handlers,
    { ...setting, width: 100, terminal: false, write: () => {} },
    {
      makesRun: async (_, start) => {
        found = start;
      },
      ...{ answers: another, prints: another },
    },
  );
  if (found !== undefined) return found;
  throw new ArgumentError({
    where: "command",
    rule: "must be one that makes a run",
    got: JSON.stringify(words.join(" ").slice(0, 80)),
  });
}
