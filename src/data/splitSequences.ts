/** A set of sequences in two: one part to train on, the other to test on. */
import { numberIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { pickSequences } from "./batches.ts";
import type { Sequences } from "./types.ts";

/** A set of sequences in two. */
export interface SequenceSplit {
  readonly train: Sequences;
  readonly test: Sequences;
}

/**
 * Divides a set at random: `round(trainShare · count)` sequences to train on, the others to test on.
 *
 * @param trainShare  fraction in (0, 1)
 * @returns  copies, each part in a random order
 * @throws ArgumentError if the share leaves either part empty
 */
export function splitSequences(
  sequences: Sequences,
  { trainShare, stream }: { trainShare: number; stream: RandomStream },
): SequenceSplit {
  const { count } = sequences;
  const size = Math.round(numberIn("train share", trainShare, 0, 1) * count);
  if (!(size > 0 && size < count))
    throw new ArgumentError({
      where: "train share",
      rule: "must leave a sequence to train on and one to test on",
      got: `${trainShare} of ${count} sequences`,
    });
  const order = stream.permutation(count);
  return {
    train: pickSequences(sequences, order.subarray(0, size)),
    test: pickSequences(sequences, order.subarray(size)),
  };
}
