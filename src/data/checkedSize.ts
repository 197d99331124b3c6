/** The one check of a task's size. */
import { integerIn } from "../base/check.ts";
import type { TaskSize } from "./types.ts";

/**
 * Checks the size of a task and returns it.
 *
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2
 */
export function checkedSize({ dVocab, nCtx }: TaskSize): TaskSize {
  return { dVocab: integerIn("dVocab", dVocab, 2), nCtx: integerIn("nCtx", nCtx, 2) };
}
