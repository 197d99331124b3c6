/** E1: of any number of processes that want a run folder, one has it. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { delimiter, join } from "node:path";
import { readLog } from "../../src/record/logLine.ts";
import type { Check } from "../check.ts";
import { killGroup, startCommand, withProgram } from "../crash/commandLine.ts";
import { untilBegun } from "../crash/killRun.ts";
import { makeWorkshop, runName, said, samples, startResume, startSample } from "../crash/samples.ts";
import { type Ended, type Started, startChild } from "../startChild.ts";
import { type Lap, machineClock, type Race } from "./racer.ts";

const racers = 6;
/** ms between rounds: in less, six processes on two cores would still be at the round before. */
const period = 60;
/** ms until all racers have started. */
const warmUp = 1500;

/**
 * Programs of the names that lock files, which say yes and lock nothing. The lock on Linux is two, of which the socket
 * holds too: it is taken out by a preload that lets every name be bound.
 */
function withoutLocks(folder: string): { env: Record<string, string>; nodeOptions: string[] } {
  mkdirSync(folder);
  for (const name of ["flock", "perl"]) {
    writeFileSync(join(folder, name), "#!/bin/sh\nexit 0\n");
    chmodSync(join(folder, name), 0o755);
  }
  const preload = join(folder, "sockets.mjs");
  writeFileSync(
    preload,
    `import net from "node:net";
     const listen = net.Server.prototype.listen;
     net.Server.prototype.listen = function (path) { return listen.call(this, path + process.pid + Math.random()); };\n`,
  );
  return {
    env: { PATH: `${folder}${delimiter}${process.env.PATH}` },
    nodeOptions: ["--import", preload],
  };
}

/** What is wrong with the laps of a race, and what they covered. */
function judge(
  laps: readonly Lap[],
  ended: readonly Ended[],
  folder: string,
  rounds: number,
  killed: number,
) {
  const failures: string[] = [];
  const won = laps.filter(({ refusal }) => refusal === null).sort((a, b) => a.answered - b.answered);
  let beside = 0;
  for (let i = 0; i < won.length; i++) {
    const [before, after] = [won[i - 1], won[i]];
    const overlap = i > 0 && before.left !== null && after.answered < before.left;
    if (overlap || after.met) beside++;
    if (after.met)
      failures.push(`round ${after.round}: racer ${after.racer} met another owner in the folder`);
    if (overlap)
      failures.push(
        `rounds ${before.round} and ${after.round}: racers ${before.racer} and ${after.racer} were owners at once`,
      );
  }
  const pids = new Set(laps.map(({ pid }) => pid));
  for (const { refusal, round } of laps) {
    if (refusal === null) continue;
    const named = /pid (\d+) on (.*), since (\d{4}-[^ ]*Z)/.exec(refusal);
    if (named === null || !pids.has(Number(named[1])) || named[2] !== hostname())
      failures.push(`round ${round}: the loser was not told whose it is: ${refusal}`);
  }
  ended.forEach(({ code, signal, stderr }, racer) => {
    if (code !== 0 && signal !== "SIGKILL")
      failures.push(`racer ${racer} ended with ${code ?? signal}: ${stderr.trim()}`);
  });

  try {
    const { records, tornBytes } = readLog(readFileSync(join(folder, "log.jsonl")), "race/log.jsonl");
    if (records.length !== won.length || tornBytes > 0)
      failures.push(
        `${won.length} owners, of whom each wrote one record, left ${records.length} and ${tornBytes} torn bytes`,
      );
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }

  const overlapping = laps.filter((lap) =>
    laps.some(
      ({ racer, asked, answered }) => racer !== lap.racer && asked < lap.answered && lap.asked < answered,
    ),
  ).length;
  const tried = Math.max(...laps.map(({ round }) => round)) + 1;
  if (tried < rounds) failures.push(`only ${tried} of ${rounds} rounds were raced`);
  if (overlapping < laps.length / 2)
    failures.push(`only ${overlapping} of ${laps.length} times did two ask at once`);
  if (won.length === laps.length) failures.push("nobody was ever refused");
  const coverage = {
    racers,
    rounds,
    overlapping,
    owners: won.length,
    refused: laps.length - won.length,
    killed,
  };
  return { failures, beside, coverage };
}

/** Asks the real commands about a run that another process is at: going on is refused, reading is not. */
async function askWhileOwned(build: string, cwd: string): Promise<string[]> {
  makeWorkshop(cwd);
  const owner = startSample(samples.longestTrain, cwd, { build });
  try {
    if (!(await untilBegun(cwd, owner))) return ["the owner ended before it was asked about"];
    const [refused, read] = await Promise.all([
      startResume(cwd, { build }).ended,
      startCommand(["verify", runName, "--quiet"], { cwd, build }).ended,
    ]);
    const failures: string[] = [];
    const { pid } = owner.process;
    if (refused.code !== 4 || !refused.stderr.includes(`pid ${pid} on ${hostname()}, since `))
      failures.push(`going on with an owned run: ${said(refused)}`);
    if (read.code !== 0) failures.push(`verifying an owned run: ${said(read)}`);
    return failures;
  } finally {
    killGroup(owner);
    await owner.ended;
  }
}

export const oneOwner: Check = {
  id: "E1",
  promise: "Of processes that want one run folder at once, one gets it; the others are told whose it is.",
  weakenings: ["lock"],
  run: (form, { seed, say, without }) =>
    withProgram([], {}, async (build, top) => {
      const rounds = form === "short" ? 20 : 200;
      const folder = join(top, "race");
      mkdirSync(folder);
      // what an owner left who ended without giving the folder up
      const { pid } = spawnSync(process.execPath, ["--version"]);
      const note = { pid, host: hostname(), since: new Date(0).toISOString() };
      writeFileSync(join(folder, "run.lock"), `${JSON.stringify(note)}\n`);
      const weak = without === "lock" ? withoutLocks(join(top, "weak")) : {};
      const laps: Lap[] = [];
      const start = machineClock() + warmUp;
      const children: Started[] = [];
      let killed = 0;
      for (let racer = 0; racer < racers; racer++) {
        // some are killed while they are owners
        const dieFrom = racer < racers / 3 ? Math.floor((rounds * (racer + 1)) / 3) : undefined;
        const task: Race = { folder, racer, rounds, start, period, seed, dieFrom };
        const child = startChild("race", task, {
          ...weak,
          silence: 20_000,
          onLine: (line) => {
            const lap = JSON.parse(line) as Lap;
            laps.push(lap);
            if (lap.refusal !== null || lap.left !== null) return;
            killed++;
            // no later than this did it have the folder for certain
            laps[laps.length - 1] = { ...lap, left: machineClock() };
            child.process.kill("SIGKILL");
          },
        });
        children.push(child);
      }
      const ended = await Promise.all(children.map((child) => child.ended));
      say(`${laps.length} laps`);
      const asked = without === undefined ? await askWhileOwned(build, join(top, "owned")) : [];
      const { failures, beside, coverage } = judge(laps, ended, folder, rounds, killed);
      return {
        figure: `${beside} of ${coverage.owners} owners were owners beside another`,
        count: laps.length,
        coverage,
        failures: [...failures, ...asked],
      };
    }),
};
