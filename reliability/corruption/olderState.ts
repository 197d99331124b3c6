/** B3: where the newest state of a job is damaged, the run goes on from the one before, says so, and ends the same. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import type { Check } from "../check.ts";
import { killGroup, type Patch, savesOften, withProgram } from "../crash/commandLine.ts";
import { finish, keptIn, untilBegun } from "../crash/killRun.ts";
import {
  makeWorkshop,
  type Reference,
  referenceOf,
  runName,
  samples,
  startSample,
} from "../crash/samples.ts";
import { inParallel } from "../startChild.ts";

/** Clocks go this many times as fast, so that states are kept ten times a second. */
const haste = 100;

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  hash: [
    {
      find: /entryOf\(part, bytes\)\.sha256 === entry\.sha256 \? bytes : lost\("is damaged"\)/,
      replace: "bytes",
    },
  ],
};

const damages: Readonly<Record<string, (path: string, stream: RandomStream) => void>> = {
  "a bit flipped": (path, stream) => {
    const bytes = new Uint8Array(readFileSync(path));
    // in the numbers, behind the header: the file is well formed still
    bytes[bytes.length - 1 - stream.integer(bytes.length >> 2)] ^= 1 << stream.integer(8);
    writeFileSync(path, bytes);
  },
  "cut in half": (path) => truncateSync(path, readFileSync(path).length >> 1),
  missing: (path) => rmSync(path),
};

/** The newest state of a job that has two, from the run folder; null where no job has. */
function newestOfTwo(cwd: string): string | null {
  const byJob = new Map<string, string[]>();
  for (const path of keptIn(cwd).keys())
    if (path.endsWith(".state.safetensors")) {
      const job = path.split("/")[1];
      byJob.set(job, [...(byJob.get(job) ?? []), path]);
    }
  const numberOf = (path: string) => Number(path.split("/")[2].split(".")[0]);
  const states = [...byJob.values()].find((paths) => paths.length > 1);
  return states?.sort((a, b) => numberOf(b) - numberOf(a))[0] ?? null;
}

/** Kills a run when it has two states of a job, damages the newest, and goes on; null where it ended before. */
async function oneTrial(
  damage: string,
  cwd: string,
  reference: Reference,
  build: string,
  stream: RandomStream,
): Promise<readonly string[] | null> {
  const started = startSample(reference.sample, cwd, { build, haste });
  await untilBegun(cwd, started);
  let newest: string | null = null;
  while (newest === null && started.process.exitCode === null) {
    await wait(5);
    newest = newestOfTwo(cwd);
  }
  killGroup(started);
  await started.ended;
  newest = newestOfTwo(cwd);
  if (newest === null) return null;
  damages[damage](join(cwd, runName, newest), stream);
  const { failures, ended } = await finish(cwd, reference, { build, haste });
  if (!ended.stderr.includes(newest))
    failures.push(`it does not say that ${newest} is lost: ${ended.stderr.trim()}`);
  if (!/it goes on from step \d+/.test(ended.stderr))
    failures.push(`it does not say where it goes on: ${ended.stderr.trim()}`);
  return failures;
}

export const olderState: Check = {
  id: "B3",
  promise:
    "Where the newest state is damaged, a run goes on from the one before, says so, and ends in the same bytes.",
  weakenings: Object.keys(weakened),
  run: (form, { seed, say, without }) =>
    withProgram([savesOften, ...(without === undefined ? [] : weakened[without])], {}, async (build, top) => {
      const reference = await referenceOf(samples.longTrain, build);
      const each = form === "short" ? 1 : 30;
      // what only the hash can find
      const kinds = without === "hash" ? ["a bit flipped"] : Object.keys(damages);
      const trials = kinds.flatMap((damage) => Array.from({ length: each }, () => damage));
      const failures: string[] = [];
      let tried = 0;
      await inParallel(trials, availableParallelism(), async (damage, index) => {
        const cwd = makeWorkshop(join(top, `run-${index}`));
        const found = await oneTrial(damage, cwd, reference, build, randomStream("older state", seed, index));
        if (found !== null) tried++;
        for (const text of found ?? []) failures.push(`${damage}, trial ${index}: ${text}`);
        if (found?.length === 0) rmSync(cwd, { recursive: true });
        if (index % 20 === 19) say(`${index + 1} trials`);
      });
      if (tried < 0.9 * trials.length)
        failures.push(`only ${tried} of ${trials.length} runs had two states to lose one of`);
      return {
        figure: `${failures.length} failures after ${tried} damaged states`,
        count: trials.length,
        coverage: { damaged: tried, kindsOfDamage: kinds.length },
        failures,
      };
    }),
};
