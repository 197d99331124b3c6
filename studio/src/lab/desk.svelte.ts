/** What is opened and what is saved: one deed at a time of each, with what it says of itself. */
import type { PresetName } from "../../../src/model/config.ts";
import { sentenceOf } from "../sentenceOf.ts";
import type { RunPlace } from "../workers/openWorker.ts";
import type { Lab } from "./lab.svelte.ts";
import { openRunAt, type RunBeingOpened } from "./opener.ts";
import { apiBase, isServed, type ListedRun, listRuns, type RunList } from "./runServer.ts";

/** A deed that takes a while: at most one at a time. */
export class Deed {
  /** What is being done; null where nothing is. */
  doing = $state<string | null>(null);
  /** What was done last; a sentence. */
  done = $state<string | null>(null);
  /** Why it was not; a sentence. */
  failure = $state<string | null>(null);
  #end: AbortController | undefined;

  /** Does something; returns what it made, undefined if it failed or was stopped. */
  async run<A>(doing: string, what: (signal: AbortSignal) => Promise<A>): Promise<A | undefined> {
    if (this.doing !== null) return undefined;
    const { signal } = (this.#end = new AbortController());
    [this.doing, this.done, this.failure] = [doing, null, null];
    try {
      return await what(signal);
    } catch (error) {
      if (!signal.aborted) this.failure = sentenceOf(error);
      return undefined;
    } finally {
      this.doing = null;
    }
  }

  stop(): void {
    this.#end?.abort();
  }
}

export class Desk {
  readonly opening = new Deed();
  readonly saving = new Deed();
  /** What the server has; null where the page is a static site. */
  shelf = $state.raw<RunList | null>(null);
  /** Why the server does not say what it has; a sentence. */
  shelfFailure = $state<string | null>(null);
  /** A run of several presets, of which one has to be chosen. */
  choice = $state.raw<RunBeingOpened | null>(null);

  constructor(readonly lab: Lab) {}

  /** Asks the server, if there is one, what it has. */
  async list(): Promise<RunList | null> {
    if (!isServed()) return null;
    try {
      this.shelf = await listRuns(apiBase());
      this.shelfFailure = null;
    } catch (error) {
      this.shelfFailure = sentenceOf(error);
    }
    return this.shelf;
  }

  /** Opens a run and shows it, if it is one; else the page stays as it was. */
  async open(place: RunPlace | Promise<RunPlace>): Promise<void> {
    if (this.opening.doing !== null) {
      await Promise.resolve(place).catch(() => {}); // one after the other: what comes meanwhile is not taken
      return;
    }
    this.forgetChoice();
    await this.opening.run("Reading the manifest", async (signal) => {
      const found = await openRunAt(await place);
      if (found.presets.length > 1) {
        this.opening.done = `${found.name} has ${found.presets.length} populations.`;
        this.choice = found;
      } else await this.#record(found, found.presets[0].preset, signal);
    });
  }

  openListed({ id, name }: ListedRun): Promise<void> {
    return this.open({ kind: "server", base: apiBase(), id, name });
  }

  /** Opens a population of {@link choice}. */
  async choose(preset: PresetName): Promise<void> {
    const { choice } = this;
    if (choice === null) return;
    this.choice = null;
    await this.opening.run("Reading the checkpoints", (signal) => this.#record(choice, preset, signal));
  }

  forgetChoice(): void {
    this.choice?.close();
    this.choice = null;
  }

  async #record(found: RunBeingOpened, preset: PresetName, signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => found.close(), { once: true });
    const count = found.presets.find((one) => one.preset === preset)?.checkpoints;
    const tell = (done: number) => {
      this.opening.doing = `Measuring the networks, checkpoint ${done} of ${count}`;
    };
    try {
      const recording = await found.record(preset, tell);
      const run = this.lab.record(recording);
      this.opening.done = `${found.name} is open as ${run.name}.`;
    } finally {
      found.close();
    }
  }
}
