import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { pause } from "../../src/cli/queue/broker.ts";
import { openQueue } from "../../src/cli/queue/openQueue.ts";
import { storeIdentity } from "../../src/cli/queue/storeIdentity.ts";
import { onEachServer } from "./eachServer.ts";
import { buildToys, type Line, type ToyProcess } from "./toyProcess.ts";
import { expectedResults, toyJob, toyProgram, toyResults } from "./toyWorkplace.ts";

const folder = mkdtempSync(join(tmpdir(), "palimpsest-kills-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const toy = buildToys();

const jobs = 64;
const fleetSize = 3;
const kills = 9;
/** Jobs that are added before each kill: more than the victim can take, and enough for it to get one. */
const batch = 7;
/** Kills after which the server is killed too, and started again. */
const restarts = new Set([2, 6]);

/** Polls, as nothing tells of it. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(100);
}

/** Jobs that a worker had taken and not ended when it died. */
function cutShort(lines: readonly Line[]): number {
  const ends = lines.filter(({ event }) => event === "done" || event === "left" || event === "failed").length;
  return lines.filter(({ event }) => event === "taken").length - ends;
}

onEachServer(
  (server, kind) => {
    test("workers and server killed with -9 at random lose no job of two sweeps that overlap, and double none", async () => {
      const draw = randomStream("queue", "kills", kind);
      const store = join(folder, kind);
      const all = Array.from({ length: jobs }, (_, i) => toyJob(i, { restMs: 400 + draw.integer(500) }));
      const start = (untilEmpty = false) => toy({ url: server().url, store, workers: 2, untilEmpty });
      const fleet: ToyProcess[] = Array.from({ length: fleetSize }, () => start());
      const everybody = [...fleet];
      const coordinate = () =>
        openQueue(server().url, { store: storeIdentity(store, store), program: toyProgram, leaseMs: 1000 });
      const sweeps = await Promise.all([coordinate(), coordinate()]);

      let cut = 0;
      for (let kill = 0; kill < kills; kill++) {
        await Promise.all(fleet.map((worker) => worker.until(({ event }) => event === "started")));
        const at = draw.integer(fleetSize);
        const victim = fleet[at];
        const taken = () => victim.lines.filter(({ event }) => event === "taken").length;
        const before = taken();
        // both add at the same time, the second also what is done or running
        const upTo = (kill + 1) * batch;
        await Promise.all([sweeps[0].add(all.slice(upTo - batch, upTo)), sweeps[1].add(all.slice(0, upTo))]);
        // where the others were faster it has nothing to do, and dies of that
        const noneIsLeft = until(async () => (await sweeps[0].counts()).waiting === 0);
        await Promise.race([victim.until(() => taken() > before), noneIsLeft]);
        victim.child.kill("SIGKILL");
        await victim.ended;
        cut += Math.sign(cutShort(victim.lines));
        if (restarts.has(kill)) {
          await server().kill();
          await server().start();
        }
        fleet[at] = start();
        everybody.push(fleet[at]);
      }
      await sweeps[0].add(all);
      const last = start(true);
      everybody.push(last);
      expect(await last.ended).toBe(0);

      expect(toyResults(store)).toEqual(expectedResults(all));
      expect(await sweeps[0].counts()).toMatchObject({ waiting: 0, running: 0, parked: 0 });
      // the kills hit workers that were at something, or they prove nothing
      expect(cut).toBeGreaterThan(kills / 2);
      const said = everybody.flatMap(({ lines }) => lines);
      expect(said.filter(({ event }) => event === "alarm" || event === "failed")).toEqual([]);
      for (const { lines, stderr } of everybody) {
        expect(stderr()).toBe("");
        const link = lines.map(({ event }) => event).filter((event) => event === "away" || event === "back");
        // once each time: it never says twice in a row that the server is away
        expect(link).toEqual(link.map((_, i) => (i % 2 === 0 ? "away" : "back")));
      }
      expect(JSON.stringify(said)).not.toContain(server().password);
      for (const queue of sweeps) await queue.close();
      for (const { child, ended } of fleet) {
        child.kill("SIGTERM");
        expect(await ended).toBe(0);
      }
    });
  },
  { concurrent: true },
);
