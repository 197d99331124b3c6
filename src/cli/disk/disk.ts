/** The seam to the file system of everything that must survive a crash. */
import type * as fs from "node:fs";

/**
 * The calls of `node:fs` that journals, run folders and stores make, all of them synchronous: the order of the calls is
 * the order of what happens. `node:fs` itself is one; tests give others, which fail, crash or remember.
 */
export type Disk = Pick<
  typeof fs,
  | "mkdirSync"
  | "readdirSync"
  | "openSync"
  | "readFileSync"
  | "writeSync"
  | "ftruncateSync"
  | "fsyncSync"
  | "closeSync"
  | "fstatSync"
  | "statSync"
  | "lstatSync"
  | "renameSync"
  | "linkSync"
  | "rmSync"
>;
