/** A sweep that used a queue, gone on with: by a queue, or here where that is asked for. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ReplayIo, ResumedFolder } from "../../../src/cli/io.ts";
import { createBoard } from "../../../src/cli/progress.ts";
import { createRunFolder } from "../../../src/cli/runFolder.ts";
import { runResume } from "../../../src/cli/runs/resume.ts";
import { carriedBy } from "../../../src/cli/sweep/carriedBy.ts";
import { runSweep } from "../../../src/cli/sweep/runSweep.ts";
import { palimpsest, recorder } from "../harness.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-queued-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const shown = "redis://lab@10.0.0.5:6379/0";
const resumed = (more: Partial<ResumedFolder>): ResumedFolder => ({
  ...{ path: "/runs/a", name: "runs/a", cwd: "/" },
  begun: { seq: 0, epoch: 1, time: "", event: "started", queue: shown },
  ...more,
});
const here = { queue: null, workers: 4 };

test("a sweep that used a queue goes on by the queue that is named, and computes here only if told", () => {
  expect(carriedBy({ queue: shown, workers: 0 }, undefined, 3)).toEqual({ queue: shown, workers: 0 });
  expect(carriedBy(here, resumed({ queue: "redis://other" }), 3)).toEqual({
    ...{ queue: "redis://other", workers: 0 },
  });
  expect(carriedBy(here, resumed({ queue: shown, workers: 2 }), 3)).toEqual({ queue: shown, workers: 2 });
  expect(carriedBy(here, resumed({ workers: 2 }), 3)).toEqual({ queue: null, workers: 2 });
  // nothing is left to compute: its report is
  expect(carriedBy(here, resumed({}), 0)).toEqual(here);
  const local = resumed({ begun: { seq: 0, epoch: 1, time: "", event: "started" } });
  expect(carriedBy(here, local, 3)).toEqual(here);
  expect(() => carriedBy(here, resumed({}), 3)).toThrow(
    'runs/a: used the queue at redis://lab@10.0.0.5:6379/0, and 3 jobs have no result yet; got no --queue. Give "palimpsest resume runs/a --queue redis://lab@10.0.0.5:6379/0", with its password in PALIMPSEST_QUEUE_PASSWORD, or --workers n to compute them on this machine.',
  );
});

/** A world without anything on the terminal. */
const ioOf = (runMadeBy: ReplayIo["runMadeBy"] = () => Promise.reject(new Error("not asked"))): ReplayIo => ({
  ...{ cwd, runMadeBy, warn: () => {}, clock: () => 0, date: () => new Date(0) },
  signal: new AbortController().signal,
  board: createBoard({ stream: recorder(), quiet: true, isTTY: false, now: () => 0 }),
});

/** A port of the loopback at which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("no password of a queue is in the run; resume asks for the queue, changes nothing, and then uses it", async () => {
  writeFileSync(join(cwd, "s.yaml"), "sweep: s\nseeds: 2\nbase: {steps: 3}\n");
  const secret = "hunter2hunter2";
  const url = `redis://lab:${secret}@127.0.0.1:${await deadPort()}/0`;
  const place = url.replace(`:${secret}`, "");
  const options = {
    ...{ file: "s.yaml", dryRun: false, store: "store", out: "run", workers: 0, queue: url },
  };
  const io = ioOf(async (words) => {
    expect(words).toEqual(["sweep", "s.yaml", "--store", "store"]);
    return (own) => runSweep({ ...options, workers: 4, queue: null }, own);
  });
  const away = `--queue ${place}: cannot be used`;
  await expect(runSweep(options, io)).rejects.toThrow(away);
  const folder = () =>
    new Map(
      readdirSync(join(cwd, "run")).map((name) => [name, readFileSync(join(cwd, "run", name), "utf8")]),
    );
  const left = folder();
  for (const text of left.values()) expect(text).not.toContain(secret);
  expect(left.get("log.jsonl")).toContain(`"queue":"${place}"`);
  expect(left.get("manifest.json")).not.toContain("redis");
  const resume = (queue: string | null) => runResume({ run: "run", workers: null, queue }, io);
  await expect(resume(null)).rejects.toThrow(`run: used the queue at ${place}, and a job has no result yet`);
  expect(folder()).toEqual(left);
  await expect(resume(url)).rejects.toThrow(away);
});

test("a queue is asked for on the command line, and refused for what is no sweep", async () => {
  const { calls } = await palimpsest(["resume", "runs/a", "--queue", shown, "--workers", "2"]);
  expect(calls).toEqual([["resume", { run: "runs/a", workers: 2, queue: shown }]]);
  const parts = {
    study: "persistence",
    config: {},
    command: ["study"],
    versions: { palimpsest: "1" },
    engine: null,
  };
  const folder = createRunFolder({
    ...{ study: "persistence", out: "other", cwd, date: () => new Date(0), manifest: parts, started: {} },
  });
  folder.commit({ ...parts, status: "failed" });
  await expect(runResume({ run: "other", workers: null, queue: shown }, ioOf())).rejects.toThrow(
    '--queue: carries the jobs of a sweep; got a run of "persistence".',
  );
});
