/** Every file of a run at which a process may be working meanwhile. */
import { type CheckedFile, isFault } from "./checkedRun.ts";
import { checkFiles, entriesOf, isPart } from "./checkFiles.ts";
import type { Found, RunAtHand } from "./runAtHand.ts";

/** Times that a run is looked at which goes on while it is read. */
const LOOKS = 5;

/** Whether a file was written anew between two looks. */
function isOther<T>(before: Found<T> | null, now: Found<T> | null): boolean {
  if (before?.verdict === "sound" && now?.verdict === "sound")
    return Buffer.compare(before.bytes, now.bytes) !== 0;
  return before?.verdict !== now?.verdict;
}

/**
 * Reads all files as {@link checkFiles} does. Where something is wrong, manifest and log are looked at again, and what
 * they say by then counts: a state that was dropped since is no fault.
 *
 * @param again  looks at the run
 * @param seen   receives the bytes of the first reading
 * @returns      the run as it was looked at last, and its files by path
 */
export async function checkMoving(
  run: RunAtHand,
  again: () => RunAtHand,
  { signal, seen }: { signal: AbortSignal; seen: (bytes: number) => void },
): Promise<{ run: RunAtHand; files: readonly CheckedFile[] }> {
  let last = run;
  let files = await checkFiles(run, { signal, seen });
  for (let looks = 1; files.some(isFault); looks++) {
    const now = again();
    if (!isOther(last.manifest, now.manifest) && !isOther(last.log, now.log)) break;
    if (looks === LOOKS) {
      const needed = new Set(entriesOf(now).map(({ path }) => path));
      files = files.filter((file) => !isFault(file) || !isPart(file.path) || needed.has(file.path));
      break;
    }
    last = now;
    files = await checkFiles(now, { signal, seen: () => {} });
  }
  return { run: last, files };
}
