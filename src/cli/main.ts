/** The command line: from arguments to a run function, and from its outcome to what is printed. */
import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { InternalError, UserError } from "../base/errors.ts";
import { readableJson } from "../record/canonicalJson.ts";
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
import { addStudio, type StudioOptions } from "./commands/studio.ts";
import { addStudy, addStudyAll, type StudyOptions, type StudyRunOptions } from "./commands/study.ts";
import { addStudyFidelity, type FidelityOptions } from "./commands/studyFidelity.ts";
import { addStudyFindings, type FindingsOptions } from "./commands/studyFindings.ts";
import { addStudyList, type StudyEntry, studyList } from "./commands/studyList.ts";
import { addStudyPersistence, type PersistenceOptions } from "./commands/studyPersistence.ts";
import { addTrack, type TrackOptions } from "./commands/track.ts";
import { addTrain, type TrainOptions } from "./commands/train.ts";
import type { DisplayFlags } from "./commonOptions.ts";
import { verbFirst } from "./inspect/verbFirst.ts";
import type { CliIo, Interruption, LinesIo, Outcome, RunIo, ServingIo } from "./io.ts";
import { jsonLine } from "./lineText.ts";
import type { CheckOptions } from "./models/check.ts";
import type { PullOptions } from "./models/pull.ts";
import type { ModelRunOptions } from "./models/run.ts";
import type { PairsOptions } from "./pairs/runPairs.ts";
import { printable } from "./printable.ts";
import { createBoard } from "./progress.ts";

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
  /** Resolves to the exit code. */
  readonly modelsCheck: (options: CheckOptions, io: LinesIo) => Promise<number>;
  readonly modelsPull: (options: PullOptions, io: RunIo) => Promise<Outcome>;
  readonly modelsRun: (options: ModelRunOptions, io: RunIo) => Promise<Outcome>;
  readonly modelsPairs: (options: PairsOptions, io: RunIo) => Promise<Outcome>;
  readonly bench: (options: BenchOptions, io: RunIo) => Promise<Outcome>;
  /** Resolves to the exit code once it was stopped. */
  readonly studio: (options: StudioOptions, io: ServingIo) => Promise<number>;
}

/** Exit codes: 0 done, 1 the answer is no or a defect, 2 something the user gave is wrong, 128 + n signal n. */
const defectCode = 1;
const userErrorCode = 2;

/** The sentence for an error, and the exit code that goes with it. */
export function describeError(error: unknown, showStack: boolean): { text: string; exitCode: number } {
  if (error instanceof UserError) return { text: error.message, exitCode: userErrorCode };
  const name = error instanceof InternalError || !(error instanceof Error) ? "" : `${error.name}: `;
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  if (showStack && stack !== undefined) return { text: stack, exitCode: defectCode };
  const facts = `${name}${message}`.replace(/\.$/, "").replaceAll("\n", " ");
  const text = `palimpsest: this is a defect of Palimpsest, not of what it was given; got ${facts}. Set PALIMPSEST_STACK=1 to see where.`;
  return { text, exitCode: defectCode };
}

/** Runs a handler with a board, prints what it returns. */
async function carryOut(
  io: CliIo,
  { json = false, quiet = false }: DisplayFlags,
  start: (run: RunIo) => Promise<Outcome>,
): Promise<number> {
  const { stderr, stdout, clock, signal, cwd, date } = io;
  const board = createBoard({ stream: stderr, quiet, isTTY: stderr.isTTY === true, now: clock });
  let outcome: Outcome;
  try {
    outcome = await start({ board, signal, cwd, clock, date });
  } finally {
    board.done();
  }
  stdout.write(`${json ? readableJson(outcome.result) : printable(outcome.summary)}\n`);
  return outcome.exitCode ?? 0;
}

/** Runs a handler that prints a line for each thing as it comes to it. */
async function carryOutLines(
  { cwd, signal, stdout }: CliIo,
  { json = false }: DisplayFlags,
  start: (lines: LinesIo) => Promise<number>,
): Promise<number> {
  const print = (result: object, text: string) => {
    stdout.write(`${json ? jsonLine(result) : printable(text)}\n`);
  };
  return start({ cwd, signal, print });
}

/** The commands. `settle` receives the exit code of the one that runs. */
function buildProgram(handlers: Handlers, io: CliIo, settle: (exitCode: number) => void): Command {
  const program = new Command("palimpsest")
    // before any subcommand, which inherits these
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // errors are told in our own words, and the help of a group without a command is asked for, not pushed
      writeErr: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stdout.columns ?? 100,
      getOutHasColors: () => false,
    })
    .description("Do features emerge in training, or were they there all along?")
    .version(packageJson.version, "--version", "print the version");
  const run = async (display: DisplayFlags, start: (runIo: RunIo) => Promise<Outcome>) =>
    settle(await carryOut(io, display, start));
  const study = program.command("study").description("Studies: a question, its nulls, and a decision rule.");
  addExperiments(program, io.cores, (options, display) =>
    run(display, (runIo) => handlers.experiments(options, runIo)),
  );
  addInspect(program, (options, display) => run(display, (runIo) => handlers.inspect(options, runIo)));
  addTrain(program, io.cores, (options, display) => run(display, (runIo) => handlers.train(options, runIo)));
  addTrack(program, io.cores, (options, display) => run(display, (runIo) => handlers.track(options, runIo)));
  const models = addModels(program);
  addModelsCheck(models, async (options, display) =>
    settle(await carryOutLines(io, display, (lines) => handlers.modelsCheck(options, lines))),
  );
  addModelsPull(models, (options, display) => run(display, (runIo) => handlers.modelsPull(options, runIo)));
  addModelsRun(models, (options, display) => run(display, (runIo) => handlers.modelsRun(options, runIo)));
  addModelsPairs(models, (options, display) => run(display, (runIo) => handlers.modelsPairs(options, runIo)));
  const bench = program.command("bench").description("Measurements of speed.");
  addStudyList(study, (display) => run(display, async () => studyList(handlers.studies)));
  addStudyPersistence(study, io.cores, (options, display) =>
    run(display, (runIo) => handlers.persistence(options, runIo)),
  );
  addStudyFidelity(study, (options, display) =>
    run(display, async (runIo) => handlers.fidelity(options, runIo)),
  );
  const setting = { cores: io.cores, width: io.stdout.columns ?? 100 };
  for (const plan of handlers.plans)
    addStudy(study, plan, setting, (options, display) =>
      run(display, (runIo) => handlers.study(options, runIo)),
    );
  addStudyAll(study, io.cores, (options, display) =>
    run(display, (runIo) => handlers.allStudies(options, runIo)),
  );
  addStudyFindings(study, (options, display) => run(display, (runIo) => handlers.findings(options, runIo)));
  addStudio(program, async (options, display) => {
    const report = (error: unknown, id: string) => {
      const { text } = describeError(error, io.showStack);
      io.stderr.write(`${printable(`defect ${id}: ${text}`)}\n`);
    };
    settle(
      await carryOutLines(io, display, (lines) =>
        handlers.studio(options, { ...lines, date: io.date, report }),
      ),
    );
  });
  addBenchTrain(bench, io.cores, (options, display) =>
    run(display, (runIo) => handlers.bench(options, runIo)),
  );
  return program;
}

/**
 * Runs the command line. Never throws: whatever goes wrong becomes one sentence on stderr and an exit code.
 *
 * @param args  arguments after the program's name
 * @returns     exit code: 0 done; 1 the answer is no, or a defect; 2 something given is wrong; 128 + n for signal n
 */
export async function main(args: readonly string[], handlers: Handlers, io: CliIo): Promise<number> {
  const say = (text: string) => io.stderr.write(`${printable(text)}\n`);
  let exitCode = 0;
  const program = buildProgram(handlers, io, (code) => {
    exitCode = code;
  });
  let failure: unknown = null;
  let words = args;
  try {
    words = verbFirst(args, program);
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    failure = error instanceof CommanderError ? commandError(error, program, words) : error;
  }
  if (io.signal.aborted) {
    // what a run throws when it is stopped says no more than the signal does; a full disk does
    if (failure instanceof UserError) say(failure.message);
    const { by, exitCode } = io.signal.reason as Interruption;
    say(`palimpsest: stopped by ${by}.`);
    return exitCode;
  }
  if (failure === null) return exitCode;
  const { text, exitCode: code } = describeError(failure, io.showStack);
  say(text);
  return code;
}
