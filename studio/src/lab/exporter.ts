/** Makes files of runs, in a worker that is started for one file and ends with it. */
import { proxy, wrap } from "comlink";
import { version } from "../../../package.json";
import type { Finding } from "../state/findingsFile.ts";
import { studySettingsOf } from "../state/runSettings.ts";
import { madeOf } from "../state/savedRun.ts";
import type { ExportWorker, SavedRun, SaveOrigin, SaveProgress } from "../workers/exportWorker.ts";
import { browserName } from "./browserName.ts";
import { byProcessor } from "./computer.ts";
import { trainOtherData } from "./otherData.ts";
import type { Population } from "./population.svelte.ts";
import { apiBase } from "./runServer.ts";

/** Told while a file is made: what is being done, in words. */
export type Tell = (doing: string) => void;

/** Who computed a run; its branches were computed by the same. */
function originOf(run: Population): SaveOrigin {
  const { computer, adapter } = run.computedBy ?? byProcessor;
  const versions = { palimpsest: version, browser: browserName(navigator.userAgent) };
  return { computer, versions: adapter === null ? versions : { ...versions, adapter } };
}

/**
 * Whether what the page has is the main arm of a study of the command line: then the study can be made whole.
 * Else a run folder holds the population as it stands.
 */
export function isWholeArm(run: Population): boolean {
  const hasAll = run.arm.checkpoints.every((step) => run.steps.includes(step));
  return (
    run.origin === null &&
    run.recording === null &&
    Object.keys(run.settings.changes).length === 0 &&
    run.step === run.arm.steps &&
    hasAll
  );
}

/** Asks a worker of its own; `signal` ends it, and what it was asked. */
async function inWorker<A>(
  signal: AbortSignal,
  ask: (remote: ReturnType<typeof wrap<ExportWorker>>) => Promise<A>,
): Promise<A> {
  const worker = new Worker(new URL("../workers/exportWorker.ts", import.meta.url), { type: "module" });
  try {
    return await Promise.race([
      ask(wrap<ExportWorker>(worker)),
      new Promise<never>((_, reject) => {
        worker.onerror = (event) => reject(new Error(event.message || "a worker could not be started"));
        signal.addEventListener("abort", () => reject(new Error("stopped.")), { once: true });
      }),
    ]);
  } finally {
    worker.terminate();
  }
}

async function savedRun(run: Population, signal: AbortSignal, tell: Tell): Promise<SavedRun> {
  const main = run.result(run.step);
  if (!isWholeArm(run)) return { kind: "population", made: madeOf(run.line()), main };
  const { steps } = run.arm;
  const otherData = await trainOtherData(run.settings, {
    ...{ cores: run.cores, computer: (run.computedBy ?? byProcessor).computer, signal },
    tell: (step) => tell(`Training the same initialisations on other data, step ${step} of ${steps}`),
  });
  tell("Comparing units over seeds");
  return { kind: "study", settings: studySettingsOf(run.settings), main, otherData };
}

const counting = (tell: Tell) =>
  proxy(({ files, bytes }: SaveProgress) =>
    tell(`Writing the run, ${files} files, ${(bytes / 1e6).toFixed(1)} MB`),
  );

/** Saves a run as a folder on the server; the folder's name, relative to where the server was started. */
export async function saveToServer(run: Population, signal: AbortSignal, tell: Tell): Promise<string> {
  const saved = await savedRun(run, signal, tell);
  return inWorker(signal, (remote) => remote.toServer(saved, originOf(run), apiBase(), counting(tell)));
}

/** A run as a ZIP file, and its name: the same for equal runs. */
export async function archiveOf(
  run: Population,
  signal: AbortSignal,
  tell: Tell,
): Promise<{ name: string; content: Blob }> {
  const saved = await savedRun(run, signal, tell);
  const study = saved.kind === "study" ? "persistence" : "studio";
  const name = `${study}-${run.settings.preset}-${run.models.length}-seeds-${run.step}-steps`;
  const content = await inWorker(signal, (remote) =>
    remote.toArchive(saved, originOf(run), name, counting(tell)),
  );
  return { name: `${name}.zip`, content };
}

/** Every measurement of a run as a table. */
export async function tableOf(run: Population, kind: "parquet" | "csv", signal: AbortSignal): Promise<Blob> {
  const result = run.result(run.step);
  const { preset } = run.settings;
  return inWorker(signal, async (remote) =>
    kind === "csv"
      ? new Blob([await remote.csv(preset, result)], { type: "text/csv;charset=utf-8" })
      : new Blob([(await remote.parquet(preset, result)) as Uint8Array<ArrayBuffer>], {
          type: "application/vnd.apache.parquet",
        }),
  );
}

/** A notebook that computes a run again. */
export async function notebookFile(
  run: Population,
  { link, findings }: { link: string; findings: readonly Finding[] },
  signal: AbortSignal,
): Promise<Blob> {
  const text = await inWorker(signal, (remote) =>
    remote.notebook({
      ...{ made: madeOf(run.line()), result: run.result(run.step) },
      ...{ link, findings, version },
    }),
  );
  return new Blob([text], { type: "application/x-ipynb+json" });
}
