/** The laboratory: the runs of this page, the one that is looked at, and what looks into its networks. */
import type { RunSettings } from "../state/runSettings.ts";
import { ViewState } from "../state/view.svelte.ts";
import { openLooker } from "./looker.ts";
import { Population } from "./population.svelte.ts";

export class Lab {
  runs = $state.raw<readonly Population[]>([]);
  current = $state.raw<Population | undefined>(undefined);
  /** Why the last settings were refused; a sentence. */
  refusal = $state<string | null>(null);
  readonly view = new ViewState();
  readonly looker = openLooker();
  #count = 0;

  /** Begins a run; false if no run can have such settings, which {@link refusal} then says. */
  begin(settings: RunSettings): boolean {
    const run = this.#made(() => new Population(`run ${this.#count + 1}`, settings));
    if (run === undefined) return false;
    for (const other of this.runs) other.pause();
    void run.open();
    return true;
  }

  /** Begins a run that shares the current one's first updates and goes on with other settings. */
  branch(step: number, changes: Partial<RunSettings>): boolean {
    const parent = this.current;
    if (parent === undefined || parent.stateAt(step) === undefined) return false;
    const settings = { ...parent.settings, ...changes };
    const run = this.#made(() => new Population(`run ${this.#count + 1}`, settings, { parent, step }));
    if (run === undefined) return false;
    parent.pause();
    void run.open();
    return true;
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

  #made(make: () => Population): Population | undefined {
    try {
      const run = make();
      this.#count++;
      this.runs = [...this.runs, run];
      this.current = run;
      this.refusal = null;
      return run;
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}
