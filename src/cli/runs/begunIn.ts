/** The folder that a run's file names are relative to. */
import { existsSync } from "node:fs";
import type { LogRecord } from "../../record/logLine.ts";

/**
 * Where a run was begun, by its log; `cwd` where the log does not say, or the folder is not there, as on another machine.
 *
 * @param past  the records of its log
 */
export function begunIn([first]: readonly LogRecord[], cwd: string): string {
  const begun = first?.cwd;
  return typeof begun === "string" && existsSync(begun) ? begun : cwd;
}
