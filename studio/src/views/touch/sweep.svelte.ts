/** A patching sweep that is made a line at a time, so that it is seen while it grows and can be stopped. */
import type { Looker } from "../../lab/looker.ts";
import type { Population, Seen } from "../../lab/population.svelte.ts";
import type { PatchRowRequest, PatchRowSeen } from "../../workers/looks/patchRow.ts";

/** Everything that decides the numbers of a sweep. */
export interface SweepPlan extends Omit<PatchRowRequest, "layer"> {
  readonly run: Population;
  readonly layers: number;
  /** Cells of a line. */
  readonly cells: number;
  /** What is swept, and after it, for comparison, the networks before training; one where these are the same. */
  readonly steps: readonly Seen[];
}

/** The lines of a sweep, [step][layer]; null where they are not there yet. */
export type SweepLines = readonly (readonly (PatchRowSeen | null)[])[];

/** One sweep at a time. */
export class Sweep {
  plan = $state.raw<SweepPlan | null>(null);
  lines = $state.raw<SweepLines>([]);
  status = $state<"idle" | "running" | "stopped" | "done">("idle");
  /** Why it ended before it was done; a sentence. */
  failure = $state<string | null>(null);
  /** Counts sweeps: an overtaken one puts nothing down any more. */
  #count = 0;

  /** Begins anew. */
  async start(looker: Looker, plan: SweepPlan): Promise<void> {
    const own = ++this.#count;
    const { run, layers, cells: _, steps, ...request } = plan;
    this.plan = plan;
    this.lines = steps.map(() => Array.from({ length: layers }, () => null));
    this.status = "running";
    this.failure = null;
    try {
      for (const [index, at] of steps.entries())
        for (let layer = 0; layer < layers; layer++) {
          const line = await looker.ask(run, at, "patchRow", { ...request, layer });
          if (own !== this.#count) return;
          this.lines = this.lines.map((of, i) =>
            i === index ? of.map((one, l) => (l === layer ? line : one)) : of,
          );
        }
      this.status = "done";
    } catch (error) {
      if (own !== this.#count) return;
      this.status = "stopped";
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** Ends it after the line that is under way; what is there stays. */
  stop(): void {
    if (this.status !== "running") return;
    this.#count++;
    this.status = "stopped";
  }

  /** Lines that are there, and how many there will be. */
  get progress(): { done: number; total: number } {
    const all = this.lines.flat();
    return { done: all.filter((line) => line !== null).length, total: all.length };
  }
}
