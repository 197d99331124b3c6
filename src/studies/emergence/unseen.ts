/** Sequences that no network of the study is trained on. */
import { heldOut } from "../../data/batches.ts";
import { taskNamed } from "../../data/registry.ts";
import type { Sequences } from "../../data/types.ts";
import { streams } from "../population/arm.ts";
import type { Growth } from "../population/growth.ts";

/** The same for all networks of a growth. */
export function unseen({ study, config, task }: Growth, count: number): Sequences {
  const { dVocab, nCtx } = config;
  return heldOut(taskNamed(task, { dVocab, nCtx }), streams.heldOut(study), count);
}
