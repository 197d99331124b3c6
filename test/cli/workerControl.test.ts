/** When a job saves: by the worker's own clock, seldom enough that it costs a hundredth of the time at most. */
import { expect, test } from "vitest";
import { askToStop, openControl, saved, watch } from "../../src/cli/workers/control.ts";
import { jobName } from "../../src/cli/workers/jobName.ts";
import { experimentsJob, populationJob, studyJob, textJob } from "../studies/sampleJobs.ts";

/** A clock that is set. */
function settable() {
  let now = 1000;
  return {
    clock: () => now,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

test("a job saves when the time is over, and the next time counts from when it had saved", () => {
  const { clock, pass } = settable();
  const { due, told } = watch(openControl(100), clock);
  pass(99);
  expect(due()).toBe("go");
  pass(1);
  expect(due()).toBe("save");
  pass(1);
  told();
  pass(99);
  expect(due()).toBe("go");
  pass(1);
  expect(due()).toBe("save");
});

test("what saving took, on either side, is at most a hundredth of the time until the next", () => {
  const { clock, pass } = settable();
  const control = openControl(100);
  const { due, told } = watch(control, clock);
  pass(100);
  expect(due()).toBe("save");
  pass(3); // the worker read its state for 3 ms
  told();
  pass(299);
  expect(due()).toBe("go");
  pass(1);
  expect(due()).toBe("save");
  told();
  saved(control, 5, 100); // the other side wrote it for 5 ms
  pass(499);
  expect(due()).toBe("go");
  pass(1);
  expect(due()).toBe("save");
  saved(control, 0.1, 100);
  told();
  pass(100);
  expect(due()).toBe("save");
});

test("a job of a day saves some hundred times and never loses more than a hundredth of it", () => {
  const { clock, pass } = settable();
  const { due, told } = watch(openControl(10_000), clock);
  const saves: number[] = [];
  for (let second = 1; second <= 86_400; second++) {
    pass(1000);
    if (due() !== "save") continue;
    told();
    saves.push(second);
  }
  // every 10 s up to 1,000 s, then each a hundredth after the one before: 100 + ln(86.4) / ln(1.01) = 548 without rounding
  expect(saves.length).toBeGreaterThan(480);
  expect(saves.length).toBeLessThan(560);
  for (const [i, second] of saves.entries()) {
    const gap = second - (saves[i - 1] ?? 0);
    expect(gap).toBeLessThanOrEqual(Math.max(10, Math.ceil(second / 100)));
  }
});

test("a job that is told to stop stops at its next step, whatever the time", () => {
  const { clock } = settable();
  const control = openControl(100);
  const { due } = watch(control, clock);
  expect(due()).toBe("go");
  askToStop(control);
  expect([due(), due()]).toEqual(["stop", "stop"]);
});

test("a job is called by its models", () => {
  const job = populationJob();
  expect(jobName("population", job)).toBe("interrupted, models of seeds 0 to 2 on data of seeds 5 to 7");
  const models = [{ init: 4, data: 4 }];
  expect(jobName("population", { ...job, models })).toBe("interrupted, models of seed 4");
  expect(jobName("text", textJob())).toBe("interrupted text, models of seeds 0, 4");
  expect(jobName("study", studyJob())).toBe("tiny, arm plain, seeds 0 to 2");
  expect(jobName("experiments", experimentsJob())).toBe("small, networks of seeds 0, 1");
});
