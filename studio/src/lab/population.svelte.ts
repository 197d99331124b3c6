/** A run of the page: a population that trains in workers, everything that was seen of it, and where it is now. */
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import type { GrowthState, Look } from "../../../src/studies/population/openPopulation.ts";
import type { RunLine } from "../state/link.ts";
import { armOf, configOf, type RunSettings } from "../state/runSettings.ts";
import { assembleCrew, type Crew } from "./crew.ts";
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

const sentenceOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * A population in this page.
 *
 * Looks are kept at the checkpoints of the study, where the run was paused, and at the step reached; from every look
 * but the last that is none of these the page moves on. Nothing of this decides a bit of the training.
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
  divergedAt = $state.raw<readonly (number | null)[]>([]);
  /** Milliseconds that an update of the whole population took last, and a look. */
  took = $state.raw({ update: 1, look: 0 });

  /** The recorded run that this one computes again. */
  repeats = $state.raw<Population | null>(null);
  /** Steps that are not passed by: checkpoints. */
  stops: readonly number[];

  #crew: Crew | undefined;
  #losses: Float64Array[] = [];
  #states = new Map<number, GrowthState>();
  #running = false;

  constructor(
    readonly name: string,
    readonly settings: RunSettings,
    readonly origin: Origin | null = null,
    /** What was kept of it, of a run that was trained elsewhere: it can be looked at, and not be trained on. */
    readonly recording: Recording | null = null,
    readonly cores = Math.max(1, Math.min(16, navigator.hardwareConcurrency || 2)),
  ) {
    const { spec, models } = armOf(settings);
    this.arm = spec;
    this.models = models;
    this.config = configOf(settings);
    this.divergedAt = models.map(() => null);
    this.stops = spec.checkpoints;
    if (recording !== null) {
      this.status = "recorded";
      this.seen = recording.seen;
      this.step = recording.seen[recording.seen.length - 1].step;
      this.#losses = [...recording.losses];
      this.divergedAt = recording.divergedAt;
    }
    if (origin !== null) {
      this.step = origin.step;
      this.seen = origin.parent.seen.filter(({ step }) => step <= origin.step);
      this.#losses = origin.parent.losses.slice(0, origin.step);
    }
  }

  /** The look that is shown. */
  get shown(): Seen | undefined {
    const { seen, chosen } = this;
    if (chosen === null) return seen[seen.length - 1];
    return seen.findLast(({ step }) => step <= chosen) ?? seen[0];
  }

  /** Training loss before every update, [update][model]; the parent's first where there is one. Grows with {@link step}. */
  get losses(): readonly Float64Array[] {
    return this.step >= 0 ? this.#losses : [];
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
      losses: this.models.map((_, model) =>
        Float64Array.from(this.losses.slice(0, until), (of) => of[model]),
      ),
      divergedAt: [...this.divergedAt],
      kernelShare: Number.NaN,
    };
  }

  /** Settles when {@link open} is done, well or not. */
  opened: Promise<void> = Promise.resolve();

  /** Opens the networks and looks at them as they are before the first update. */
  open(): Promise<void> {
    if (this.recording === null) this.opened = this.#open();
    return this.opened;
  }

  async #open(): Promise<void> {
    try {
      const from = this.origin?.parent.stateAt(this.origin.step);
      this.#crew = await assembleCrew(this.arm, this.models, {
        cores: this.cores,
        from,
        onError: (message) => this.#fail(message),
      });
      if (this.origin === null) this.#take(0, await this.#crew.advance(0, true));
      else this.#states.set(this.origin.step, from as GrowthState);
      if (this.step === this.arm.steps) this.#finish();
      else this.status = "ready";
    } catch (error) {
      this.#fail(sentenceOf(error));
    }
  }

  /** Trains on, until paused or done. */
  play(): Promise<void> {
    return this.#trainUntil(this.arm.steps, () => this.pace);
  }

  /** Stops after the updates that are under way. */
  pause(): void {
    if (this.status === "training") this.status = "paused";
  }

  /** Trains as fast as it goes until `step` updates are made, and stays there. */
  goTo(step: number): Promise<void> {
    return this.#trainUntil(Math.min(step, this.arm.steps), () => "fast");
  }

  /** What training needs to go on from a step; undefined where it was not kept. */
  stateAt(step: number): GrowthState | undefined {
    return this.#states.get(step) ?? (this.origin !== null ? this.origin.parent.stateAt(step) : undefined);
  }

  /** Ends the workers; what was seen stays. */
  close(): void {
    this.pause();
    this.#crew?.dismiss();
    this.#crew = undefined;
  }

  /** The settings that this run began with, and every branch on the way to it, oldest first. */
  line(): RunLine {
    if (this.recording !== null) return this.recording.line;
    if (this.origin === null) return { settings: this.settings, branches: [] };
    const { settings, branches } = this.origin.parent.line();
    return { settings, branches: [...branches, { step: this.origin.step, settings: this.settings }] };
  }

  async #trainUntil(end: number, pace: () => Pace): Promise<void> {
    if (this.#running && this.status === "paused") this.status = "training"; // the last round is still under way
    if (this.#running || this.#crew === undefined || this.step >= end) return;
    this.#running = true;
    this.status = "training";
    this.chosen = null;
    try {
      while (this.status === "training" && this.step < end) await this.#round(end, pace());
      // where a person stopped can be branched from
      if (this.#crew !== undefined && !this.#states.has(this.step))
        this.#take(this.step, await this.#crew.advance(this.step, true));
      if (this.step >= this.arm.steps) this.#finish();
      else if (this.status === "training") this.status = "paused";
    } catch (error) {
      this.#fail(sentenceOf(error));
    } finally {
      this.#running = false;
    }
  }

  /** Some updates and a look: as far as the pace allows, but no checkpoint is passed by, and not `end`. */
  async #round(end: number, pace: Pace): Promise<void> {
    const { step, arm, stops, took } = this;
    // no more time for looking than for training, unless the pace leaves it
    const round = Math.max(ROUND_MILLISECONDS, took.look);
    const far = Math.max(1, Math.round(pace === "fast" ? round / took.update : (pace * round) / 1000));
    const checkpoint = stops.find((at) => at > step) ?? arm.steps;
    const to = Math.min(step + far, checkpoint, end);
    const crew = this.#crew as Crew;
    const began = performance.now();
    const stretch = await crew.advance(to, to === end || stops.includes(to));
    if (crew !== this.#crew) return; // closed meanwhile
    this.took = { update: Math.max(0.01, stretch.took.updates / (to - step)), look: stretch.took.look };
    this.#take(to, stretch);
    // the page draws before the next round, and the pace is kept
    const wanted = pace === "fast" ? 0 : (1000 * (to - step)) / pace;
    await pause(Math.max(BREATH, wanted - (performance.now() - began)));
  }

  #take(step: number, { losses, look, state, divergedAt }: Awaited<ReturnType<Crew["advance"]>>): void {
    if (state !== null) this.#states.set(step, state);
    const before = this.seen.filter((one) => one.step < step && this.#isKept(one.step));
    this.seen = [...before, { step, ...look }];
    this.#losses.push(...losses);
    if (divergedAt !== null) this.divergedAt = divergedAt;
    this.step = step;
  }

  /** Nothing is left to train: the cores are free for other runs. */
  #finish(): void {
    this.status = "done";
    this.#crew?.dismiss();
    this.#crew = undefined;
  }

  #isKept(step: number): boolean {
    return this.stateAt(step) !== undefined;
  }

  #fail(message: string): void {
    this.failure = message;
    this.status = "failed";
  }
}
