/** A queue on a server, by BullMQ. */
import type { Job, JobsOptions, JobType, Queue, QueueEvents } from "bullmq";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { canonicalJson, parseJson } from "../../record/canonicalJson.ts";
import { application, type Broker, pause, within } from "./broker.ts";
import { type BrokerJob, type BrokerWorkOptions, takeJobs } from "./brokerWork.ts";
import { type JobQueue, type QueuedJob, type QueueEvent, triesOfAJob } from "./jobQueue.ts";

/** Jobs added by one call of the server, each a few kB. */
const addedAtOnce = 500;
/** Every state that a job can be in here; one that is done is gone. */
const states: JobType[] = ["waiting", "prioritized", "delayed", "active", "failed"];
/** How often the server is asked whether anything is left, ms. */
const emptyPollMs = 500;
/** How long closing waits for a server that does not answer, ms. */
const closeMs = 3000;

const jobOptions: JobsOptions = {
  attempts: triesOfAJob,
  // a finished job that were kept could never be added again, not even after its result was lost
  removeOnComplete: true,
  removeOnFail: false,
  stackTraceLimit: 1,
};

/** BullMQ takes a job id of digits for one of its own. */
function idOf(key: string): string {
  return `h${key}`;
}

function keyOf(id: string): string {
  return id.slice(1);
}

/** What a worker says of its job, as it travels. */
function eventOf(key: string, data: unknown): QueueEvent | null {
  if (typeof data !== "string") return null;
  const { failed, told } = parseJson(data, { file: "what a worker said" }) as {
    failed?: string;
    told?: JsonValue;
  };
  if (failed !== undefined) return { kind: "failed", key, reason: failed };
  return told === undefined ? null : { kind: "told", key, value: told };
}

/**
 * The queue of a given name on a server. Whoever gives the same name shares its jobs.
 *
 * @param name   letters, digits, "-" and "_"
 * @param shown  the server as it may be shown
 */
export function createBrokerQueue(
  broker: Broker,
  name: string,
  shown: string,
  options: BrokerWorkOptions,
): JobQueue {
  const { bullmq, connection, backend, link, describe } = broker;
  const base = { connection, prefix: application };
  const queue = new bullmq.Queue(name, base, backend) as unknown as Queue<BrokerJob>;
  queue.on("error", (error) => link.lost(describe(error)));

  const listeners = new Set<(event: QueueEvent) => void>();
  const tell = (event: QueueEvent) => {
    for (const listener of listeners) listener(event);
  };
  let events: QueueEvents | null = null;
  const listen = () => {
    const made = new bullmq.QueueEvents(name, base, backend) as unknown as QueueEvents;
    made.on("error", (error) => link.lost(describe(error)));
    made.on("completed", ({ jobId }) => tell({ kind: "done", key: keyOf(jobId) }));
    made.on("failed", ({ jobId, failedReason }) =>
      tell({ kind: "parked", key: keyOf(jobId), reason: failedReason }),
    );
    made.on("stalled", ({ jobId }) => tell({ kind: "lost", key: keyOf(jobId) }));
    made.on("progress", ({ jobId, data }) => {
      const event = eventOf(keyOf(jobId), data);
      if (event !== null) tell(event);
    });
    return made;
  };

  const counts = async () => {
    const { waiting = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = await queue.getJobCounts();
    const workers = await queue.getWorkersCount();
    return { waiting: waiting + prioritized + delayed, running: active, parked: failed, workers };
  };
  const failedJobs = async () => {
    const jobs = (await queue.getFailed(0, -1)) as (Job<BrokerJob> | undefined)[];
    // one that was retried while the list was read is not there any more
    return jobs.filter((job) => job !== undefined);
  };
  const add = async (jobs: readonly QueuedJob[]) => {
    for (let from = 0; from < jobs.length; from += addedAtOnce) {
      const chunk = jobs.slice(from, from + addedAtOnce);
      await queue.addBulk(
        chunk.map(({ key, data }) => ({
          name: "job",
          // as text: a database keeps no NaN, no NUL and no order of keys
          data: { json: canonicalJson(data) },
          opts: { ...jobOptions, jobId: idOf(key) },
        })),
      );
    }
  };

  return {
    ...{ shown, shared: true, add, counts },
    unknown: async (keys) => {
      const held = new Set(await queue.getRanges(states, 0, -1));
      return keys.filter((key) => !held.has(idOf(key)));
    },
    addLost: async (jobs) => {
      for (let from = 0; from < jobs.length; from += addedAtOnce) {
        const chunk = jobs.slice(from, from + addedAtOnce);
        // one that is leased after all stays, and is then not added
        await Promise.all(chunk.map(({ key }) => queue.remove(idOf(key))));
        await add(chunk);
      }
    },
    parked: async () =>
      (await failedJobs())
        .map(({ id, failedReason }) => ({ key: keyOf(id ?? ""), reason: failedReason }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    retry: async (keys) => {
      const wanted = new Set(keys.map(idOf));
      for (const job of await failedJobs()) {
        if (!wanted.has(job.id ?? "")) continue;
        const data = parseJson(job.data.json, { file: `job ${job.id}` });
        await job.remove();
        await add([{ key: keyOf(job.id ?? ""), data }]);
      }
    },
    watch: (listener) => {
      listeners.add(listener);
      events ??= listen();
      return () => listeners.delete(listener);
    },
    watchLink: link.watch,
    work: (handler, { slots }) => {
      const working = takeJobs(broker, name, handler, { ...options, slots });
      const stopped = new AbortController();
      return {
        empty: async () => {
          while (!stopped.signal.aborted) {
            const { waiting, running } = await counts().catch(() => ({ waiting: 1, running: 0 }));
            if (waiting === 0 && running === 0) return;
            await pause(emptyPollMs, stopped.signal);
          }
        },
        stop: () => {
          stopped.abort();
          return working.stop();
        },
      };
    },
    close: async () => {
      listeners.clear();
      await within(closeMs, Promise.all([queue.close(), events?.close()]));
      await broker.close();
    },
  };
}
