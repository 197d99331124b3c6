import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PgQueryable } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import type { JobQueue, QueuedJob, QueueEvent } from "../../src/cli/queue/jobQueue.ts";
import { createMemoryQueue } from "../../src/cli/queue/memoryQueue.ts";
import { openQueue } from "../../src/cli/queue/openQueue.ts";
import { optionalPackages } from "../../src/cli/queue/optionalPackage.ts";
import { restAfter } from "../../src/cli/queue/runWorker.ts";
import { storeIdentity } from "../../src/cli/queue/storeIdentity.ts";
import { onEachServer } from "./eachServer.ts";
import type { Server } from "./servers.ts";
import { buildToys } from "./toyProcess.ts";
import { expectedResults, openToyWorkplace, toyJob, toyProgram, toyResults } from "./toyWorkplace.ts";

const folder = mkdtempSync(join(tmpdir(), "palimpsest-leases-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const toy = buildToys();

/** Seconds. */
const lease = 1;

/** Has a server believe that a job's workers vanished so many times. */
async function setLosses(url: string, key: string, losses: number): Promise<void> {
  if (url.startsWith("redis")) {
    const redis = new Redis(url);
    const [name] = await redis.keys(`palimpsest:*:h${key}`);
    await redis.hset(name, "stc", losses);
    redis.disconnect();
    return;
  }
  // the package has no types of its own
  const [pg] = (await optionalPackages("test", ["pg"])) as {
    Client: new (url: string) => PgQueryable & { connect(): Promise<void>; end(): Promise<void> };
  }[];
  const client = new pg.Client(url);
  await client.connect();
  await client.query("UPDATE bullmq.job SET stalled_count = $1 WHERE id = $2", [losses, `h${key}`]);
  await client.end();
}

onEachServer(
  (server: () => Server, kind) => {
    /** A store of its own with a sweep that has added its jobs and hears what happens. */
    async function sweep(name: string, jobs: readonly QueuedJob[]) {
      const store = join(folder, `${kind}-${name}`);
      openToyWorkplace(store);
      const queue: JobQueue = await openQueue(server().url, {
        store: storeIdentity(store, store),
        program: toyProgram,
        leaseMs: lease * 1000,
      });
      const events: QueueEvent[] = [];
      queue.watch((event) => events.push(event));
      await queue.add(jobs);
      const start = (untilEmpty = false, workers = 1) =>
        toy({ url: server().url, store, workers, lease, untilEmpty });
      return { store, queue, events, start };
    }

    test("a job that is busy for ten leases keeps its lease", async () => {
      const job = toyJob(0, { busyMs: 10 * lease * 1000 });
      const { store, queue, events, start } = await sweep("busy", [job]);
      const worker = start(true);
      await worker.until(({ event }) => event === "taken");
      // a second one, that looks for jobs whose lease has run out
      const other = start(true);
      expect(await worker.ended).toBe(0);
      expect(await other.ended).toBe(0);
      expect(worker.lines.map(({ event }) => event)).toEqual(["started", "taken", "done", "ended"]);
      expect(other.lines.map(({ event }) => event)).toEqual(["started", "ended"]);
      expect(events.filter((event) => event.kind === "lost")).toEqual([]);
      expect(toyResults(store)).toEqual(expectedResults([job]));
      await queue.close();
    });

    test("a worker that sleeps past its lease loses the job, and its late result doubles nothing", async () => {
      const job = toyJob(0, { busyMs: 2000 });
      const { store, queue, start } = await sweep("stale", [job]);
      const stale = start();
      await stale.until(({ event }) => event === "taken");
      stale.child.kill("SIGSTOP");
      const heir = start(true);
      expect(await heir.ended).toBe(0);
      expect(heir.lines.map(({ event }) => event)).toEqual(["started", "taken", "done", "ended"]);
      const first = toyResults(store);
      stale.child.kill("SIGCONT");
      // it either notices that the lease is gone, or ends the job and finds the same result there
      const end = await stale.until(({ event }) => event === "left" || event === "done");
      if (end.event === "left") expect(end.why).toBe("lost");
      stale.child.kill("SIGTERM");
      expect(await stale.ended).toBe(0);
      expect(toyResults(store)).toEqual(first);
      expect(first).toEqual(expectedResults([job]));
      expect(await queue.counts()).toMatchObject({ waiting: 0, running: 0, parked: 0 });
      await queue.close();
    });

    test("a poison job is parked after three tries, and the others are done", async () => {
      const jobs = Array.from({ length: 6 }, (_, i) => toyJob(i, { poison: i === 2 }));
      const { store, queue, start } = await sweep("poison", jobs);
      const worker = start(true, 2);
      expect(await worker.ended).toBe(0);
      const poison = jobs[2].key;
      const tries = worker.lines
        .filter(({ job }) => job === poison)
        .map(({ event, failures }) => [event, failures]);
      expect(tries.filter(([event]) => event === "taken")).toEqual([0, 1, 2].map((n) => ["taken", n]));
      expect(tries.filter(([event]) => event === "failed")).toHaveLength(3);
      expect(await queue.parked()).toEqual([{ key: poison, reason: `job ${poison} is poison` }]);
      expect(toyResults(store)).toEqual(expectedResults(jobs.filter(({ key }) => key !== poison)));
      expect(worker.lines.at(-1)).toMatchObject({ event: "ended", done: 5, failed: 3, alarms: 0 });
      await queue.close();
    });

    test("a job whose workers vanish again and again is parked, long after one that fails by itself", async () => {
      // a number of its own: the losses are set in whatever queue of the server has the job
      const job = toyJob(99, { busyMs: 60_000 });
      const { queue, start } = await sweep("vanish", [job]);
      const worker = start();
      await worker.until(({ event }) => event === "taken");
      await setLosses(server().url, job.key, 20);
      worker.child.kill("SIGKILL");
      const next = start(true);
      expect(await next.ended).toBe(0);
      expect(next.lines.map(({ event }) => event)).toEqual(["started", "ended"]);
      const reason = "its worker vanished 21 times while it was computed";
      expect(await queue.parked()).toEqual([{ key: job.key, reason }]);
      await queue.close();
    });

    test("SIGTERM gives the job back at once, and another goes on with it", async () => {
      const job = toyJob(0, { busyMs: 60_000 });
      const { queue, start } = await sweep("stop", [job]);
      const worker = start();
      await worker.until(({ event }) => event === "taken");
      worker.child.kill("SIGTERM");
      expect(await worker.ended).toBe(0);
      expect(worker.lines.map(({ event, why }) => why ?? event)).toEqual([
        "started",
        "taken",
        "stop",
        "ended",
      ]);
      // not after the lease: now
      expect(await queue.counts()).toMatchObject({ waiting: 1, running: 0, parked: 0 });
      const next = start();
      expect(await next.until(({ event }) => event === "taken")).toMatchObject({ job: job.key, failures: 0 });
      next.child.kill("SIGTERM");
      await next.ended;
      await queue.close();
    });

    test("a worker that cannot write the store ends with that sentence, and spoils no job", async () => {
      const jobs = [toyJob(0, { disk: true }), toyJob(1, { busyMs: 60_000 })];
      const { queue, start } = await sweep("disk", jobs);
      const worker = start(false, 2);
      expect(await worker.ended).toBe(2);
      expect(worker.stderr()).toMatch(/^\S+\.json: cannot be written; got the disk is full \(ENOSPC\)\.\n$/);
      expect(await queue.counts()).toMatchObject({ waiting: 2, running: 0, parked: 0 });
      await queue.close();
    });
  },
  { concurrent: true },
);

test("a second result that differs from the first is an alarm, and the first stays", async () => {
  const store = join(folder, "alarm");
  const { compute } = openToyWorkplace(store);
  const job = toyJob(0);
  const lease = { failures: 0, signal: new AbortController().signal, tell: () => {} };
  const alarms: string[] = [];
  const hear = { alarm: (text: string) => alarms.push(text), notice: () => {} };
  const late = compute({ ...job, data: { busyMs: 200, broken: true } }, lease, hear);
  expect(await compute(job, lease, hear)).toBe("done");
  expect(alarms).toEqual([]);
  expect(await late).toBe("done");
  expect(alarms).toEqual([`job ${job.key} has another result already.`]);
  expect(toyResults(store)).toEqual(expectedResults([job]));
});

test("a worker whose jobs fail one after the other rests longer each time, a minute at most", () => {
  expect([0, 1, 2, 3, 4, 8, 9, 100].map(restAfter)).toEqual([0, 0, 1000, 2000, 4000, 60_000, 60_000, 60_000]);
});

test("a queue in memory forgets a job as soon as it is done", async () => {
  const queue = createMemoryQueue();
  await queue.add([toyJob(0)]);
  const working = queue.work(async () => "done", { slots: 1 });
  await working.empty();
  expect(await queue.counts()).toEqual({ waiting: 0, running: 0, parked: 0, workers: 1 });
  await working.stop();
});
