/** A queue within one process: what a sweep uses when no server is given. */
import {
  type JobHandler,
  type JobQueue,
  type LeaveReason,
  type ParkedJob,
  type QueuedJob,
  type QueueEvent,
  triesOfAJob,
  type Working,
  type WorkOptions,
} from "./jobQueue.ts";

/** One line of text of what was thrown. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").trim();
}

interface Ticket {
  readonly job: QueuedJob;
  failures: number;
}

/** A queue that is gone with its process. Jobs are handed out in the order they came in; one that failed goes last. */
export function createMemoryQueue(): JobQueue {
  const waiting: Ticket[] = [];
  const running = new Map<string, Ticket>();
  const parked = new Map<string, ParkedJob & { ticket: Ticket }>();
  const listeners = new Set<(event: QueueEvent) => void>();
  const pumps = new Set<() => void>();
  const idle: (() => void)[] = [];

  const tell = (event: QueueEvent) => {
    for (const listener of listeners) listener(event);
  };
  const settle = () => {
    for (const pump of pumps) pump();
    if (waiting.length === 0 && running.size === 0) for (const wake of idle.splice(0)) wake();
  };
  const failed = (ticket: Ticket, reason: string) => {
    const { key } = ticket.job;
    ticket.failures++;
    if (ticket.failures < triesOfAJob) {
      waiting.push(ticket);
      tell({ kind: "failed", key, reason });
    } else {
      parked.set(key, { key, reason, ticket });
      tell({ kind: "parked", key, reason });
    }
  };

  const work = (handler: JobHandler, { slots }: WorkOptions): Working => {
    const leases = new Map<Promise<void>, AbortController>();
    let stopped = false;
    const run = async (ticket: Ticket, controller: AbortController) => {
      const { job, failures } = ticket;
      const lease = {
        failures,
        signal: controller.signal,
        tell: (value: Extract<QueueEvent, { kind: "told" }>["value"]) =>
          tell({ kind: "told", key: job.key, value }),
      };
      try {
        const verdict = await handler(job, lease);
        running.delete(job.key);
        if (verdict === "done") tell({ kind: "done", key: job.key });
        else waiting.unshift(ticket);
      } catch (error) {
        running.delete(job.key);
        failed(ticket, reasonOf(error));
      }
    };
    const pump = () => {
      while (!stopped && leases.size < slots) {
        const ticket = waiting.shift();
        if (ticket === undefined) return;
        running.set(ticket.job.key, ticket);
        const controller = new AbortController();
        const ended = run(ticket, controller).then(() => {
          leases.delete(ended);
          settle();
        });
        leases.set(ended, controller);
      }
    };
    pumps.add(pump);
    pump();
    return {
      empty: () =>
        new Promise((resolve) => {
          idle.push(resolve);
          settle();
        }),
      stop: async () => {
        stopped = true;
        pumps.delete(pump);
        const reason: LeaveReason = "stop";
        for (const controller of leases.values()) controller.abort(reason);
        await Promise.all(leases.keys());
        for (const wake of idle.splice(0)) wake();
      },
    };
  };

  const heldKeys = () => new Set([...waiting.map(({ job }) => job.key), ...running.keys(), ...parked.keys()]);
  const add = async (jobs: readonly QueuedJob[]) => {
    const held = heldKeys();
    for (const job of jobs) {
      if (held.has(job.key)) continue;
      held.add(job.key);
      waiting.push({ job, failures: 0 });
    }
    settle();
  };

  return {
    ...{ shown: "this process", shared: false, add, addLost: add },
    unknown: async (keys) => {
      const held = heldKeys();
      return keys.filter((key) => !held.has(key));
    },
    counts: async () => ({
      waiting: waiting.length,
      running: running.size,
      parked: parked.size,
      workers: pumps.size,
    }),
    parked: async () =>
      [...parked.values()]
        .map(({ key, reason }) => ({ key, reason }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    retry: async (keys) => {
      for (const key of keys) {
        const entry = parked.get(key);
        if (entry === undefined) continue;
        parked.delete(key);
        entry.ticket.failures = 0;
        waiting.push(entry.ticket);
      }
      settle();
    },
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    // a process does not go away from itself
    watchLink: () => () => {},
    work,
    close: async () => listeners.clear(),
  };
}
