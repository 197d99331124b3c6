/** The checks of a task's size. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { TaskSize } from "./types.ts";

/**
 * Checks the size of a task and returns it.
 *
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2
 */
export function checkedSize({ dVocab, nCtx }: TaskSize): TaskSize {
  return { dVocab: integerIn("dVocab", dVocab, 2), nCtx: integerIn("nCtx", nCtx, 2) };
}

/**
 * Checks the size of a task whose sequences have two halves of equal length, and returns it.
 *
 * @param where  the task, for the message
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2 and nCtx is even
 */
export function checkedHalves(where: string, size: TaskSize): TaskSize {
  const { nCtx } = checkedSize(size);
  if (nCtx % 2 === 0) return size;
  throw new ArgumentError({
    where,
    rule: "needs an even nCtx",
    got: String(nCtx),
    wayOut: `Use ${nCtx - 1} or ${nCtx + 1}.`,
  });
}
