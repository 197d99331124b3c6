/** `palimpsest worker` with toy jobs, as a process: URL STORE WORKERS LEASE [--until-empty]. */
import { UserError } from "../../src/base/errors.ts";
import { runWorker } from "../../src/cli/queue/runWorker.ts";
import { openToyWorkplace, toyProgram } from "./toyWorkplace.ts";

const [queue, store, workers, lease, flag] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
try {
  process.exitCode = await runWorker(
    { queue, store, workers: Number(workers), lease: Number(lease), untilEmpty: flag === "--until-empty" },
    {
      cwd: process.cwd(),
      signal: stop.signal,
      print: (line) => void process.stdout.write(`${JSON.stringify(line)}\n`),
    },
    {
      program: toyProgram,
      openWorkplace: async ({ folder }) => openToyWorkplace(folder),
      clock: () => performance.now(),
    },
  );
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
