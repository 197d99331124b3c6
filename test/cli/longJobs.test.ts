/** What a job leaves that runs for days: parts and records grow with the logarithm of its time. */
import { expect, test } from "vitest";
import { openSegments, partsByJob } from "../../src/cli/jobs/segments.ts";
import type { Journal } from "../../src/cli/journal/journal.ts";
import { openControl, SAVE_EVERY, watch } from "../../src/cli/workers/control.ts";
import type { JobState } from "../../src/studies/population/job.ts";
import { memoryJournal, nothingLeft } from "./memoryJournal.ts";

const day = 86_400;

/** A state after a step. */
const stateAt = (step: number): JobState => ({
  ...{ step, weights: { w: Float32Array.of(step) }, moments: {} },
  ...{ losses: [Float64Array.of(step)], divergedAt: [null] },
});
const facts = { metadata: {}, shapes: new Map() };

/** Runs a job of a step a second, by a clock that is set, on what was left; it tells its progress every ten seconds. */
function runFor(seconds: number, left = nothingLeft()) {
  let now = 0;
  const clock = () => now;
  let records = 0;
  const inner = memoryJournal(left);
  const journal: Journal = {
    ...inner,
    get kept() {
      return inner.kept;
    },
    keep: (path, bytes) => {
      records++;
      return inner.keep(path, bytes);
    },
    drop: (paths) => {
      if (paths.length > 0) records++;
      inner.drop(paths);
    },
  };
  const segments = openSegments(journal, "job", partsByJob(journal).get("job") ?? []);
  const { due, told } = watch(openControl(SAVE_EVERY), clock);
  const begun = segments.state?.step ?? 0;
  for (let second = begun + 1; second <= begun + seconds; second++) {
    now += 1000;
    if (second % 10 === 0) segments.tell({ kind: "progress", step: second } as never);
    if (due() !== "save") continue;
    segments.save(stateAt(second), facts);
    told();
  }
  const names = journal.kept.map(({ path }) => path);
  return {
    ...{ left, records, segments },
    told: names.filter((name) => name.includes(".told.")).length,
    states: names.filter((name) => name.includes(".state.")).length,
  };
}

test("a job of a day leaves some hundred parts, one of a week some hundred more, and two states", () => {
  const ofDay = runFor(day);
  const ofWeek = runFor(7 * day);
  // 100 savings in the first 1,000 s, then one each hundredth: 100 + ln(86.4)/ln(1.01) = 548, and ln(7)/ln(1.01) = 196 more
  expect(ofDay.told).toBeGreaterThan(480);
  expect(ofDay.told).toBeLessThan(560);
  expect(ofWeek.told - ofDay.told).toBeGreaterThan(180);
  expect(ofWeek.told - ofDay.told).toBeLessThan(210);
  for (const { told, states, records } of [ofDay, ofWeek]) {
    expect(states).toBe(2);
    // a saving is three records: what was told, the state, the state that goes
    expect(records).toBe(3 * told - 2);
  }
});

test("a job of a week that is gone on with every day leaves as many parts a day, and nothing twice", () => {
  let last = runFor(day);
  for (let n = 2; n <= 7; n++) last = runFor(day, last.left);
  expect(last.told).toBeLessThan(7 * 560);
  expect(last.states).toBe(2);
  const { segments } = runFor(0, last.left);
  const steps = segments.past.map((event) => (event as unknown as { step: number }).step);
  expect(steps).toEqual(Array.from({ length: steps.length }, (_, i) => 10 * (i + 1)));
  expect(segments.state?.step).toBeGreaterThan(7 * 0.99 * day - 7 * 10);
});
