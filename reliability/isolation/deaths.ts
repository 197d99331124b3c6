import { readFileSync } from "node:fs";
import { randomStream } from "../../src/base/random.ts";
import type { Check, Form } from "../check.ts";
import { withFolder } from "../folderBytes.ts";
import { startChild } from "../startChild.ts";
import type { DeathResult, Trial } from "./deathChild.ts";

/** A pool that says nothing for so long has come to a stop. */
const silence = 30_000;

/** Ways to die, as the worker that dies knows them. */
function deathNames(): string[] {
  const source = readFileSync("reliability/isolation/lethalWorker.mjs", "utf8");
  const table = source.slice(
    source.indexOf("const deaths = {"),
    source.indexOf("/** Whether it is this thread's turn"),
  );
  return [...table.matchAll(/^ {2}"([^"]+)": /gm)].map(([, name]) => name);
}

/** Results of trials, and how the process that made them ended. */
async function resultsOf(trials: readonly Trial[], seed: number) {
  return withFolder(async (folder) => {
    const results: DeathResult[] = [];
    const { code, signal, silent, stderr } = await startChild(
      "deaths",
      { folder, seed, trials },
      {
        silence,
        onLine: (line) => results.push(JSON.parse(line)),
      },
    ).ended;
    const last = /@([^\n]*)\n(?!.*@)/s.exec(stderr)?.[1] ?? "nothing";
    const how = silent ? "came to a stop" : `ended with ${signal ?? code}: ${stderr.slice(-300)}`;
    return { results, ended: code === 0 ? [] : [`${last}: the process ${how}`] };
  });
}

const undisturbed: Trial = { name: "undisturbed" };

/** What is wrong with a result, held against the undisturbed one. */
function complaints({ name, died, said, digests, wrong }: DeathResult, sound: DeathResult): string[] {
  const found: string[] = [];
  if (said !== null) found.push(`ended with ${said}`);
  if (died === 0) found.push("no worker died");
  if (wrong !== "") found.push(wrong);
  const paths = Object.keys(sound.digests);
  const differing = paths.filter((path) => digests[path] !== sound.digests[path]);
  if (differing.length > 0)
    found.push(`${differing.length} of ${paths.length} arrays differ, such as ${differing[0]}`);
  return found.map((what) => `${name}: ${what}`);
}

/** Event before which a worker dies, at the latest: each job tells ten, and states between them. */
const mostEvents = 8;
const kindsInShort = 10;
/** Trials that show that a harness without deaths is found out. */
const weakened = 2;
const placesOfDeath: Readonly<Record<Form, number>> = { short: 1, long: 20 };

/** D3: workers that die of themselves. */
export const deaths: Check = {
  id: "D3",
  promise:
    "A worker that dies, of whatever, costs its models the way back to their last state and no other model anything; two deaths over the same models, and they alone are given up.",
  weakenings: ["deaths"],
  async run(form, { seed, say, without }) {
    const stream = randomStream("deaths", seed);
    const known = deathNames();
    const drawn = [...stream.permutation(known.length)].map((i) => known[i]);
    const kinds =
      without !== undefined
        ? drawn.slice(0, weakened)
        : form === "long"
          ? known
          : drawn.slice(0, kindsInShort);
    const trials = kinds.flatMap((death) =>
      Array.from(
        { length: placesOfDeath[form] },
        (_, i): Trial => ({
          name: `${death} ${i}`,
          // the test of the test: nobody dies, and that must be noticed
          ...(without === undefined ? { death } : {}),
          at: 1 + stream.integer(mostEvents),
        }),
      ),
    );
    const doomed: Trial = { name: "the same models twice", death: "an end with code 1", at: 3, always: true };
    const { results, ended } = await resultsOf([undisturbed, ...trials, doomed], seed);
    say(`${results.length} of ${trials.length + 2} pools`);
    const [sound, ...others] = results;
    const failures = [...ended];
    const died = others.filter(({ name }) => name !== doomed.name);
    for (const result of died) failures.push(...complaints(result, sound));
    const givenUp = others.find(({ name }) => name === doomed.name);
    if (givenUp !== undefined) {
      if (!/2 of them died over the same models, which were given up/.test(givenUp.said ?? ""))
        failures.push(`${doomed.name}: it was told as ${givenUp.said}`);
      const kept = Object.keys(sound.digests).filter((path) => !path.startsWith("0."));
      if (kept.some((path) => givenUp.digests[path] !== sound.digests[path]))
        failures.push(`${doomed.name}: others were not finished`);
    }
    return {
      figure: `${died.length} deaths of ${kinds.length} of ${known.length} kinds: every array of ${Object.keys(sound?.digests ?? {}).length} the same, and the models over which two died given up alone`,
      count: died.length,
      coverage: {
        kinds: kinds.length,
        deaths: died.length,
        arrays: Object.keys(sound?.digests ?? {}).length,
      },
      failures,
    };
  },
};

const terminations: Readonly<Record<Form, number>> = { short: 10, long: 200 };
/** Events after which a thread is ended, none to half of what three jobs tell, and ms after that: nowhere near the end. */
const within = { events: 16, milliseconds: 8 };
/** Longest time without a word after which a pool counts as locked, ms; the short form may share its machine with others. */
const longestSilence: Readonly<Record<Form, number>> = { short: 10_000, long: 2000 };

/** D4: workers that are ended from outside at any instant. */
export const terminated: Check = {
  id: "D4",
  promise:
    "A thread that is ended at any instant leaves nothing locked: the others go on, and its models begin again.",
  weakenings: ["terminations"],
  async run(form, { seed, say, without }) {
    const stream = randomStream("terminations", seed);
    const trials = Array.from(
      { length: terminations[form] },
      (_, i): Trial => ({
        name: `ended ${i}`,
        ...(without === undefined
          ? {
              ended: {
                events: stream.integer(within.events),
                milliseconds: stream.integer(within.milliseconds),
              },
            }
          : {}),
      }),
    );
    const { results, ended } = await resultsOf([undisturbed, ...trials], seed);
    say(`${results.length} of ${trials.length + 1} pools`);
    const [sound, ...others] = results;
    const failures = [...ended];
    for (const result of others) failures.push(...complaints(result, sound));
    const slowest = Math.max(0, ...others.map(({ longest }) => longest));
    if (slowest > longestSilence[form]) failures.push(`a pool said nothing for ${Math.round(slowest)} ms`);
    return {
      figure: `${others.length} threads ended: no lock left behind, at most ${(slowest / 1000).toFixed(1)} s without a word, and every array the same`,
      count: others.length,
      coverage: { ended: others.filter(({ died }) => died > 0).length },
      failures,
    };
  },
};
