/**
 * The entry of the command line.
 *
 * What carries a command out is read when it is asked for: drawing, statistics and the DOM for pictures are hundreds of
 * files, which take longer to read than most commands take to run.
 */
import { question as persistenceQuestion } from "../studies/persistence/spec.ts";
import { plannedStudies } from "../studies/plans.ts";
import { runProcess } from "./runProcess.ts";

await runProcess({
  studies: [
    ...plannedStudies.map(({ plan: { id, name, question, seeds }, seconds }) => ({
      ...{ id, name, question, seconds },
      seeds: seeds.full,
    })),
    { id: null, name: "persistence", question: persistenceQuestion, seeds: 30, seconds: 20 },
  ],
  // fidelity has a command of its own: it takes files
  plans: plannedStudies.map(({ plan }) => plan).filter(({ name }) => name !== "fidelity"),
  study: async (options, io) => (await import("./runs/study.ts")).runStudy(options, io),
  allStudies: async (options, io) => (await import("./runs/study.ts")).runAllStudies(options, io),
  findings: async (options, io) => (await import("./runs/findings.ts")).runFindings(options, io),
  persistence: async (options, io) => (await import("./runs/persistence.ts")).runPersistence(options, io),
  fidelity: async (options, io) => {
    const { runStudy } = await import("./runs/study.ts");
    const { runFidelity } = await import("./runs/fidelity.ts");
    return runFidelity(options, io, (out, backend, runIo, beside) =>
      runStudy({ study: "fidelity", seeds: null, quick: false, workers: 1, backend, out }, runIo, beside),
    );
  },
  experiments: async (options, io) => (await import("./runs/experiments.ts")).runExperiments(options, io),
  inspect: async (options, io) => (await import("./runs/inspect.ts")).runInspect(options, io),
  train: async (options, io) => (await import("./runs/train.ts")).runTrain(options, io),
  track: async (options, io) => (await import("./runs/track.ts")).runTrack(options, io),
  sweep: async (options, io) => (await import("./sweep/runSweep.ts")).runSweep(options, io),
  worker: async (options, io) => (await import("./queue/startWorker.ts")).startWorker(options, io),
  resume: async (options, io) => (await import("./runs/resume.ts")).runResume(options, io),
  verify: async (options, io) => (await import("./verify/verify.ts")).runVerify(options, io),
  runsList: async (options, io) => (await import("./runList/listRuns.ts")).listRuns(options, io),
  runsCompare: async (options, io) => (await import("./runList/compareRuns.ts")).compareRuns(options, io),
  runsQuery: async (options, io) => (await import("./runList/queryRuns.ts")).queryRuns(options, io),
  runsRemove: async (options, io) => (await import("./runList/removeRuns.ts")).removeRuns(options, io),
  modelsCheck: async (options, io) => (await import("./models/check.ts")).checkModels(options, io),
  modelsPull: async (options, io) => (await import("./models/pull.ts")).runModelsPull(options, io),
  modelsRun: async (options, io) => (await import("./models/run.ts")).runModel(options, io),
  modelsPairs: async (options, io) => (await import("./pairs/runPairs.ts")).runPairs(options, io),
  bench: async (options, io) => (await import("./runs/bench.ts")).runBench(options, io),
  studio: async (options, io) => (await import("./studio/runStudio.ts")).runStudio(options, io),
});
