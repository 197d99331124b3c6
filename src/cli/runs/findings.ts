/** `palimpsest study findings`: from result files to the document, and from a run to result files. */
import * as fs from "node:fs";
import { basename, join, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { parseJson, readableJson } from "../../record/canonicalJson.ts";
import { checkFile, goingOn, readManifest } from "../../record/manifest.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { findingsMarkdown } from "../../studies/findings/findings.ts";
import { parseStudyResult, type StudyResult, verdictText } from "../../studies/protocol/result.ts";
import { registeredStudies } from "../../studies/registry.ts";
import type { FindingsOptions } from "../commands/studyFindings.ts";
import { diskError } from "../disk/diskError.ts";
import type { Outcome, RunIo } from "../io.ts";
import { readInput } from "../readInput.ts";

/** Longest result file: a result is some tens of kilobytes. */
const RESULT_BYTES = 2 ** 24;

/** What stands at the end of the document. */
const readingName = "reading.md";

/** Makes the document; with `from`, takes over the results of a run first. */
export async function runFindings({ from, results, out }: FindingsOptions, io: RunIo): Promise<Outcome> {
  const attempt = <T>(path: string, rule: string, action: (absolute: string) => T): T => {
    const absolute = resolve(io.cwd, path);
    try {
      return action(absolute);
    } catch (error) {
      throw diskError(error, absolute, path, rule);
    }
  };
  const write = (path: string, content: string) =>
    attempt(path, "cannot be written", (absolute) => {
      const temporary = join(resolve(absolute, ".."), `.${basename(absolute)}.${process.pid}.tmp`);
      fs.writeFileSync(temporary, content);
      fs.renameSync(temporary, absolute);
    });

  const taken = from === null ? [] : resultsOfRun(from, io.cwd);
  const kept = attempt(results, "cannot be read", (absolute) => fs.readdirSync(absolute))
    .filter((name) => /^S[0-9]+\.json$/.test(name) && !taken.some(({ id }) => `${id}.json` === name))
    .map((name) => readResult(`${results}/${name}`, io.cwd));
  const all = [...kept, ...taken];
  const readingPath = join(results, readingName);
  const hasReading = fs.existsSync(resolve(io.cwd, readingPath));
  const reading = hasReading ? strictUtf8(readInput(readingPath, { cwd: io.cwd }), readingPath) : "";
  const plans = registeredStudies().map(({ study }) => study.plan);
  const document = findingsMarkdown(all, plans, reading);
  for (const result of taken) write(join(results, `${result.id}.json`), resultText(result));
  write(out, document);
  const studies = all.map(({ id, decisions }) => ({ id, verdicts: decisions.map(({ verdict }) => verdict) }));
  const lines = all.map(
    ({ id, title, decisions }) => `${id} ${title}: ${decisions.map(verdictText).join(", ")}`,
  );
  return { result: { out, studies }, summary: [...lines, `Findings: ${out}`].join("\n") };
}

/** The bytes of a committed result: what was found, without tables, which the command makes again. */
function resultText({ tables: _, ...result }: StudyResult): string {
  return `${readableJson(result)}\n`;
}

function readResult(path: string, cwd: string): StudyResult {
  const bytes = readInput(path, { cwd, byteLimit: RESULT_BYTES });
  return parseStudyResult(path, parseJson(strictUtf8(bytes, path), { file: path }));
}

/** Results of a run of one study or of all, held to the hashes of its manifest. */
function resultsOfRun(folder: string, cwd: string): StudyResult[] {
  const manifest = readManifest(
    readInput(join(folder, "manifest.json"), { cwd }),
    join(folder, "manifest.json"),
  );
  if (manifest.status !== "complete")
    throw new FileError({
      ...{ where: `run ${folder}`, rule: "must be complete", got: manifest.status },
      wayOut: goingOn(manifest, folder),
    });
  const files = manifest.files.filter(({ path }) =>
    manifest.study === "all" ? path.endsWith("/result.json") : path === "result.json",
  );
  return files.map((entry) => {
    const path = join(folder, entry.path);
    checkFile(entry, readInput(path, { cwd, byteLimit: RESULT_BYTES }), folder);
    return readResult(path, cwd);
  });
}
