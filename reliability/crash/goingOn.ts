/** A10: how much work a kill costs, and how soon a run is at it again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { randomStream } from "../../src/base/random.ts";
import { readLog } from "../../src/record/logLine.ts";
import type { Check } from "../check.ts";
import type { Started } from "../startChild.ts";
import { type CommandOptions, killGroup, type Patch, withProgram } from "./commandLine.ts";
import { statesIn } from "./killRun.ts";
import { makeWorkshop, runName, type Sample, samples, startResume, startSample } from "./samples.ts";

/** A run of 200 models, two arms of 100. */
const large: Sample = {
  name: "study persistence with 200 models",
  words: ["study", "persistence", "--preset", "original", "--seeds", "100", "--epochs", "60"],
};

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  "kept-states": [{ find: /opened\[index\]\.save\(state,/, replace: "((..._) => {})(state," }],
};

/** Runs, ms at most from a first state to the kill, and how many s may be lost, and pass until it goes on. */
const plans = {
  short: { sample: samples.longestTrain, haste: 100, trials: 1, after: 200, redone: 2, until: 10 },
  long: { sample: large, haste: undefined, trials: 20, after: 12_000, redone: 15, until: 4 },
};

/** Waits until the progress that a process tells, a share of 1, fulfils a condition. */
function progressOf(fulfils: (done: number) => boolean): {
  onSaid: (text: string) => void;
  met: Promise<void>;
} {
  let rest = "";
  let resolve = () => {};
  const met = new Promise<void>((done) => {
    resolve = done;
  });
  const onSaid = (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const { event, done } = JSON.parse(line) as { event: string; done?: number };
      if (event === "progress" && typeof done === "number" && fulfils(done)) resolve();
    }
  };
  return { onSaid, met };
}

async function until(what: Promise<void>, { ended }: Started): Promise<void> {
  const early = ended.then(({ code, stderr }) =>
    Promise.reject(new Error(`it ended with ${code}: ${stderr.slice(-300)}`)),
  );
  await Promise.race([what, early]);
  void early.catch(() => {});
}

export const goingOn: Check = {
  id: "A10",
  promise: "A kill costs at most the work since the last saving, and the run is at it again within seconds.",
  weakenings: Object.keys(weakened),
  run: (form, { seed, say, without }) =>
    withProgram(without === undefined ? [] : weakened[without], {}, async (build, top) => {
      const { sample, haste, trials, after, redone, until: soon } = plans[form];
      const options: CommandOptions = { build, haste };
      const failures: string[] = [];
      const lost: number[] = [];
      const waits: number[] = [];
      for (let k = 0; k < trials; k++) {
        const cwd = makeWorkshop(join(top, `run-${k}`));
        const run = startSample(sample, cwd, options);
        while (statesIn(cwd).size === 0 && run.process.exitCode === null) await wait(5);
        await wait(after * randomStream("going on", seed, k).uniform());
        const killed = Date.now();
        killGroup(run);
        await run.ended;
        const { records } = readLog(readFileSync(join(cwd, runName, "log.jsonl")), "log.jsonl");
        if (statesIn(cwd).size === 0) {
          failures.push(`run ${k} ended without a state to go on from`);
          continue;
        }
        const saved = records.findLast(({ path }) => String(path).endsWith(".state.safetensors"));
        lost.push((killed - Date.parse(saved?.time as string)) / 1000);

        // what is told first is what was done before; more than that is new
        let before = 0;
        const again = progressOf((done) => {
          if (before > 0 && done > before) return true;
          before = done;
          return false;
        });
        const asked = performance.now();
        const resumed = startResume(cwd, { ...options, onSaid: again.onSaid });
        await until(again.met, resumed);
        waits.push((performance.now() - asked) / 1000);
        killGroup(resumed);
        await resumed.ended;
        say(`${lost[k].toFixed(1)} s of work lost, at it again after ${waits[k].toFixed(1)} s`);
      }
      const [worst, slowest] = [Math.max(0, ...lost), Math.max(0, ...waits)];
      if (worst > redone) failures.push(`${worst.toFixed(1)} s of work were lost`);
      if (slowest > soon) failures.push(`it was at it again only after ${slowest.toFixed(1)} s`);
      return {
        figure: `at most ${worst.toFixed(1)} s of work lost, at it again within ${slowest.toFixed(1)} s`,
        count: trials,
        coverage: { kills: trials },
        failures,
      };
    }),
};
