import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openQueue } from "../../src/cli/queue/openQueue.ts";
import { storeIdentity } from "../../src/cli/queue/storeIdentity.ts";
import { onEachServer } from "./eachServer.ts";
import { buildToys } from "./toyProcess.ts";
import { expectedResults, openToyWorkplace, toyJob, toyProgram, toyResults } from "./toyWorkplace.ts";

const folder = mkdtempSync(join(tmpdir(), "palimpsest-outage-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const toy = buildToys();

onEachServer(
  (server, kind) => {
    test("while the server is away a job goes on and is said to be done once it is back; a stop does not wait for it", async () => {
      const store = join(folder, kind);
      openToyWorkplace(store);
      const jobs = [toyJob(0, { restMs: 1200 }), toyJob(1, { restMs: 60_000 })];
      const queue = await openQueue(server().url, {
        store: storeIdentity(store, store),
        program: toyProgram,
        leaseMs: 10_000,
      });
      await queue.add(jobs);
      const worker = toy({ url: server().url, store, workers: 1, lease: 10 });
      await worker.until(({ event }) => event === "taken");
      await server().kill();
      await worker.until(({ event }) => event === "away");
      await worker.until(({ event }) => event === "done");
      await server().start();
      await worker.until(({ event }) => event === "back");
      await worker.until(({ event, job }) => event === "taken" && job === jobs[1].key);
      expect(toyResults(store)).toEqual(expectedResults(jobs.slice(0, 1)));
      expect(await queue.counts()).toMatchObject({ waiting: 0, running: 1, parked: 0 });
      await server().kill();
      worker.child.kill("SIGTERM");
      expect(await worker.ended).toBe(0);
      const order = worker.lines.map(({ event, why }) => why ?? event);
      // while a server starts it may come and go
      expect(order.filter((event) => event !== "away" && event !== "back")).toEqual([
        ...["started", "taken", "done", "taken", "stop", "ended"],
      ]);
      // never twice in a row that it is away
      const link = order.filter((event) => event === "away" || event === "back");
      expect(link).toEqual(link.map((_, i) => (i % 2 === 0 ? "away" : "back")));
      expect(order.indexOf("away")).toBeLessThan(order.indexOf("done"));
      expect(worker.stderr()).toBe("");
      await queue.close();
    });
  },
  { concurrent: true },
);
