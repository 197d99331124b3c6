/** Windows of a text: the sequences that a language model is trained and tested on. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import { randomStream, type StreamKey } from "../../base/random.ts";
import type { BatchSource } from "../batches.ts";
import type { Sequences } from "../types.ts";

/** Windows that begin in each run: one with n tokens has n − nCtx, as a window is nCtx + 1 tokens. */
export function windowCount(runs: readonly Int32Array[], nCtx: number): number {
  return runs.reduce((sum, run) => sum + Math.max(0, run.length - nCtx), 0);
}

/** Where windows begin: the run, and the token of it. */
type Place = readonly [run: Int32Array, start: number];

/**
 * Inputs are the first nCtx tokens of a window, targets the last nCtx: unlike in the tasks, whose sequences are nCtx
 * tokens long, every position of the model is trained.
 */
function sequencesAt(places: readonly Place[], nCtx: number): Sequences {
  const inputs = new Int32Array(places.length * nCtx);
  const targets = new Int32Array(places.length * nCtx);
  places.forEach(([run, start], n) => {
    inputs.set(run.subarray(start, start + nCtx), n * nCtx);
    targets.set(run.subarray(start + 1, start + 1 + nCtx), n * nCtx);
  });
  return { count: places.length, nPos: nCtx, inputs, targets };
}

function needWindow(runs: readonly Int32Array[], nCtx: number): number {
  integerIn("nCtx", nCtx, 1);
  const count = windowCount(runs, nCtx);
  if (count > 0) return count;
  const longest = runs.reduce((most, { length }) => Math.max(most, length), 0);
  throw new ArgumentError({
    where: "text",
    rule: `needs a stretch of ${nCtx + 1} tokens, a window`,
    got: `${longest} tokens at most`,
    wayOut: "Give more text or a smaller context.",
  });
}

/**
 * Windows drawn with equal probability from all places at which one can begin; none crosses from a run to another.
 *
 * Step k draws from the stream keyed `[...key, "batch", k]`.
 *
 * @param runs  token runs
 * @throws ArgumentError if no run is as long as a window, or `batchSize` is no whole number of at least 1
 */
export function windowBatches(
  runs: readonly Int32Array[],
  { nCtx, batchSize, key }: { nCtx: number; batchSize: number; key: StreamKey },
): BatchSource {
  integerIn("batch size", batchSize, 1);
  const total = needWindow(runs, nCtx);
  const place = (index: number): Place => {
    let rest = index;
    for (const run of runs) {
      const here = Math.max(0, run.length - nCtx);
      if (rest < here) return [run, rest];
      rest -= here;
    }
    throw new RangeError(`window ${index} of ${total}`);
  };
  return {
    batchSize,
    batch: (step) => {
      const stream = randomStream(...key, "batch", integerIn("step", step, 0));
      return sequencesAt(
        Array.from({ length: batchSize }, () => place(stream.integer(total))),
        nCtx,
      );
    },
  };
}

/**
 * Windows side by side, whose targets are all different places of the text; where there are more than `most`, so many
 * of them, evenly spread.
 *
 * @throws ArgumentError if no run is as long as a window, or `most` is no whole number of at least 1
 */
export function spreadWindows(
  runs: readonly Int32Array[],
  { nCtx, most }: { nCtx: number; most: number },
): Sequences {
  integerIn("windows", most, 1);
  needWindow(runs, nCtx);
  const places = runs.flatMap((run) =>
    Array.from(
      { length: Math.max(0, Math.floor((run.length - 1) / nCtx)) },
      (_, i): Place => [run, i * nCtx],
    ),
  );
  const count = Math.min(most, places.length);
  return sequencesAt(
    Array.from({ length: count }, (_, i) => places[Math.floor((i * places.length) / count)]),
    nCtx,
  );
}
