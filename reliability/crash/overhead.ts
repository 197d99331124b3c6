/** A9: what it costs that a run can be gone on with. */
import { join } from "node:path";
import type { Check } from "../check.ts";
import { type FaultPlan, tracedFlushes, withProgram } from "./commandLine.ts";
import { makeWorkshop, runName, said, startSample } from "./samples.ts";

/** The study that `npm start` runs, and a quarter of it. */
const study = { name: "study persistence", words: ["study", "persistence"] };
const part = {
  name: "a quarter of study persistence",
  words: [...study.words, "--preset", "original", "--seeds", "8"],
};

/** Share of the time that durability may cost; of the quarter, whose last files are as many, twice as much. */
const most = { long: 0.02, short: 0.05 };
/** Runs with flushes and runs without, one after the other by turns. */
const pairs = 9;
/** ms that a flush takes longer on a disk that is too slow. */
const slow = 30;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

export const overhead: Check = {
  id: "A9",
  promise:
    "That a run survives whatever ends its process, and the failing of the power, costs at most 2 % of its time.",
  weakenings: ["fast-flushes"],
  run: (form, { say, without }) =>
    withProgram([], {}, async (build, top) => {
      const sample = form === "short" || without !== undefined ? part : study;
      let runs = 0;
      const timed = async (plan: Partial<FaultPlan>) => {
        const cwd = makeWorkshop(join(top, `run-${runs++}`));
        const ended = await startSample(sample, cwd, { build, plan: { under: join(cwd, runName), ...plan } })
          .ended;
        if (ended.code !== 0) throw new Error(`${sample.name}: ${said(ended)}`);
        return ended.seconds;
      };
      // the waiting for the disk, by the clock around each flush
      const trace = join(top, "trace.jsonl");
      const seconds = await timed({ trace, ...(without === undefined ? {} : { slowness: slow }) });
      const flushes = tracedFlushes(trace);
      const waited = flushes.reduce((sum, ms) => sum + ms, 0) / 1000;
      const share = waited / seconds;
      say(`${flushes.length} flushes took ${waited.toFixed(2)} of ${seconds.toFixed(1)} s`);
      const failures: string[] = [];
      if (share > most[form]) failures.push(`flushes took ${(100 * share).toFixed(1)} % of the time`);
      let cost = share;
      if (form === "long") {
        const durable: number[] = [];
        const fleeting: number[] = [];
        for (let k = 0; k < pairs; k++) {
          durable.push(await timed({}));
          fleeting.push(await timed({ unflushed: true }));
          say(`${durable[k].toFixed(1)} s with flushes, ${fleeting[k].toFixed(1)} s without`);
        }
        cost = median(durable.map((each, k) => each / fleeting[k])) - 1;
        if (cost > most.long) failures.push(`with flushes it takes ${(100 * cost).toFixed(1)} % longer`);
      }
      return {
        figure: `${(100 * cost).toFixed(1)} % of the time of ${sample.name}`,
        count: runs,
        coverage: { flushes: flushes.length, pairs: form === "long" ? pairs : 0 },
        failures,
      };
    }),
};
