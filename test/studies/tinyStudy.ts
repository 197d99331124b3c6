/** A study that is as small as one can be: draws of a normal number in two arms, one of them shifted. */

import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { randomStream } from "../../src/base/random.ts";
import { carryOut } from "../../src/studies/protocol/carryOut.ts";
import { runStudyJob } from "../../src/studies/protocol/jobs.ts";
import { overSeeds } from "../../src/studies/protocol/outcome.ts";
import type { Arm, Study, StudyPlan, StudySize } from "../../src/studies/protocol/study.ts";

export interface TinyArm extends Arm {
  readonly shift: number;
}

export interface Told {
  readonly seed: number;
  readonly draws: Float64Array;
}

export const tinyPlan: StudyPlan = {
  id: "S1",
  name: "tiny",
  title: "Is a shift found?",
  question: "Does the shifted arm lie above the other?",
  hypothesis: "It lies above by 1.",
  arms: ["plain: normal numbers", "shifted: the same numbers, plus 1"],
  statistic: "Paired difference of means over seeds.",
  nullModel: "No difference.",
  rules: [
    {
      about: "C1",
      statement: "The shifted arm lies above the other.",
      supportedIf: { outcome: "difference", take: "low", above: 0 },
      refutedIf: { outcome: "difference", take: "high", below: 0 },
    },
    {
      about: "H",
      statement: "The plain arm has mean 0.",
      supportedIf: { outcome: "plain", equals: 0, margin: 10 },
      refutedIf: { outcome: "plain", take: "low", above: 10 },
    },
  ],
  seeds: { full: 10, quick: 4 },
};

/** The study with another shift of its second arm. */
export function tinyStudy(shift = 1): Study<TinyArm, Told> {
  const meanOf = ({ draws }: Told) => draws.reduce((sum, value) => sum + value, 0) / draws.length;
  return {
    plan: tinyPlan,
    arms: ({ seeds }) => [
      { name: "plain", seeds, shift: 0 },
      { name: "shifted", seeds, shift, cost: 3 },
    ],
    measure: async (arm, seeds, { progress }) =>
      seeds.map((seed, i) => {
        progress((i + 1) / seeds.length, Number.NaN);
        const stream = randomStream("tiny", seed);
        return { seed, draws: Float64Array.from({ length: 8 }, () => stream.normal() + arm.shift) };
      }),
    conclude: (told) => {
      const plain = (told.get("plain") ?? []).map(meanOf);
      const shifted = (told.get("shifted") ?? []).map(meanOf);
      const differences = shifted.map((value, i) => value - plain[i]);
      return {
        outcomes: [
          overSeeds(differences, { name: "difference", label: "shifted − plain", nothing: 0 }),
          overSeeds(plain, { name: "plain", label: "mean of the plain arm", unit: "nats" }),
          overSeeds([], { name: "nothing", label: "what nobody measured" }),
        ],
        notes: ["Seeds <b>are</b> independent."],
        tables: [
          {
            title: "Means",
            columns: ["seed", "plain"],
            rows: plain.map((value, i) => [`seed ${i}`, value]),
            caption: "Of eight draws.",
          },
        ],
        figures: [],
      };
    },
  };
}

export const tinySize = (count: number, quick = false): StudySize => ({
  seeds: Array.from({ length: count }, (_, seed) => seed),
  quick,
});

/** Carries a study out in this process, jobs in an order that the caller chooses. */
export function carryOutHere(
  study: Study<TinyArm, Told>,
  size: StudySize,
  { seedsPerJob, reversed = false }: { seedsPerJob?: number; reversed?: boolean } = {},
) {
  return carryOut(study as Study, size, {
    backend: { name: "reference" },
    command: "npx palimpsest study tiny",
    ...(seedsPerJob === undefined ? {} : { seedsPerJob }),
    runJobs: async (jobs, tell) => {
      const order = [...jobs.keys()];
      if (reversed) order.reverse();
      // what a job is given and tells crosses threads
      for (const job of order)
        await runStudyJob(study as Study, structuredClone(jobs[job]), referenceBackend, (event) =>
          tell(job, structuredClone(event)),
        );
    },
  });
}
