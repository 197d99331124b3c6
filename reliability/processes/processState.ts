/** Processes as the kernel tells of them. */
import { readFileSync } from "node:fs";

/** State of a process on Linux: T is stopped, Z ended and not waited for; empty where there is none. */
export function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0]; // the name before it may hold anything
  } catch {
    return "";
  }
}

/** Whether a process is there and has not ended; a zombie has. */
export function isAlive(pid: number): boolean {
  const state = stateOf(pid);
  return state !== "" && state !== "Z" && state !== "X";
}
