/** A3: the power fails at every call of a journal's life; what was acknowledged is there. */
import { randomStream } from "../../src/base/random.ts";
import type { Check } from "../check.ts";
import { withProgram } from "./commandLine.ts";
import { watchOrder } from "./flushOrder.ts";
import { type Instant, judge, liveStory } from "./journalStory.ts";
import { type DiskWeakening, openSimDisk, type SimDisk } from "./simDisk.ts";
import { crashToy, toyDifferences, toyReference } from "./toyCrashes.ts";
import { runToy } from "./toyRun.ts";

/** Crashes at each call: one of each temper, about. */
const crashesPerCall = 4;
/** One call in so many of those that mend is where the power fails again. */
const nestedShare = 24;
const turnsOfLife = 14;

/** What one life was put through. */
interface Trials {
  states: number;
  spoiled: number;
  nested: number;
  readonly calls: Record<string, number>;
  readonly failures: string[];
}

/** Lives one life; the power fails before each of its changes, again and again. */
function oneLife(seed: number, life: number, trials: Trials, without: DiskWeakening | undefined): void {
  const at: { now: Instant } = { now: undefined as unknown as Instant };
  let change = 0;
  const crash = (disk: SimDisk, call: string, instant: Instant, depth: number, ...key: number[]) => {
    const stream = randomStream("power loss", seed, life, ...key);
    trials.states++;
    let step = 0;
    let mending = depth === 0;
    const after: SimDisk = disk.powerLoss(stream, {
      without,
      beforeChange: (inner) => {
        step++;
        if (!mending || stream.integer(nestedShare) !== 0) return;
        trials.nested++;
        // the mending itself changes nothing that was acknowledged
        crash(after, `${call}, mended, ${inner}`, instant, depth + 1, ...key, step);
      },
    });
    const fail = (text: string) =>
      void trials.failures.push(`seed ${seed}, life ${life}, change ${key.join(".")}, ${call}: ${text}`);
    try {
      const opened = () => {
        mending = false;
      };
      const complaints = judge(after.disk, instant, after.files, opened);
      complaints.forEach(fail);
      if (complaints.length > 0) trials.spoiled++;
    } catch (error) {
      trials.spoiled++;
      fail(error instanceof Error ? error.message : String(error));
    }
  };
  const disk: SimDisk = openSimDisk({
    without,
    beforeChange: (call, path) => {
      if (at.now === undefined) return;
      change++;
      const kind = `${call} ${path.endsWith(".tmp") ? "unpublished" : path.includes("/work/") ? "part" : (path.split("/").at(-1) ?? "")}`;
      trials.calls[kind] = (trials.calls[kind] ?? 0) + 1;
      for (let k = 0; k < crashesPerCall; k++) crash(disk, `${call} ${path}`, at.now, 0, change, k);
    },
  });
  liveStory(disk.disk, randomStream("life of a journal", seed, life), turnsOfLife, at);
}

/** The power fails before each change of the toy's run, which is then gone on with to its end. */
async function failUnderToy(seed: number, pass: number, trials: Trials, without: DiskWeakening | undefined) {
  const reference = await toyReference();
  const { crashed } = await crashToy(
    (beforeChange) => openSimDisk({ beforeChange, without }),
    (disk, { change }) => [
      disk.powerLoss(randomStream("power under the toy", seed, pass, change), { without }),
    ],
  );
  for (const { instant, disk } of crashed) {
    trials.states++;
    let found: readonly string[];
    try {
      await runToy(disk.disk);
      found = toyDifferences(disk, reference);
    } catch (error) {
      found = [error instanceof Error ? error.message : String(error)];
    }
    if (found.length > 0) trials.spoiled++;
    const where = `seed ${seed}, pass ${pass} of the toy, ${instant.call} ${instant.path}`;
    trials.failures.push(...found.map((text) => `${where}: ${text}`));
  }
}

/** How many states are tried, and how often the toy is gone through for them. */
const plans = { short: { states: 2_000, passes: 1 }, long: { states: 200_000, passes: 200 } };

export const powerLoss: Check = {
  id: "A3",
  promise:
    "The power may fail at any call of the disk: what was acknowledged is there, and nothing is half old and half new.",
  weakenings: ["fsync", "fsync-of-folders", "rename", "flush-order"],
  async run(form, { seed, say, without }) {
    const trials: Trials = { states: 0, spoiled: 0, nested: 0, calls: {}, failures: [] };
    const coverage: Record<string, number> = {};
    // the real program, unless it is the disk that is weak
    if (without === undefined || without === "flush-order") {
      const seen = await withProgram([], {}, (build, top) =>
        watchOrder(build, top, without === "flush-order"),
      );
      trials.failures.push(...seen.failures);
      Object.assign(coverage, seen.coverage);
    }
    let [lives, passes] = [0, 0];
    if (without !== "flush-order") {
      const plan = plans[form];
      const weakness = without as DiskWeakening | undefined;
      for (; passes < plan.passes; passes++) {
        await failUnderToy(seed, passes, trials, weakness);
        if (passes % 20 === 19) say(`${trials.states} states`);
      }
      for (; trials.states < plan.states; lives++) {
        oneLife(seed, lives, trials, weakness);
        if (lives % 100 === 99) say(`${trials.states} states`);
      }
    }
    return {
      figure: `${trials.spoiled} of ${trials.states} crash states lost or tore something`,
      count: trials.states + (coverage.published ?? 0),
      coverage: {
        ...coverage,
        ...{
          lives,
          toys: passes,
          crashedWhileMending: trials.nested,
          kindsOfCall: Object.keys(trials.calls).length,
        },
      },
      failures: trials.failures,
    };
  },
};
