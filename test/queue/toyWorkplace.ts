/** Jobs that take a while and come to a number, in the place of training: what a worker does around them is the same. */
import * as fs from "node:fs";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { FileError } from "../../src/base/errors.ts";
import { publishFirst } from "../../src/cli/journal/publishFirst.ts";
import { pause } from "../../src/cli/queue/broker.ts";
import type { QueuedJob } from "../../src/cli/queue/jobQueue.ts";
import type { WorkerPlace } from "../../src/cli/queue/runWorker.ts";
import { storeIdentity } from "../../src/cli/queue/storeIdentity.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";

/** What a toy job is to do before it comes to its number. */
export interface ToyJob {
  /** Keeps a processor busy for that long, ms. */
  readonly busyMs?: number;
  /** Takes that long and nobody's time, ms. */
  readonly restMs?: number;
  /** Fails. */
  readonly poison?: boolean;
  /** Cannot write its result. */
  readonly disk?: boolean;
  /** Another number than the same job's elsewhere. */
  readonly broken?: boolean;
}

/** What computes toy jobs. */
export const toyProgram = { version: "toy", engine: null };

/** The result of a toy job: a function of its key alone. */
export function toyResult(key: string): string {
  return sha256OfBytes(new TextEncoder().encode(`result of ${key}`));
}

/** A toy job under a key of 64 hexadecimal digits. */
export function toyJob(number: number, job: ToyJob = {}): QueuedJob {
  const key = sha256OfBytes(new TextEncoder().encode(`job ${number}`));
  return { key, data: { ...job } };
}

const busy = `
const { parentPort, workerData } = require("node:worker_threads");
const end = performance.now() + workerData;
let x = 0;
while (performance.now() < end) x = Math.sin(x + 1);
parentPort.postMessage(x);
`;

/** Keeps a thread of its own busy, so that the loop of this one is free; ends early when the job is to be left. */
function keepBusy(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(busy, { eval: true, workerData: ms });
    const leave = () => void thread.terminate();
    signal.addEventListener("abort", leave);
    thread.once("error", reject);
    thread.once("exit", () => {
      signal.removeEventListener("abort", leave);
      resolve();
    });
    if (signal.aborted) leave();
  });
}

/** A store of toy results in a folder: `<key>.json`, the first wins. */
export function openToyWorkplace(folder: string): WorkerPlace {
  mkdirSync(folder, { recursive: true });
  return {
    store: { id: storeIdentity(folder, folder), name: folder },
    compute: async ({ key, data }, { signal, tell }, { alarm }) => {
      const { busyMs = 0, restMs = 0, poison = false, disk = false, broken = false } = data as ToyJob;
      const file = join(folder, `${key}.json`);
      if (fs.existsSync(file)) return "done";
      tell({ busyMs });
      if (poison) throw new Error(`job ${key} is poison`);
      if (disk)
        throw new FileError({ where: file, rule: "cannot be written", got: "the disk is full (ENOSPC)" });
      if (restMs > 0) await pause(restMs, signal);
      if (busyMs > 0) await keepBusy(busyMs, signal);
      if (signal.aborted) return "back";
      const result = broken ? "another" : toyResult(key);
      if (publishFirst(fs, file, new TextEncoder().encode(result)) === "first") return "done";
      if (readFileSync(file, "utf8") !== result) alarm(`job ${key} has another result already.`);
      return "done";
    },
    close: async () => {},
  };
}

/** What is in a store of toy results, by key. */
export function toyResults(folder: string): Map<string, string> {
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
  return new Map(files.map((name) => [name.slice(0, 64), readFileSync(join(folder, name), "utf8")]));
}

/** What must be in it once these jobs are done. */
export function expectedResults(jobs: readonly QueuedJob[]): Map<string, string> {
  return new Map(
    [...jobs]
      .map(({ key }) => key)
      .sort()
      .map((key) => [key, toyResult(key)]),
  );
}
