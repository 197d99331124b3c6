/** One worker thread at a time, and another in its place when it dies: a slot of the pool. */
import { getHeapStatistics } from "node:v8";
import workerpool from "workerpool";

/** A slot; one call at a time. */
export interface Slot {
  /**
   * Calls a method of the worker.
   *
   * @param on  given every event that the worker emits meanwhile
   * @throws Error in a short sentence if the worker died of it; the next call finds a new one
   */
  call<T>(method: string, params: unknown[], on?: (event: never) => void): Promise<T>;
  /** Ends the worker, whatever it does, and starts another: nothing of its memory is used again. */
  renew(): void;
  /** Ends the worker for good; a call in progress throws. */
  end(): Promise<void>;
}

/** Milliseconds that a worker is given to end by itself: one that trains hears nobody. */
const END_WITHIN = 100;
/** Milliseconds after which an ended worker is waited for no longer: one that had died says nothing of its end. */
const WAIT_FOR_END = 1000;

/** What a worker died of, out of the library's many lines. */
function causeOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = /exitCode: `(-?\d+)`/.exec(message)?.[1];
  if (code !== undefined) return `its end with code ${code}`;
  return message.replace(/^Workerpool Worker error: /, "").split("\n")[0];
}

/** What a slot's workers are. */
export interface SlotOptions {
  readonly script: string;
  /** JavaScript heap of a worker, MiB; nine tenths of what this thread may have unless given. */
  readonly heap?: number;
}

/** Starts a worker. */
export function openSlot({ script, heap }: SlotOptions): Slot {
  // only a worker with a limit of its own, below the engine's, dies alone where memory ends: any other takes the process
  // with it
  const maxOldGenerationSizeMb = heap ?? Math.floor((0.9 * getHeapStatistics().heap_size_limit) / 2 ** 20);
  const start = () =>
    workerpool.pool(script, {
      ...{ workerType: "thread", minWorkers: 1, maxWorkers: 1, workerTerminateTimeout: END_WITHIN },
      workerThreadOpts: { resourceLimits: { maxOldGenerationSizeMb } },
    });
  let pool = start();
  let ended = false;
  const end = async () => {
    try {
      await pool.terminate(true, WAIT_FOR_END);
    } catch {
      // it had died before, or dies without a word
    }
  };
  const renew = () => {
    if (ended) return;
    void end();
    pool = start();
  };
  return {
    renew,
    async call(method, params, on) {
      const own = pool;
      try {
        return await own.exec(method, params, { on: on as (event: unknown) => void });
      } catch (error) {
        if (pool === own) renew();
        throw new Error(causeOf(error));
      }
    },
    end() {
      ended = true;
      return end();
    },
  };
}
