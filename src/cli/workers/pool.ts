/**
 * A pool of worker threads for the command line.
 *
 * A worker that dies costs its job the way back to the last state it told, and no other job anything. A job over which
 * two workers died is given up: the others are finished, and then the call fails. Any other failure of a job stops the
 * others of its call as a signal does: they tell their states first.
 */
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { ArgumentError, InternalError } from "../../base/errors.ts";
import type { ExperimentsEvent } from "../../studies/experiments/job.ts";
import type { JobEvent, JobState } from "../../studies/population/job.ts";
import type { StudyEvent } from "../../studies/protocol/jobs.ts";
import type { TextEvent } from "../../studies/text/job.ts";
import type { Interruption } from "../io.ts";
import { askToStop, type Control, openControl, SAVE_EVERY, saved } from "./control.ts";
import { type Jobs, jobName } from "./jobName.ts";
import type { BenchJob, BenchMeasurement } from "./measureTraining.ts";
import { openSlot, type Slot } from "./slot.ts";
import type { Answer, Beginning } from "./worker.ts";

/** Tells what a job tells, but not its states. `slot` numbers the busy workers from 0. */
export type Tell<E extends { readonly kind: string }> = (
  job: number,
  event: Exclude<E, { readonly kind: "state" }>,
  slot: number,
) => void;

/** What is done with the states of jobs. */
export interface Care {
  /** The state that a job goes on from; its beginning where there is none. */
  readonly from?: (job: number) => JobState | undefined;
  /** Given the states of a job, each after all that was told before it and before what is told after it. */
  readonly keep?: (job: number, state: JobState) => void;
}

/** An open pool; close it, or the process does not end. */
export interface Pool {
  /** Runs population jobs, as many at a time as there are workers; events of one job are told in order. */
  runJobs(jobs: readonly Jobs["population"][], tell: Tell<JobEvent>, care?: Care): Promise<void>;
  /** The same for jobs of the experiments, which have no states. */
  runExperiments(jobs: readonly Jobs["experiments"][], tell: Tell<ExperimentsEvent>): Promise<void>;
  /** The same for jobs of a study, which have no states. */
  runStudy(jobs: readonly Jobs["study"][], tell: Tell<StudyEvent>): Promise<void>;
  /** The same for jobs of a text population. */
  runText(jobs: readonly Jobs["text"][], tell: Tell<TextEvent>, care?: Care): Promise<void>;
  /** Measures training in every worker at once. */
  measure(jobs: readonly BenchJob[]): Promise<BenchMeasurement[]>;
  close(): Promise<void>;
}

/** How to open a pool. */
export interface PoolOptions {
  workers: number;
  /** When aborted, or when a job fails, jobs that have states tell theirs and stop, and all others are ended at once. */
  signal?: AbortSignal;
  /** Let Node 20 compile relaxed SIMD, which is behind a flag there. */
  relaxed?: boolean;
  /** Least milliseconds between two states of a job. */
  saveEvery?: number;
  /** JavaScript heap of a worker, MiB; nine tenths of what this thread may have unless given. */
  heap?: number;
  /** The workers' script; the one beside this file in the build unless given. */
  script?: string;
}

const builtScript = () => fileURLToPath(new URL("./worker.js", import.meta.url));

/** Milliseconds that jobs are given to tell their states when they are told to stop, from the last state on. */
const GRACE = 10_000;
/** Workers that may die over a job. */
const DEATHS = 2;

type AnyEvent = { readonly kind: string; readonly state?: JobState };
type Kind = keyof Jobs;

/** A job that was given up, and why. */
interface GivenUp {
  readonly name: string;
  readonly cause: string;
}

/** A call of the pool: its jobs are stopped together. */
interface Call {
  /** Busy slots, with the control of a job that can be told to stop. */
  readonly busy: Map<Slot, Control | null>;
  /** What went wrong first; the other jobs are stopped because of it. */
  failure: { readonly error: unknown } | null;
  /** Ends the jobs that do not stop by themselves. */
  grace?: ReturnType<typeof setTimeout>;
}

export function openPool(options: PoolOptions): Pool {
  const { workers, signal, relaxed = false, saveEvery = SAVE_EVERY } = options;
  // V8 takes the flag only while nothing relaxed was compiled; newer versions do not know it and do not need it
  if (relaxed && Number(process.versions.node.split(".")[0]) < 22)
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  const { script = builtScript(), heap } = options;
  const slots = Array.from({ length: workers }, () => openSlot({ script, heap }));
  const free = slots.map((_, slot) => slot);
  const waiting: ((slot: number) => void)[] = [];
  /** Calls in progress. */
  const calls = new Set<Call>();
  let closed = false;

  /** Tells the jobs of a call to stop; `end` ends those that have no states, and those that do not hear. */
  const halt = (call: Call, end: (slot: Slot) => void) => {
    for (const [slot, control] of call.busy) {
      if (control === null) end(slot);
      else askToStop(control);
    }
    clearTimeout(call.grace);
    call.grace = setTimeout(() => {
      for (const slot of call.busy.keys()) end(slot);
    }, GRACE);
    call.grace.unref();
  };
  const abort = () => {
    for (const call of calls) halt(call, (slot) => void slot.end());
  };
  signal?.addEventListener("abort", abort);

  let interruption: Error | undefined;
  /** What is thrown for whatever was stopped; one for all, so that it is told from what else went wrong. */
  const stopped = () => (interruption ??= interrupted(signal as AbortSignal));

  /** Throws why the jobs of a call are stopped, if they are. */
  const checkStopped = ({ failure }: Call) => {
    if (signal?.aborted) throw stopped();
    if (failure !== null) throw failure.error;
  };

  /** @throws ArgumentError once the pool is told to stop: no job is begun any more */
  const checkOpen = (call: Call) => {
    checkStopped(call);
    if (closed) throw new InternalError({ where: "pool", rule: "was closed with jobs to do" });
  };

  /** Takes note of what a job threw, and stops the others of its call. */
  const fail = (call: Call, error: unknown) => {
    if (call.failure !== null || error === interruption) return;
    call.failure = { error };
    // ended workers are replaced: the pool may be used again
    if (!signal?.aborted) halt(call, (slot) => slot.renew());
  };

  /** Does the jobs of a call, and waits for all of them, however they end. */
  const inCall = async <T>(runs: (call: Call) => Promise<T>[]): Promise<T[]> => {
    const call: Call = { busy: new Map(), failure: null };
    checkOpen(call);
    calls.add(call);
    try {
      const all = runs(call);
      const settled = await Promise.allSettled(all);
      // a full disk says more than that the run was stopped
      if (settled.some(({ status }) => status === "rejected")) throw call.failure?.error ?? stopped();
      return await Promise.all(all);
    } finally {
      clearTimeout(call.grace);
      calls.delete(call);
    }
  };

  /** Waits for a worker, lets `work` use it and passes it on. */
  const withSlot = async <T>(
    call: Call,
    control: Control | null,
    work: (slot: Slot, place: number) => Promise<T>,
  ): Promise<T> => {
    const place = free.shift() ?? (await new Promise<number>((resolve) => waiting.push(resolve)));
    const slot = slots[place];
    try {
      checkOpen(call);
      call.busy.set(slot, control);
      return await work(slot, place);
    } catch (error) {
      fail(call, error);
      throw error;
    } finally {
      call.busy.delete(slot);
      const next = waiting.shift();
      if (next !== undefined) next(place);
      else free.push(place);
      free.sort((a, b) => a - b);
    }
  };

  /** Runs a job to its end, through the death of a worker; what it is given up for, or null where it ended. */
  const runOne = async <K extends Kind>(
    call: Call,
    kind: K,
    job: Jobs[K],
    tell: (event: AnyEvent, place: number) => void,
    care: { readonly from?: JobState; readonly keep?: (state: JobState) => void } | null,
  ): Promise<GivenUp | null> => {
    let state = care?.from;
    // events told before `state` and in all, counted from the state that the job was given
    let [before, told] = [0, 0];
    for (let deaths = 1; ; deaths++) {
      const control = care === null ? null : openControl(saveEvery);
      const end = await withSlot(call, control, async (slot, place) => {
        let at = before;
        let ended = false;
        let failure: unknown = null;
        const on = (event: AnyEvent) => {
          if (failure !== null) return;
          try {
            if (event.kind === "state") {
              [state, before] = [event.state, at];
              // one that a dead worker had passed already: what was told after it is not yet in it
              if (at < told || control === null) return;
              const began = performance.now();
              care?.keep?.(event.state as JobState);
              // while this thread was at the disk, the others could not be heard
              call.grace?.refresh();
              saved(control, performance.now() - began, saveEvery);
              return;
            }
            at++;
            ended ||= event.kind === "end";
            if (at <= told) return;
            told = at;
            tell(event, place);
          } catch (error) {
            // as when the disk is full: whoever asked for the job is told, and not the library in between
            failure = error;
            slot.renew();
          }
        };
        const beginning: Beginning[] = control === null ? [] : [{ from: state, control }];
        const answer = await answerOf<null>(slot, kind, [job, ...beginning], on);
        if (failure !== null) throw failure;
        // a worker that died after its last word has done its work
        if (ended) return null;
        checkStopped(call);
        if (answer.ok) return "it ended without its end";
        if (answer.user) throw userError(answer.message);
        slot.renew();
        return answer.message;
      });
      if (end === null) return null;
      if (deaths === DEATHS) return { name: jobName(kind, job), cause: end };
    }
  };

  /** Runs jobs of one kind. */
  const runAll = async <K extends Kind, E extends { readonly kind: string }>(
    kind: K,
    jobs: readonly Jobs[K][],
    tell: Tell<E>,
    care: Care | null,
  ): Promise<void> => {
    const ends = await inCall((call) =>
      jobs.map((job, index) => {
        const told = (event: AnyEvent, place: number) => tell(index, event as never, place);
        const own = care && {
          from: care.from?.(index),
          keep: (state: JobState) => care.keep?.(index, state),
        };
        return runOne(call, kind, job, told, own);
      }),
    );
    const givenUp = ends.filter((end) => end !== null);
    if (givenUp.length > 0) throw givenUpError(givenUp);
  };

  return {
    runJobs: (jobs, tell, care = {}) => runAll("population", jobs, tell, care),
    runExperiments: (jobs, tell) => runAll("experiments", jobs, tell, null),
    runStudy: (jobs, tell) => runAll("study", jobs, tell, null),
    runText: (jobs, tell, care = {}) => runAll("text", jobs, tell, care),
    measure: (jobs) =>
      inCall((call) =>
        jobs.map((job) =>
          withSlot(call, null, async (slot) => {
            const answer = await answerOf<BenchMeasurement>(slot, "bench", [job]);
            if (answer.ok) return answer.value;
            checkStopped(call);
            if (answer.user) throw userError(answer.message);
            throw new InternalError({ where: "worker", rule: "failed", got: answer.message });
          }),
        ),
      ),
    async close() {
      closed = true;
      signal?.removeEventListener("abort", abort);
      for (const call of calls) clearTimeout(call.grace);
      await Promise.all(slots.map((slot) => slot.end()));
    },
  };
}

/** What a worker answers; its death is one more way to fail. */
async function answerOf<T>(
  slot: Slot,
  method: string,
  params: unknown[],
  on?: (event: AnyEvent) => void,
): Promise<Answer<T>> {
  try {
    return await slot.call<Answer<T>>(method, params, on);
  } catch (error) {
    return { ok: false, user: false, message: (error as Error).message };
  }
}

/** The sentence was made in the worker; only its kind is told again. */
function userError(message: string): ArgumentError {
  return Object.assign(new ArgumentError({ where: "worker", rule: "failed" }), { message });
}

/** What is thrown where a run was stopped. */
export function interrupted(signal: AbortSignal): Error {
  const { by } = signal.reason as Interruption;
  return new ArgumentError({ where: "run", rule: `stopped by ${by}` });
}

function givenUpError(jobs: readonly GivenUp[]): InternalError {
  const shown = jobs.slice(0, 3).map(({ name, cause }) => `${name} (${cause.replace(/\.$/, "")})`);
  const more = jobs.length > 3 ? `; and ${jobs.length - 3} more` : "";
  return new InternalError({
    where: "workers",
    rule: `${DEATHS} of them died over the same models, which were given up`,
    got: `${shown.join("; ")}${more}`,
    wayOut: "All other models were finished; what was done is kept, and resuming tries these again.",
  });
}
