import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { FileError, InternalError } from "../../src/base/errors.ts";
import { parseJson, readableJson } from "../../src/record/canonicalJson.ts";
import { carryOut } from "../../src/studies/protocol/carryOut.ts";
import { runStudyJob, type StudyEvent, studyJobs } from "../../src/studies/protocol/jobs.ts";
import { hasPlannedSeeds, parseStudyResult, verdictText } from "../../src/studies/protocol/result.ts";
import type { Study } from "../../src/studies/protocol/study.ts";
import { carryOutHere, type TinyArm, tinySize, tinyStudy } from "./tinyStudy.ts";

const backend = { name: "reference" };

test("arms are cut into jobs of eight seeds, every seed of every arm once, dear jobs first", () => {
  const arms = tinyStudy().arms(tinySize(19));
  const jobs = studyJobs("tiny", arms, backend);
  expect(jobs.map(({ arm, seeds }) => `${arm.name} ${seeds.length}`)).toEqual([
    "shifted 8",
    "shifted 8",
    "shifted 3",
    "plain 8",
    "plain 8",
    "plain 3",
  ]);
  for (const arm of arms)
    expect(jobs.filter((job) => job.arm === arm).flatMap(({ seeds }) => seeds)).toEqual(arm.seeds);
});

test("how a study is cut and in which order its jobs end changes no bit of its result", async () => {
  const size = tinySize(10);
  const whole = readableJson((await carryOutHere(tinyStudy(), size)).result);
  for (const seedsPerJob of [1, 3, 4, 100])
    for (const reversed of [false, true])
      expect(readableJson((await carryOutHere(tinyStudy(), size, { seedsPerJob, reversed })).result)).toBe(
        whole,
      );
});

test("the verdicts are those that the rules give of the outcomes", async () => {
  const verdicts = async (shift: number) =>
    (await carryOutHere(tinyStudy(shift), tinySize(10))).result.decisions.map(({ verdict }) => verdict);
  expect(await verdicts(1)).toEqual(["supported", "supported"]);
  expect(await verdicts(-1)).toEqual(["refuted", "supported"]);
  expect(await verdicts(0)).toEqual(["undecided", "supported"]); // paired: without a shift the difference is 0 exactly
});

test("the outcomes are those of the seeds in their order", async () => {
  const { result } = await carryOutHere(tinyStudy(2.5), tinySize(10), { seedsPerJob: 3, reversed: true });
  const [difference] = result.outcomes;
  expect(difference.estimate).toBeCloseTo(2.5, 12); // pairs of equal draws: mixed up, the estimate would stay and the interval not
  expect(difference.interval[1] - difference.interval[0]).toBeLessThan(1e-12);
});

test("a quick run has outcomes, rules and evidence, and no verdict at all", async () => {
  const { result } = await carryOutHere(tinyStudy(), tinySize(4, true));
  expect(result.quick).toBe(true);
  expect(result.outcomes[0].estimate).toBeCloseTo(1, 12);
  for (const decision of result.decisions) {
    expect(decision.verdict).toBe(null);
    expect(verdictText(decision)).toBe("quick: not decided");
    expect(decision.rule).toContain("Supported if");
  }
});

test("seeds are the planned ones only if they are 0 to n − 1", async () => {
  const planned = async (seeds: number[], quick: boolean) =>
    hasPlannedSeeds((await carryOutHere(tinyStudy(), { seeds, quick })).result);
  expect(await planned([...tinySize(10).seeds], false)).toBe(true);
  expect(await planned([0, 1, 2, 3], true)).toBe(true);
  expect(await planned([0, 1, 2, 3], false)).toBe(false);
  expect(await planned([1, 2, 3, 4], true)).toBe(false);
});

test("a result is read back as it was written, numbers that are none among it", async () => {
  const { result } = await carryOutHere(tinyStudy(), tinySize(10));
  const text = readableJson(result);
  expect(text).toContain('"$number": "NaN"');
  expect(parseStudyResult("x.json", parseJson(text, { file: "x.json" }))).toEqual(result);
});

test("a file that is no result is refused by its first wrong field", async () => {
  const { result } = await carryOutHere(tinyStudy(), tinySize(10));
  const changed = (change: object) => () =>
    parseStudyResult("x.json", parseJson(readableJson({ ...result, ...change }), { file: "x.json" }));
  expect(() => parseStudyResult("x.json", [])).toThrow(FileError);
  expect(changed({ seeds: "ten" })).toThrow('x.json: is no result of a study: field "seeds" is wrong');
  expect(changed({ decisions: [{ ...result.decisions[0], verdict: "proved" }] })).toThrow(
    "decisions.0.verdict",
  );
  expect(changed({ outcomes: [{ ...result.outcomes[0], estimate: null }] })).toThrow("outcomes.0.estimate");
});

test("an arm that asks for fewer seeds a job gets them, and never more than the others", () => {
  const [arm] = tinyStudy().arms(tinySize(5)) as TinyArm[];
  const seedsOf = (seedsPerJob: number | undefined, most: number) =>
    studyJobs("tiny", [{ ...arm, seedsPerJob }], backend, most).map(({ seeds }) => seeds);
  expect(seedsOf(2, 4)).toEqual([[0, 1], [2, 3], [4]]);
  expect(seedsOf(8, 4)).toEqual([[0, 1, 2, 3], [4]]);
  expect(seedsOf(undefined, 4)).toEqual(seedsOf(4, 8));
});

test("two arms of one name, a study that tells of too few seeds and a job that tells nothing are defects", async () => {
  const study = tinyStudy();
  const [arm] = study.arms(tinySize(4)) as TinyArm[];
  expect(() => studyJobs("tiny", [arm, { ...arm }], backend)).toThrow(InternalError);
  const [job] = studyJobs("tiny", [arm], backend);
  const forgetful = { ...study, measure: async () => [] } as Study;
  await expect(async () => runStudyJob(forgetful, job, referenceBackend, () => {})).rejects.toThrow(
    "study tiny, arm plain: must tell of its 4 seeds; got 0.",
  );
  const silent = carryOut(study as Study, tinySize(4), { backend, command: "", runJobs: async () => {} });
  await expect(silent).rejects.toThrow("a job told nothing");
});

test("a job tells that it began, how far it is, and last what its seeds told", async () => {
  const study = tinyStudy() as Study;
  const [job] = studyJobs("tiny", study.arms(tinySize(2)).slice(0, 1), backend);
  const events: StudyEvent[] = [];
  await runStudyJob(study, job, referenceBackend, (event) => events.push(event));
  expect(events.map((event) => (event.kind === "end" ? event.told.length : event.done))).toEqual([
    0, 0.5, 1, 2,
  ]);
});
