/** A job that is told to stop and gone on with from its state tells what it would have told, to the bit. */
import { expect, test } from "vitest";
import { packValue, unpackValue } from "../../src/record/packed.ts";
import type { JobControl, JobState } from "../../src/studies/population/job.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { hashOf } from "../record/bitsOf.ts";
import { populationJob, steps, textJob, toldBy, toldByText } from "./sampleJobs.ts";

type Event = { readonly kind: string; readonly step?: number; readonly state?: JobState };
/** Runs one job as far as it is let. */
type Runner = (control?: JobControl) => Promise<readonly Event[]>;

/** A control that stops after so many steps of this sitting. */
function stopAfter(count: number): JobControl {
  let done = 0;
  return { due: () => (++done === count ? "stop" : "go") };
}

/** The state that a stopped job told last, as it comes back from a file. */
function stateOf(told: readonly Event[]): JobState {
  const { kind, state } = told[told.length - 1];
  expect(kind).toBe("state");
  return unpackValue(packValue(state), "state").value as JobState;
}

/** Every step for the optimiser that all use, the first, the last and some between for the others. */
const stopsOf = (name: string, steps: number) =>
  Array.from({ length: steps }, (_, i) => i + 1).filter(
    (step) => name === "adam" || step === 1 || step === steps || step % 7 === 3,
  );

const jobs: [name: string, run: Runner, stops: number[]][] = Object.values(optimizers).flatMap(
  (optimizer) => [
    [
      `a population, ${optimizer.name}`,
      (control) => toldBy(populationJob(optimizer), control),
      stopsOf(optimizer.name, steps),
    ],
    [
      `a text population, ${optimizer.name}`,
      (control) => toldByText(textJob(optimizer), control),
      stopsOf(optimizer.name, 9),
    ],
  ],
);

test.each(jobs)("stopped at a step and gone on with: %s", async (_, run, stops) => {
  const whole = await run();
  expect(whole.at(-1)?.kind).toBe("end");
  for (const step of stops) {
    const first = await run(stopAfter(step));
    const from = stateOf(first);
    expect([from.step, from.losses.length]).toEqual([step, step]);
    const rest = await run({ from });
    expect(hashOf([...first.slice(0, -1), ...rest]), `stopped after ${step}`).toBe(hashOf(whole));
  }
});

test("a job that is stopped after every single step ends in the same bits", async () => {
  const whole = await toldBy(populationJob());
  const all: Event[] = [];
  for (let from: JobState | undefined; ; ) {
    const told: Event[] = await toldBy(populationJob(), { from, ...stopAfter(1) });
    if (told.at(-1)?.kind === "end") {
      all.push(...told);
      break;
    }
    from = stateOf(told);
    all.push(...told.slice(0, -1));
  }
  expect(hashOf(all)).toBe(hashOf(whole));
});

test("saving changes nothing else that is told, and every state tells its own step", async () => {
  const whole = await toldBy(populationJob());
  let asked = 0;
  const told = await toldBy(populationJob(), { due: () => (++asked % 3 === 0 ? "save" : "go") });
  const states = told.filter((event) => event.kind === "state");
  expect(states.map(({ state }) => state.step)).toEqual([3, 6, 9, 12, 15, 18]);
  expect(hashOf(told.filter(({ kind }) => kind !== "state"))).toBe(hashOf(whole));
  // a state is a copy: later steps do not reach into it
  expect(states.map(({ state }) => state.losses.length)).toEqual([3, 6, 9, 12, 15, 18]);
});

test("a model that diverged before the stop stays marked at its step, and its neighbours keep their bits", async () => {
  const job = populationJob();
  const begun = stateOf(await toldBy(job, stopAfter(2)));
  const name = "blocks.0.mlp.W_in";
  const sick: JobState = { ...begun, weights: { ...begun.weights, [name]: begun.weights[name].slice() } };
  const size = sick.weights[name].length / 3;
  (sick.weights[name] as Float32Array)[size + 1] = Number.NaN; // of the second of three models
  const ends = async (from: JobState) => {
    const event = (await toldBy(job, { from })).at(-1);
    if (event?.kind !== "end") throw new Error("a job that is not stopped ends");
    return event;
  };
  const whole = await toldBy(job, { from: sick });
  const healthy = await ends(begun);
  for (let more = 1; more < steps - 2; more += 3) {
    const first = await toldBy(job, { from: sick, ...stopAfter(more) });
    const from = stateOf(first);
    expect(from.divergedAt).toEqual([null, 2, null]);
    const rest = await toldBy(job, { from });
    expect(hashOf([...first.slice(0, -1), ...rest])).toBe(hashOf(whole));
    const { losses, divergedAt } = await ends(from);
    expect(divergedAt).toEqual([null, 2, null]);
    for (const model of [0, 2])
      expect(losses.map((of) => of[model])).toEqual(healthy.losses.map((of) => of[model]));
  }
});

test("a state of other models or another step is refused", async () => {
  const job = populationJob();
  const from = stateOf(await toldBy(job, stopAfter(3)));
  const resumed = (state: JobState) => toldBy(job, { from: state });
  await expect(resumed({ ...from, step: 4 })).rejects.toThrow(
    "past: must hold 4 steps of 3 models; got 3 of 3.",
  );
  await expect(resumed({ ...from, divergedAt: [null] })).rejects.toThrow("got 3 of 1.");
});
