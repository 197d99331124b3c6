/** The one list of tasks by name. */
import { unknownName } from "../base/errors.ts";
import { patterns } from "./patterns.ts";
import { permutedTargets } from "./permutedTargets.ts";
import type { Task, TaskSize } from "./types.ts";
import { uniformRandom } from "./uniformRandom.ts";

/**
 * All tasks by name; each takes its size, by default the original's (10 tokens, sequences of 8).
 *
 * - `patterns`: the original four patterns
 * - `random`: independent uniform tokens, nothing to learn
 * - `permuted`: the four patterns with their targets dealt out anew
 */
export const tasks = {
  patterns,
  random: uniformRandom,
  permuted: (size: Partial<TaskSize> = {}) => permutedTargets(patterns(size)),
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
