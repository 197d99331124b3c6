import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { canonicalJson, parseJson, readableJson } from "../../src/record/canonicalJson.ts";
import { analysePreset, type GroupBySeed } from "../../src/studies/persistence/analyse.ts";
import { armsOf } from "../../src/studies/persistence/spec.ts";
import { summarisePreset } from "../../src/studies/persistence/summarise.ts";
import { gatherArm } from "../../src/studies/population/gather.ts";
import {
  type JobEvent,
  type JobState,
  type PopulationJob,
  runJob,
} from "../../src/studies/population/job.ts";
import { smallSettings } from "../../test/studies/settings.ts";
import type { Check } from "../check.ts";
import { sampleConfig } from "../samplePopulation.ts";

/** The update after which a model of the main arm is lost. */
const lostAfter = 3;
const values = { short: 2000, long: 200_000 };

/** Numbers that JSON cannot hold among those that it can, at any depth. */
function anyValue(stream: RandomStream, depth = 0): unknown {
  const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1.5, 2 ** 53, 1e-300];
  const kind = stream.integer(depth > 3 ? 4 : 6);
  if (kind < 3) return numbers[stream.integer(numbers.length)];
  if (kind === 3) return [null, true, "NaN", "", "$"][stream.integer(5)];
  const parts = Array.from({ length: stream.integer(4) }, () => anyValue(stream, depth + 1));
  return kind === 4 ? parts : Object.fromEntries(parts.map((part, i) => [`k${i}`, part]));
}

/** Equal, with NaN equal to itself alone. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  const keys = Object.keys(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => isSame((a as never)[key], (b as never)[key]))
  );
}

/** Runs a job in this thread; where a model is lost, from its state with that model's weights gone. */
async function runLosing(job: PopulationJob, lost: number | null): Promise<JobEvent[]> {
  const backend = wasmBackend();
  const told: JobEvent[] = [];
  const tell = (event: JobEvent) => void told.push(event);
  if (lost === null) {
    await runJob(job, backend, tell);
    return told;
  }
  let state: JobState | undefined;
  let step = 0;
  await runJob(job, backend, (event) => (event.kind === "state" ? (state = event.state) : tell(event)), {
    due: () => (++step === lostAfter ? "stop" : "go"),
  });
  if (state === undefined) throw new Error("the job told no state");
  for (const weights of Object.values(state.weights)) {
    const size = weights.length / job.models.length;
    weights.fill(Number.NaN, lost * size, (lost + 1) * size);
  }
  await runJob(job, backend, tell, { from: state });
  return told;
}

/** The persistence study of five seeds, of which one may be lost. */
async function study(lost: number | null) {
  const { main, otherData } = armsOf("original", smallSettings, sampleConfig);
  const [first, second] = await inTurn([main, otherData], async ({ spec, models }, i) => {
    const job: PopulationJob = { arm: spec, models, backend: { name: "wasm" } };
    return gatherArm([job], [await runLosing(job, i === 0 ? lost : null)]);
  });
  const analysis = analysePreset("original", first, second);
  return { analysis, summary: summarisePreset(analysis, smallSettings.stepsPerEpoch) };
}

/** Numbers of one model that are of nobody else. */
const own = ["maintained", "r", "preferred"] as const satisfies readonly (keyof GroupBySeed)[];
const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
/** The order of a sum may differ by this much. */
const rounding = 1e-12;

/** D2: numbers that are none. */
export const marks: Check = {
  id: "D2",
  promise:
    "A number that is none stands in no JSON without its name and in no estimate: the seed is marked, and the others count.",
  weakenings: ["typed-numbers", "finite-seeds"],
  async run(form, { seed, without }) {
    const failures: string[] = [];
    const stream = randomStream("marks", seed);
    let [unfinished, compared] = [0, 0];
    for (let k = 0; k < values[form]; k++) {
      const value = anyValue(stream);
      for (const write of [canonicalJson, readableJson]) {
        const text = without === "typed-numbers" ? JSON.stringify(value) : write(value as object);
        if (/"\$number"/.test(text)) unfinished++;
        if (!isSame(value, parseJson(text, { file: "x" })))
          failures.push(`another value is read from ${text.slice(0, 200)}`);
      }
    }
    const sound = await study(null);
    const models = smallSettings.seeds.length;
    for (const lost of form === "long" ? [...smallSettings.seeds.keys()] : [1]) {
      const { analysis, summary } = await study(lost);
      const marked = summary.models.map(({ divergedAt }) => divergedAt);
      const expected = marked.map((_, model) => (model === lost ? lostAfter : null));
      if (marked.join() !== expected.join())
        failures.push(`seed ${lost} was lost, and marked are ${marked.join()}`);
      if (/NaN|Infinity/.test(JSON.stringify(readableJson(summary)).replace(/\{[^{}]*\$number[^{}]*\}/g, "")))
        failures.push("the summary's JSON holds NaN by no name");
      analysis.groups.forEach((group, g) => {
        const estimates = {
          maintained: summary.groups[g].criterion.maintained,
          r: summary.groups[g].tuning.r,
          preferred: summary.groups[g].tuning.preferred,
        };
        for (const name of own) {
          const bySeed = [...group[name]];
          const before = sound.analysis.groups[g][name];
          if (!Number.isNaN(bySeed[lost]))
            failures.push(`${name} of seed ${lost}, which was lost, is ${bySeed[lost]}`);
          const others = bySeed.filter((_, model) => model !== lost);
          others.forEach((value, i) => {
            compared++;
            if (!Object.is(value, before[i < lost ? i : i + 1]))
              failures.push(`${name} of another seed changed to ${value}`);
          });
          const kept = without === "finite-seeds" ? bySeed : others.filter(Number.isFinite);
          if (kept.length > 0 && !(Math.abs(estimates[name] - mean(kept)) <= rounding))
            failures.push(
              `${name} is estimated as ${estimates[name]}, and the other seeds' mean is ${mean(kept)}`,
            );
        }
      });
    }
    return {
      figure: `${failures.length} numbers without a mark in ${2 * values[form]} texts and ${compared} numbers beside a lost seed of ${models}`,
      count: 2 * values[form] + compared,
      coverage: {
        texts: 2 * values[form],
        "texts with such numbers": unfinished,
        "numbers of other seeds": compared,
      },
      failures,
    };
  },
};
