/**
 * A pool whose jobs survive the process: what they tell is kept in a journal, and told again when the run is gone on
 * with; a job that had not ended goes on from its last state.
 */

import type { JobState } from "../../studies/population/job.ts";
import type { Journal } from "../journal/journal.ts";
import { type Jobs, jobName } from "../workers/jobName.ts";
import type { Care, Pool, Tell } from "../workers/pool.ts";
import { digestOf, jobKeys } from "./jobKey.ts";
import { keepPacked, readPacked } from "./packedPart.ts";
import { openSegments, partsByJob, type Segments, type ToldEvent } from "./segments.ts";
import { type StateKind, stateFacts } from "./stateFacts.ts";

/** A pool over a journal. The states of its jobs are its own business: what is passed as care is not looked at. */
export interface DurablePool extends Pool {
  /**
   * The value that `work` came to, computed once and kept: what it is when the run is gone on with too.
   *
   * @param key   different for different work of a run
   * @param work  comes to plain data, the same whenever it is done
   */
  remember<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** What a durable pool needs besides. */
export interface DurableOptions {
  /** Given a sentence for the user where kept work was lost. */
  readonly warn: (text: string) => void;
}

/** Where events are told again that an earlier process received: nobody works at them. */
const NO_WORKER = 0;

/**
 * Makes a pool durable. Closing it closes the pool; the journal stays open.
 *
 * Every event reaches `tell` exactly once in a process, those of one job in the order in which it told them, the ones of
 * earlier processes first. The last event of a job is on the disk when it is told, and so is all before it.
 */
export function durablePool(pool: Pool, journal: Journal, { warn }: DurableOptions): DurablePool {
  const keys = jobKeys();
  const uses = new Map<string, number>();
  const remembered = new Map<string, Promise<unknown>>();

  /** Opens the segments of a job; of equal jobs in one run each has its own, in their order. */
  const open = <K extends keyof Jobs>(
    kind: K,
    job: Jobs[K],
    parts: ReadonlyMap<string, readonly string[]>,
  ): Segments => {
    const hash = keys.key(kind, job);
    const use = (uses.get(hash) ?? 0) + 1;
    uses.set(hash, use);
    const key = use === 1 ? hash : `${hash}-${use}`;
    const segments = openSegments(journal, key, parts.get(key) ?? []);
    if (segments.lost) {
      const { state } = segments;
      const place = state === undefined ? "it begins again" : `it goes on from step ${state.step}`;
      warn(`${jobName(kind, job)}: some of its work was damaged; ${place}.`);
    }
    return segments;
  };

  /** Runs those jobs that have not ended, after telling what all of them told before. */
  const run = async <K extends keyof Jobs, E extends ToldEvent>(
    kind: K,
    jobs: readonly Jobs[K][],
    tell: Tell<E>,
    start: (left: readonly Jobs[K][], tell: Tell<E>, care: Care) => Promise<void>,
  ): Promise<void> => {
    const parts = partsByJob(journal);
    const opened = jobs.map((job) => open(kind, job, parts));
    const left = [...opened.keys()].filter((index) => !opened[index].ended);
    for (const [index, { past }] of opened.entries())
      for (const event of past) tell(index, event as Parameters<Tell<E>>[1], NO_WORKER);
    await start(
      left.map((index) => jobs[index]),
      (job, event, slot) => {
        const index = left[job];
        opened[index].tell(event as ToldEvent);
        tell(index, event, slot);
      },
      {
        from: (job) => opened[left[job]].state,
        keep: (job, state: JobState) => {
          const index = left[job];
          opened[index].save(state, stateFacts(kind as StateKind, jobs[index] as Jobs[StateKind], state));
        },
      },
    );
  };

  const valueFor = async (key: string, work: () => Promise<unknown>): Promise<unknown> => {
    const path = `work/${digestOf(`remembered ${key}`)}/value.safetensors`;
    const known = readPacked(journal, path, key);
    if (known !== undefined) return known.value;
    const value = await work();
    keepPacked(journal, path, value, key);
    return value;
  };

  return {
    runJobs: (jobs, tell) => run("population", jobs, tell, pool.runJobs),
    runExperiments: (jobs, tell) => run("experiments", jobs, tell, pool.runExperiments),
    runStudy: (jobs, tell) => run("study", jobs, tell, pool.runStudy),
    runText: (jobs, tell) => run("text", jobs, tell, pool.runText),
    measure: (jobs) => pool.measure(jobs),
    close: () => pool.close(),
    remember: <T>(key: string, work: () => Promise<T>): Promise<T> => {
      const known = remembered.get(key) ?? valueFor(key, work);
      remembered.set(key, known);
      known.catch(() => remembered.delete(key)); // what failed may be tried again
      return known as Promise<T>;
    },
  };
}
