/** The laboratory: the runs of this page, the one that is looked at, and what looks into its networks. */
import { ArgumentError } from "../../../src/base/errors.ts";
import { sentenceOf } from "../sentenceOf.ts";
import { Findings } from "../state/findings.svelte.ts";
import { linkOf, type RunLine, sharedOf } from "../state/link.ts";
import { checkedSettings, defaultSettings, type RunSettings } from "../state/runSettings.ts";
import { keptBytes, mostBytes } from "../state/runSize.ts";
import { ViewState } from "../state/view.svelte.ts";
import type { Computer } from "./computer.ts";
import { openLooker } from "./looker.ts";
import { Population } from "./population.svelte.ts";
import type { Recording } from "./recording.ts";

export class Lab {
  runs = $state.raw<readonly Population[]>([]);
  current = $state.raw<Population | undefined>(undefined);
  /** Why the last settings were refused; a sentence. */
  refusal = $state<string | null>(null);
  readonly view = new ViewState();
  readonly findings = new Findings();
  readonly looker = openLooker();
  #count = 0;

  /** What is being computed up to the step that it shows, a link or a recorded run: overtaken by whatever is begun next. */
  #followed = $state.raw<object | null>(null);

  /** Whether runs are being trained up to what a link shows. */
  get following(): boolean {
    return this.#followed !== null;
  }

  /** Begins a run; undefined if no run can have such settings, which {@link refusal} then says. */
  begin(settings: RunSettings, computer: Computer = "wasm"): Population | undefined {
    return this.#begun(
      () => new Population(this.#nextName(), checkedSettings(settings), null, null, computer),
    );
  }

  /** Begins a run that shares the current one's first updates and goes on with other settings. */
  branch(step: number, changes: Partial<RunSettings>): Population | undefined {
    return this.current && this.#branchOf(this.current, step, { ...this.current.settings, ...changes });
  }

  /** The state of the page as a link; null while one is being followed. */
  link(): string | null {
    const { current, view } = this;
    if (current === undefined || this.following) return null;
    const at = current.shown?.step ?? 0;
    return linkOf({ ...current.line(), at: at === 0 ? null : at, view: view.told() });
  }

  /** Computes what a link shows, from the initialisation: the same bits as where it was made. */
  async openLink(hash: string): Promise<void> {
    if (hash.replace(/^#/, "") === this.link()) return; // the page's own
    try {
      const { settings, branches, at, view } = sharedOf(hash);
      this.view.take(view);
      await this.#follow({ settings, branches }, async (run) => {
        if (at === null) return;
        await run.goTo(at);
        if (at < run.step) run.chosen = at;
      });
    } catch (error) {
      if (this.current === undefined) this.begin(defaultSettings);
      this.refusal = sentenceOf(error);
    }
  }

  /**
   * Adds a run that was trained elsewhere.
   *
   * @throws ArgumentError, NameError where the page can have no such run
   */
  record(recording: Recording): Population {
    const { settings, branches } = recording.line;
    const last = branches[branches.length - 1]?.settings ?? settings;
    return this.#add(new Population(this.#nextName(), last, null, recording));
  }

  /** Trains a recorded run again, from the initialisation, with a stop at every step that it has a checkpoint of. */
  async repeat(recorded: Population): Promise<void> {
    const recordedSteps = recorded.steps;
    await this.#follow(
      recorded.line(),
      async (run) => {
        run.pace = "fast";
        void run.play();
      },
      (made) => {
        made.repeats = recorded;
        made.stopAt(recordedSteps);
      },
    );
  }

  show(run: Population): void {
    if (run === this.current) return;
    this.#followed = null;
    void this.current?.rest();
    this.current = run;
  }

  forget(run: Population): void {
    run.close();
    this.runs = this.runs.filter((one) => one !== run);
    if (this.current !== run) return;
    this.#followed = null;
    this.current = this.runs[this.runs.length - 1];
  }

  /**
   * Computes a line of runs, each up to where the next one branches off, and does the rest with the last. Whatever a
   * person begins or shows meanwhile ends it where it is.
   *
   * @param prepare  told every run before it is trained
   */
  async #follow(
    { settings, branches }: RunLine,
    rest: (run: Population) => Promise<void>,
    prepare: (run: Population) => void = () => {},
  ): Promise<void> {
    const token = {};
    const forks = branches.map(({ step }) => step);
    let run = this.begin(settings);
    try {
      for (const [index, end] of [...forks, null].entries()) {
        if (run === undefined) return; // refusal says why
        this.#followed = token;
        run.stopAt(forks); // also those of later branches, which may begin before this one
        prepare(run);
        await run.opened;
        if (this.#followed !== token) return;
        if (end === null) return await rest(run);
        await run.goTo(end);
        // a person may have paused it on the way
        if (this.#followed !== token || run.step < end) return;
        run = this.#branchOf(run, end, branches[index].settings);
      }
    } finally {
      if (this.#followed === token) this.#followed = null;
    }
  }

  #branchOf(parent: Population, step: number, settings: RunSettings): Population | undefined {
    return this.#begun(() => {
      if (settings.optimizer !== parent.settings.optimizer)
        throw new ArgumentError({
          where: "branch",
          rule: `what ${parent.settings.optimizer} remembers is of no use to another optimiser`,
          got: settings.optimizer,
        });
      if (parent.stateAt(step) === undefined)
        throw new ArgumentError({
          where: "branch",
          rule: "can begin at a checkpoint, or where the run was paused lately",
          got: `step ${step}`,
        });
      const { computer } = parent.computedBy ?? parent;
      return new Population(this.#nextName(), checkedSettings(settings), { parent, step }, null, computer);
    });
  }

  #nextName(): string {
    return `run ${this.#count + 1}`;
  }

  #begun(make: () => Population): Population | undefined {
    try {
      const run = make();
      const bytes = [...this.runs, run].reduce(
        (sum, { arm, models }) => sum + keptBytes(arm, models.length),
        0,
      );
      if (bytes > mostBytes.page)
        throw new ArgumentError({
          where: "runs",
          rule: `those of a page may keep ${mostBytes.page} bytes together`,
          got: String(bytes),
          wayOut: "Remove one that is not needed any more.",
        });
      this.#add(run);
      void run.open();
      return run;
    } catch (error) {
      this.refusal = sentenceOf(error);
      return undefined;
    }
  }

  #add(run: Population): Population {
    for (const other of this.runs) void other.rest();
    this.#followed = null;
    this.#count++;
    this.runs = [...this.runs, run];
    this.current = run;
    this.refusal = null;
    return run;
  }
}
