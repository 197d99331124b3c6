/** E2: the folder of an owner that was killed is free at once, and nothing is ever removed by hand. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { openJournal } from "../../src/cli/journal/journal.ts";
import { type Locker, OwnedError } from "../../src/cli/journal/lock.ts";
import type { Check } from "../check.ts";
import { withFolder } from "../folderBytes.ts";
import { type Started, startChild } from "../startChild.ts";
import type { Holding } from "./holder.ts";
import { stateOf } from "./processState.ts";

/** ms within which a folder must be free. */
const atOnce = 1000;

/** Starts an owner; its pid once it has the folder. */
async function startOwner(
  folder: string,
  under: readonly string[] = [],
): Promise<{ owner: Started; pid: number }> {
  const task: Holding = { folder, rounds: 1, seed: 0, still: true };
  let holds = () => {};
  const holding = new Promise<void>((resolve) => {
    holds = resolve;
  });
  const owner = startChild("hold", task, { under, detached: true, onLine: holds });
  const early = owner.ended.then(({ stderr }) => Promise.reject(new Error(`the owner ended: ${stderr}`)));
  await Promise.race([holding, early]);
  void early.catch(() => {});
  return { owner, pid: JSON.parse(readFileSync(join(folder, "run.lock"), "utf8")).pid };
}

/** A lock that is no more than the note of a process, which is believed as long as signals can be sent to it. */
const noteLock: Locker = ({ path, shown }) => {
  const { pid } = JSON.parse(readFileSync(path, "utf8")) as { pid: number };
  let isThere = true;
  try {
    process.kill(pid, 0);
  } catch {
    isThere = false;
  }
  if (isThere) throw new OwnedError({ where: shown, rule: "belongs to another process", got: `pid ${pid}` });
  return { check: () => {}, release: () => {} };
};

/**
 * Becomes the owner and gives the folder up again; ms that it took.
 *
 * A signal has only been sent when `kill` returns: until the process has ended, the folder is rightly refused.
 */
async function takeOver(folder: string, lock: Locker | undefined): Promise<number> {
  const asked = performance.now();
  for (;;)
    try {
      openJournal({ path: folder, shown: "dead", date: () => new Date(), lock }).release();
      return performance.now() - asked;
    } catch (error) {
      if (!(error instanceof OwnedError) || performance.now() - asked > atOnce) throw error;
      await wait(1);
    }
}

export const deadOwner: Check = {
  id: "E2",
  promise:
    "The folder of a killed owner is free at once, whatever has become of its process and of its number.",
  weakenings: ["kernel-lock"],
  run: (form, { say, without }) =>
    withFolder(async (top) => {
      const failures: string[] = [];
      const times: number[] = [];
      const attempt = async (what: string, folder: string) => {
        try {
          const took = await takeOver(folder, without === undefined ? undefined : noteLock);
          times.push(took);
        } catch (error) {
          failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
        }
      };
      const folderOf = (name: string) => {
        const folder = join(top, name);
        mkdirSync(folder);
        return folder;
      };

      const killings = without !== undefined ? 0 : form === "short" ? 6 : 100;
      for (let k = 0; k < killings; k++) {
        const folder = folderOf(`killed-${k}`);
        const { owner, pid } = await startOwner(folder);
        process.kill(pid, "SIGKILL");
        await attempt(`killing ${k}`, folder);
        await owner.ended;
      }
      say(`${killings} owners killed`);

      // its parent never asks how it ended, so the process stays as a zombie, to which signals can be sent
      const zombies = form === "short" ? 1 : 10;
      for (let k = 0; k < zombies; k++) {
        const folder = folderOf(`zombie-${k}`);
        const { owner, pid } = await startOwner(folder, ["sh", "-c", '"$@" & exec sleep 60', "sh"]);
        process.kill(pid, "SIGKILL");
        while (stateOf(pid) !== "Z") await wait(1);
        await attempt(`zombie ${k}`, folder);
        process.kill(-(owner.process.pid as number), "SIGKILL");
        await owner.ended;
      }

      // the number in a dead owner's note is another process's by now, this one's or the first of the machine, as after a
      // restart; or the note is of another machine or container, where nobody can be asked; or it was never finished
      const since = new Date(0).toISOString();
      const notes = [process.pid, 1].flatMap((pid) =>
        [hostname(), "elsewhere"].map((host) => `${JSON.stringify({ pid, host, since })}\n`),
      );
      const left = [...notes, "", notes[0].slice(0, 20)];
      for (const [k, note] of left.entries()) {
        const folder = folderOf(`left-${k}`);
        writeFileSync(join(folder, "run.lock"), note);
        await attempt(`the note ${JSON.stringify(note)}`, folder);
      }

      return {
        figure: `${failures.length} of ${times.length + failures.length} folders were not free at once; the slowest took ${Math.round(Math.max(0, ...times))} ms`,
        count: killings + zombies + left.length,
        coverage: { killed: killings, zombies, notesLeft: left.length },
        failures,
      };
    }),
};
