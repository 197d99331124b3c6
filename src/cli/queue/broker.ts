/** A server that carries a queue, as far as Redis and PostgreSQL are the same to it. */
import type { BackendFactory, ConnectionOptions, IQueueBackend } from "bullmq";
import type { Link } from "./link.ts";

/** What is used of the package `bullmq`. */
export type BullMq = typeof import("bullmq");

/** A checked connection to a server. */
export interface Broker {
  readonly bullmq: BullMq;
  /** What BullMQ's classes are constructed with. */
  readonly connection: ConnectionOptions;
  readonly backend: BackendFactory<IQueueBackend>;
  readonly link: Link;
  /**
   * By how much this machine's clock is at least ahead of the server's, ms; negative where it is behind; zero where the
   * two may be equal, and where leases are timed by the server alone and this machine's clock decides nothing.
   */
  clockAhead(): Promise<number>;
  /** A driver's error on one line, without the password. */
  describe(error: unknown): string;
  close(): Promise<void>;
}

/** What goes in a server's name wherever the server has names: the prefix of keys, the name of connections. */
export const application = "palimpsest";

/** Resolves after a number of ms, or once the signal is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** Waits for a promise, but not longer than a number of ms; what it resolves to is not wanted. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  await Promise.race([promise, pause(ms, done.signal)]);
  done.abort();
}
