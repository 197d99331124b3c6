/**
 * What a process does to files, as the system saw it: `strace` where it is installed, else what `node:fs` was asked.
 *
 * A process puts marks between its deeds by asking whether `/palimpsest-mark/NAME` exists, which it never does.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** A call that names a file. */
export interface FileCall {
  readonly call: string;
  /** Absolute; of a file that was opened also where links led. */
  readonly path: string;
  /** Name of the last mark before it; "" before the first. */
  readonly mark: string;
}

const markFolder = "/palimpsest-mark/";

/** Says in the trace that what follows is the deed of this name. */
export function mark(name: string): void {
  existsSync(markFolder + name);
}

/** How calls are watched on this machine. */
export interface Watching {
  readonly by: "strace" | "node:fs";
  /** Words before the program, and options of Node, that make it write the trace. */
  readonly under: readonly string[];
  readonly nodeOptions: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  calls(): FileCall[];
}

/** Watches a process that writes its trace into a folder. */
export function watching(folder: string): Watching {
  const trace = join(folder, "calls.txt");
  const read = () => readFileSync(trace, "latin1").split("\n");
  if (spawnSync("strace", ["-V"]).status === 0) {
    const under = [
      "strace",
      "-f",
      "-y",
      "-qq",
      "-s",
      "9000",
      "--seccomp-bpf",
      "-e",
      "trace=%file",
      "-o",
      trace,
    ];
    return { by: "strace", under, nodeOptions: [], env: {}, calls: () => tracedCalls(read()) };
  }
  const preload = pathToFileURL(resolve("reliability/hostile/fileLog.mjs")).href;
  return {
    by: "node:fs",
    under: [],
    nodeOptions: ["--import", preload],
    env: { FILE_LOG: trace },
    calls: () => loggedCalls(read()),
  };
}

/** A text as strace writes it: octal digits for bytes beyond ASCII. */
function unescaped(text: string): string {
  const bytes = text.replace(/\\(?:([0-7]{1,3})|x([0-9a-f]{2})|(.))/g, (_, octal, hex, letter) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return (
      ({ n: "\n", t: "\t", r: "\r", v: "\v", f: "\f", a: "\x07", b: "\b" } as Record<string, string>)[
        letter
      ] ?? letter
    );
  });
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/**
 * The lines of `strace -f -y`; a call that another interrupts stands on two of them. Of another program that was started
 * only its own name is told: what it opens is its affair.
 */
function tracedCalls(lines: readonly string[]): FileCall[] {
  const calls: FileCall[] = [];
  const own = new Set<string>();
  const others = new Set<string>();
  let current = "";
  for (const line of lines) {
    const [, pid, call, rest] = /^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$/.exec(line) ?? [];
    if (call === undefined) continue;
    if (call === "execve" && own.size > 0) others.add(pid);
    else if (others.has(pid)) continue;
    own.add(pid);
    if (call === "execve") {
      const program = /^"((?:[^"\\]|\\.)*)"/.exec(rest)?.[1];
      if (program !== undefined) calls.push({ call, path: unescaped(program), mark: current });
      continue;
    }
    if (call === "getcwd") continue;
    const [first, second] = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, each]) => unescaped(each));
    // what a link holds is told from where it lies; reading one names the link alone
    const base = call === "symlink" && second !== undefined ? dirname(second) : "/";
    if (call === "readlink") {
      if (first !== undefined) calls.push({ call, path: resolve(first), mark: current });
      continue;
    }
    // the arguments that are names, each after the folder that it is relative to where one is said
    for (const [, folder, quoted] of rest.matchAll(
      /(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"(?:\.\.\.)?/g,
    )) {
      const path = unescaped(quoted);
      if (path.startsWith(markFolder)) {
        current = path.slice(markFolder.length);
        continue;
      }
      // "" stands for the file that is open already
      if (path === "") continue;
      calls.push({ call, path: resolve(unescaped(folder ?? base), path), mark: current });
    }
    const opened = / = \d+<([^>]*)>$/.exec(rest)?.[1];
    if (opened?.startsWith("/"))
      calls.push({ call: `${call} led to`, path: unescaped(opened), mark: current });
  }
  return calls;
}

function loggedCalls(lines: readonly string[]): FileCall[] {
  let current = "";
  return lines.filter(Boolean).flatMap((line) => {
    const { call, path } = JSON.parse(Buffer.from(line, "latin1").toString("utf8")) as FileCall;
    if (!path.startsWith(markFolder)) return [{ call, path, mark: current }];
    current = path.slice(markFolder.length);
    return [];
  });
}
