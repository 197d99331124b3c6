/** A worker of a real queue whose jobs are toys, as a process; what it prints is what `palimpsest worker` prints. */
import { UserError } from "../../src/base/errors.ts";
import { runWorker, type WorkerPlace } from "../../src/cli/queue/runWorker.ts";
import { openToyWorkplace, toyProgram } from "../../test/queue/toyWorkplace.ts";
import { type Started, startChild } from "../startChild.ts";

/** How a worker is started. */
export interface ToyWorker {
  /** Of the queue. */
  readonly url: string;
  /** Folder of the results; absolute. */
  readonly store: string;
  /** Jobs at a time. */
  readonly slots: number;
  /** Seconds. */
  readonly lease: number;
  /** Ends when the queue is empty. */
  readonly untilEmpty: boolean;
  /** What it does wrong: it says that a job is done and keeps no result, or lets nobody else have the processor. */
  readonly fault?: "forgets" | "hogs";
}

/** A workplace that does something wrong. */
function faulty(place: WorkerPlace, fault: ToyWorker["fault"]): WorkerPlace {
  let jobs = 0;
  return {
    ...place,
    compute: async (job, lease, hear) => {
      if (fault === "forgets" && ++jobs % 5 === 0) return "done";
      const { busyMs = 0 } = job.data as { busyMs?: number };
      if (fault !== "hogs" || busyMs === 0) return place.compute(job, lease, hear);
      // in this thread, which then renews no lease
      for (const end = performance.now() + busyMs; performance.now() < end; );
      return place.compute({ ...job, data: {} }, lease, hear);
    },
  };
}

/** Works until it is told to stop, or killed. */
export async function workOnToys({ url, store, slots, lease, untilEmpty, fault }: ToyWorker): Promise<void> {
  const stop = new AbortController();
  process.on("SIGTERM", () => stop.abort());
  try {
    process.exitCode = await runWorker(
      { queue: url, store, workers: slots, lease, untilEmpty },
      {
        ...{ cwd: process.cwd(), signal: stop.signal },
        print: (line) => void process.stdout.write(`${JSON.stringify(line)}\n`),
      },
      {
        program: toyProgram,
        openWorkplace: async ({ folder }) => faulty(openToyWorkplace(folder), fault),
        clock: () => performance.now(),
      },
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
}

/** What a worker printed. */
export interface Told {
  readonly event: string;
  readonly job?: string;
}

/** A worker under way. */
export interface RunningWorker extends Started {
  readonly told: readonly Told[];
  /** Resolves when it has printed so many lines of an event; rejects where it ends before. */
  until(event: string, times?: number): Promise<void>;
}

/** Starts a worker. */
export function startToyWorker(options: ToyWorker): RunningWorker {
  const told: Told[] = [];
  const looks = new Set<() => void>();
  const started = startChild("workOnToys", options, {
    onLine: (line) => {
      told.push(JSON.parse(line) as Told);
      for (const look of looks) look();
    },
  });
  return {
    ...started,
    told,
    until: (event, times = 1) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (told.filter((line) => line.event === event).length < times) return;
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
        void started.ended.then(({ code, stderr }) =>
          reject(new Error(`the worker ended with ${code}: ${stderr}`)),
        );
      }),
  };
}
