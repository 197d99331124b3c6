/** `palimpsest worker` with what is installed here. */
import type { WorkerOptions } from "../commands/worker.ts";
import type { LinesIo } from "../io.ts";
import { installedProgram } from "../sweep/runSweep.ts";
import { openWorkplace } from "../sweep/workplace.ts";
import { computingProgram } from "./openQueue.ts";
import { runWorker } from "./runWorker.ts";

/** See {@link runWorker}. */
export async function startWorker(options: WorkerOptions, io: LinesIo): Promise<number> {
  const program = installedProgram();
  return runWorker(options, io, {
    program: computingProgram(program),
    openWorkplace: (store) => openWorkplace({ store, program }),
    clock: () => performance.now(),
  });
}
