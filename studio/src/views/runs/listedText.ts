/** What the list of runs says of one. Its config is what the server found in a manifest, and may be anything. */
import type { RunStatus } from "../../../../src/record/manifest.ts";
import type { ListedRun } from "../../lab/runServer.ts";

/** How far a run is, in words. One that was killed says the same as one in progress. */
export const statusWords: Readonly<Record<RunStatus, string>> = {
  running: "not ended",
  complete: "complete",
  interrupted: "stopped early",
  failed: "failed",
};

const counted = (value: unknown): string | null => {
  if (Array.isArray(value)) return String(value.length);
  return typeof value === "number" ? String(value) : null;
};

/** `original, causal; 16 seeds; 160 steps`, as far as the manifest says it. */
export function listedText({ config }: Pick<ListedRun, "config">): string {
  const { presets, seeds, steps, branches } = config;
  const names = Array.isArray(presets) ? presets.filter((name) => typeof name === "string").join(", ") : "";
  const [seedCount, stepCount] = [counted(seeds), counted(steps)];
  const branched = Array.isArray(branches) && branches.length > 0;
  return [
    ...(names === "" ? [] : [names.slice(0, 200)]),
    ...(seedCount === null ? [] : [`${seedCount} seeds`]),
    ...(stepCount === null ? [] : [`${stepCount} steps`]),
    ...(branched ? ["branched"] : []),
  ].join("; ");
}

/** `2025-01-31 23:59`, where the reader is. */
export function whenText(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
