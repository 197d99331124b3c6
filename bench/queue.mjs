/**
 * What a queue's server does in a second, on this machine: jobs added, and jobs taken, reported done and removed, by
 * workers whose jobs are empty; what a job and a waiting worker cost it, in commands or transactions and in bytes. One JSON line for each kind of server.
 *
 *   node bench/queue.mjs [--jobs 4000] [--workers 4] [--slots 8] [--url URL]
 *
 * Without --url it starts a Redis and a PostgreSQL of its own with the settings that docs/cluster.md asks for, where their
 * programs are installed. Workers are processes; server and workers share the processors.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "tsdown";

const root = join(import.meta.dirname, "..");
const program = { version: "bench", engine: null };

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** In a worker: takes jobs that are empty until the parent is gone. */
async function work(modules, url, store, slots) {
  const { openQueue } = await import(modules);
  const queue = await openQueue(url, { store, program });
  const working = queue.work(async () => "done", { slots });
  process.send("ready");
  await once(process, "message");
  await working.stop();
  await queue.close();
  process.disconnect();
}

/** Commands (those within scripts too) or transactions that a server has carried out so far. */
async function operations(url) {
  // a PostgreSQL adds up what a connection did once that has been quiet for a while
  await wait(url.startsWith("redis") ? 0 : 3000);
  if (url.startsWith("redis")) {
    const { Redis } = await import("ioredis");
    const redis = new Redis(url);
    const info = await redis.info("stats");
    redis.disconnect();
    return Number(/total_commands_processed:(\d+)/.exec(info)[1]);
  }
  const { default: pg } = await import("pg");
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query("SELECT sum(xact_commit)::float8 AS n FROM pg_stat_database");
  await client.end();
  return rows[0].n;
}

/** Bytes that a server holds. */
async function held(url) {
  if (url.startsWith("redis")) {
    const { Redis } = await import("ioredis");
    const redis = new Redis(url);
    const info = await redis.info("memory");
    redis.disconnect();
    return Number(/used_memory:(\d+)/.exec(info)[1]);
  }
  const { default: pg } = await import("pg");
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query("SELECT pg_total_relation_size('bullmq.job')::float8 AS n");
  await client.end();
  return rows[0].n;
}

async function measure(modules, url, { jobs, workers, slots }) {
  const { openQueue } = await import(modules);
  const store = `bench${process.pid}`;
  const queue = await openQueue(url, { store, program });
  const data = { study: "persistence", config: "x".repeat(1500) };
  const all = Array.from({ length: jobs }, (_, i) => ({ key: i.toString(16).padStart(64, "0"), data }));

  const empty = await held(url);
  let begun = performance.now();
  await queue.add(all);
  const addSeconds = (performance.now() - begun) / 1000;
  const bytes = ((await held(url)) - empty) / jobs;

  const before = await operations(url);
  begun = performance.now();
  const fleet = Array.from({ length: workers }, () =>
    fork(import.meta.filename, ["--worker", modules, url, store, String(slots)]),
  );
  await Promise.all(fleet.map((child) => once(child, "message")));
  const ready = performance.now();
  const { waiting: left } = await queue.counts();
  for (;;) {
    const { waiting, running } = await queue.counts();
    if (waiting + running === 0) break;
    await wait(50);
  }
  const seconds = (performance.now() - ready) / 1000;
  const perJob = ((await operations(url)) - before) / jobs;

  const idleSeconds = 20;
  const quiet = await operations(url);
  const since = performance.now();
  await wait(idleSeconds * 1000);
  const idle = (((await operations(url)) - quiet) / (performance.now() - since) / workers) * 1000;
  for (const child of fleet) {
    child.send("stop");
    await once(child, "exit");
  }
  await queue.close();
  return {
    server: new URL(url).protocol.slice(0, -1),
    ...{ jobs, workers, slots, processors: availableParallelism(), jobBytes: JSON.stringify(data).length },
    serverBytesPerJob: Math.round(bytes),
    addedPerSecond: Math.round(jobs / addSeconds),
    donePerSecond: Math.round(left / seconds),
    operationsPerJob: Number(perJob.toFixed(1)),
    operationsPerIdleWorkerPerSecond: Number(idle.toFixed(2)),
  };
}

async function main() {
  const { values } = parseArgs({
    options: {
      jobs: { type: "string", default: "4000" },
      workers: { type: "string", default: "4" },
      slots: { type: "string", default: "8" },
      url: { type: "string" },
    },
  });
  const setting = { jobs: Number(values.jobs), workers: Number(values.workers), slots: Number(values.slots) };
  // inside the project, so that the packages it needs are found
  mkdirSync(join(root, "dist"), { recursive: true });
  const folder = mkdtempSync(join(root, "dist", "bench-"));
  try {
    await build({
      config: false,
      entry: {
        openQueue: join(root, "src/cli/queue/openQueue.ts"),
        servers: join(root, "test/queue/servers.ts"),
      },
      outDir: folder,
      format: "esm",
      platform: "node",
      dts: false,
      logLevel: "silent",
    });
    const modules = pathToFileURL(join(folder, "openQueue.mjs")).href;
    const print = (result) => console.log(JSON.stringify(result));
    if (values.url !== undefined) {
      print(await measure(modules, values.url, setting));
      return;
    }
    const { missingServer, startServer } = await import(pathToFileURL(join(folder, "servers.mjs")).href);
    for (const kind of ["redis", "postgres"]) {
      const missing = missingServer(kind);
      if (missing !== null) {
        print({ server: kind, skipped: missing });
        continue;
      }
      const server = await startServer(kind);
      try {
        print(await measure(modules, server.url, setting));
      } finally {
        await server.remove();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--worker") {
  const [modules, url, store, slots] = process.argv.slice(3);
  await work(modules, url, store, Number(slots));
} else await main();
