/** A process that owns a run folder and writes into it until it is told that it does no longer. */
import { UserError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { type Journal, openJournal } from "../../src/cli/journal/journal.ts";
import { type Locker, OwnedError, takeLock } from "../../src/cli/journal/lock.ts";
import { machineClock } from "./racer.ts";

/** What a holder is to do. */
export interface Holding {
  readonly folder: string;
  readonly rounds: number;
  readonly seed: number;
  /** Whether it only holds the folder, and waits to be killed. */
  readonly still?: boolean;
  /** Whether it never looks whether the folder is still its own. */
  readonly careless?: boolean;
}

/** What a holder tells. */
export type Told =
  | { readonly kind: "holding"; readonly round: number }
  | { readonly kind: "refused"; readonly round: number; readonly writes: number; readonly says: string };

const tell = (told: Told) => process.stdout.write(`${JSON.stringify(told)}\n`);

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** The lock of an owner who is sure of it. */
const carelessLock: Locker = (request) => ({ ...takeLock(request), check: () => {} });

/** Opens the folder as soon as it is free. */
function openWhenFree(folder: string, lock: Locker): Journal {
  for (;;)
    try {
      return openJournal({ path: folder, shown: "held", date: () => new Date(), lock });
    } catch (error) {
      if (!(error instanceof OwnedError)) throw error;
      pause(2);
    }
}

/** Holds the folder round by round; a round ends when a write is refused. */
export async function hold({
  folder,
  rounds,
  seed,
  still = false,
  careless = false,
}: Holding): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const stream = randomStream("holder", seed, round);
    const journal = openWhenFree(folder, careless ? carelessLock : takeLock);
    tell({ kind: "holding", round });
    if (still) for (;;) pause(1000);
    for (let write = 0; ; write++)
      try {
        const part = `work/holder/${round}-${write}.part`;
        if (stream.integer(3) === 0) journal.keep(part, new Uint8Array(100).fill(round));
        else journal.append({ event: "told", by: "holder", round, write });
        for (const until = machineClock() + stream.uniform(); machineClock() < until; );
      } catch (error) {
        // a file that was being written is swept by the successor, which is found out before the lost lock is
        if (!(error instanceof UserError)) throw error;
        tell({ kind: "refused", round, writes: write, says: error.message });
        break;
      }
    journal.release();
  }
}
