/** Which sizes of networks a task can be learned by. */
import { UserError } from "../../../src/base/errors.ts";
import { taskNamed } from "../../../src/data/registry.ts";
import type { ModelConfig } from "../../../src/model/config.ts";

/** The fields that a task has a say in. */
export type TaskSize = Pick<ModelConfig, "dVocab" | "nCtx">;

/** Whether there is a task of this name and size. */
export function fitsTask(task: string, { dVocab, nCtx }: TaskSize): boolean {
  try {
    taskNamed(task, { dVocab, nCtx });
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** The size that a task has by itself. */
export function ownSize(task: string): TaskSize {
  const { dVocab, nCtx } = taskNamed(task);
  return { dVocab, nCtx };
}
