/** Toy workers as processes that can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "tsdown";
import { afterAll, beforeAll } from "vitest";

const root = join(import.meta.dirname, "../..");

/** A line that a worker printed. */
export type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

/** A running worker. */
export interface ToyProcess {
  readonly child: ChildProcess;
  readonly lines: readonly Line[];
  stderr(): string;
  /** Resolves to the first line for which the condition holds, printed before or after the call; rejects at its end. */
  until(condition: (line: Line) => boolean): Promise<Line>;
  /** Resolves when it has ended, to its exit code; null after a signal. */
  readonly ended: Promise<number | null>;
}

/** How a worker is started. */
export interface ToyOptions {
  readonly url: string;
  readonly store: string;
  readonly workers?: number;
  /** Seconds. */
  readonly lease?: number;
  readonly untilEmpty?: boolean;
}

/** Starts a program of toy workers that was built. */
export function startToy(program: string, options: ToyOptions): ToyProcess {
  const { url, store, workers = 1, lease = 1, untilEmpty = false } = options;
  const words = [url, store, String(workers), String(lease), ...(untilEmpty ? ["--until-empty"] : [])];
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  createInterface({ input: child.stdout }).on("line", (text) => {
    lines.push(JSON.parse(text));
    for (const look of waiting) look();
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    ...{ child, lines, ended },
    stderr: () => stderr,
    until: (condition) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(condition);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void ended.then(() => {
          look();
          reject(new Error(`the worker ended; it said ${JSON.stringify(lines)} ${stderr}`));
        });
      }),
  };
}

/** Builds the program of toy workers before the tests of a file, and removes it after them. */
export function buildToys(): (options: ToyOptions) => ToyProcess {
  let folder = "";
  const started: ToyProcess[] = [];
  beforeAll(async () => {
    // inside the project, so that the packages it needs are found
    mkdirSync(join(root, "dist"), { recursive: true });
    folder = mkdtempSync(join(root, "dist", "queue-"));
    await build({
      config: false,
      entry: { worker: join(import.meta.dirname, "toyWorker.ts") },
      outDir: folder,
      format: "esm",
      platform: "node",
      dts: false,
      logLevel: "silent",
    });
  });
  afterAll(async () => {
    for (const { child, ended } of started) {
      // one that was stopped takes no other signal
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return (options) => {
    const toy = startToy(join(folder, "worker.mjs"), options);
    started.push(toy);
    return toy;
  };
}
