/**
 * The entry of a child process that computes jobs.
 *
 * Its main thread only listens, so that it hears at once when its parent is gone and ends with it; the job runs in a
 * thread, which trains in threads of its own. A crash of native code, or of memory, ends this process and no other.
 */

import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { installed } from "../runs/installed.ts";
import type { FromChild, ToChild } from "./jobOrders.ts";
import { workOnJobs } from "./jobThread.ts";
import { programVersion } from "./programVersion.ts";

/** Milliseconds between two reports of how far a job is. */
const reportEvery = 200;

/** The exit code where the parent is gone: nobody reads it. */
const orphaned = 1;

/** Passes orders to the thread and its answers to the parent, until that is gone. */
function supervise(): void {
  const send = (message: FromChild) => void process.send?.(message, undefined, undefined, () => {});
  // the terminal's signals are meant for the parent, which has the job left in order
  for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"] as const) process.on(signal, () => {});
  process.on("disconnect", () => process.exit(orphaned));
  const thread = new Worker(new URL(import.meta.url));
  let reported = 0;
  thread.on("message", (message: FromChild) => {
    if (message.kind === "progress") {
      const now = performance.now();
      if (now - reported < reportEvery && message.done < 1) return;
      reported = now;
    }
    send(message);
  });
  thread.on("error", (error) =>
    send({ kind: "failed", message: `its thread ended: ${error.message}`, ofFile: false }),
  );
  process.on("message", (order: ToChild) => thread.postMessage(order));
  send({ kind: "ready" });
}

if (isMainThread) supervise();
else if (parentPort !== null)
  workOnJobs(parentPort, programVersion(installed.versions.palimpsest, fileURLToPath(import.meta.url)));
