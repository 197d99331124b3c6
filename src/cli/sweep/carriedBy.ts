/** Who computes the jobs of a sweep: processes here, workers that take them from a queue's server, or both. */
import { ArgumentError } from "../../base/errors.ts";
import type { SweepOptions } from "../commands/sweep.ts";
import type { ResumedFolder } from "../io.ts";
import { passwordVariable } from "../queue/queueUrl.ts";

/** How jobs are carried. */
export interface Carried {
  /** Address of a queue's server, which may hold a password; null to hand jobs out in this process. */
  readonly queue: string | null;
  /** Jobs at a time in processes of this machine. */
  readonly workers: number;
}

/**
 * How the jobs of a sweep are carried, by its options or by those that it is gone on with.
 *
 * A sweep that used a queue is gone on with by one: the machine that resumes it may be none to compute on, and would be at
 * it for weeks. Its address in the log is only named, never used unasked, as a run may come from anybody and the password
 * of this user would go to whatever server it names.
 *
 * @param lacking  jobs that have no result yet
 * @throws ArgumentError  for such a sweep where neither a queue nor a number of workers is given
 */
export function carriedBy(
  { queue, workers }: Pick<SweepOptions, "queue" | "workers">,
  resume: ResumedFolder | undefined,
  lacking: number,
): Carried {
  if (resume === undefined) return { queue, workers };
  if (resume.queue !== undefined) return { queue: resume.queue, workers: resume.workers ?? 0 };
  const before = resume.begun?.queue;
  if (typeof before === "string" && resume.workers === undefined && lacking > 0)
    throw new ArgumentError({
      where: resume.name,
      rule: `used the queue at ${before}, and ${lacking === 1 ? "a job has" : `${lacking} jobs have`} no result yet`,
      got: "no --queue",
      wayOut: `Give "palimpsest resume ${resume.name} --queue ${before}", with its password in ${passwordVariable}, or --workers n to compute them on this machine.`,
    });
  return { queue: null, workers: resume.workers ?? workers };
}
