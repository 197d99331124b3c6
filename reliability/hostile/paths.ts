import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Check } from "../check.ts";
import { type FileCall, watching } from "../fileCalls.ts";
import { withFolder } from "../folderBytes.ts";
import { startChild } from "../startChild.ts";
import type { PathResult } from "./pathChild.ts";

const silence = 30_000;

/** Calls that only ask on the way down to a root, as `realpath` does for every folder above it. */
const asking = new Set([
  ...["stat", "lstat", "statx", "newfstatat", "readlink", "access", "statfs", "mkdir", "realpath", "exists"],
]);
/** Programs that a lock is taken with, and what Node itself looks at: for its threads, its memory and a child's input. */
const lockers = new Set(["flock", "perl"]);
const ofNode = /^\/(proc\/(self|\d+)|sys\/(fs\/cgroup|devices\/system)|dev\/null)(\/|$)/;

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** Whether a call stays within the folder that its case has. That a link leads out is found by asking where to. */
function isAllowed({ call, path }: FileCall, { root, name }: PathResult): boolean {
  if (call === "execve") return lockers.has(basename(path));
  if (isInside(path, root) || ofNode.test(path)) return true;
  // a new folder is on the disk once the one that it stands in was flushed
  if (path === dirname(root)) return true;
  if (name.startsWith("link ") && asking.has(call)) return true;
  for (let above = dirname(root); asking.has(call) && above !== dirname(above); above = dirname(above))
    if (path === above) return true;
  return asking.has(call) && path === "/";
}

/** C5: names that lead elsewhere. */
export const paths: Check = {
  id: "C5",
  promise:
    "No name out of a file, an archive, a listing or a request makes the program touch a file outside of the folder that it belongs to.",
  weakenings: ["lookup"],
  async run(_, { say, without }) {
    return withFolder(async (folder) => {
      const base = realpathSync(folder);
      const watched = watching(base);
      say(`watched by ${watched.by}`);
      const results: PathResult[] = [];
      const { code, signal, stderr } = await startChild(
        "paths",
        { base: `${base}/cases`, without },
        {
          ...{ silence, under: watched.under, nodeOptions: watched.nodeOptions, env: watched.env },
          onLine: (line) => results.push(JSON.parse(line)),
        },
      ).ended;
      const failures: string[] = [];
      if (code !== 0) failures.push(`the process ended with ${signal ?? code}: ${stderr.slice(-500)}`);
      const byMark = new Map<string, FileCall[]>();
      for (const call of watched.calls()) byMark.set(call.mark, [...(byMark.get(call.mark) ?? []), call]);
      let touched = 0;
      for (const result of results) {
        const { id, entry, name, outcome, said } = result;
        const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
        if (outcome === "threw") failures.push(`${entry}, ${shown}: threw ${said}`);
        if (outcome === "good refused")
          failures.push(`${entry}: the good name ${shown} was refused: ${said}`);
        const calls = byMark.get(id) ?? [];
        touched += calls.length;
        const strange = calls.find((call) => !isAllowed(call, result));
        if (strange !== undefined) failures.push(`${entry}, ${shown}: ${strange.call} ${strange.path}`);
      }
      const having = (of: PathResult["outcome"]) => results.filter(({ outcome }) => outcome === of).length;
      const entries = new Set(results.map(({ entry }) => entry)).size;
      if (touched === 0) failures.push("no call was seen: nothing was watched");
      return {
        figure: `${failures.length} calls or errors outside of the rules in ${results.length} uses of names at ${entries} entries, seen by ${watched.by}`,
        count: results.length,
        coverage: {
          entries,
          calls: touched,
          refused: having("refused"),
          taken: having("taken"),
          good: having("good taken"),
          [watched.by]: 1,
        },
        failures,
      };
    });
  },
};
