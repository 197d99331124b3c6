import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "../../src/base/random.ts";
import type { Check, Form } from "../check.ts";
import { startCommand } from "../crash/commandLine.ts";
import { withFolder } from "../folderBytes.ts";

const trials: Readonly<Record<Form, number>> = { short: 1, long: 40 };

const sweepFile = `sweep: crashes
study: persistence
seeds: 2
base: { steps: 200, sequences: 16, batch: 8, preset: original, model: { nLayers: 1 } }
grid: { lr: [0.001, 0.01] }
`;

/** A job over which three processes died is given up. */
const mostCrashes = 2;

/** Processes that a process started and that have not ended. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

/** Results of a sweep by the names of their files. */
function resultsIn(store: string): Map<string, string> {
  const names = readdirSync(store).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(store, name), "utf8")]));
}

/** Carries a sweep out; while its jobs run, one of its processes is given a signal. */
async function sweep(cwd: string, name: string, crash: { pick: (count: number) => number } | null) {
  writeFileSync(join(cwd, "sweep.yaml"), sweepFile);
  const store = join(cwd, `store-${name}`);
  let crashes = 0;
  let said = "";
  const { process: parent, ended } = startCommand(
    ["sweep", "sweep.yaml", "--workers", "2", "--store", store, "--out", `run-${name}`, "--json"],
    {
      cwd,
      onSaid: (text) => {
        said += text;
        // a job that tells of itself is under way; a process that was idle by then is no crash of a job
        if (crash === null || /SIGSEGV/.test(said) || crashes === mostCrashes) return;
        if (!/"running":\[\{/.test(text) || parent.pid === undefined) return;
        const children = childrenOf(parent.pid);
        if (children.length === 0) return;
        crashes++;
        process.kill(children[crash.pick(children.length)], "SIGSEGV");
      },
    },
  );
  const { code } = await ended;
  return { code, said, crashes, results: resultsIn(store) };
}

/** D5: native code that crashes. */
export const nativeCrash: Check = {
  id: "D5",
  promise:
    "A crash of native code ends one child process and nothing else: the sweep says by which signal, and ends with the results that it would have had.",
  weakenings: ["crashes"],
  async run(form, { seed, say, without }) {
    return withFolder(async (cwd) => {
      // the test of the test: no process crashes, and that must be noticed
      const isCrashed = without === undefined;
      const sound = await sweep(cwd, "sound", null);
      const failures: string[] = [];
      if (sound.code !== 0) failures.push(`undisturbed: exit code ${sound.code}: ${sound.said.slice(-300)}`);
      let crashed = 0;
      for (let trial = 0; trial < trials[form]; trial++) {
        const stream = randomStream("native crash", seed, trial);
        const pick = (count: number) => stream.integer(count);
        const found = isCrashed ? await sweep(cwd, String(trial), { pick }) : sound;
        const what = `trial ${trial}`;
        if (found.crashes === 0) failures.push(`${what}: no process was there to crash`);
        crashed += found.crashes;
        if (found.code !== 0) failures.push(`${what}: exit code ${found.code}: ${found.said.slice(-300)}`);
        if (!/SIGSEGV/.test(found.said)) failures.push(`${what}: nothing was said of the signal`);
        const differing = [...sound.results].filter(([name, text]) => found.results.get(name) !== text);
        if (differing.length > 0 || found.results.size !== sound.results.size)
          failures.push(`${what}: ${differing.length} of ${sound.results.size} results differ`);
        say(`${trial + 1} of ${trials[form]}`);
      }
      return {
        figure: `${crashed} crashes: the parent alive, and all ${sound.results.size} results the same each time`,
        count: trials[form],
        coverage: { crashes: crashed, results: sound.results.size },
        failures,
      };
    });
  },
};
