/** What a run printed, kept in its folder so that it can be printed again. */
import { join } from "node:path";
import { FileError } from "../../base/errors.ts";
import { parseJson, readableJson } from "../../record/canonicalJson.ts";
import { checkFile, type Manifest, readManifest } from "../../record/manifest.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import type { Outcome } from "../io.ts";
import { readInput } from "../readInput.ts";
import type { RunFolder } from "../runFolder.ts";

/** The summary, and the result where `result.json` holds something else. */
const [summaryName, resultName, printedName] = ["summary.txt", "result.json", "printed.json"];

/** Longest file that is printed. */
const byteLimit = 2 ** 29;

/** Where the report is in the summary of a run that may be moved: what the last line ends with. */
const ownReport = "./report.html";

/**
 * Writes what the run prints, but for what is there already.
 *
 * @param outcome  as it is printed in the folder itself, with `.` for the folder
 */
export function writePrinted(folder: RunFolder, { result, summary }: Outcome): void {
  const has = (name: string) => folder.files.some(({ path }) => path === name);
  if (!has(resultName)) folder.write(resultName, `${readableJson(result)}\n`);
  if (!has(summaryName)) folder.write(summaryName, `${summary}\n`);
}

/** Writes the result that a command prints in place of what is in `result.json`. */
export function writePrintedResult(folder: RunFolder, result: object): void {
  folder.write(printedName, `${readableJson(result)}\n`);
}

/**
 * What a complete run printed, out of its files.
 *
 * @param path   absolute
 * @param name   the folder for the reader
 * @throws FileError  for a file that is not as the manifest says, or a run that has no such files, as one of format 1
 */
export function printedOutcome(path: string, name: string): Outcome {
  const shown = `${name}/manifest.json`;
  const manifest = readManifest(readInput(join(path, "manifest.json"), { cwd: path }), shown);
  const textOf = (file: string): string => {
    const entry = manifest.files.find((one) => one.path === file);
    if (entry === undefined)
      throw new FileError({
        where: name,
        rule: "is complete, and does not hold what it printed",
        got: whatItHolds(manifest),
      });
    const bytes = readInput(join(path, file), { cwd: path, byteLimit });
    checkFile(entry, bytes, name);
    return strictUtf8(bytes, `${name}/${file}`);
  };
  const file = manifest.files.some((entry) => entry.path === printedName) ? printedName : resultName;
  const summary = textOf(summaryName).replace(/\n$/, "");
  const result = parseJson(textOf(file), { file: `${name}/${file}` }) as Readonly<Record<string, unknown>>;
  const at = summary.lastIndexOf(ownReport);
  return {
    result: result.run === "." ? { ...result, run: name } : result,
    summary:
      at < 0 ? summary : `${summary.slice(0, at)}${name}/report.html${summary.slice(at + ownReport.length)}`,
    // the one verdict of a run that its exit code tells
    exitCode: result.pass === false ? 1 : 0,
  };
}

function whatItHolds({ files, formatVersion }: Manifest): string {
  const report = files.some(({ path }) => path === "report.html");
  return `${report ? "its report" : `${files.length} files`}, in format ${formatVersion}`;
}
