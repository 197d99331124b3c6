/** The entry of the command line. */
import { question as persistenceQuestion } from "../studies/persistence/spec.ts";
import { registeredStudies } from "../studies/registry.ts";
import { checkModels } from "./models/check.ts";
import { runModelsPull } from "./models/pull.ts";
import { runModel } from "./models/run.ts";
import { runPairs } from "./pairs/runPairs.ts";
import { compareRuns } from "./runList/compareRuns.ts";
import { listRuns } from "./runList/listRuns.ts";
import { queryRuns } from "./runList/queryRuns.ts";
import { removeRuns } from "./runList/removeRuns.ts";
import { runProcess } from "./runProcess.ts";
import { runBench } from "./runs/bench.ts";
import { runExperiments } from "./runs/experiments.ts";
import { runFidelity } from "./runs/fidelity.ts";
import { runFindings } from "./runs/findings.ts";
import { runInspect } from "./runs/inspect.ts";
import { runPersistence } from "./runs/persistence.ts";
import { runResume } from "./runs/resume.ts";
import { runAllStudies, runStudy } from "./runs/study.ts";
import { runTrack } from "./runs/track.ts";
import { runTrain } from "./runs/train.ts";
import { runVerify } from "./verify/verify.ts";

const planned = registeredStudies().map(({ study: { plan }, seconds }) => ({ plan, seconds }));

await runProcess({
  studies: [
    ...planned.map(({ plan: { id, name, question, seeds }, seconds }) => ({
      ...{ id, name, question, seconds },
      seeds: seeds.full,
    })),
    { id: null, name: "persistence", question: persistenceQuestion, seeds: 30, seconds: 20 },
  ],
  // fidelity has a command of its own: it takes files
  plans: planned.map(({ plan }) => plan).filter(({ name }) => name !== "fidelity"),
  study: runStudy,
  allStudies: runAllStudies,
  findings: runFindings,
  persistence: runPersistence,
  fidelity: async (options, io) =>
    runFidelity(options, io, (out, backend, runIo, beside) =>
      runStudy({ study: "fidelity", seeds: null, quick: false, workers: 1, backend, out }, runIo, beside),
    ),
  experiments: runExperiments,
  inspect: runInspect,
  train: runTrain,
  track: runTrack,
  // the only command that needs YAML and a queue
  sweep: async (options, io) => (await import("./sweep/runSweep.ts")).runSweep(options, io),
  worker: async (options, io) => (await import("./queue/startWorker.ts")).startWorker(options, io),
  resume: runResume,
  verify: runVerify,
  runsList: async (options, io) => listRuns(options, io),
  runsCompare: compareRuns,
  runsQuery: queryRuns,
  runsRemove: removeRuns,
  modelsCheck: checkModels,
  modelsPull: runModelsPull,
  modelsRun: runModel,
  modelsPairs: runPairs,
  bench: runBench,
  // the only command that needs a server's libraries
  studio: async (options, io) => (await import("./studio/runStudio.ts")).runStudio(options, io),
});
