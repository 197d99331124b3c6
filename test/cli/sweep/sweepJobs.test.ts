import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError } from "../../../src/base/errors.ts";
import { createBoard } from "../../../src/cli/progress.ts";
import type { JobQueue } from "../../../src/cli/queue/jobQueue.ts";
import { createMemoryQueue } from "../../../src/cli/queue/memoryQueue.ts";
import { openStore, type SweepStore } from "../../../src/cli/sweep/store.ts";
import { type Computing, computeJobs } from "../../../src/cli/sweep/sweepJobs.ts";
import type { Workplace } from "../../../src/cli/sweep/workplace.ts";
import { readSweepJob } from "../../../src/studies/sweep/job.ts";
import { planOf, plantedResult } from "../../studies/sweep/sample.ts";
import { recorder } from "../harness.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-sweep-jobs-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** A sweep whose jobs are computed in no time, by a workplace that remembers which it computed. */
function sweepOf(folder: string, file: object, spoil: (lr: number) => void = () => {}) {
  const jobs = planOf({ seeds: 2, ...file }).jobs.map(({ key, job }) => ({
    ...{ key, job, name: `lr ${job.config.lr}`, size: { models: 4, modelSteps: 4 } },
  }));
  const store = openStore({ folder, cwd });
  const computed: number[] = [];
  const records: Record<string, unknown>[] = [];
  const warnings: string[] = [];
  const stop = new AbortController();
  const workplace: Workplace = {
    store,
    compute: async ({ key, data }) => {
      const job = readSweepJob(data, key);
      if ((await store.read(key)) !== null) return "done";
      const lr = job.config.lr as number;
      computed.push(lr);
      spoil(lr);
      await store.put(plantedResult(key, job));
      return "done";
    },
    close: async () => {},
  };
  const run = (with_: Partial<Pick<Computing, "store" | "queue" | "workplace" | "pace">> = {}) =>
    computeJobs({
      ...{ title: "t", jobs, store, queue: createMemoryQueue(), workplace, slots: 2 },
      io: {
        board: createBoard({ stream: recorder(), quiet: true, isTTY: false, now: () => 0 }),
        ...{ clock: () => 0, signal: stop.signal, warn: (text: string) => void warnings.push(text) },
      },
      log: (record) => void records.push(record),
      ...with_,
    });
  return { run, computed, records, warnings, stop, store, jobs };
}

test("every job is computed once; run again, nothing; edited, only what is new", async () => {
  const first = sweepOf("a", { grid: { lr: [0.1, 0.2] } });
  expect(await first.run()).toEqual(new Map());
  expect(first.computed.sort()).toEqual([0.1, 0.2]);
  const again = sweepOf("a", { grid: { lr: [0.1, 0.2] } });
  await again.run();
  expect(again.computed).toEqual([]);
  const edited = sweepOf("a", { grid: [{ lr: [0.3, 0.2] }, { lr: [0.1] }], sweep: "merged" });
  await edited.run();
  expect(edited.computed).toEqual([0.3]);
  expect(edited.records).toContainEqual(expect.objectContaining({ event: "jobs", total: 3, found: 2 }));
});

test("a job that fails is tried again up to three times, then given up with its reason; the others are done", async () => {
  const sweep = sweepOf("b", { grid: { lr: [0.1, 0.2, 0.3] } }, (lr) => {
    if (lr === 0.2) throw new Error("its process (pid 7) was ended by SIGSEGV");
  });
  const givenUp = await sweep.run();
  const [, bad] = sweep.jobs;
  expect(givenUp).toEqual(new Map([[bad.key, "its process (pid 7) was ended by SIGSEGV"]]));
  expect(sweep.computed.filter((lr) => lr === 0.2).length).toBe(3);
  expect(sweep.warnings.at(-1)).toMatch(
    /^Job [0-9a-f]{12} \(lr 0\.2\) given up: its process \(pid 7\) was ended by SIGSEGV\./,
  );
  expect((await sweep.store.keys()).size).toBe(2);
  // the next run tries it again
  const again = sweepOf("b", { grid: { lr: [0.1, 0.2, 0.3] } });
  expect(await again.run()).toEqual(new Map());
  expect(again.computed).toEqual([0.2]);
});

test("a damaged result in the store is computed again", async () => {
  const first = sweepOf("c", { grid: { lr: [0.1, 0.2] } });
  await first.run();
  writeFileSync(join(cwd, "c", `${first.jobs[1].key}.json`), "{}");
  const again = sweepOf("c", { grid: { lr: [0.1, 0.2] } });
  await again.run();
  expect(again.computed).toEqual([0.2]);
  expect(again.store.notices.length).toBe(1);
  expect(await again.store.read(first.jobs[1].key)).not.toBe(null);
});

test("a job whose result is damaged each time it is read is given up after three times, and the others are done", async () => {
  const sweep = sweepOf("h", { grid: { lr: [0.1, 0.2] } });
  const [bad] = sweep.jobs;
  const store: SweepStore = {
    ...sweep.store,
    // a disk that gives back other bytes than it was given
    read: async (key) => {
      const result = await sweep.store.read(key);
      if (key === bad.key) rmSync(join(cwd, "h", `${key}.json`), { force: true });
      return key === bad.key ? null : result;
    },
  };
  const givenUp = await sweep.run({ store });
  expect([...givenUp]).toEqual([
    [bad.key, "its result was written 3 times and could not be read back: is the disk of h at fault?"],
  ]);
  expect(sweep.computed.sort()).toEqual([0.1, 0.1, 0.1, 0.2]);
  expect(sweep.warnings.at(-1)).toMatch(/^Job [0-9a-f]{12} \(lr 0\.1\) given up: its result was written 3/);
});

test("a store that cannot be written ends the sweep at once, and blames no job", async () => {
  const sweep = sweepOf("d", { grid: { lr: [0.1, 0.2, 0.3, 0.4] } }, () => {
    throw new FileError({ where: "store", rule: "cannot be written", got: "the disk is full" });
  });
  await expect(sweep.run()).rejects.toThrow("store: cannot be written; got the disk is full.");
  expect(sweep.computed.length).toBeLessThanOrEqual(2);
  expect(sweep.warnings).toEqual([]);
});

test("a sweep that is stopped begins no more jobs, and goes on where it was", async () => {
  const sweep = sweepOf("e", { grid: { lr: [0.1, 0.2, 0.3, 0.4] } }, () => sweep.stop.abort());
  await expect(sweep.run()).rejects.toThrow(/stopped/);
  const before = (await sweep.store.keys()).size;
  expect(before).toBeLessThan(4);
  const again = sweepOf("e", { grid: { lr: [0.1, 0.2, 0.3, 0.4] } });
  await again.run();
  expect(again.computed.length).toBe(4 - before);
});

test("jobs that a queue lost while others are there are added again, those that run or wait are not", async () => {
  const sweep = sweepOf("f", { grid: { lr: [0.1, 0.2, 0.3, 0.4] } });
  const [kept, ...lost] = sweep.jobs;
  const server = createMemoryQueue();
  const again: string[][] = [];
  // a server that lost all but one of the jobs, of which nobody tells what becomes
  const queue: JobQueue = {
    ...server,
    shared: true,
    add: (jobs) => server.add(jobs.filter(({ key }) => key === kept.key)),
    addLost: async (jobs) => {
      again.push(jobs.map(({ key }) => key));
      await server.add(jobs);
      // the worker elsewhere ends its first job only now, so the queue was never empty
      finish();
    },
    watch: () => () => {},
  };
  let finish = () => {};
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const worker = server.work(
    async ({ key, data }) => {
      if (key === kept.key) await held;
      await sweep.store.put(plantedResult(key, readSweepJob(data, key)));
      return "done";
    },
    { slots: 1 },
  );
  expect(await sweep.run({ queue, workplace: null, pace: { lookMs: 1, looksPerQuestion: 2 } })).toEqual(
    new Map(),
  );
  await worker.stop();
  expect(again).toEqual([lost.map(({ key }) => key)]);
  expect(sweep.records).toContainEqual({ event: "forgotten", jobs: 3, open: 4 });
  expect((await sweep.store.keys()).size).toBe(4);
});

test("with workers here as well as elsewhere, results are found that nobody told of", async () => {
  const sweep = sweepOf("g", { grid: { lr: [0.1, 0.2] } });
  const [elsewhere] = sweep.jobs;
  const server = createMemoryQueue();
  const queue: JobQueue = {
    ...server,
    shared: true,
    // one is taken and done by another before this process sees it
    add: async (jobs) => {
      await sweep.store.put(plantedResult(elsewhere.key, elsewhere.job));
      await server.add(jobs.filter(({ key }) => key !== elsewhere.key));
    },
  };
  expect(await sweep.run({ queue, pace: { lookMs: 1, looksPerQuestion: 2 } })).toEqual(new Map());
  expect(sweep.computed).toEqual([0.2]);
});
