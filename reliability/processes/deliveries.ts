/** E4: whatever a queue delivers, twice, late or out of order: one result a job, and a second that differs is an alarm. */
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { createMemoryQueue } from "../../src/cli/queue/memoryQueue.ts";
import { openStore, type SweepStore } from "../../src/cli/sweep/store.ts";
import { jobKey, type SweepJob } from "../../src/studies/sweep/job.ts";
import type { SweepResult } from "../../src/studies/sweep/result.ts";
import type { Check } from "../check.ts";
import { openSimDisk } from "../crash/simDisk.ts";

/** Of the deliveries, so many are of a job that was delivered before. */
const duplicateShare = 0.3;
/** Of the workers, one in so many computes something else than all others. */
const brokenShare = 200;
/** Results on their way at a time: one that was computed early may come late. */
const underWay = 40;
const folder = "/results";

function toyJob(number: number): SweepJob {
  return {
    ...{ format: 1, study: "initial-selectivity", engine: null, version: "0.1.0" },
    ...{ config: { quick: true, backend: "reference" }, seeds: [number, number + 1] },
  };
}

function toyResult(job: SweepJob, value: number): SweepResult {
  return {
    ...{ key: jobKey(job), job, series: [], verdicts: [], models: [] },
    outcomes: [{ statistic: "toy", value, low: value, high: value }],
  };
}

/** A link that takes the place of what has its name, as renaming does. */
function replacingLink({ linkSync, rmSync }: Disk): Disk["linkSync"] {
  return (from, to) => {
    rmSync(to, { force: true });
    linkSync(from, to);
  };
}

/** Deliveries of jobs to workers, whose results come in any order; what is wrong with the store after. */
async function deliver(count: number, stream: RandomStream, without: string | undefined) {
  const sim = openSimDisk();
  sim.disk.mkdirSync(folder);
  const disk: Disk = without === "first-wins" ? { ...sim.disk, linkSync: replacingLink(sim.disk) } : sim.disk;
  // two machines that share the folder
  const stores: SweepStore[] = [1, 2].map(() => openStore({ folder, cwd: "/", disk }));
  const failures: string[] = [];
  /** Values that were put, by number of the job; the first is the result. */
  const put = new Map<number, number[]>();
  const late: { number: number; value: number }[] = [];
  let [fresh, duplicates, same, differing] = [0, 0, 0, 0];
  const arrive = async () => {
    const [{ number, value }] = late.splice(stream.integer(late.length), 1);
    const kept = await stores[stream.integer(2)].put(toyResult(toyJob(number), value));
    const before = put.get(number) ?? [];
    const expected = before.length === 0 ? "first" : before[0] === value ? "same" : "differs";
    if (kept.kind !== expected)
      failures.push(`job ${number}: a result was "${kept.kind}" in place of "${expected}"`);
    if (expected === "same") same++;
    if (expected === "differs") differing++;
    put.set(number, [...before, value]);
  };
  for (let k = 0; k < count; k++) {
    const again = fresh > 0 && stream.uniform() < duplicateShare;
    if (again) duplicates++;
    const number = again ? stream.integer(fresh) : fresh++;
    late.push({ number, value: stream.integer(brokenShare) === 0 ? -k - 1 : number });
    if (late.length > underWay) await arrive();
  }
  while (late.length > 0) await arrive();

  const keys = await stores[0].keys();
  if (keys.size !== fresh) failures.push(`${keys.size} results of ${fresh} jobs`);
  for (const [number, [first]] of put) {
    const result = await stores[1].read(jobKey(toyJob(number)));
    if (result?.outcomes[0].value !== first)
      failures.push(`job ${number}: its first result is not the one that is kept`);
  }
  const evidence = await stores[0].evidence();
  const odd = [...put].filter(([, values]) => values.some((value) => value !== values[0]));
  if (evidence.size !== odd.length)
    failures.push(`${evidence.size} jobs with evidence, of ${odd.length} that had differing results`);
  return { failures, coverage: { deliveries: count, jobs: fresh, duplicates, same, differing } };
}

/** Jobs of which some fail always: the others are done, and those are parked and named. */
async function poison(count: number): Promise<string[]> {
  const queue = createMemoryQueue();
  const isPoison = (key: string) => key.startsWith("a");
  const keys = Array.from({ length: count }, (_, number) => jobKey(toyJob(number)));
  const tries = new Map<string, number>();
  await queue.add(keys.map((key) => ({ key, data: {} })));
  const working = queue.work(
    async ({ key }) => {
      tries.set(key, (tries.get(key) ?? 0) + 1);
      if (isPoison(key)) throw new Error("poison");
      return "done";
    },
    { slots: 4 },
  );
  await working.empty();
  await working.stop();
  const parked = (await queue.parked()).map(({ key }) => key);
  await queue.close();
  const failures: string[] = [];
  const expected = keys.filter(isPoison).sort();
  if (expected.length === 0 || parked.join() !== expected.join())
    failures.push(`${parked.length} jobs were parked, of ${expected.length} that always fail`);
  for (const [key, count] of tries)
    if (count !== (isPoison(key) ? 3 : 1)) failures.push(`job ${key.slice(0, 12)} was tried ${count} times`);
  return failures;
}

export const deliveries: Check = {
  id: "E4",
  promise:
    "Jobs that a queue delivers twice, late or out of order have one result; a differing second one is an alarm.",
  weakenings: ["first-wins"],
  async run(form, { seed, without }) {
    const count = form === "short" ? 10_000 : 100_000;
    const { failures, coverage } = await deliver(count, randomStream("deliveries", seed), without);
    if (coverage.differing === 0 || coverage.same === 0) failures.push("no second result ever came");
    failures.push(...(await poison(200)));
    return {
      figure: `${failures.length} failures in ${coverage.deliveries} deliveries, ${coverage.duplicates} of them duplicates`,
      count: coverage.deliveries,
      coverage,
      failures,
    };
  },
};
