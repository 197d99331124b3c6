/**
 * Taking jobs from a server, by BullMQ's calls for taking them by hand.
 *
 * A job that is taken is leased: the server gives it to another when the lease is not renewed in time. Renewing needs an
 * event loop that is free, so a handler computes in a thread or a child process, never on this one.
 */
import { randomUUID } from "node:crypto";
import type { Job, Worker } from "bullmq";
import { parseJson } from "../../record/canonicalJson.ts";
import { application, type Broker, pause, within } from "./broker.ts";
import { type JobHandler, type LeaveReason, triesOfAJob, type WorkOptions } from "./jobQueue.ts";
import { reasonOf } from "./memoryQueue.ts";

/** What BullMQ stores of a job. */
export interface BrokerJob {
  /** The job's data in canonical JSON. */
  readonly json: string;
}

/** How jobs are leased. */
export interface BrokerWorkOptions {
  /** Length of a lease that is not renewed, ms. */
  readonly leaseMs: number;
  /** What the server calls this worker. */
  readonly workerName: string;
}

/**
 * How often a worker may vanish with a job before the job is parked. Far more than the tries of a job that says itself
 * that it failed: a machine that is switched off is not the job's doing, and with half of all tries cut short by chance
 * one job in a million is parked.
 */
const lossesOfAJob = 20;
/** Renewals within a lease: two may be lost. */
const renewalsPerLease = 3;
/** Part of the lease by which this machine's clock may differ from the server's where both time leases. */
const clockShare = 1 / 6;
/** How long a stop waits for a server that does not answer; the leases run out by themselves. */
const stopMs = 3000;
const retryMs = 1000;

/** What BullMQ says of a job that is no longer this worker's: gone, unlocked, not active, or locked by another. */
const lostCodes = new Set([-1, -2, -3, -6]);

/**
 * Says things of a job one after the other, so that they arrive in order. What is said while another is on its way takes
 * the place of what was waiting: a server that does not answer makes no queue of old news.
 */
function sayer(job: Job<BrokerJob>): { say(value: object): void; said(): Promise<void> } {
  let next: object | null = null;
  let saying = Promise.resolve();
  const go = async () => {
    const value = next;
    next = null;
    // a job that is no longer there needs no news
    if (value !== null) await job.updateProgress(JSON.stringify(value)).catch(() => {});
  };
  return {
    say: (value) => {
      next = value;
      saying = saying.then(go);
    },
    said: () => saying,
  };
}

/** Takes jobs until it is stopped. */
export function takeJobs(
  broker: Broker,
  name: string,
  handler: JobHandler,
  { leaseMs, slots, workerName }: BrokerWorkOptions & WorkOptions,
): { stop(): Promise<void> } {
  const { bullmq, link, describe } = broker;
  const worker = new bullmq.Worker(
    name,
    null,
    {
      connection: broker.connection,
      prefix: application,
      name: workerName,
      autorun: false,
      lockDuration: leaseMs,
      stalledInterval: Math.ceil(leaseMs / renewalsPerLease),
      maxStalledCount: lossesOfAJob,
    },
    broker.backend,
  ) as unknown as Worker<BrokerJob>;
  worker.on("error", (error) => link.lost(describe(error)));

  const leases = new Map<string, { readonly token: string; readonly controller: AbortController }>();
  const tasks = new Set<Promise<void>>();
  const stopping = new AbortController();
  const stopped = new AbortController();
  const outOfPatience = new Promise<void>((resolve) => {
    stopping.signal.addEventListener("abort", () => resolve(pause(stopMs, stopped.signal)));
  });
  // not known before the first look at it
  let clockIsRight: boolean | null = null;
  let wake = () => {};

  /** Tells how a job ended. Where the server never hears of it the job is leased again, and found done. */
  const report = async (call: () => Promise<unknown>): Promise<void> => {
    const called = call().catch((error) => {
      if (!lostCodes.has((error as { code?: number }).code ?? 0)) link.lost(describe(error));
    });
    await Promise.race([called, outOfPatience]);
  };

  const run = async (job: Job<BrokerJob>, token: string): Promise<void> => {
    const id = job.id ?? "";
    const key = id.slice(1);
    if (job.deferredFailure !== undefined) {
      const lost = new bullmq.UnrecoverableError(
        `its worker vanished ${lossesOfAJob + 1} times while it was computed`,
      );
      return report(() => job.moveToFailed(lost, token, false));
    }
    const controller = new AbortController();
    leases.set(id, { token, controller });
    const { say, said } = sayer(job);
    let toldAt = Number.NEGATIVE_INFINITY;
    let end: () => Promise<unknown>;
    try {
      const verdict = await handler(
        { key, data: parseJson(job.data.json, { file: `job ${key}` }) },
        {
          failures: job.attemptsMade,
          signal: controller.signal,
          tell: (told) => {
            // news are no more urgent than the lease: a thousand machines tell one server
            const now = performance.now();
            if (now - toldAt < leaseMs / renewalsPerLease) return;
            toldAt = now;
            say({ told });
          },
        },
      );
      end = async () => {
        await said();
        await (verdict === "done" ? job.moveToCompleted(null, token, false) : job.moveToWait(token));
      };
    } catch (error) {
      const reason = reasonOf(error);
      end = async () => {
        if (job.attemptsMade + 1 < triesOfAJob) say({ failed: reason });
        await said();
        await job.moveToFailed(new Error(reason), token, false);
      };
    }
    leases.delete(id);
    const left = controller.signal.aborted ? (controller.signal.reason as LeaveReason) : null;
    if (left !== "lost") await report(end);
  };

  const take = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (tasks.size >= slots || clockIsRight !== true) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const token = randomUUID();
      let job: Job<BrokerJob> | undefined;
      try {
        job = await worker.getNextJob(token, { block: true });
        link.restored();
      } catch (error) {
        if (stopping.signal.aborted) return;
        link.lost(describe(error));
        await pause(retryMs, stopping.signal);
      }
      if (job === undefined) continue;
      if (stopping.signal.aborted) {
        const unused = job;
        await report(() => unused.moveToWait(token));
        return;
      }
      const task = run(job, token).finally(() => {
        tasks.delete(task);
        wake();
      });
      tasks.add(task);
    }
  };

  /** Renews what is leased here, and hands on what others let run out. */
  const tend = async (): Promise<void> => {
    const ahead = await broker.clockAhead();
    const right = Math.abs(ahead) <= leaseMs * clockShare;
    if (right && clockIsRight === false) link.say({ kind: "back" });
    if (!right && clockIsRight !== false) {
      const seconds = (Math.abs(ahead) / 1000).toFixed(1);
      const reason = `this machine's clock is ${seconds} s ${ahead > 0 ? "ahead of" : "behind"} the server's`;
      link.say({ kind: "away", reason });
    }
    clockIsRight = right;
    const held = [...leases];
    if (held.length > 0) {
      const gone = await worker.extendJobLocks(
        held.map(([id]) => id),
        held.map(([, { token }]) => token),
        leaseMs,
      );
      const leave: LeaveReason = "lost";
      for (const id of gone) leases.get(id)?.controller.abort(leave);
    }
    // a clock that is wrong would take the jobs of workers that are well
    if (right) await worker.getBackend().moveStalledJobsToWait();
    wake();
  };
  const tending = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await tend().catch((error) => link.lost(describe(error)));
      await pause(leaseMs / renewalsPerLease, stopping.signal);
    }
  };

  const tended = tending();
  const taken = take();
  return {
    stop: async () => {
      const leave: LeaveReason = "stop";
      stopping.abort();
      for (const { controller } of leases.values()) controller.abort(leave);
      wake();
      // what is closed while it is being opened or asked stays half open
      await within(stopMs, Promise.all([worker.waitUntilReady(), tended]));
      await within(stopMs, worker.getBackend().disconnectBlocking(true));
      await within(stopMs, taken);
      while (tasks.size > 0) await Promise.all(tasks);
      stopped.abort();
      await within(stopMs, worker.close(true));
    },
  };
}
