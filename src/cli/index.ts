/** The entry of the command line. */
import { question as persistenceQuestion } from "../studies/persistence/spec.ts";
import { runProcess } from "./runProcess.ts";
import { runBench } from "./runs/bench.ts";
import { runExperiments } from "./runs/experiments.ts";
import { runFidelity } from "./runs/fidelity.ts";
import { runInspect } from "./runs/inspect.ts";
import { runPersistence } from "./runs/persistence.ts";

await runProcess({
  studies: [
    {
      name: "fidelity",
      question: "Do we get the original study's numbers from its own weights and data?",
      seeds: 2,
      seconds: 2,
    },
    { name: "persistence", question: persistenceQuestion, seeds: 30, seconds: 20 },
  ],
  persistence: runPersistence,
  fidelity: runFidelity,
  experiments: runExperiments,
  inspect: runInspect,
  bench: runBench,
});
