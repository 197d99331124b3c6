/** The null of head scores while it is drawn. */
import type { Looker } from "../../lab/looker.ts";
import type { Population } from "../../lab/population.svelte.ts";

/** Networks that are drawn before anybody else may ask the worker: a third of a second of the smallest models. */
const AT_ONCE = 16;
const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, 20));

export class HeadNull {
  draws = $state(0);
  /** Null until the first networks are scored. */
  needed = $state<number | null>(null);
  failure = $state<string | null>(null);

  /** Whether a head can have a class. */
  get isReady(): boolean {
    return this.needed !== null && this.draws >= this.needed;
  }

  /** Draws until there are enough; returns what stops it. */
  draw(looker: Looker, run: Population, sequences: readonly (readonly number[])[]): () => void {
    let stopped = false;
    const { init } = run.settings;
    this.draws = 0;
    this.needed = null;
    this.failure = null;
    const go = async () => {
      try {
        while (!stopped) {
          const at = run.shown; // whatever the worker holds already
          if (at === undefined) return;
          const { draws, needed } = await looker.ask(run, at, "drawHeads", {
            init,
            sequences,
            more: AT_ONCE,
          });
          if (stopped) return;
          this.draws = draws;
          this.needed = needed;
          if (draws >= needed) return;
          await breathe();
        }
      } catch (error) {
        this.failure = error instanceof Error ? error.message : String(error);
      }
    };
    void go();
    return () => {
      stopped = true;
    };
  }
}
