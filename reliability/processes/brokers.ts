/** A6 and E5, with a real Redis and a real PostgreSQL: the server of a queue is killed, and jobs outlast their leases. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { randomStream } from "../../src/base/random.ts";
import { openQueue } from "../../src/cli/queue/openQueue.ts";
import { storeIdentity } from "../../src/cli/queue/storeIdentity.ts";
import { missingServer, type Server, type ServerKind, startServer } from "../../test/queue/servers.ts";
import {
  expectedResults,
  openToyWorkplace,
  toyJob,
  toyProgram,
  toyResults,
} from "../../test/queue/toyWorkplace.ts";
import type { Check } from "../check.ts";
import { withFolder } from "../folderBytes.ts";
import { type RunningWorker, startToyWorker, type ToyWorker } from "./queueWorker.ts";

const kinds: readonly ServerKind[] = ["redis", "postgres"];

/** Seconds for which a worker that is not heard of keeps its job. */
const lease = 1;

/** What one server came to. */
interface Trial {
  readonly failures: string[];
  readonly coverage: Record<string, number>;
}

/** Runs trials on both servers at a time; one that cannot be started here is a failure. */
async function onBoth(trial: (server: Server, store: string) => Promise<Trial>): Promise<Trial> {
  return withFolder(async (top) => {
    const trials = await Promise.all(
      kinds.map(async (kind): Promise<Trial> => {
        const missing = missingServer(kind);
        if (missing !== null) return { failures: [`${kind} cannot be started: ${missing}`], coverage: {} };
        const server = await startServer(kind);
        try {
          const { failures, coverage } = await trial(server, join(top, kind));
          const named = Object.entries(coverage).map(([name, count]) => [`${kind} ${name}`, count] as const);
          return {
            failures: failures.map((text) => `${kind}: ${text}`),
            coverage: Object.fromEntries(named),
          };
        } finally {
          await server.remove();
        }
      }),
    );
    return {
      failures: trials.flatMap(({ failures }) => failures),
      coverage: Object.assign({}, ...trials.map(({ coverage }) => coverage)),
    };
  });
}

/** What is wrong with the results of jobs, and with what workers said of them. */
function faults(
  store: string,
  jobs: readonly ReturnType<typeof toyJob>[],
  fleet: readonly RunningWorker[],
): string[] {
  const [found, expected] = [toyResults(store), expectedResults(jobs)];
  const wrong = [...expected].filter(([key, result]) => found.get(key) !== result);
  const bad = fleet
    .flatMap(({ told }) => told)
    .filter(({ event }) => event === "alarm" || event === "failed");
  return [
    ...(wrong.length === 0 ? [] : [`${wrong.length} of ${expected.size} results are missing or wrong`]),
    ...(found.size === expected.size ? [] : [`${found.size} results of ${expected.size} jobs`]),
    ...bad.map(({ event, job }) => `${event} over job ${job?.slice(0, 12)}`),
  ];
}

const count = (fleet: readonly RunningWorker[], event: string) =>
  fleet.reduce((sum, { told }) => sum + told.filter((line) => line.event === event).length, 0);

/** Kills and restarts the server while two workers are at its jobs. */
async function restart(
  server: Server,
  store: string,
  restarts: number,
  seed: number,
  fault: ToyWorker["fault"],
): Promise<Trial> {
  const stream = randomStream("brokers", seed, server.kind);
  openToyWorkplace(store);
  const queue = await openQueue(server.url, {
    ...{ store: storeIdentity(store, store), program: toyProgram, leaseMs: lease * 1000 },
  });
  const jobs = Array.from({ length: 16 * (restarts + 1) }, (_, i) =>
    toyJob(i, { restMs: 50 + stream.integer(200) }),
  );
  await queue.add(jobs.slice(0, 64));
  const worker: ToyWorker = { url: server.url, store, slots: 2, lease, untilEmpty: false, fault };
  const fleet = [startToyWorker(worker), startToyWorker(worker)];
  await Promise.all(fleet.map(({ until }) => until("started")));
  for (let k = 0; k < restarts; k++) {
    // work is done between two failures of the server, or nothing is shown
    await fleet[k % 2].until("taken", fleet[k % 2].told.filter(({ event }) => event === "taken").length + 1);
    await wait(stream.integer(100));
    await server.kill();
    await wait(stream.integer(100));
    await server.start();
    // jobs that are waiting or done already stay as they are
    if (k % 4 === 3) await queue.add(jobs.slice(8 * k, 8 * k + 128));
  }
  await queue.add(jobs);
  const last = startToyWorker({ ...worker, untilEmpty: true });
  const { code } = await last.ended;
  for (const { process: child } of fleet) child.kill("SIGTERM");
  await Promise.all(fleet.map(({ ended }) => ended));
  const everybody = [...fleet, last];
  const failures = faults(store, jobs, everybody);
  if (code !== 0) failures.push(`the last worker ended with ${code}`);
  const left = await queue.counts();
  if (left.waiting + left.running + left.parked > 0)
    failures.push(`the queue still holds ${JSON.stringify(left)}`);
  await queue.close();
  const away = count(fleet, "away");
  if (away === 0) failures.push("no worker ever noticed that the server was gone");
  const taken = count(everybody, "taken");
  return { failures, coverage: { restarts, jobs: jobs.length, taken, away } };
}

export const brokers: Check = {
  id: "A6",
  promise: "The server of a queue may be killed and come back: no job is lost, and none has two results.",
  weakenings: ["kept-results"],
  async run(form, { seed, without }) {
    const restarts = without !== undefined ? 1 : form === "short" ? 10 : 100;
    const fault = without === undefined ? undefined : "forgets";
    const { failures, coverage } = await onBoth((server, store) =>
      restart(server, store, restarts, seed, fault),
    );
    return {
      figure: `${failures.length} failures after ${2 * restarts} restarts of Redis and PostgreSQL`,
      count: 2 * restarts,
      coverage,
      failures,
    };
  },
};

/** Leases that a busy job takes. */
const leasesLong = 10;

/** Jobs that keep a processor busy for ten leases. */
async function outlast(
  server: Server,
  store: string,
  trials: number,
  fault: ToyWorker["fault"],
): Promise<Trial> {
  openToyWorkplace(store);
  const queue = await openQueue(server.url, {
    ...{ store: storeIdentity(store, store), program: toyProgram, leaseMs: lease * 1000 },
  });
  const lost: string[] = [];
  queue.watch(({ kind, key }) => {
    if (kind === "lost") lost.push(key);
  });
  const jobs = Array.from({ length: trials }, (_, i) => toyJob(i, { busyMs: leasesLong * 1000 * lease }));
  await queue.add(jobs);
  const worker: ToyWorker = { url: server.url, store, slots: 1, lease, untilEmpty: true, fault };
  const first = startToyWorker(worker);
  await first.until("taken");
  // one that would be given whatever another let go of
  const second = startToyWorker(worker);
  const fleet = [first, second];
  const ended = Promise.all(fleet.map((each) => each.ended)).then(() => true);
  // a job that is taken twice was let go of; nothing more need be waited for
  const isDouble = () => count(fleet, "taken") > trials;
  while (!(await Promise.race([ended, wait(100, false)])) && !isDouble());
  for (const { process: child } of fleet) child.kill("SIGKILL");
  await ended;
  await queue.close();
  const failures = [
    ...faults(store, jobs, fleet),
    ...lost.map((key) => `the lease of job ${key.slice(0, 12)} ran out`),
  ];
  const taken = count(fleet, "taken");
  if (taken !== trials) failures.push(`${trials} jobs were taken ${taken} times`);
  return { failures, coverage: { jobs: trials, taken } };
}

export const leases: Check = {
  id: "E5",
  promise: "A job that keeps its processor busy for ten leases keeps its lease.",
  weakenings: ["free-thread"],
  async run(form, { without }) {
    const trials = form === "short" ? 1 : 10;
    const fault = without === undefined ? undefined : "hogs";
    const { failures, coverage } = await onBoth((server, store) => outlast(server, store, trials, fault));
    return {
      figure: `${failures.length} failures in ${2 * trials} jobs`,
      count: 2 * trials,
      coverage,
      failures,
    };
  },
};
