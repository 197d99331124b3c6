/** Looks into networks, in a worker of its own, so that neither the page nor the training waits. */
import { wrap } from "comlink";
import type { LookKind, LookRequest, LookResult, LookWorker } from "../workers/lookWorker.ts";
import type { Population, Seen } from "./population.svelte.ts";

/** Asks the worker. */
export interface Looker {
  /**
   * What a look of some kind sees in the networks of a run at a step; in the order of the calls. Weights go to the
   * worker once for each run and step.
   */
  ask<K extends LookKind>(
    run: Population,
    at: Seen,
    kind: K,
    request: LookRequest<K>,
  ): Promise<LookResult<K>>;
}

/** Starts the worker. */
export function openLooker(): Looker {
  const worker = new Worker(new URL("../workers/lookWorker.ts", import.meta.url), { type: "module" });
  const remote = wrap<LookWorker>(worker);
  const keys = new WeakMap<Seen, string>();
  let count = 0;
  let held = "";
  let last: Promise<unknown> = Promise.resolve();
  return {
    ask(run, at, kind, request) {
      const key = keys.get(at) ?? `networks ${++count}`;
      keys.set(at, key);
      const answer = last.then(async () => {
        if (held !== key) {
          await remote.hold(run.config, at.weights);
          held = key;
        }
        return remote.look(kind, request);
      });
      last = answer.catch(() => {});
      return answer as Promise<never>;
    },
  };
}
