/** Whether a path is a folder. */
import { statSync } from "node:fs";

/**
 * Whether a folder stands at a path, links followed. What cannot be looked at is none: whoever reads it next says why.
 *
 * @param path  absolute
 */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
