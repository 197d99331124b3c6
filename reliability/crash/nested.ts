/** A4: a run is killed, then while it is gone on with, then while that is mended. */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import type { Check } from "../check.ts";
import { inParallel } from "../startChild.ts";
import { changes, withProgram } from "./commandLine.ts";
import { faultsIn, finish, killAfter, untilBegun } from "./killRun.ts";
import {
  makeWorkshop,
  type Reference,
  referenceOf,
  runName,
  samples,
  startResume,
  startSample,
} from "./samples.ts";
import { type DiskWeakening, openSimDisk, type SimDisk } from "./simDisk.ts";
import { crashToy, type ToyReference, toyDifferences, toyReference } from "./toyCrashes.ts";
import { runToy } from "./toyRun.ts";

/** Kills, one inside the other. */
const depth = 3;
/** Calls with which a journal is mended, about: the first of a process that goes on. */
const mendingCalls = 12;

/** Kills the toy at three drawn calls, the later two while it is gone on with; what is wrong in the end. */
async function nestToy(
  reference: ToyReference,
  stream: RandomStream,
  without: DiskWeakening | undefined,
): Promise<string[]> {
  let left: SimDisk | null = null;
  const places: string[] = [];
  for (let level = 0; level < depth; level++) {
    const before: SimDisk | null = left;
    // every other time while the journal is mended
    const most = level > 0 && stream.integer(2) === 0 ? mendingCalls : reference.changes;
    const at = 1 + stream.integer(most);
    const { crashed } = await crashToy(
      (beforeChange) => before?.kill({ beforeChange, without }) ?? openSimDisk({ beforeChange, without }),
      (disk, { change }) => (change === at ? [disk.kill({ without })] : []),
    );
    if (crashed.length === 0) continue; // it came to its end before
    left = crashed[0].disk;
    places.push(`${crashed[0].instant.call} ${crashed[0].instant.path}`);
  }
  const last = left?.kill({ without }) ?? openSimDisk({ without });
  try {
    await runToy(last.disk);
    return toyDifferences(last, reference).map(
      (text) => `the toy, killed before ${places.join(", then ")}: ${text}`,
    );
  } catch (error) {
    return [
      `the toy, killed before ${places.join(", then ")}: ${error instanceof Error ? error.message : String(error)}`,
    ];
  }
}

/** The same with the real command: killed at any time, then at any time of going on, then at a call of the mending. */
async function nestCommand(
  cwd: string,
  reference: Reference,
  stream: RandomStream,
  build: string,
): Promise<{ failures: string[]; kills: number }> {
  let kills = 0;
  const first = startSample(reference.sample, cwd, { build });
  await untilBegun(cwd, first);
  const rest = 1000 * (reference.seconds - reference.firstCommit);
  if (await killAfter(first, 0.8 * stream.uniform() * rest)) kills++;
  if (await killAfter(startResume(cwd, { build }), stream.uniform() * 600 * reference.seconds)) kills++;
  const plan = {
    ...{ under: join(cwd, runName), kinds: changes, at: 1 + stream.integer(mendingCalls) },
    deed: stream.integer(2) === 0 ? ("kill before" as const) : ("kill after" as const),
  };
  if ((await startResume(cwd, { build, plan }).ended).signal === "SIGKILL") kills++;
  return {
    failures: [...(await faultsIn(cwd)), ...(await finish(cwd, reference, { build })).failures],
    kills,
  };
}

export const nested: Check = {
  id: "A4",
  promise: "A kill while a killed run is gone on with, or is mended, changes nothing of its end.",
  weakenings: ["rename"],
  run: (form, { seed, say, without }) =>
    withProgram([], {}, async (build, top) => {
      const toys = form === "short" ? 100 : 5_000;
      // the toy is enough to see that the harness finds a safeguard missing
      const commands = without !== undefined ? 0 : form === "short" ? 2 : 500;
      const failures: string[] = [];
      const toy = await toyReference();
      for (let k = 0; k < toys; k++)
        failures.push(...(await nestToy(toy, randomStream("nested toy", seed, k), without as DiskWeakening)));
      say(`${toys} toys`);
      const reference = await referenceOf(samples.train, build);
      let kills = 0;
      await inParallel(Array.from({ length: commands }), availableParallelism(), async (_, k) => {
        const cwd = makeWorkshop(join(top, `run-${k}`));
        const found = await nestCommand(cwd, reference, randomStream("nested", seed, k), build);
        kills += found.kills;
        for (const text of found.failures) failures.push(`training ${k}: ${text}`);
        if (found.failures.length === 0) rmSync(cwd, { recursive: true });
        if (k % 50 === 49) say(`${k + 1} trainings`);
      });
      if (kills < 1.5 * commands) failures.push(`only ${kills} kills of ${commands} trainings`);
      return {
        figure: `${failures.length} differences after ${toys + commands} runs killed up to ${depth} times, one kill inside the other`,
        count: toys + commands,
        coverage: { toys, trainings: commands, killsOfTrainings: kills },
        failures,
      };
    }),
};
