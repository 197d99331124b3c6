/** A run of the page: a population that trains in workers, everything that was seen of it, and where it is now. */
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import type { GrowthState, Look } from "../../../src/studies/population/openPopulation.ts";
import { sentenceOf } from "../sentenceOf.ts";
import type { RunLine } from "../state/link.ts";
import { armOf, configOf, type RunSettings } from "../state/runSettings.ts";
import { MOST_PAUSES } from "../state/runSize.ts";
import type { Stretch } from "../workers/trainWorker.ts";
import type { ComputedBy, Computer } from "./computer.ts";
import { assembleCrew, type Crew } from "./crew.ts";
import { divergedAfter, divergedWith } from "./divergence.ts";
import { LossHistory } from "./lossHistory.ts";
import type { Recording } from "./recording.ts";

/** Where a run is; `recorded` is one that was trained elsewhere. */
export type RunStatus = "opening" | "ready" | "training" | "paused" | "done" | "failed" | "recorded";

/** What was seen at a step. */
export interface Seen extends Look {
  readonly step: number;
}

/** Where a run comes from that did not begin at an initialisation. */
export interface Origin {
  readonly parent: Population;
  /** Updates that both share. */
  readonly step: number;
}

/** Updates a second that a person can follow, and no limit. */
export type Pace = number | "fast";

/** Milliseconds between pictures at least. */
const ROUND_MILLISECONDS = 120;

/** Time by which a page may be late and still be smooth, ms. */
const BREATH = 4;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** How far training goes, in updates of the whole run; asked before every round. */
interface Goal {
  readonly end: () => number;
  readonly pace: () => Pace;
}

/**
 * A population in this page.
 *
 * Looks are kept at the checkpoints of the study, where the run was paused lately, and at the step reached; from every
 * other look the page moves on. Nothing of this decides a bit of the training.
 */
export class Population {
  readonly arm;
  readonly models;
  readonly config;
  status = $state<RunStatus>("opening");
  /** Why it failed; a sentence. */
  failure = $state<string | null>(null);
  /** Updates made. */
  step = $state(0);
  /** The step that is shown; null follows the training. */
  chosen = $state<number | null>(null);
  pace = $state<Pace>(60);
  /** What was seen, steps ascending. */
  seen = $state.raw<readonly Seen[]>([]);
  /** Updates after which a model's loss first was not finite, [model]; null where it always was. */
  divergedAt = $state.raw<readonly (number | null)[]>([]);
  /** Milliseconds that an update of the whole population took last, and a look. */
  took = $state.raw({ update: 1, look: 0 });

  /** What computes it; known once it is open. */
  computedBy = $state.raw<ComputedBy | null>(null);

  /** The recorded run that this one computes again. */
  repeats = $state.raw<Population | null>(null);
  /** Steps that are not passed by, ascending: checkpoints, and those of {@link stopAt}. */
  #stops: readonly number[];
  /** Settles when {@link open} is done, well or not. */
  opened: Promise<void> = Promise.resolve();

  #crew: Crew | undefined;
  #losses: LossHistory;
  /** By step; where a person can go on from. */
  #states = new Map<number, GrowthState>();
  #goal: Goal | undefined;
  /** The training under way. */
  #training: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly name: string,
    readonly settings: RunSettings,
    readonly origin: Origin | null = null,
    /** What was kept of it, of a run that was trained elsewhere: it can be looked at, and not be trained on. */
    readonly recording: Recording | null = null,
    /** What is to compute it. */
    readonly computer: Computer = "wasm",
    readonly cores = Math.max(1, Math.min(16, navigator.hardwareConcurrency || 2)),
  ) {
    const { spec, models } = armOf(settings);
    this.arm = spec;
    this.models = models;
    this.config = configOf(settings);
    this.divergedAt = models.map(() => null);
    this.#stops = spec.checkpoints;
    if (recording !== null) {
      this.status = "recorded";
      this.seen = recording.seen;
      this.step = recording.seen[recording.seen.length - 1].step;
      this.#losses = new LossHistory(models.length, recording.losses);
      this.divergedAt = recording.divergedAt;
    } else if (origin !== null) {
      const { parent, step } = origin;
      this.step = step;
      this.seen = parent.seen.filter((one) => one.step <= step);
      this.divergedAt = parent.divergedAt.map((at) => (at !== null && at < step ? at : null));
      this.#losses = parent.#losses.forked(step);
      // its own, so that it stays whole when the parent is removed
      for (const [at, state] of parent.#states) if (at <= step) this.#states.set(at, state);
    } else this.#losses = new LossHistory(models.length);
  }

  /** The look that is shown. */
  get shown(): Seen | undefined {
    const { seen, chosen } = this;
    if (chosen === null) return seen[seen.length - 1];
    return seen.findLast(({ step }) => step <= chosen) ?? seen[0];
  }

  /** Whether there are training losses: a recorded run may have been stopped before they were kept. */
  get hasLosses(): boolean {
    return this.step > 0 && this.#losses.length > 0;
  }

  /** The initialisation. */
  get first(): Seen | undefined {
    return this.seen[0];
  }

  /** Steps at which a person may branch or scrub: those whose looks are kept. */
  get steps(): number[] {
    return this.seen.map(({ step }) => step);
  }

  /** The run up to a step, the shown one unless given, in the form that statistics and figures take. */
  result(until = this.shown?.step ?? 0): ArmResult {
    return {
      arm: this.arm,
      models: this.models,
      checkpoints: this.seen.filter(({ step }) => step <= until),
      losses: this.#losses.first(until),
      divergedAt: [...this.divergedAt],
      kernelShare: Number.NaN,
    };
  }

  /** Opens the networks and looks at them as they are before the first update. */
  open(): Promise<void> {
    if (this.recording === null) this.opened = this.#open();
    return this.opened;
  }

  async #open(): Promise<void> {
    try {
      const crew = await this.#crewed();
      if (this.seen.length === 0) this.#take(0, await crew.advance(0, true));
      if (this.step === this.arm.steps) this.#finish();
      else this.status = "ready";
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Lets training stop at further steps on its way, so that they can be seen and branched from. */
  stopAt(steps: readonly number[]): void {
    this.#stops = [...new Set([...this.#stops, ...steps])].sort((a, b) => a - b);
  }

  /** Trains on, until paused or done. */
  play(): Promise<void> {
    return this.#train({ end: () => this.arm.steps, pace: () => this.pace });
  }

  /** Makes one update more than there are when training rests. */
  advance(): Promise<void> {
    let end: number | undefined;
    return this.#train({ end: () => (end ??= this.step + 1), pace: () => "fast" });
  }

  /** Trains as fast as it goes until `step` updates are made, and stays there. */
  async goTo(step: number): Promise<void> {
    const end = Math.min(step, this.arm.steps);
    if (end > this.step) await this.#train({ end: () => end, pace: () => "fast" });
  }

  /** Stops after the updates that are under way. */
  pause(): void {
    if (this.status === "training") this.status = "paused";
  }

  /** Pauses and leaves the cores to others; when it is played again it takes them again. */
  async rest(): Promise<void> {
    this.pause();
    await this.opened;
    await this.#training;
    if (this.status === "ready" || this.status === "paused") this.#dismiss();
  }

  /** What training needs to go on from a step; undefined where it was not kept. */
  stateAt(step: number): GrowthState | undefined {
    return this.#states.get(step);
  }

  /** Ends it for good: nothing goes on from it any more. What was seen stays, for its branches. */
  close(): void {
    this.#closed = true;
    this.pause();
    this.#dismiss();
    this.#states.clear();
  }

  /** The settings that this run began with, and every branch on the way to it, oldest first. */
  line(): RunLine {
    if (this.recording !== null) return this.recording.line;
    if (this.origin === null) return { settings: this.settings, branches: [] };
    const { settings, branches } = this.origin.parent.line();
    return { settings, branches: [...branches, { step: this.origin.step, settings: this.settings }] };
  }

  /** The workers; where there are none, new ones, which go on from the step reached. */
  async #crewed(): Promise<Crew> {
    const from = this.stateAt(this.step);
    const { cores } = this;
    const { computer } = this.computedBy ?? this;
    const crew = this.#crew ?? (await assembleCrew(this.arm, this.models, { cores, computer, from }));
    this.#crew = crew;
    this.computedBy = crew.computedBy;
    if (this.#closed) this.#dismiss();
    return crew;
  }

  #dismiss(): void {
    this.#crew?.dismiss();
    this.#crew = undefined;
  }

  #train(goal: Goal): Promise<void> {
    if (this.status !== "ready" && this.status !== "paused" && this.status !== "training")
      return Promise.resolve();
    this.#goal = goal;
    this.status = "training";
    this.chosen = null;
    this.#training ??= this.#untilGoal().finally(() => {
      this.#training = undefined;
    });
    return this.#training;
  }

  /** Trains until the goal is reached or somebody pauses; the goal may become another meanwhile. */
  async #untilGoal(): Promise<void> {
    const isUnderWay = () => this.status === "training" && this.step < (this.#goal as Goal).end();
    try {
      const crew = await this.#crewed();
      do {
        while (isUnderWay()) await this.#round(crew, this.#goal as Goal);
        // where a person stopped can be branched from
        if (this.stateAt(this.step) === undefined) this.#take(this.step, await crew.advance(this.step, true));
      } while (isUnderWay());
      if (this.step >= this.arm.steps) this.#finish();
      else if (this.status === "training") this.status = "paused";
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Some updates and a look: as far as the pace allows, but no checkpoint is passed by, and not the goal. */
  async #round(crew: Crew, goal: Goal): Promise<void> {
    const { step, arm, took } = this;
    const stops = this.#stops;
    const [end, pace] = [goal.end(), goal.pace()];
    // no more time for looking than for training, unless the pace leaves it
    const round = Math.max(ROUND_MILLISECONDS, took.look);
    const far = Math.max(1, Math.round(pace === "fast" ? round / took.update : (pace * round) / 1000));
    const checkpoint = stops.find((at) => at > step) ?? arm.steps;
    const to = Math.min(step + far, checkpoint, end);
    const began = performance.now();
    const stretch = await crew.advance(to, to === end || stops.includes(to));
    this.took = { update: Math.max(0.01, stretch.took.updates / (to - step)), look: stretch.took.look };
    this.#take(to, stretch);
    // the page draws before the next round, and the pace is kept
    const wanted = pace === "fast" ? 0 : (1000 * (to - step)) / pace;
    await pause(Math.max(BREATH, wanted - (performance.now() - began)));
  }

  #take(step: number, { losses, look, state }: Stretch): void {
    if (state !== null) this.#keep(step, state);
    const before = this.seen.filter((one) => one.step < step && this.#states.has(one.step));
    this.seen = [...before, { step, ...look }];
    const known = divergedAfter(this.divergedAt, losses, step - losses.length);
    this.divergedAt = step === this.arm.steps ? divergedWith(known, look.weights, step) : known;
    this.#losses.add(losses);
    this.step = step;
  }

  #keep(step: number, state: GrowthState): void {
    this.#states.set(step, state);
    const pauses = [...this.#states.keys()].filter(
      (at) => !this.#stops.includes(at) && at !== this.origin?.step,
    );
    for (const old of pauses.slice(0, -MOST_PAUSES)) this.#states.delete(old);
  }

  /** Nothing is left to train: the cores are free for other runs. */
  #finish(): void {
    this.status = "done";
    this.#dismiss();
  }

  #fail(error: unknown): void {
    if (this.#closed) return; // nobody looks at it any more
    this.failure = sentenceOf(error);
    this.status = "failed";
    this.#dismiss();
  }
}
