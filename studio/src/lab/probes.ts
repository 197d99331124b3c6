/** Sequences that numbers of the page are means over: those of `palimpsest inspect`, so that both have the same numbers. */
import { randomStream } from "../../../src/base/random.ts";
import { taskNamed } from "../../../src/data/registry.ts";
import { repeatedTokens } from "../../../src/interp/repeatedTokens.ts";
import type { ArmSpec } from "../../../src/studies/population/arm.ts";

/** Some sequences with what they are. */
export interface ProbeSequences {
  /** For the reader: `64 random halves of 4 tokens that come twice`. */
  readonly says: string;
  /** [batch][pos] */
  readonly sequences: readonly (readonly number[])[];
}

/** Names of the probes. */
export type ProbeName = "repeated" | "task";

const COUNT = 64;

function rowsOf(data: ArrayLike<number>, pos: number): number[][] {
  return Array.from({ length: data.length / pos }, (_, row) =>
    Array.from({ length: pos }, (_, at) => data[row * pos + at]),
  );
}

/** Random halves that come twice: what `inspect RUN heads` reads, and what shows induction; at least 4 positions long. */
function repeatedProbe({ config }: ArmSpec): ProbeSequences {
  const half = Math.floor(config.nCtx / 2);
  const { data, pos } = repeatedTokens({
    ...{ dVocab: config.dVocab, half, count: COUNT },
    stream: randomStream("inspect", "heads", "tokens"),
  });
  return { says: `${COUNT} random halves of ${half} tokens that come twice`, sequences: rowsOf(data, pos) };
}

/** Unseen sequences of the run's task: what `inspect RUN heads --task NAME --sequences 64` reads. */
function taskProbe({ config, task }: ArmSpec): ProbeSequences {
  const { dVocab, nCtx } = config;
  const { inputs, nPos } = taskNamed(task, { dVocab, nCtx }).sample(randomStream("inspect", "inputs"), COUNT);
  return { says: `${COUNT} unseen sequences of the task ${task}`, sequences: rowsOf(inputs, nPos) };
}

/** The probes that a run can be read on, the usual one of the command line first. */
export function probesOf(arm: ArmSpec): Readonly<Partial<Record<ProbeName, ProbeSequences>>> {
  return {
    ...(arm.config.nCtx < 4 ? {} : { repeated: repeatedProbe(arm) }),
    task: taskProbe(arm),
  };
}
