/** A command's run folder and workers: opened, worked in, and ended, however the work ends. */
import { hostname } from "node:os";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { goingOn } from "../../record/manifest.ts";
import type { Outcome, RunIo } from "../io.ts";
import { type DurablePool, durablePool } from "../jobs/durablePool.ts";
import type { Journal } from "../journal/journal.ts";
import { OwnedError } from "../journal/lock.ts";
import { createRunFolder, openRunFolder, type RunFolder } from "../runFolder.ts";
import { openCardPool } from "../workers/cardPool.ts";
import { openPool } from "../workers/pool.ts";
import type { Card } from "./card.ts";
import { installed } from "./installed.ts";
import { printedOutcome, writePrinted } from "./printed.ts";
import {
  checkFacts,
  checkRepeated,
  checkRepeatedFacts,
  checkSame,
  type Facts,
  factsIn,
  type PlannedManifest,
  withFacts,
} from "./sameRun.ts";
import { StoppedRun } from "./stoppedRun.ts";

/** What a command is going to do. */
export interface RunPlan {
  /** Name of the study. */
  readonly study: string;
  /** Run folder; null for a new one under `runs`. */
  readonly out: string | null;
  /** Every option that decides a number, and the hashes of what is read. */
  readonly config: Readonly<Record<string, JsonValue>>;
  /** The words that make the run again, without `--out`. */
  readonly command: readonly string[];
  /** SHA-256 of the kernels; null where the backend has none. */
  readonly engine: string | null;
  /** Worker threads; with a card there is none, whatever this says. */
  readonly workers: number;
  /** The card that it is computed on; null or absent where the processor computes. */
  readonly card?: Card | null;
  /** Whether multiply and add are fused. */
  readonly relaxed?: boolean;
  /** What else the first record of the log says. */
  readonly started?: Readonly<Record<string, JsonValue>>;
}

/** A run that is being worked at. */
export interface OpenRun {
  readonly folder: RunFolder;
  readonly pool: DurablePool;
  /** Worker threads with which the run was begun: where work is cut by workers, it is cut by these. */
  readonly begunWith: number;
  /**
   * Adds to the config, and may name the engine, what is known only once the work has begun, such as the hashes of what it
   * reads. Called once, before anything that depends on it.
   *
   * @throws FileError  naming the field, where the run had been begun with something else
   */
  decide(facts: Facts): void;
}

/** The result and the summary for a run whose folder is called so; `.` in the folder itself. */
export type Printed = (place: string) => Outcome;

/** What a command has to do besides its study, in the same folder: what is printed comes in and goes out. */
export type Beside = (run: OpenRun, printed: Printed) => Promise<Printed>;

/**
 * Makes the run folder, or opens the one that is to be gone on with; lets `work` work; and ends the run: `complete`,
 * `interrupted` where a signal came, else `failed`.
 *
 * A run that is complete already is printed from its files, and nothing is computed.
 *
 * @param work  returns what is printed, which is also written into the folder
 * @throws StoppedRun  around whatever `work` throws, with how to go on
 * @throws FileError   for a folder that cannot be used, and a run that is not what the plan says, naming the field
 * @throws OwnedError  if another process is at the run
 */
export async function inRun(
  plan: RunPlan,
  io: RunIo,
  work: (run: OpenRun) => Promise<Printed>,
): Promise<Outcome> {
  const { study, command, config, engine, relaxed, card } = plan;
  const versions = { ...installed.versions, ...card };
  const planned: PlannedManifest = { study, command, config, versions, engine };
  const folder = openFolder(plan, planned, io);
  if (folder === null) return printedOutcome(io.resume?.path as string, io.resume?.name as string);
  const { journal, name } = folder;
  const before = factsIn(journal.past);
  // what an earlier process had decided stays so, however early this one is stopped
  let parts = before === null ? planned : withFacts(planned, before);
  const decide = (facts: Facts) => {
    if (before !== null) checkFacts(name, before, facts);
    else folder.log({ event: "decided", ...facts });
    if (io.repeats !== undefined) checkRepeatedFacts(io.repeats, facts);
    parts = withFacts(planned, facts);
  };
  // what a kill left is mended at opening, and is no surprise; what is lost later is
  for (const notice of journal.notices) io.board.log(notice);
  const tellNotices = noticeTeller(journal, io);
  const workers = workersOf(plan, io);
  const { signal } = io;
  const crew = card == null ? openPool({ workers, signal, relaxed }) : openCardPool({ signal });
  const pool = durablePool(crew, journal, io);
  try {
    const print = await work({ folder, pool, begunWith: begunWith(journal) ?? plan.workers, decide });
    const outcome = print(name);
    writePrinted(folder, print("."));
    folder.log({ event: "complete" });
    folder.commit({ ...parts, status: "complete" });
    return outcome;
  } catch (error) {
    if (error instanceof OwnedError) throw error;
    endEarly(folder, parts, error, io);
    throw new StoppedRun(error, goingOn({ status: "failed", command }, name) as string);
  } finally {
    tellNotices();
    try {
      folder.release();
    } finally {
      // workers that nobody ends keep the process alive
      await pool.close();
    }
  }
}

/** The folder of the run, new or gone on with; null for one that is complete. */
function openFolder(plan: RunPlan, manifest: PlannedManifest, io: RunIo): RunFolder | null {
  const { study, out, started } = plan;
  const { cwd, date, resume, repeats, out: elsewhere } = io;
  const workers = workersOf(plan, io);
  const owner = { pid: process.pid, host: hostname() };
  if (repeats !== undefined) {
    checkRepeated(repeats, manifest);
    const { adapter } = repeats.manifest.versions;
    if (adapter !== manifest.versions.adapter)
      io.warn(`${repeats.name} was made on ${adapter}, and is made again on ${manifest.versions.adapter}`);
  }
  if (resume === undefined)
    return createRunFolder({
      ...{ study, out: elsewhere ?? out, cwd, date, manifest },
      started: { cwd, workers, ...owner, ...started },
    });
  const { folder } = openRunFolder(resume.path, {
    ...{ cwd: resume.cwd, date },
    accept: (found, past) => checkSame(resume.name, found, past, manifest),
  });
  folder?.log({ event: "resumed", workers, ...owner });
  return folder;
}

/** Worker threads of this process. */
function workersOf({ workers, card }: RunPlan, { resume }: RunIo): number {
  return card == null ? (resume?.workers ?? workers) : 1;
}

/** Worker threads of the process that began the run; undefined where this one does. */
function begunWith({ past }: Journal): number | undefined {
  const workers = past.find(({ event }) => event === "started")?.workers;
  return typeof workers === "number" ? workers : undefined;
}

/** Says what the journal has to say from now on, as often as it is called. */
function noticeTeller(journal: Journal, { warn }: RunIo): () => void {
  let told = journal.notices.length;
  return () => {
    for (const notice of journal.notices.slice(told)) warn(notice);
    told = journal.notices.length;
  };
}

/** Writes down how the run ended that is not complete, as far as the disk takes it: whoever goes on needs none of it. */
function endEarly(folder: RunFolder, parts: PlannedManifest, error: unknown, { signal }: RunIo): void {
  if (folder.ended) return;
  const status = signal.aborted ? "interrupted" : "failed";
  try {
    folder.log({ event: status, message: error instanceof Error ? error.message : String(error) });
    folder.commit({ ...parts, status });
  } catch {
    // the first failure is the one that is told
  }
}
