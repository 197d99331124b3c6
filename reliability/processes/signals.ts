/** E7: a signal stops a run in good order, a second one at once, and a reader that goes away stops nothing. */
import { readFileSync, rmSync } from "node:fs";
import { availableParallelism, constants } from "node:os";
import { join } from "node:path";
import { randomStream } from "../../src/base/random.ts";
import { readManifest } from "../../src/record/manifest.ts";
import type { Check } from "../check.ts";
import { type Patch, withProgram } from "../crash/commandLine.ts";
import { faultsIn, finish, statesIn, untilBegun } from "../crash/killRun.ts";
import {
  history,
  makeWorkshop,
  type Reference,
  referenceOf,
  runName,
  said,
  samples,
  startSample,
} from "../crash/samples.ts";
import { differences, hashesOf } from "../folderBytes.ts";
import { inParallel } from "../startChild.ts";

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  "told-interruption": [{ find: /signal\.aborted \? "interrupted" : "failed"/, replace: '"failed"' }],
};

/** Ways in which a run is told to stop, or loses its reader. */
const ways = ["SIGINT", "SIGTERM", "SIGHUP", "SIGINT twice", "closed stdout"] as const;

/** Seconds that a run may take to stop after one signal, and after two. */
const patience = { once: 10, twice: 1 };

/** What came of one trial. */
interface Trial {
  readonly failures: readonly string[];
  /** Whether it was stopped before its end, with a state to go on from. */
  readonly stopped: boolean;
}

async function tryWay(
  way: (typeof ways)[number],
  share: number,
  cwd: string,
  reference: Reference,
  build: string,
): Promise<Trial> {
  const failures: string[] = [];
  let heard = () => {};
  const answer = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const onSaid = (text: string) => {
    if (text.includes("once more")) heard();
  };
  const started = startSample(reference.sample, cwd, { build, onSaid });
  if (way === "closed stdout") started.process.stdout?.destroy();
  await untilBegun(cwd, started);
  const rest = 1000 * (reference.seconds - reference.firstCommit);
  await Promise.race([started.ended, new Promise((resolve) => setTimeout(resolve, share * rest))]);

  if (way === "closed stdout") {
    const ended = await started.ended;
    if (ended.code !== 0) failures.push(said(ended));
    failures.push(...differences(hashesOf(join(cwd, runName), history), reference.hashes));
    return { failures, stopped: false };
  }
  const signal = way === "SIGINT twice" ? "SIGINT" : way;
  let asked = performance.now();
  started.process.kill(signal);
  if (way === "SIGINT twice") {
    await Promise.race([answer, started.ended]);
    asked = performance.now();
    started.process.kill(signal);
  }
  const ended = await started.ended;
  const took = (performance.now() - asked) / 1000;
  const manifest = readManifest(
    new Uint8Array(readFileSync(join(cwd, runName, "manifest.json"))),
    "manifest.json",
  );
  const stopped = manifest.status !== "complete";
  if (stopped) {
    const expected = 128 + constants.signals[signal];
    const most = way === "SIGINT twice" ? patience.twice : patience.once;
    if (ended.code !== expected) failures.push(`${expected} was expected, and ${said(ended)}`);
    if (took > most) failures.push(`it took ${took.toFixed(1)} s to stop`);
    if (way !== "SIGINT twice") {
      if (manifest.status !== "interrupted") failures.push(`its manifest says ${manifest.status}`);
      if (!ended.stderr.includes(`palimpsest resume ${runName}`))
        failures.push(`it does not say how to go on: ${said(ended)}`);
    }
  }
  const states = statesIn(cwd).size;
  failures.push(...(await faultsIn(cwd)), ...(await finish(cwd, reference, { build })).failures);
  return { failures, stopped: stopped && (states > 0 || way === "SIGINT twice") };
}

export const signals: Check = {
  id: "E7",
  promise:
    "SIGINT, SIGTERM and SIGHUP stop a run in good order, a second one at once; a closed stdout stops nothing.",
  weakenings: Object.keys(weakened),
  run: (form, { seed, say, without }) =>
    withProgram(without === undefined ? [] : weakened[without], {}, async (build, top) => {
      const each = form === "short" ? 1 : 50;
      const reference = await referenceOf(samples.longTrain, build);
      const trials = (without === undefined ? ways : ways.slice(0, 1)).flatMap((way) =>
        Array.from({ length: each }, (_, k) => ({ way, k })),
      );
      const failures: string[] = [];
      const stopped: Record<string, number> = Object.fromEntries(ways.map((way) => [way, 0]));
      await inParallel(trials, availableParallelism(), async ({ way, k }, index) => {
        const cwd = makeWorkshop(join(top, `run-${index}`));
        // in the first half of its time the training is at it; of more than one trial, at any time
        const share = randomStream("signals", seed, way, k).uniform() * (k === 0 ? 0.5 : 1);
        const trial = await tryWay(way, share, cwd, reference, build);
        if (trial.stopped) stopped[way]++;
        for (const text of trial.failures) failures.push(`${way}, trial ${k}: ${text}`);
        if (trial.failures.length === 0) rmSync(cwd, { recursive: true });
        if (index % 50 === 49) say(`${index + 1} trials`);
      });
      for (const way of without === undefined ? ways : [])
        if (way !== "closed stdout" && stopped[way] === 0)
          failures.push(`${way}: no run was stopped in its training`);
      return {
        figure: `${failures.length} failures in ${trials.length} runs that were told to stop`,
        count: trials.length,
        coverage: { ...stopped, "closed stdout": each },
        failures,
      };
    }),
};
