/** Runs on the graphics card, here the software one: one pool in the main thread, stopped, gone on with, and lost. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openCard } from "../../src/backends/registry.ts";
import { DeviceError } from "../../src/backends/webgpu/device.ts";
import type { Interruption } from "../../src/cli/io.ts";
import { runResume } from "../../src/cli/runs/resume.ts";
import { runTrain } from "../../src/cli/runs/train.ts";
import { runVerify } from "../../src/cli/verify/verify.ts";
import { openCardPool } from "../../src/cli/workers/cardPool.ts";
import type { Care } from "../../src/cli/workers/pool.ts";
import {
  type JobEvent,
  type JobState,
  type PopulationJob,
  runJob,
} from "../../src/studies/population/job.ts";
import { softwareGpu } from "../backends/softwareGpu.ts";
import { populationJob, wasm } from "../studies/sampleJobs.ts";
import { palimpsest } from "./harness.ts";
import { signed } from "./manifestChanges.ts";

const { gpu } = await softwareGpu();
const onCard = test.skipIf(gpu === null);
// what the command opens is held by nobody else
gpu?.close();

/** Nats by which a training loss of the first updates may differ from the processor's: sums have another order. */
const LOSS_TOLERANCE = 1e-4;

const job: PopulationJob = { ...populationJob(), backend: { name: "webgpu" } };

/** Does the job on the card; everything that it tells, and its states. */
async function toldBy(
  options: {
    signal?: AbortSignal;
    from?: JobState;
    saveEvery?: number;
    onTold?: (event: JobEvent) => void;
  } = {},
) {
  const told: JobEvent[] = [];
  const states: JobState[] = [];
  const care: Care = { from: () => options.from, keep: (_, state) => states.push(state) };
  const pool = openCardPool({ signal: options.signal, saveEvery: options.saveEvery });
  const running = pool.runJobs(
    [job],
    (_, event) => {
      told.push(event);
      options.onTold?.(event);
    },
    care,
  );
  const failure = await running.then(
    () => null,
    (error: unknown) => error,
  );
  await pool.close();
  return { told, states, failure };
}

const endOf = (told: readonly JobEvent[]) => {
  const end = told.find((event) => event.kind === "end");
  if (end === undefined) throw new Error("the job has not ended");
  return end;
};

onCard("a job on the card tells what one on the processor tells, to rounding", async () => {
  const { told, failure } = await toldBy();
  expect(failure).toBeNull();
  const expected: JobEvent[] = [];
  await runJob(populationJob(), wasm, (event) => expected.push(event));
  const checkpoints = (events: readonly JobEvent[]) =>
    events.flatMap((event) => (event.kind === "checkpoint" ? [event.step] : []));
  expect(checkpoints(told)).toEqual(checkpoints(expected));
  const [found, oracle] = [endOf(told), endOf(expected)];
  expect(found.divergedAt).toEqual(oracle.divergedAt);
  expect(found.losses.length).toBe(oracle.losses.length);
  for (const [step, of] of found.losses.entries())
    for (const [model, loss] of of.entries())
      expect(Math.abs(loss - oracle.losses[step][model])).toBeLessThan(LOSS_TOLERANCE);
});

onCard("a job that is stopped tells its state, and goes on from it to the same bits", async () => {
  const whole = await toldBy();
  const stop = new AbortController();
  const first = await toldBy({
    signal: stop.signal,
    onTold: (event) => {
      if (event.kind === "checkpoint" && event.step === 3)
        stop.abort({ by: "SIGINT", exitCode: 130 } satisfies Interruption);
    },
  });
  expect(String(first.failure)).toContain("run: stopped by SIGINT.");
  const [state] = first.states;
  expect(state.step).toBeGreaterThanOrEqual(3);
  const { told } = await toldBy({ from: state });
  expect(endOf(told).losses).toEqual(endOf(whole.told).losses);
  const last = (events: readonly JobEvent[]) => events.findLast((event) => event.kind === "checkpoint");
  expect(last(told)).toEqual(last(whole.told));
});

onCard(
  "a card that goes away ends the job in one sentence, what was saved is kept, and the next one works",
  async () => {
    const { gpu } = await openCard();
    const { states, failure } = await toldBy({
      saveEvery: 0,
      onTold: (event) => {
        if (event.kind === "checkpoint" && event.step === 16) gpu.device.destroy();
      },
    });
    expect(failure).toBeInstanceOf(DeviceError);
    expect(String(failure)).toMatch(
      /the graphics card stopped in the middle of the work; got .*can be resumed\.$/,
    );
    expect(states.length).toBeGreaterThan(0);
    const { failure: none } = await toldBy({ from: states.at(-1) });
    expect(none).toBeNull();
  },
);

const cwd = mkdtempSync(join(tmpdir(), "palimpsest-card-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const handlers = { train: runTrain, resume: runResume, verify: runVerify };
const command = (...words: string[]) => palimpsest(words, { handlers, io: { cwd } });

onCard(
  "a run says which card computed it, is made again on it, and is not gone on with on another",
  async () => {
    writeFileSync(join(cwd, "book.txt"), "the cat sat on a mat. ".repeat(60));
    const size = "--layers 1 --d-model 8 --heads 1 --ctx 8 --batch 4 --seeds 2 --steps 2 --sample 0 --quiet";
    const words = ["train", "--text", "book.txt", ...size.split(" ")];
    const made = await command(...words, "--backend", "webgpu", "--out", "run");
    expect([made.exitCode, made.stderr]).toEqual([0, ""]);
    const file = join(cwd, "run/manifest.json");
    const manifest = JSON.parse(readFileSync(file, "utf8"));
    expect(manifest).toMatchObject({
      ...{ engine: null, config: { backend: "webgpu" } },
      versions: { adapter: expect.stringContaining("swiftshader"), webgpu: expect.any(String) },
    });
    expect(readFileSync(join(cwd, "run/report.html"), "utf8")).toContain(manifest.versions.adapter);
    expect((await command("verify", "run", "--rerun")).stdout).toContain("made again: all");
    const elsewhere = { ...manifest.versions, adapter: "acme one" };
    writeFileSync(file, signed({ ...manifest, status: "interrupted", versions: elsewhere }));
    const { exitCode, stderr } = await command("resume", "run");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /run, versions\.adapter: the run was begun on acme one; got .*swiftshader.*\. Another rounds/,
    );
  },
);
