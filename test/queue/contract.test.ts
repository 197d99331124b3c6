import { Redis } from "ioredis";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { JobHandler, JobQueue, LinkEvent, QueueEvent } from "../../src/cli/queue/jobQueue.ts";
import { createMemoryQueue } from "../../src/cli/queue/memoryQueue.ts";
import { openQueue } from "../../src/cli/queue/openQueue.ts";
import { optionalPackages } from "../../src/cli/queue/optionalPackage.ts";
import { onEachServer } from "./eachServer.ts";
import type { Server } from "./servers.ts";
import { toyJob, toyProgram } from "./toyWorkplace.ts";

type PoolClass = new (options: {
  readonly connectionString: string;
}) => {
  query(text: string, values: readonly unknown[]): Promise<unknown>;
  end(): Promise<void>;
};

/** A fault from outside: of some jobs nothing is left, of the first its record without its place in the queue. */
async function loseJobs({ kind, url }: Server, ids: readonly string[]): Promise<void> {
  if (kind === "postgres") {
    const [pg] = (await optionalPackages("test", ["pg"])) as [{ readonly Pool: PoolClass }];
    const pool = new pg.Pool({ connectionString: url });
    await pool.query("DELETE FROM bullmq.job WHERE id = ANY($1)", [ids]);
    await pool.end();
    return;
  }
  const redis = new Redis(url);
  for (const [i, id] of ids.entries())
    for (const key of await redis.keys("palimpsest:*")) {
      if (key.endsWith(":wait")) await redis.lrem(key, 0, id);
      if (i > 0 && key.endsWith(`:${id}`)) await redis.del(key);
    }
  redis.disconnect();
}

const opened: JobQueue[] = [];
let names = 0;
afterEach(async () => {
  vi.restoreAllMocks();
  for (const queue of opened.splice(0)) await queue.close();
});

/** Two handles of one queue: they are the same object where it is in memory. */
type Open = () => Promise<readonly [JobQueue, JobQueue]>;

const onServer =
  (server: () => Server): Open =>
  async () => {
    const store = `contract${names++}`;
    const both = await Promise.all(
      [0, 1].map(() => openQueue(server().url, { store, program: toyProgram, leaseMs: 1000 })),
    );
    opened.push(...both);
    return [both[0], both[1]];
  };

function contract(open: Open): void {
  test("a job is handed out with the data that it was added with, and forgotten once it is done", async () => {
    const [queue, other] = await open();
    const data = { text: "a\u0000b √", none: null, numbers: [0.1, 1e-300, Number.NaN], z: 1, a: 2 };
    await queue.add([{ key: "0a", data }]);
    const got: unknown[] = [];
    const working = other.work(
      async (job) => {
        got.push(job);
        return "done";
      },
      { slots: 1 },
    );
    await working.empty();
    await working.stop();
    expect(got).toEqual([{ key: "0a", data }]);
    expect(await queue.counts()).toMatchObject({ waiting: 0, running: 0, parked: 0 });
    await queue.add([{ key: "0a", data: 1 }]);
    expect(await queue.counts()).toMatchObject({ waiting: 1 });
  });

  test("jobs that overlap are held once, whoever adds them and whatever state they are in", async () => {
    const [queue, other] = await open();
    const jobs = Array.from({ length: 12 }, (_, i) => toyJob(i));
    await Promise.all([queue.add(jobs.slice(0, 8)), other.add(jobs.slice(4)), queue.add(jobs.slice(2, 6))]);
    expect(await other.counts()).toMatchObject({ waiting: 12, running: 0, parked: 0 });
    const tries = new Map<string, number>();
    const handler: JobHandler = async ({ key }) => {
      tries.set(key, (tries.get(key) ?? 0) + 1);
      if (key === jobs[3].key) throw new Error("poison\n  in two lines");
      // while it runs it is still held
      await other.add([{ key, data: null }]);
      return "done";
    };
    const working = queue.work(handler, { slots: 3 });
    await working.empty();
    await working.stop();
    const expected = jobs.map(({ key }) => [key, key === jobs[3].key ? 3 : 1] as const);
    expect(new Map([...tries].sort())).toEqual(new Map([...expected].sort()));
    await other.add(jobs.slice(3, 4));
    expect(await other.counts()).toMatchObject({ waiting: 0, running: 0, parked: 1 });
    expect(await other.parked()).toEqual([{ key: jobs[3].key, reason: "poison in two lines" }]);
  });

  test("a parked job that is tried again is new: three more tries, with its own data", async () => {
    const [queue, other] = await open();
    const job = toyJob(0, { busyMs: 7 });
    const seen: [number, unknown][] = [];
    await queue.add([job]);
    const working = other.work(
      async ({ data }, { failures }) => {
        seen.push([failures, data]);
        throw new Error("no");
      },
      { slots: 2 },
    );
    await working.empty();
    await queue.retry(["ff", job.key]);
    await working.empty();
    await working.stop();
    expect(seen.map(([failures]) => failures)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(new Set(seen.map(([, data]) => JSON.stringify(data)))).toEqual(new Set(['{"busyMs":7}']));
    expect(await queue.parked()).toHaveLength(1);
  });

  test("the queue says which jobs it knows nothing of; those that wait, run, or are parked it knows", async () => {
    const [queue, other] = await open();
    const [waits, runs, parks, done, never] = [0, 1, 2, 3, 4].map((i) => toyJob(i));
    const all = [waits, runs, parks, done, never].map(({ key }) => key);
    await queue.add([parks, done]);
    const before = other.work(
      async ({ key }) => {
        if (key === parks.key) throw new Error("poison");
        return "done";
      },
      { slots: 2 },
    );
    await before.empty();
    await before.stop();
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    await queue.add([runs]);
    const working = other.work(
      (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve("back"));
          begin();
        }),
      { slots: 1 },
    );
    await begun;
    await queue.add([waits]);
    expect(await queue.unknown(all)).toEqual([done.key, never.key]);
    // what is held stays as it is, also where it is taken for lost
    await queue.addLost([waits, runs, never]);
    expect(await queue.counts()).toMatchObject({ waiting: 2, running: 1, parked: 1 });
    expect(await queue.unknown(all)).toEqual([done.key]);
    await working.stop();
  });

  test("whoever stops has its handlers leave their jobs, which are waiting again when it has stopped", async () => {
    const [queue, other] = await open();
    const jobs = [0, 1, 2].map((i) => toyJob(i));
    await queue.add(jobs);
    let leave: unknown;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const working = other.work(
      (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            leave = signal.reason;
            resolve("back");
          });
          begin();
        }),
      { slots: 2 },
    );
    await begun;
    await working.stop();
    expect(leave).toBe("stop");
    expect(await queue.counts()).toMatchObject({ waiting: 3, running: 0, parked: 0 });
    expect(await queue.parked()).toEqual([]);
  });

  test("what happens is told to who watches: failures before the last, what workers say, the end", async () => {
    const [queue, other] = await open();
    const events: QueueEvent[] = [];
    let last = () => {};
    const ended = new Promise<void>((resolve) => {
      last = resolve;
    });
    queue.watch((event) => {
      events.push(event);
      if (event.kind === "done" || event.kind === "parked") last();
    });
    // a server tells from when it knows of the listener: jobs are added until it does
    for (let i = 0; events.length === 0; i++) {
      const { key } = toyJob(i);
      const before = other.work(async () => "done", { slots: 1 });
      await queue.add([{ key, data: null }]);
      await before.empty();
      await before.stop();
    }
    events.length = 0;
    const told = new Promise<void>((resolve) => {
      last = resolve;
    });
    let tries = 0;
    const working = other.work(
      async (_, { tell }) => {
        tell({ step: tries, loss: 0.5 });
        if (tries++ === 0) throw new Error("once");
        return "done";
      },
      { slots: 1 },
    );
    await queue.add([{ key: "0b", data: null }]);
    await told;
    await working.stop();
    await ended;
    const key = "0b";
    expect(events.filter((event) => event.key === key)).toEqual([
      { kind: "told", key, value: { step: 0, loss: 0.5 } },
      { kind: "failed", key, reason: "once" },
      { kind: "told", key, value: { step: 1, loss: 0.5 } },
      { kind: "done", key },
    ]);
  });
}

describe("memory", () =>
  contract(async () => {
    const queue = createMemoryQueue();
    return [queue, queue];
  }));

onEachServer((server, kind) => {
  contract(onServer(server));

  test("what a server lost of a queue is known to be lost, and added again while the rest is as it was", async () => {
    const [queue] = await onServer(server)();
    const jobs = Array.from({ length: 6 }, (_, i) => toyJob(i));
    await queue.add(jobs);
    const lost = jobs.slice(1, 4);
    await loseJobs(
      server(),
      lost.map(({ key }) => `h${key}`),
    );
    const keys = jobs.map(({ key }) => key);
    expect(await queue.unknown(keys)).toEqual(lost.map(({ key }) => key));
    await queue.addLost(lost);
    expect(await queue.unknown(keys)).toEqual([]);
    expect(await queue.counts()).toMatchObject({ waiting: 6, running: 0, parked: 0 });
    const taken: string[] = [];
    const working = queue.work(
      async ({ key }) => {
        taken.push(key);
        return "done";
      },
      { slots: 2 },
    );
    await working.empty();
    await working.stop();
    expect(taken.sort()).toEqual([...keys].sort());
  });

  test("a clock that is ten minutes off takes no jobs where leases are timed by it, until it is right", async () => {
    const [queue] = await onServer(server)();
    const events: LinkEvent[] = [];
    const real = Date.now.bind(Date);
    let off = 600_000;
    vi.spyOn(Date, "now").mockImplementation(() => real() + off);
    await queue.add([toyJob(0)]);
    let taken = 0;
    let away = () => {};
    const told = new Promise<void>((resolve) => {
      away = resolve;
    });
    queue.watchLink((event) => {
      events.push(event);
      away();
    });
    const working = queue.work(
      async () => {
        taken++;
        return "done";
      },
      { slots: 1 },
    );
    if (kind === "postgres") {
      await told;
      expect(taken).toBe(0);
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({
        kind: "away",
        reason: expect.stringMatching(/^this machine's clock is (599|600)\.\d s ahead of the server's$/),
      });
      off = 0;
    }
    await working.empty();
    await working.stop();
    expect(taken).toBe(1);
    expect(events.slice(1)).toEqual(kind === "postgres" ? [{ kind: "back" }] : []);
  });
});
