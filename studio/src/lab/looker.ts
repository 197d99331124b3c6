/** Looks into networks, in a worker of its own, so that neither the page nor the training waits. */
import { type Remote, wrap } from "comlink";
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

/** A worker, and what it holds. */
interface Seat {
  readonly remote: Remote<LookWorker>;
  /** Rejects if the worker dies, which then answers nothing any more. */
  readonly dead: Promise<never>;
  /** The look whose networks it holds. */
  held?: Seen;
}

function openSeat(onEnd: () => void): Seat {
  const worker = new Worker(new URL("../workers/lookWorker.ts", import.meta.url), { type: "module" });
  const dead = new Promise<never>((_, reject) => {
    worker.onerror = (event) => {
      event.preventDefault(); // it is told in a sentence
      worker.terminate();
      onEnd();
      reject(new Error(event.message || "a worker could not be started"));
    };
  });
  dead.catch(() => {}); // told by whatever waits
  return { remote: wrap<LookWorker>(worker), dead };
}

/** Starts the worker; one that dies is replaced at the next question. */
export function openLooker(): Looker {
  let seat: Seat | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const answer = async <K extends LookKind>(run: Population, at: Seen, kind: K, request: LookRequest<K>) => {
    seat ??= openSeat(() => {
      seat = undefined;
    });
    const { remote, dead } = seat;
    if (seat.held !== at) {
      seat.held = undefined; // until it holds the others
      await Promise.race([dead, remote.hold(run.config, at.weights)]);
      if (seat !== undefined) seat.held = at;
    }
    return Promise.race([dead, remote.look(kind, request)]);
  };
  return {
    ask(run, at, kind, request) {
      const asked = last.then(() => answer(run, at, kind, request));
      last = asked.catch(() => {});
      return asked as Promise<never>;
    },
  };
}
