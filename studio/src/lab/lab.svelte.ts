/** The laboratory: the runs of this page, the one that is looked at, and what looks into its networks. */
import { Findings } from "../state/findings.svelte.ts";
import { linkOf, type RunLine, sharedOf } from "../state/link.ts";
import { defaultSettings, type RunSettings } from "../state/runSettings.ts";
import { ViewState } from "../state/view.svelte.ts";
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

  /** A link that is being followed: runs are trained up to the step that it shows. */
  following = $state(false);

  /** Begins a run; undefined if no run can have such settings, which {@link refusal} then says. */
  begin(settings: RunSettings): Population | undefined {
    const run = this.#made(() => new Population(`run ${this.#count + 1}`, settings));
    void run?.open();
    return run;
  }

  /** Begins a run that shares the current one's first updates and goes on with other settings. */
  branch(step: number, changes: Partial<RunSettings>): Population | undefined {
    const parent = this.current;
    if (parent === undefined || parent.stateAt(step) === undefined) return undefined;
    const settings = { ...parent.settings, ...changes };
    if (settings.optimizer !== parent.settings.optimizer) {
      this.refusal = `branch: what ${parent.settings.optimizer} remembers is of no use to ${settings.optimizer}.`;
      return undefined;
    }
    const run = this.#made(() => new Population(`run ${this.#count + 1}`, settings, { parent, step }));
    void run?.open();
    return run;
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
    if (hash.replace(/^#/, "") === (this.link() ?? "none")) return; // the page's own
    try {
      const { settings, branches, at, view } = sharedOf(hash);
      this.view.take(view);
      this.following = true;
      const run = await this.#along({ settings, branches });
      if (at !== null) await run?.goTo(at);
      if (run !== undefined && at !== null && at < run.step) run.chosen = at;
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      if (this.current === undefined) this.begin(defaultSettings);
    } finally {
      this.following = false;
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
    return this.#add(new Population(`run ${this.#count + 1}`, last, null, recording));
  }

  /** Trains a recorded run again, from the initialisation, with a stop at every step that it has a checkpoint of. */
  async repeat(recorded: Population): Promise<void> {
    const recordedSteps = recorded.steps;
    this.following = true;
    try {
      const run = await this.#along(recorded.line(), (made) => {
        made.repeats = recorded;
        made.stops = [...new Set([...made.stops, ...recordedSteps])].sort((a, b) => a - b);
      });
      if (run === undefined) return;
      run.pace = "fast";
      void run.play();
    } finally {
      this.following = false;
    }
  }

  show(run: Population): void {
    this.current?.pause();
    this.current = run;
  }

  forget(run: Population): void {
    run.close();
    this.runs = this.runs.filter((one) => one !== run);
    if (this.current === run) this.current = this.runs[this.runs.length - 1];
  }

  /** The last run of a line, after the updates that come before its own; undefined if one of them cannot be. */
  async #along(
    { settings, branches }: RunLine,
    prepare: (run: Population) => void = () => {},
  ): Promise<Population | undefined> {
    let run = this.begin(settings);
    if (run !== undefined) prepare(run);
    for (const { step, settings: own } of branches) {
      if (run === undefined) return undefined;
      await run.opened;
      await run.goTo(step);
      run = this.branch(step, own);
      if (run !== undefined) prepare(run);
    }
    await run?.opened;
    return run;
  }

  #add(run: Population): Population {
    for (const other of this.runs) other.pause();
    this.#count++;
    this.runs = [...this.runs, run];
    this.current = run;
    this.refusal = null;
    return run;
  }

  #made(make: () => Population): Population | undefined {
    try {
      return this.#add(make());
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}
