/** A run made again from its manifest, and compared file by file. */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { FileError } from "../../base/errors.ts";
import { type FileEntry, goingOn, type Manifest, readManifest } from "../../record/manifest.ts";
import { diskError } from "../disk/diskError.ts";
import type { Outcome, ReplayIo, RunIo } from "../io.ts";
import { readInput } from "../readInput.ts";
import { begunIn } from "../runs/begunIn.ts";
import { installed, otherInstallation } from "../runs/installed.ts";
import { StoppedRun } from "../runs/stoppedRun.ts";
import type { CheckedFile, RerunVerdict } from "./checkedRun.ts";
import type { RunAtHand } from "./runAtHand.ts";

/** The manifest of a run that can be made again, with its command. */
function repeatable({ run, manifest }: RunAtHand): Manifest & { readonly command: readonly string[] } {
  const refuse = (rule: string, got: string, wayOut?: string): never => {
    throw new FileError({ where: `${run}, --rerun`, rule, got, wayOut });
  };
  if (manifest.verdict !== "sound")
    return refuse("needs a manifest that is as it was written", `one that is ${manifest.verdict}`);
  const { value } = manifest;
  if (value.command === null)
    return refuse(
      "needs the command that made the run in its manifest",
      value.formatVersion === 1
        ? "a manifest of format 1, which has none"
        : "none, as of a population that the page saved",
    );
  if (value.status !== "complete")
    return refuse("needs a complete run", `one that is ${value.status}`, goingOn(value, run));
  const other = otherInstallation(value, ["palimpsest", "engine"]);
  if (other !== null) return refuse(other.rule, other.got, other.wayOut);
  return { ...value, command: value.command };
}

/** What became of every file of a run, by path; those that only the second run has among them. */
export type RerunVerdicts = ReadonlyMap<string, RerunVerdict>;

/**
 * Prepares to make a run again.
 *
 * @returns  makes it, in a folder beside the run that is removed after; throws what the command throws
 * @throws FileError  for a run that cannot be made again: not complete, without a command, of another version or of other
 *                    kernels than are installed
 */
export async function prepareRerun(run: RunAtHand, io: ReplayIo): Promise<() => Promise<RerunVerdicts>> {
  const manifest = repeatable(run);
  const start = await io.runMadeBy(manifest.command);
  return () => makeAgain(run, manifest, start, io);
}

async function makeAgain(
  run: RunAtHand,
  manifest: Manifest,
  start: (io: RunIo) => Promise<Outcome>,
  io: ReplayIo,
): Promise<RerunVerdicts> {
  const out = join(dirname(run.path), `.${basename(run.path)}.rerun-${randomBytes(4).toString("hex")}`);
  const remove = () => rmSync(out, { recursive: true, force: true });
  try {
    mkdirSync(out);
  } catch (error) {
    throw diskError(error, out, `${run.run}, --rerun`, "cannot make a folder beside the run");
  }
  // a second signal ends the process at once
  process.once("exit", remove);
  try {
    const { runMadeBy: _, ...own } = io;
    const { node } = manifest.versions;
    const past = run.log?.verdict === "sound" ? run.log.value.records : [];
    if (node !== undefined && node !== installed.versions.node)
      io.warn(`${run.run} was made with Node ${node}, and is made again with ${installed.versions.node}`);
    await start({ ...own, cwd: begunIn(past, io.cwd), out, repeats: { name: run.run, manifest } });
    const file = join(out, "manifest.json");
    const again = readManifest(readInput(file, { cwd: out }), file);
    return compared(manifest.files, again.files);
  } catch (error) {
    // the folder is gone: there is nothing to go on with
    throw error instanceof StoppedRun ? error.cause : error;
  } finally {
    process.off("exit", remove);
    remove();
  }
}

function compared(first: readonly FileEntry[], second: readonly FileEntry[]): Map<string, RerunVerdict> {
  const others = new Map(second.map((entry) => [entry.path, entry]));
  const verdicts = new Map<string, RerunVerdict>();
  for (const { path, sha256 } of first) {
    const other = others.get(path);
    verdicts.set(path, other === undefined ? "missing" : other.sha256 === sha256 ? "same" : "differs");
  }
  for (const path of others.keys()) if (!verdicts.has(path)) verdicts.set(path, "extra");
  return verdicts;
}

/** The files of a run with what became of each when it was made again. */
export function withRerun(files: readonly CheckedFile[], verdicts: RerunVerdicts): CheckedFile[] {
  const known = new Set(files.map(({ path }) => path));
  const extra = [...verdicts].filter(([path]) => !known.has(path));
  return [
    ...files.map((file): CheckedFile => {
      const verdict = verdicts.get(file.path);
      return verdict === undefined ? file : { ...file, rerun: verdict };
    }),
    ...extra.map(([path]): CheckedFile => ({ path, verdict: "unlisted", rerun: "extra" })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
}
