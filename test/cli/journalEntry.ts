/** A process that owns folders as it is told; bundled and started by journalLock.test.ts. */
import * as fs from "node:fs";
import { join } from "node:path";
import { type Journal, openJournal } from "../../src/cli/journal/journal.ts";
import { type Lock, type LockGroups, OwnedError, takeLock } from "../../src/cli/journal/lock.ts";

/** What the process is told to do with a folder. */
export interface Asked {
  readonly action: "take" | "release" | "open" | "write";
  readonly path: string;
  readonly groups?: LockGroups;
}

/** What it says of it. */
export interface Said {
  readonly ok: boolean;
  readonly message: string;
  /** Beginning and end of what it did, ms on the machine's clock. */
  readonly from: number;
  readonly to: number;
}

const date = () => new Date();
let journal: Journal | null = null;
const held: Lock[] = [];

const take = (path: string, groups?: LockGroups) =>
  takeLock({ disk: fs, path: join(path, "run.lock"), shown: "run", date }, groups);

function carryOut(asked: Asked): void {
  if (asked.action === "take") held.push(take(asked.path, asked.groups));
  if (asked.action === "release") held.pop()?.release();
  if (asked.action === "open") journal = openJournal({ path: asked.path, shown: "run", date });
  if (asked.action === "write") {
    const actions: (() => unknown)[] = [
      () => journal?.append({ event: "late" }),
      () => journal?.keep("work/late", Uint8Array.of(1)),
    ];
    for (const action of actions)
      try {
        action();
        throw new Error("was written");
      } catch (error) {
        if (!(error instanceof OwnedError)) throw error;
      }
  }
}

/** Monotonic, and the same for all processes. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

process.on("message", (asked: Asked) => {
  const from = now();
  let message = "";
  try {
    carryOut(asked);
  } catch (error) {
    message = error instanceof Error ? error.message : String(error);
  }
  process.send?.({ ok: message === "", message, from, to: now() } satisfies Said);
});
process.on("disconnect", () => process.exit());
