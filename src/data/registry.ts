/** The one list of tasks by name. */
import { unknownName } from "../base/errors.ts";
import { induction } from "./induction.ts";
import { modularAddition } from "./modularAddition.ts";
import { parentheses } from "./parentheses.ts";
import { patterns } from "./patterns.ts";
import { permutedTargets } from "./permutedTargets.ts";
import { reversal } from "./reversal.ts";
import { sorting } from "./sorting.ts";
import type { Task, TaskSize } from "./types.ts";
import { uniformRandom } from "./uniformRandom.ts";

/**
 * All tasks by name; each takes its size, by default the original's (10 tokens, sequences of 8) where it has that size.
 *
 * - `patterns`: the original four patterns
 * - `random`: independent uniform tokens, nothing to learn
 * - `permuted`: the four patterns with their targets dealt out anew
 * - `induction`: a random segment that is repeated
 * - `parentheses`: balanced parentheses of dVocab / 2 kinds
 * - `reversal`: random tokens, then the same backwards; nCtx even, only the answer counts
 * - `sorting`: random tokens, then the same in order; nCtx even, only the answer counts
 * - `modularAddition`: a b = c with c = a + b modulo dVocab − 1; nCtx 4, by default 24 tokens; only the answer counts
 */
export const tasks = {
  patterns,
  random: uniformRandom,
  permuted: (size: Partial<TaskSize> = {}) => permutedTargets(patterns(size)),
  induction: (size: Partial<TaskSize> = {}) => induction(size),
  parentheses,
  reversal,
  sorting,
  modularAddition,
} as const satisfies Record<string, (size?: Partial<TaskSize>) => Task>;

/** A name in {@link tasks}. */
export type TaskName = keyof typeof tasks;

function isTaskName(name: string): name is TaskName {
  return Object.hasOwn(tasks, name);
}

/**
 * The task of a name.
 *
 * @throws NameError with the nearest name if there is none; ArgumentError if the size is impossible
 */
export function taskNamed(name: string, size: Partial<TaskSize> = {}): Task {
  if (!isTaskName(name)) throw unknownName("task", name, Object.keys(tasks));
  return tasks[name](size);
}
