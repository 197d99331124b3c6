/** A1: runs killed at any instant and gone on with end in the same bytes. */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { randomStream } from "../../src/base/random.ts";
import type { Check } from "../check.ts";
import { inParallel } from "../startChild.ts";
import { type Patch, savesOften, withProgram } from "./commandLine.ts";
import { faultsIn, finish, killAfter, placeOf, statesIn, untilBegun } from "./killRun.ts";
import { makeWorkshop, type Reference, referenceOf, samples, startResume, startSample } from "./samples.ts";

/** How often a run is killed before it is let go to its end, and how many kills there are in all. */
const plans = {
  short: { kills: 40, perRun: 8 },
  long: { kills: 1_000, perRun: 2 },
  weakened: { kills: 6, perRun: 2 },
};

/** Clocks go this many times as fast, so that a run of a second saves its states as one of minutes does. */
const haste = 100;

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  // what a job told is kept, and not the state that it was in
  "kept-states": [{ find: /opened\[index\]\.save\(state,/, replace: "((..._) => {})(state," }],
  // the state is kept, and the job begins anew all the same
  "states-gone-on-from": [
    { find: /from: \(job\) => opened\[left\[job\]\]\.state/, replace: "from: () => void 0" },
  ],
};

export const kills: Check = {
  id: "A1",
  promise:
    "A run that is killed at any instant and gone on with ends in the same bytes as one that never was.",
  weakenings: Object.keys(weakened),
  run: (form, { seed, say, without }) =>
    withProgram(without === undefined ? [] : [savesOften, ...weakened[without]], {}, async (build, top) => {
      const plan = without === undefined ? plans[form] : plans.weakened;
      const options = { build, haste };
      const references: Reference[] = [];
      // what is left out shows in a job that is killed between two states
      const chosen = without === undefined ? [samples.study, samples.train] : [samples.longTrain];
      for (const sample of chosen) references.push(await referenceOf(sample, build));
      const failures: string[] = [];
      const places = { "before the first commit": 0, between: 0, "after the last commit": 0 };
      let killed = 0;
      let withState = 0;
      let runs = 0;
      const width = availableParallelism();
      const oneRun = async (): Promise<void> => {
        while (killed < plan.kills && (without === undefined || failures.length === 0)) {
          const index = runs++;
          const reference = references[index % 4 === 0 ? 0 : references.length - 1];
          const stream = randomStream("kills", seed, index);
          const cwd = makeWorkshop(join(top, `run-${index}`));
          const rest = 1000 * (reference.seconds - reference.firstCommit);
          const deaths: string[] = [];
          const states = new Map<string, number>();
          let started = startSample(reference.sample, cwd, options);
          const begun = await untilBegun(cwd, started);
          for (let kill = 0; kill < plan.perRun; kill++) {
            // a process that goes on has the start of the program before it
            const delay = stream.uniform() * (kill === 0 && begun ? rest : 1000 * reference.seconds);
            if (!(await killAfter(started, delay))) break;
            killed++;
            const place = placeOf(cwd);
            places[place]++;
            const now = statesIn(cwd);
            if (now.size > 0) withState++;
            for (const [job, step] of now) {
              const before = states.get(job) ?? 0;
              if (step < before)
                failures.push(`run ${index}, job ${job}: went back from step ${before} to ${step}`);
              states.set(job, step);
            }
            deaths.push(`${Math.round(delay)} ms`);
            for (const lost of await faultsIn(cwd))
              failures.push(`run ${index}, killed after ${deaths.join(" and ")}: ${lost}`);
            if (kill + 1 === plan.perRun || killed >= plan.kills) break;
            started =
              place === "before the first commit"
                ? startSample(reference.sample, cwd, options)
                : startResume(cwd, options);
          }
          await started.ended;
          const { failures: found } = await finish(cwd, reference, options);
          for (const text of found)
            failures.push(
              `run ${index} of ${reference.sample.name}, killed after ${deaths.join(" and ")}: ${text}`,
            );
          if (found.length === 0) rmSync(cwd, { recursive: true });
          if (runs % 50 === 0) say(`${killed} kills`);
        }
      };
      await inParallel(Array.from({ length: width }), width, oneRun);
      if (places.between < 0.9 * killed)
        failures.push(`only ${places.between} of ${killed} kills fell between the first commit and the last`);
      if (withState < killed / 10)
        failures.push(`only ${withState} of ${killed} kills left a job that had a state to go on from`);
      return {
        figure: `${failures.length} differences after ${killed} kills of ${runs} runs`,
        count: killed,
        coverage: {
          runs,
          withState,
          beforeFirstCommit: places["before the first commit"],
          between: places.between,
          afterLastCommit: places["after the last commit"],
        },
        failures,
      };
    }),
};
