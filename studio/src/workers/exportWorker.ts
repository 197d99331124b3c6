/**
 * A web worker that makes files of a run: run folders, tables, notebooks.
 *
 * Here, figures are drawn in linkedom's document, as they are in Node, and come out with the same bytes.
 */
import "../strictSchemas.ts";

import { expose, transfer } from "comlink";
import { parseHTML } from "linkedom";
import { engineBytes } from "../../../src/backends/wasm/index.ts";
import { fileEntry, manifestBytes } from "../../../src/record/manifest.ts";
import { measurementsToParquet } from "../../../src/record/measurements.ts";
import { writeRunArchive } from "../../../src/record/runArchive.ts";
import { sha256OfBytes } from "../../../src/record/sha256.ts";
import type { StudioSettings } from "../../../src/studies/persistence/runConfig.ts";
import {
  type ManifestFields,
  persistenceFiles,
  persistenceManifest,
  populationFiles,
  type RunFile,
  type RunOrigin,
  studioManifest,
} from "../../../src/studies/persistence/runFiles.ts";
import type { PersistenceSettings } from "../../../src/studies/persistence/spec.ts";
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import { fullStudy } from "../exports/fullStudy.ts";
import { csvOf, tableRows } from "../exports/measurementFiles.ts";
import { type NotebookRequest, notebookOf } from "../exports/notebook.ts";
import type { Computer } from "../lab/computer.ts";
import { saveOnServer } from "../lab/runServer.ts";

/** A run that is to become a folder: the whole study, or one population as it stands. */
export type SavedRun =
  | {
      readonly kind: "study";
      readonly settings: PersistenceSettings;
      readonly main: ArmResult;
      readonly otherData: ArmResult;
    }
  | { readonly kind: "population"; readonly made: StudioSettings; readonly main: ArmResult };

/** How far a folder is. */
export interface SaveProgress {
  readonly files: number;
  readonly bytes: number;
}

/** Who computed it: Palimpsest and the browser by their versions, and the executor. */
export interface SaveOrigin {
  readonly computer: Computer;
  readonly versions: RunOrigin["versions"];
}

const newDocument = () =>
  parseHTML("<!doctype html><html><body></body></html>").document as unknown as Document;

/** A run's files, without its manifest, and what the manifest says besides them. */
async function runOf(
  run: SavedRun,
  { computer, versions }: SaveOrigin,
): Promise<{ files: Iterable<RunFile>; manifest: ManifestFields }> {
  const engine = computer === "wasm" ? sha256OfBytes(engineBytes()) : null;
  const origin: RunOrigin = { backend: computer, relaxed: false, versions, engine };
  if (run.kind === "population") {
    const { made, main } = run;
    return {
      files: populationFiles(made.settings.presets[0], main),
      manifest: studioManifest(main, made, origin),
    };
  }
  const { settings, main, otherData } = run;
  const study = await fullStudy(settings, main, otherData);
  return {
    files: persistenceFiles(study, settings, origin, newDocument()),
    manifest: persistenceManifest(settings, origin, "complete"),
  };
}

/** The same files; who takes one hears of it before the next is made. */
function* counted(
  files: Iterable<RunFile>,
  tell: (progress: SaveProgress) => void,
): Generator<RunFile, void> {
  let [count, bytes] = [0, 0];
  for (const file of files) {
    yield file;
    tell({ files: ++count, bytes: (bytes += file[1].length) });
  }
}

const deeds = {
  /** Saves a run in the server's folder; the name of its own folder there. */
  async toServer(
    run: SavedRun,
    by: SaveOrigin,
    base: string,
    tell: (progress: SaveProgress) => void,
  ): Promise<string> {
    const { files, manifest } = await runOf(run, by);
    return saveOnServer(base, counted(files, tell), manifest, fileEntry);
  },

  /** Packs a run; without a time in it, so that equal runs are equal archives. */
  async toArchive(
    run: SavedRun,
    by: SaveOrigin,
    folder: string,
    tell: (progress: SaveProgress) => void,
  ): Promise<Blob> {
    const { files, manifest } = await runOf(run, by);
    const entries: ReturnType<typeof fileEntry>[] = [];
    const whole = function* (): Generator<RunFile, void> {
      for (const file of counted(files, tell)) {
        entries.push(fileEntry(...file));
        yield file;
      }
      yield ["manifest.json", manifestBytes({ ...manifest, files: entries })];
    };
    // as a blob, pieces lie where the browser finds room for them, not in this worker's memory
    const pieces = [...writeRunArchive(whole(), { folder })].map((piece) => new Blob([piece as BlobPart]));
    return new Blob(pieces, { type: "application/zip" });
  },

  /** Every measurement of a run as a Parquet file. */
  parquet(preset: string, result: ArmResult): Uint8Array {
    const bytes = measurementsToParquet(tableRows(preset, result));
    return transfer(bytes, [bytes.buffer as ArrayBuffer]);
  },

  /** Every measurement of a run as text. */
  csv(preset: string, result: ArmResult): string {
    return csvOf(tableRows(preset, result));
  },

  /** A notebook that computes the run again. */
  notebook(request: NotebookRequest): string {
    return notebookOf(request, newDocument());
  },
};

/** The worker as the page sees it. */
export type ExportWorker = typeof deeds;

expose(deeds);
