/**
 * Stands in for the program that computes the jobs of a sweep: it speaks as that does, takes a while, and publishes a
 * result that is a function of the job, and of TOY_SALT. In the file named by TOY_TRACE it says which job it is at.
 */
import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { randomStream } from "../../src/base/random.ts";
import { openAnyStore } from "../../src/cli/queue/objectStore.ts";
import type { FromChild, ToChild } from "../../src/cli/sweep/jobOrders.ts";
import { jobKey, type SweepJob } from "../../src/studies/sweep/job.ts";
import type { SweepResult } from "../../src/studies/sweep/result.ts";

const { TOY_TRACE: trace, TOY_MS: duration, TOY_SALT: salt = "" } = process.env;

function toyResult(job: SweepJob): SweepResult {
  const key = jobKey(job);
  const values = (statistic: string) => {
    const stream = randomStream("toy result", key, statistic, salt);
    return job.seeds.map(() => stream.uniform());
  };
  const kinds = ["token", "position"].flatMap((kind) => [0, 1].map((layer) => ({ kind, layer })));
  return {
    ...{ key, job },
    series: [
      ...kinds.map((place) => ({
        ...place,
        statistic: "tuningExcess",
        values: values(JSON.stringify(place)),
      })),
      { statistic: "heldOutLoss", layer: null, kind: null, values: values("heldOutLoss") },
    ],
    outcomes: [{ statistic: "bayesFloor", value: 1, low: Number.NaN, high: Number.NaN }],
    verdicts: [],
    models: [],
  };
}

const tell = (message: FromChild) => void process.send?.(message);
const note = (what: string, key: string) => {
  if (trace !== undefined) appendFileSync(trace, `${JSON.stringify({ what, key, pid: process.pid })}\n`);
};

process.on("disconnect", () => process.exit(1));
process.on("message", async (order: ToChild) => {
  if (order.kind === "stop") return;
  const { job, store: place } = order;
  const key = jobKey(job);
  note("begun", key);
  await wait(Number(duration) * (0.5 + randomStream("toy time", key).uniform()));
  const kept = await (await openAnyStore(place)).put(toyResult(job));
  note("done", key);
  tell({ kind: "end", end: { kind: "kept", kept } });
});
tell({ kind: "ready" });
