/** A2: a run is killed before and after every call that changes its folder. */
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Check, CheckOptions, Form } from "../check.ts";
import { inParallel } from "../startChild.ts";
import { changes, withProgram } from "./commandLine.ts";
import { faultsIn, finish } from "./killRun.ts";
import { callsOf, makeWorkshop, referenceOf, runName, samples, startSample } from "./samples.ts";
import { type DiskWeakening, openSimDisk } from "./simDisk.ts";
import { crashToy, kindOfFile, toyDifferences, toyReference } from "./toyCrashes.ts";
import { runToy } from "./toyRun.ts";

/** What trials of one kind found. */
interface Trials {
  readonly count: number;
  readonly coverage: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

/** Kills the toy's run before each of its calls, and after the last; the state after a call is that before the next. */
async function killToy(without: DiskWeakening | undefined): Promise<Trials> {
  const failures: string[] = [];
  const kinds = new Set<string>();
  const reference = await toyReference();
  const { crashed } = await crashToy(
    (beforeChange) => openSimDisk({ beforeChange, without }),
    (disk, { call, path }) => {
      kinds.add(`${call} ${kindOfFile(path)}`);
      return [disk.kill({ without })];
    },
  );
  let computed = 0;
  for (const { instant, disk } of crashed) {
    const where = `the toy, killed before call ${instant.change}, ${instant.call} ${instant.path}`;
    try {
      computed += (await runToy(disk.disk)).computed;
      for (const text of toyDifferences(disk, reference)) failures.push(`${where}: ${text}`);
    } catch (error) {
      failures.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const spared = 1 - computed / (reference.computed * crashed.length);
  return {
    count: crashed.length,
    coverage: {
      toyCalls: crashed.length,
      toyKindsOfCall: kinds.size,
      percentNotRedone: Math.round(100 * spared),
    },
    failures,
  };
}

/** Kills the real training, which also exports models, at its calls: all of them in the long form. */
async function killCommand(form: Form, say: CheckOptions["say"]): Promise<Trials> {
  return withProgram([], {}, async (build, top) => {
    const reference = await referenceOf(samples.train, build);
    const calls = (await callsOf(samples.train, build)).filter(({ kind }) => changes.includes(kind));
    // of the short form, points that lie evenly, the last calls of the run among them
    const points = form === "short" ? 6 : calls.length;
    const trials = Array.from({ length: points }, (_, k) => {
      const n = calls.length - Math.floor((k * calls.length) / points);
      return form === "short"
        ? [{ n, deed: k % 2 === 0 ? "kill before" : "kill after" } as const]
        : (["kill before", "kill after"] as const).map((deed) => ({ n, deed }));
    }).flat();
    const failures: string[] = [];
    const kinds = new Set<string>();
    let fired = 0;
    await inParallel(trials, availableParallelism(), async ({ n, deed }, index) => {
      const cwd = makeWorkshop(join(top, `run-${index}`));
      const { kind, path } = calls[n - 1];
      const where = `${deed} call ${n}, ${kind} ${path}`;
      const ended = await startSample(samples.train, cwd, {
        build,
        plan: { under: join(cwd, runName), kinds: changes, at: n, deed },
      }).ended;
      // the order of what two workers tell is not always the same, and a run may come to fewer calls
      if (ended.signal === "SIGKILL") {
        fired++;
        kinds.add(`${kind} ${kindOfFile(path)}`);
      }
      const found = [...(await faultsIn(cwd)), ...(await finish(cwd, reference, { build })).failures];
      for (const text of found) failures.push(`${where}: ${text}`);
      if (found.length === 0) rmSync(cwd, { recursive: true });
      if (index % 50 === 49) say(`${index + 1} of ${trials.length} kills`);
    });
    if (fired < 0.95 * trials.length) failures.push(`only ${fired} of ${trials.length} kills fell`);
    return {
      count: trials.length,
      coverage: { calls: calls.length, killed: fired, kindsOfCall: kinds.size },
      failures,
    };
  });
}

export const everyCall: Check = {
  id: "A2",
  promise: "A run that is killed before or after any call that changes its folder ends in the same bytes.",
  weakenings: ["rename"],
  async run(form, { say, without }) {
    const toy = await killToy(without as DiskWeakening | undefined);
    say(`${toy.count} kills of the toy`);
    // the toy is enough to see that the harness finds a safeguard missing
    const none: Trials = { count: 0, coverage: {}, failures: [] };
    const real = without === undefined ? await killCommand(form, say) : none;
    const failures = [...toy.failures, ...real.failures];
    return {
      figure: `${failures.length} failures at ${toy.count} calls of the toy and ${real.count} of ${2 * (real.coverage.calls ?? 0)} points of a training`,
      count: toy.count + real.count,
      coverage: { ...toy.coverage, ...real.coverage },
      failures,
    };
  },
};
