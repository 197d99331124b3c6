/** A5: workers and coordinator of a sweep are killed at random; every job has one result, and the table is the same. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import type { Check } from "../check.ts";
import { differences, hashesOf } from "../folderBytes.ts";
import { isAlive } from "../processes/processState.ts";
import type { Started } from "../startChild.ts";
import { killGroup, startCommand, withProgram } from "./commandLine.ts";
import { makeWorkshop, runName, said } from "./samples.ts";

const jobs = 64;
const workers = 4;
/** A worker is killed so often over one job: a third time, the sweep would rightly give the job up. */
const killsOfJob = 2;
/** Of so many kills one is of the coordinator. */
const coordinatorShare = 8;
/** ms within which a coordinator's processes must be gone with it. */
const orphanTime = 2000;

const storeName = "store";

/** A sweep of 64 jobs that differ in their learning rate. */
function makeSweep(folder: string): string {
  const cwd = makeWorkshop(folder);
  const sweep = {
    ...{ sweep: "toy", study: "persistence", seeds: 2 },
    base: { preset: "original", steps: 2, sequences: 8, batch: 8 },
    grid: { lr: Array.from({ length: jobs }, (_, i) => (i + 1) / 10_000) },
  };
  writeFileSync(join(cwd, "sweep.json"), JSON.stringify(sweep));
  return cwd;
}

interface Setting {
  readonly cwd: string;
  readonly build: string;
  /** ms that a job takes, about. */
  readonly duration: number;
  /** On what its result depends besides the job, as on a machine that computes otherwise; nothing by default. */
  readonly salt?: string;
}

function start({ cwd, build, duration, salt = "" }: Setting, count: number): Started {
  const begun = existsSync(join(cwd, runName, "manifest.json"));
  const words = begun ? ["resume", runName] : ["sweep", "sweep.json", "--store", storeName, "--out", runName];
  return startCommand([...words, "--workers", String(count), "--quiet"], {
    ...{ cwd, build },
    env: { TOY_TRACE: join(cwd, "trace.jsonl"), TOY_MS: String(duration), TOY_SALT: salt },
  });
}

/** Jobs that processes are at, by pid, and how many were begun in all. */
function atWork(cwd: string): { busy: Map<number, string>; pids: Set<number> } {
  const busy = new Map<number, string>();
  const pids = new Set<number>();
  const trace = join(cwd, "trace.jsonl");
  const lines = existsSync(trace) ? readFileSync(trace, "utf8").split("\n").slice(0, -1) : [];
  for (const line of lines) {
    const { what, key, pid } = JSON.parse(line) as { what: string; key: string; pid: number };
    pids.add(pid);
    if (what === "begun") busy.set(pid, key);
    else busy.delete(pid);
  }
  for (const pid of busy.keys()) if (!isAlive(pid)) busy.delete(pid);
  return { busy, pids };
}

/** What one sweep went through. */
interface Trials {
  readonly failures: string[];
  workersKilled: number;
  coordinatorsKilled: number;
  slowestOrphan: number;
}

/** Kills the coordinator alone, and waits for its processes to follow it. */
async function killCoordinator(started: Started, cwd: string, trials: Trials): Promise<void> {
  const { pids } = atWork(cwd);
  started.process.kill("SIGKILL");
  await started.ended;
  const killed = performance.now();
  while ([...pids].some(isAlive) && performance.now() - killed < orphanTime) await wait(2);
  trials.slowestOrphan = Math.max(trials.slowestOrphan, performance.now() - killed);
  const left = [...pids].filter(isAlive);
  if (left.length > 0)
    trials.failures.push(`${left.length} workers outlived their coordinator by ${orphanTime} ms`);
  trials.coordinatorsKilled++;
}

/** Runs a sweep to its end while its processes are killed, at most so many. */
async function disturbedSweep(
  setting: Setting,
  stream: RandomStream,
  most: number,
  trials: Trials,
): Promise<void> {
  const { cwd } = setting;
  const killsOf = new Map<string, number>();
  let started = start(setting, workers);
  const running = () => started.process.exitCode === null && started.process.signalCode === null;
  for (let kills = 0; kills < most; ) {
    await Promise.race([started.ended, wait(10 + stream.integer(60))]);
    if (!running()) break;
    const { busy } = atWork(cwd);
    if (busy.size === 0) continue;
    if (stream.integer(coordinatorShare) === 0) {
      await killCoordinator(started, cwd, trials);
      started = start(setting, workers);
      kills++;
      continue;
    }
    const [pid, key] = [...busy][stream.integer(busy.size)];
    const before = killsOf.get(key) ?? 0;
    if (before === killsOfJob) continue;
    killsOf.set(key, before + 1);
    process.kill(pid, "SIGKILL");
    trials.workersKilled++;
    kills++;
  }
  const ended = await started.ended;
  killGroup(started);
  if (ended.code !== 0) trials.failures.push(said(ended));
}

/**
 * The files of a store by their hashes: results, and whatever else has a name. What a process that was killed had not
 * published yet has none; several machines share a store, so nobody there can tell it from what is being written.
 */
function resultsIn(cwd: string): Map<string, string> {
  const hashes = hashesOf(join(cwd, storeName), ["store.json"]);
  return new Map([...hashes].filter(([path]) => !/^\..*\.tmp$/.test(path)));
}

export const sweepKills: Check = {
  id: "A5",
  promise:
    "Workers and coordinator of a sweep may be killed: each job has one result, and the table is as it would be.",
  weakenings: ["same-results"],
  run: (form, { seed, say, without }) =>
    withProgram([], { sweepJob: "reliability/crash/toySweepJob.ts" }, async (build, top) => {
      const wanted = without !== undefined ? 4 : form === "short" ? 50 : 500;
      const serial: Setting = { cwd: makeSweep(join(top, "serial")), build, duration: 1 };
      const alone = await start(serial, 1).ended;
      if (alone.code !== 0) throw new Error(`the undisturbed sweep: ${said(alone)}`);
      const table = hashesOf(join(serial.cwd, runName), ["log.jsonl"]);
      const results = resultsIn(serial.cwd);
      if (results.size !== jobs) throw new Error(`the undisturbed sweep left ${results.size} results`);
      const trials: Trials = { failures: [], workersKilled: 0, coordinatorsKilled: 0, slowestOrphan: 0 };
      let sweeps = 0;
      const kills = () => trials.workersKilled + trials.coordinatorsKilled;
      while (kills() < wanted) {
        const setting = { cwd: makeSweep(join(top, `sweep-${sweeps}`)), build, duration: 120, salt: without };
        const before = trials.failures.length;
        await disturbedSweep(setting, randomStream("sweep kills", seed, sweeps), wanted - kills(), trials);
        trials.failures.push(
          ...differences(hashesOf(join(setting.cwd, runName), ["log.jsonl"]), table),
          ...differences(resultsIn(setting.cwd), results),
        );
        sweeps++;
        say(`${kills()} kills in ${sweeps} sweeps`);
        if (trials.failures.length > before + 5) break;
      }
      const { failures, workersKilled, coordinatorsKilled, slowestOrphan } = trials;
      return {
        figure: `${failures.length} failures after ${kills()} kills in ${sweeps} sweeps of ${jobs} jobs on ${workers} workers`,
        count: kills(),
        coverage: { sweeps, workersKilled, coordinatorsKilled, slowestOrphanMs: Math.round(slowestOrphan) },
        failures,
      };
    }),
};
