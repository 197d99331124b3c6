/** Keeps the state that the progress display shows, from the events of jobs. */
import type { JobEvent } from "../../studies/population/job.ts";
import type { ArmProgress, BoardState, WorkerProgress } from "../renderBoard.ts";

/** The display's state, and the ways it changes. */
export interface ProgressState {
  read(): BoardState;
  /** A job's networks are at a step, in a worker. */
  advance(arm: string, job: number, models: number, slot: number, step: number): void;
  /** A job has ended and its worker is free. */
  leave(arm: string, slot: number): void;
  /** One of the two, from what a population job tells. */
  event(arm: string, job: number, models: number, slot: number, event: JobEvent): void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * @param arms     every arm with its number of models and steps, in the order shown
 * @param wording  what else the display is to say
 */
export function progressState(
  arms: readonly { name: string; models: number; steps: number }[],
  clock: () => number,
  wording: Pick<BoardState, "stepName" | "title" | "shares"> = {},
): ProgressState {
  const started = clock();
  const rows = new Map<string, Mutable<ArmProgress>>(
    arms.map(({ name, models, steps }) => [
      name,
      { arm: name, models, steps, modelSteps: 0, loss: null, started: null, ended: null },
    ]),
  );
  const workers = new Map<number, WorkerProgress>();
  const stepOfJob = new Map<number, number>();
  const lossOfJob = new Map<number, { arm: string; models: number; loss: number }>();

  const advance: ProgressState["advance"] = (arm, job, models, slot, step) => {
    const row = rows.get(arm);
    if (row === undefined) return;
    row.started ??= clock();
    row.modelSteps += (step - (stepOfJob.get(job) ?? 0)) * models;
    stepOfJob.set(job, step);
    workers.set(slot, { worker: slot + 1, arm, models, step, steps: row.steps });
  };
  const leave: ProgressState["leave"] = (arm, slot) => {
    workers.delete(slot);
    const row = rows.get(arm);
    if (row !== undefined && row.modelSteps >= row.models * row.steps) row.ended = clock();
  };

  return {
    read: () => ({
      started,
      arms: [...rows.values()],
      workers: [...workers].sort(([a], [b]) => a - b).map(([, worker]) => worker),
      ...wording,
    }),
    advance,
    leave,
    event(arm, job, models, slot, event) {
      if (event.kind === "state") return;
      if (event.kind === "end") return leave(arm, slot);
      advance(arm, job, models, slot, event.step);
      const row = rows.get(arm);
      if (row === undefined || event.kind !== "progress" || !Number.isFinite(event.loss)) return;
      lossOfJob.set(job, { arm, models, loss: event.loss });
      const own = [...lossOfJob.values()].filter((entry) => entry.arm === arm);
      const total = own.reduce((sum, entry) => sum + entry.models, 0);
      row.loss = own.reduce((sum, entry) => sum + entry.loss * entry.models, 0) / total;
    },
  };
}
