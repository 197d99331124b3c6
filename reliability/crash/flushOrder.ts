/**
 * The order in which a run makes its files safe, as the system saw it: bytes flushed, then the name given, then the
 * folder flushed, and only then a record that says so. Part of A3: the simulated disk shows that this order is enough,
 * and this that the real program keeps to it.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type CallKind, tracedCalls } from "./commandLine.ts";
import { makeWorkshop, runName, said, samples, startSample } from "./samples.ts";

/** A call that has come back. */
interface Step {
  readonly kind: CallKind;
  /** From the run folder. */
  readonly path: string;
  /** Of a rename, the new name. */
  readonly to?: string;
}

const calls = ["write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2"];
const kinds: Readonly<Record<string, CallKind>> = {
  write: "write",
  pwrite64: "write",
  fsync: "fsync",
  fdatasync: "fsync",
};

/** The steps that `strace -f -y` wrote down, in the order in which they came back. */
function stepsOf(trace: string, run: string): Step[] {
  const begun = new Map<string, string>();
  const inside = (path: string | undefined) =>
    path === run ? "." : path?.startsWith(`${run}/`) ? path.slice(run.length + 1) : null;
  return trace.split("\n").flatMap((line): Step[] => {
    const [, pid, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest === undefined) return [];
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(pid, rest.slice(0, -"<unfinished ...>".length));
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const whole = resumed === null ? rest : `${begun.get(pid) ?? ""}${resumed[1]}`;
    const [, call, words, result] = /^(\w+)\((.*)\) += (-?\d+)/s.exec(whole) ?? [];
    if (call === undefined || Number(result) < 0) return [];
    if (call.startsWith("rename")) {
      const [from, to] = [...words.matchAll(/"([^"]*)"/g)].map(([, path]) => inside(path));
      return from == null || to == null ? [] : [{ kind: "rename", path: from, to }];
    }
    const path = inside(/^\d+<([^>]*)>/.exec(words)?.[1]);
    return path == null ? [] : [{ kind: kinds[call], path }];
  });
}

/** What is wrong with the order of steps, a phrase each, and how many files were published. */
export function orderFaults(steps: readonly Step[]): {
  failures: string[];
  published: number;
  records: number;
} {
  const failures: string[] = [];
  /** Files with bytes that were not flushed, and folders with names that were not. */
  const loose = new Set<string>();
  let [published, records] = [0, 0];
  const log = "log.jsonl";
  for (const { kind, path, to } of steps) {
    if (path === "run.lock") continue; // what stands in it only tells people who has the folder
    if (kind === "write") {
      if (path === log) {
        records++;
        const names = [...loose].filter((each) => each !== log);
        if (names.length > 0)
          failures.push(`a record is written while ${names.join(", ")} may still be lost`);
      }
      loose.add(path);
    }
    if (kind === "fsync") loose.delete(path);
    if (kind === "rename" && to !== undefined) {
      published++;
      if (loose.delete(path)) failures.push(`${to} gets its name before its bytes are safe`);
      if (loose.has(log)) failures.push(`${to} gets its name before the record before it is safe`);
      loose.add(dirname(to));
    }
  }
  if (loose.size > 0) failures.push(`at the end ${[...loose].join(", ")} may still be lost`);
  return { failures, published, records };
}

/** Runs the small training and looks at the order of its calls; by `strace` where it is installed. */
export async function watchOrder(
  build: string,
  folder: string,
  unflushed: boolean,
): Promise<{ failures: string[]; coverage: Record<string, number> }> {
  const cwd = makeWorkshop(join(folder, "order"));
  const run = join(cwd, runName);
  const trace = join(cwd, "calls.txt");
  const hasStrace = spawnSync("strace", ["-V"]).status === 0;
  const under = [
    "strace",
    "-f",
    "-y",
    "-qq",
    "-s",
    "0",
    "--seccomp-bpf",
    "-e",
    `trace=${calls.join()}`,
    "-o",
    trace,
  ];
  const plan = { under: run, unflushed, ...(hasStrace ? {} : { trace }) };
  const ended = await startSample(samples.train, cwd, {
    build,
    ...(hasStrace ? { under } : {}),
    ...(unflushed || !hasStrace ? { plan } : {}),
  }).ended;
  if (ended.code !== 0) return { failures: [`the training under strace: ${said(ended)}`], coverage: {} };
  const steps: Step[] = hasStrace
    ? stepsOf(readFileSync(trace, "latin1"), run)
    : tracedCalls(trace)
        .filter(({ n, kind }) => n > 0 && (!unflushed || kind !== "fsync"))
        .map(({ kind, path }) => {
          const [from, to] = path.split(" ");
          return { kind, path: from, to };
        });
  const { failures, published, records } = orderFaults(steps);
  // a run has a manifest twice, and files
  if (published < 10 || records < 3)
    failures.push(`only ${published} files and ${records} records were seen`);
  return {
    failures: failures.map((text) => `${basename(cwd)}: ${text}`),
    coverage: { published, records, byStrace: hasStrace ? 1 : 0 },
  };
}
