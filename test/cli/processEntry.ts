/** The command line as a process, with handlers that do what a test needs; bundled and started by process.test.ts. */
import type { Outcome, RunIo } from "../../src/cli/io.ts";
import { runProcess } from "../../src/cli/runProcess.ts";

/** Waits until the run is told to stop, as a training that looks at its signal between steps does. */
function untilStopped({ board, signal }: RunIo): Promise<Outcome> {
  return new Promise((_, reject) => {
    const busy = setInterval(() => {}, 1000); // keeps the process alive
    signal.addEventListener("abort", () => {
      if (process.env.DEAF === "1") return;
      clearInterval(busy);
      reject(new Error("stopped"));
    });
    board.log("begun");
  });
}

await runProcess({
  studies: [],
  plans: [],
  study: async () => ({ result: {}, summary: "" }),
  allStudies: async () => ({ result: {}, summary: "" }),
  findings: async () => ({ result: {}, summary: "" }),
  persistence: async (_, io) => untilStopped(io),
  fidelity: async () => ({ result: { text: "x".repeat(4_000_000) }, summary: "" }),
  experiments: async () => ({ result: {}, summary: "" }),
  inspect: async () => ({ result: {}, summary: "" }),
  train: async () => ({ result: {}, summary: "" }),
  track: async () => ({ result: {}, summary: "" }),
  sweep: async () => ({ result: {}, summary: "" }),
  resume: async () => ({ result: {}, summary: "" }),
  verify: async () => ({ result: {}, summary: "" }),
  runsList: async () => ({ result: {}, summary: "" }),
  runsCompare: async () => ({ result: {}, summary: "" }),
  runsQuery: async () => ({ result: {}, summary: "" }),
  runsRemove: async () => ({ result: {}, summary: "" }),
  modelsCheck: async () => 0,
  modelsPull: async () => ({ result: {}, summary: "" }),
  modelsRun: async () => ({ result: {}, summary: "" }),
  modelsPairs: async () => ({ result: {}, summary: "" }),
  studio: async () => 0,
  worker: async () => 0,
  bench: async () => {
    queueMicrotask(() => {
      throw new TypeError("thrown outside");
    });
    return new Promise(() => setTimeout(() => {}, 10_000));
  },
});
