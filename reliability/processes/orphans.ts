/** E8: when a process is killed, all that it started are gone within two seconds. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Check } from "../check.ts";
import { type Patch, startCommand, withProgram } from "../crash/commandLine.ts";
import { untilBegun } from "../crash/killRun.ts";
import { makeWorkshop, runName, samples, startSample } from "../crash/samples.ts";
import type { Started } from "../startChild.ts";
import { isAlive } from "./processState.ts";

/** Safeguards in the built program, and what stands in their place. */
const weakened: Readonly<Record<string, readonly Patch[]>> = {
  "watched-parent": [
    { find: /process\.on\("disconnect", \(\) => process\.exit\(orphaned\)\)/, replace: "void 0" },
  ],
};

/** ms within which nothing may be left. */
const patience = 2000;

/** Processes that descend from one, as the kernel tells. */
function descendants(of: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // it has ended meanwhile
    }
  }
  const found: number[] = [];
  const visit = (parent: number) => {
    for (const [pid, its] of parents)
      if (its === parent) {
        found.push(pid);
        visit(pid);
      }
  };
  visit(of);
  return found;
}

/** Kills a process alone; ms until its descendants were gone, and how many there were. */
async function orphan(started: Started): Promise<{ took: number; children: number; left: number }> {
  const pids = descendants(started.process.pid as number);
  started.process.kill("SIGKILL");
  const killed = performance.now();
  await started.ended;
  while (pids.some(isAlive) && performance.now() - killed < patience) await wait(2);
  const left = pids.filter(isAlive);
  for (const pid of left) process.kill(pid, "SIGKILL");
  return { took: performance.now() - killed, children: pids.length, left: left.length };
}

export const orphans: Check = {
  id: "E8",
  promise: "When a process is killed, every process that it started is gone within two seconds.",
  weakenings: Object.keys(weakened),
  run: (form, { say, without }) =>
    withProgram(without === undefined ? [] : weakened[without], {}, async (build, top) => {
      const trials = form === "short" ? 1 : 20;
      const failures: string[] = [];
      const coverage: Record<string, number> = { children: 0, slowestMs: 0 };
      const kill = async (what: string, started: Started) => {
        const { took, children, left } = await orphan(started);
        if (left > 0) failures.push(`${what}: ${left} processes outlived it by ${patience} ms`);
        coverage[what] = (coverage[what] ?? 0) + 1;
        coverage.children += children;
        coverage.slowestMs = Math.max(coverage.slowestMs, Math.round(took));
        return children;
      };
      let ofSweeps = 0;
      for (let k = 0; k < trials; k++) {
        const study = makeWorkshop(join(top, `study-${k}`));
        const run = startSample(samples.longTrain, study, { build });
        await untilBegun(study, run);
        await kill("training", run);

        const cwd = makeWorkshop(join(top, `sweep-${k}`));
        const sweep = {
          sweep: "one",
          seeds: 2,
          base: { sequences: 500, epochs: 1000 },
          grid: { lr: [0.1, 0.2] },
        };
        writeFileSync(join(cwd, "sweep.json"), JSON.stringify(sweep));
        const words = [
          "sweep",
          "sweep.json",
          "--workers",
          "2",
          "--store",
          "store",
          "--out",
          runName,
          "--quiet",
        ];
        const coordinator = startCommand(words, { build, cwd });
        const pid = coordinator.process.pid as number;
        while (descendants(pid).length < 2 && coordinator.process.exitCode === null) await wait(5);
        // in the midst of their jobs: each has a journal that it owns
        while (locksIn(join(cwd, "store")) < 2 && coordinator.process.exitCode === null) await wait(5);
        ofSweeps += await kill("sweep", coordinator);
        say(`${k + 1} of each killed`);
      }
      if (ofSweeps < 2 * trials) failures.push(`sweeps had ${ofSweeps} processes in ${trials} trials`);
      return {
        figure: `${failures.length} of ${2 * trials} killed processes left others behind; the slowest was gone after ${coverage.slowestMs} ms`,
        count: 2 * trials,
        coverage,
        failures,
      };
    }),
};

/** Jobs of a store that somebody is at. */
function locksIn(store: string): number {
  try {
    return readdirSync(store, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith("run.lock"),
    ).length;
  } catch {
    return 0;
  }
}
