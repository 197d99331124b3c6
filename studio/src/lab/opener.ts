/** Opens a run folder in a worker of its own, which ends when the run is there, refused, or given up. */
import { proxy, type Remote, wrap } from "comlink";
import type { PresetName } from "../../../src/model/config.ts";
import type { FoundRun, OpenWorker, RunPlace } from "../workers/openWorker.ts";
import type { Recording } from "./recording.ts";

/** A run whose manifest was read. */
export interface RunBeingOpened extends FoundRun {
  /** Reads the checkpoints of a preset; `tell` hears how many are done. */
  record(preset: PresetName, tell: (done: number) => void): Promise<Recording>;
  /** Ends the worker; what is under way ends with an error. */
  close(): void;
}

/**
 * Opens a run.
 *
 * @throws Error  one sentence, for what is no run
 */
export async function openRunAt(place: RunPlace): Promise<RunBeingOpened> {
  const worker = new Worker(new URL("../workers/openWorker.ts", import.meta.url), { type: "module" });
  const remote: Remote<OpenWorker> = wrap<OpenWorker>(worker);
  let fail: (reason: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // told by whatever waits
  worker.onerror = (event) => fail(new Error(event.message || "a worker could not be started"));
  const close = () => {
    fail(new Error("stopped."));
    worker.terminate();
  };
  try {
    const found = await Promise.race([remote.open(place), failed]);
    return {
      ...found,
      close,
      record: (preset, tell) => Promise.race([remote.record(preset, proxy(tell)), failed]),
    };
  } catch (error) {
    close();
    throw error;
  }
}
