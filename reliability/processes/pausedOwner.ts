/** E3: an owner that was stopped, and whose folder another has taken over meanwhile, writes nothing more. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { randomStream } from "../../src/base/random.ts";
import { openJournal } from "../../src/cli/journal/journal.ts";
import { readLog } from "../../src/record/logLine.ts";
import type { Check } from "../check.ts";
import { withFolder } from "../folderBytes.ts";
import { startChild } from "../startChild.ts";
import type { Holding, Told } from "./holder.ts";
import { stateOf } from "./processState.ts";

/** ms within which an owner must have found out that it is none any more; it writes all the time. */
const patience = 5000;

/** Lines of a process, one at a time. */
function mailbox(): { put(told: Told): void; next(): Promise<Told>; fail(error: Error): void } {
  const waiting: { resolve(told: Told): void; reject(error: Error): void }[] = [];
  const here: Told[] = [];
  let failed: Error | null = null;
  return {
    put: (told) => {
      const first = waiting.shift();
      if (first === undefined) here.push(told);
      else first.resolve(told);
    },
    next: () =>
      new Promise((resolve, reject) => {
        const first = here.shift();
        if (first !== undefined) resolve(first);
        else if (failed !== null) reject(failed);
        else waiting.push({ resolve, reject });
      }),
    fail: (error) => {
      failed = error;
      for (const { reject } of waiting.splice(0)) reject(error);
    },
  };
}

export const pausedOwner: Check = {
  id: "E3",
  promise: "An owner that was stopped and replaced meanwhile cannot write when it goes on.",
  weakenings: ["lock-check"],
  run: (form, { seed, say, without }) =>
    withFolder(async (top) => {
      const rounds = form === "short" ? 10 : 100;
      const folder = join(top, "held");
      mkdirSync(folder);
      const failures: string[] = [];
      const box = mailbox();
      const task: Holding = { folder, rounds, seed, careless: without === "lock-check" };
      const child = startChild("hold", task, {
        silence: 20_000,
        onLine: (line) => box.put(JSON.parse(line) as Told),
      });
      void child.ended.then(({ code, stderr }) =>
        box.fail(new Error(`the owner ended with ${code}: ${stderr}`)),
      );
      const pid = child.process.pid as number;
      const stream = randomStream("paused owner", seed);
      let refused = 0;
      let stale = 0;
      for (let round = 0; round < rounds; round++) {
        await box.next();
        await wait(20 * stream.uniform());
        process.kill(pid, "SIGSTOP");
        while (stateOf(pid) !== "T") await wait(1);
        // as a person does who thinks that the owner is dead
        rmSync(join(folder, "run.lock"));
        const journal = openJournal({ path: folder, shown: "held", date: () => new Date() });
        journal.append({ event: "told", by: "successor", round });
        process.kill(pid, "SIGCONT");
        const told = await Promise.race([box.next(), wait(patience, null)]);
        if (told === null) {
          failures.push(`round ${round}: the stopped owner was refused nothing in ${patience} ms`);
          process.kill(pid, "SIGKILL");
          break;
        }
        if (told.kind === "refused") refused++;
        journal.append({ event: "told", by: "successor, afterwards", round });
        journal.release();
        try {
          const { records } = readLog(readFileSync(join(folder, "log.jsonl")), "held/log.jsonl");
          const since = records.findIndex(({ by, round: of }) => by === "successor" && of === round);
          const later = records
            .slice(since)
            .filter(({ epoch, by }) => epoch < journal.epoch && by === "holder");
          stale += later.length;
          if (later.length > 0)
            failures.push(
              `round ${round}: ${later.length} records of the stopped owner after its successor's`,
            );
          if (!records.some(({ by, round: of }) => by === "successor, afterwards" && of === round))
            failures.push(`round ${round}: the successor's records are not in the log`);
        } catch (error) {
          stale++;
          failures.push(`round ${round}: ${error instanceof Error ? error.message : String(error)}`);
          process.kill(pid, "SIGKILL");
          break; // nothing can be said of a log that is damaged
        }
      }
      await child.ended;
      say(`${refused} refusals`);
      return {
        figure: `${stale} of ${rounds} stopped owners wrote after their successors`,
        count: rounds,
        coverage: { refused },
        failures,
      };
    }),
};
