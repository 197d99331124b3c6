/** Small settings of the persistence study, and a runner that needs no workers. */

import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import type { PersistenceSettings } from "../../src/studies/persistence/spec.ts";
import type { Execution } from "../../src/studies/persistence/study.ts";
import { runJob } from "../../src/studies/population/job.ts";

export const smallSettings: PersistenceSettings = {
  presets: ["original"],
  seeds: [0, 1, 2, 3, 4],
  sequences: 64,
  batch: 32,
  stepsPerEpoch: 2,
  steps: 6,
  lr: 1e-3,
  optimizer: "adam",
  task: "patterns",
  init: { scheme: "pytorch", embeddingScale: 1 },
  probe: "trained",
};

/** Runs jobs one after the other in this thread. */
export function inThisThread(modelsPerJob: number, name: "wasm" | "reference" = "wasm"): Execution {
  const backend = name === "wasm" ? wasmBackend() : referenceBackend;
  return {
    backend: { name },
    modelsPerJob,
    runJobs: async (jobs, tell) => {
      await inTurn(jobs, async (job, index) => {
        await runJob(job, backend, (event) => tell(index, event));
      });
    },
  };
}
