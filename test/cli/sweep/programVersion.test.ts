import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { FromChild } from "../../../src/cli/sweep/jobOrders.ts";
import { workOnJobs } from "../../../src/cli/sweep/jobThread.ts";
import { programVersion } from "../../../src/cli/sweep/programVersion.ts";
import { planOf } from "../../studies/sweep/sample.ts";

const root = mkdtempSync(join(tmpdir(), "palimpsest-version-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const write = (name: string, text: string) => writeFileSync(join(root, "dist", name), text);
const version = () => programVersion("1.2.3", join(root, "dist", "sweepJob.js"));

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "dist"), { recursive: true });
  write("sweepJob.js", 'import { a } from "./a.js";\nnew Worker(new URL("./worker.js", import.meta.url));');
  write("a.js", 'import "./sweepJob.js"; export const a = () => import("./late.js");');
  write("worker.js", "");
  write("late.js", "let x = 1;");
  write("page.js", "");
});

test("an installed package has its version alone, and so have sources that were not built", () => {
  expect(version()).toBe("1.2.3");
  mkdirSync(join(root, ".git"));
  expect(programVersion("1.2.3", join(root, "dist", "none.js"))).toBe("1.2.3");
});

test("in a checkout every file that computes jobs is in the version, and no other", () => {
  mkdirSync(join(root, ".git"));
  const before = version();
  expect(before).toMatch(/^1\.2\.3\+[0-9a-f]{12}$/);
  write("page.js", "changed");
  expect(version()).toBe(before);
  const seen = new Set([before]);
  for (const name of ["late.js", "worker.js", "a.js"]) {
    write(name, "let y = 2;");
    seen.add(version());
  }
  expect(seen.size).toBe(4);
});

test("a process of a checkout that was rebuilt since its sweep began refuses the sweep's jobs", async () => {
  const { port1, port2 } = new MessageChannel();
  workOnJobs(port1, "1.2.3+0123456789ab");
  const [{ job }] = planOf({ seeds: 2 }).jobs;
  const answer = new Promise<FromChild>((resolve) => port2.once("message", resolve));
  port2.postMessage({ kind: "run", job, store: { folder: "store", cwd: root }, storeId: "", threads: 1 });
  expect(await answer).toEqual({
    ...{ kind: "failed", ofFile: false },
    message: "it is a job of Palimpsest 1.2.3, and what is installed has become 1.2.3+0123456789ab",
  });
  port2.close();
});
