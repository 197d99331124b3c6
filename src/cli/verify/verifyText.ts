/** What verify prints for a reader: a line for a run, a line for each file that is not simply sound. */
import { counted } from "../../figures/index.ts";
import { type CheckedFile, type CheckedRun, isFault } from "./checkedRun.ts";

/** 44.1 MB, of a million bytes each. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const own = ({ verdict }: CheckedFile) => verdict !== "unlisted" && verdict !== "unsealed";

function headLine({ run, status, verdict, files }: CheckedRun): string {
  const held = files.filter(own);
  const repeated = files.filter(({ rerun }) => rerun !== undefined);
  const same = repeated.filter(({ rerun }) => rerun === "same");
  const again =
    repeated.length === 0
      ? ""
      : same.length === repeated.length
        ? `; made again: all ${repeated.length} the same`
        : `; made again: ${same.length} of ${repeated.length} the same`;
  return `${run}: ${status ?? "no status"}, ${verdict}: ${held.filter((file) => file.verdict === "sound").length} of ${counted(held.length, "file")} sound${again}`;
}

function fileLines({ path, verdict, says, rerun = "same" }: CheckedFile): string[] {
  const because = says === undefined ? "" : `: ${says}`;
  return [
    ...(verdict === "sound" || rerun === "extra" ? [] : [`  ${verdict.padEnd(9)}  ${path}${because}`]),
    ...(rerun === "same" ? [] : [`  ${rerun.padEnd(9)}  ${path}, made again`]),
  ];
}

/** What nothing can be held against, so that all that have a reason in common are one line. */
const isCounted = ({ verdict }: CheckedFile) => verdict === "unchecked" || verdict === "unsealed";

/** The lines of a run. What cannot be checked is counted: one file that says what the others are is one fault. */
export function runLines(run: CheckedRun): string[] {
  const counts = new Map<string, number>();
  for (const { verdict, says = "" } of run.files.filter(isCounted)) {
    const reason = `${says}\n${verdict}`;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [
    headLine(run),
    ...run.files.filter((file) => !isCounted(file)).flatMap(fileLines),
    ...[...counts].map(([reason, count]) => {
      const [says, verdict] = reason.split("\n");
      return `  ${verdict.padEnd(9)}  ${counted(count, "file")}: ${says}`;
    }),
  ];
}

/** Files that a sentence names. */
const NAMED = 5;

/** What is wrong with a run in a sentence; null where nothing is. */
export function faultSentence({ run, files }: CheckedRun): string | null {
  const list = (some: readonly CheckedFile[]) => {
    const names = some.slice(0, NAMED).map(({ path }) => path);
    return `${names.join(", ")}${some.length > NAMED ? ` and ${some.length - NAMED} more` : ""}`;
  };
  const faults = files.filter(isFault);
  const different = files.filter(({ rerun = "same" }) => rerun !== "same");
  const [first] = faults;
  if (faults.length === 1 && different.length === 0)
    return `${run}/${first.path}: ${first.says ?? "is missing"}.`;
  const parts = [
    ...(faults.length === 0 ? [] : [`not as the run left it: ${list(faults)}`]),
    ...(different.length === 0 ? [] : [`not the same when made again: ${list(different)}`]),
  ];
  return parts.length === 0 ? null : `${run}: ${parts.join("; ")}.`;
}
