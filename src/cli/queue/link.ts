/** Whether a queue's server answers. */
import type { LinkEvent } from "./jobQueue.ts";

/** Says once that a server went away, however many calls notice it, and once that it is there again. */
export interface Link {
  /** A call met with an error that is the server's or the network's. */
  lost(reason: string): void;
  /** A call was answered. */
  restored(): void;
  /** Something else that keeps jobs from being taken, or its end. */
  say(event: LinkEvent): void;
  watch(listener: (event: LinkEvent) => void): () => void;
}

/** A link that is there. */
export function createLink(): Link {
  const listeners = new Set<(event: LinkEvent) => void>();
  let away = false;
  const tell = (event: LinkEvent) => {
    for (const listener of listeners) listener(event);
  };
  return {
    lost: (reason) => {
      if (away) return;
      away = true;
      tell({ kind: "away", reason });
    },
    restored: () => {
      if (!away) return;
      away = false;
      tell({ kind: "back" });
    },
    say: tell,
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
