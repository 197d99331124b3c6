/** A web worker that opens one run folder, from wherever it is, and measures the networks of its checkpoints. */
import "../strictSchemas.ts";

import { expose } from "comlink";
import { wasmBackend } from "../../../src/backends/wasm/index.ts";
import { FileError } from "../../../src/base/errors.ts";
import type { PresetName } from "../../../src/model/config.ts";
import { goingOn } from "../../../src/record/manifest.ts";
import { openRunArchive } from "../../../src/record/runArchive.ts";
import { type OpenedRun, openRun, type RunSource } from "../../../src/studies/persistence/openRun.ts";
import { checkpointPath } from "../../../src/studies/persistence/runFiles.ts";
import { runLosses } from "../../../src/studies/persistence/runLosses.ts";
import { openPopulation } from "../../../src/studies/population/openPopulation.ts";
import { divergedAfter, divergedWith } from "../lab/divergence.ts";
import type { Seen } from "../lab/population.svelte.ts";
import type { Recording } from "../lab/recording.ts";
import { serverFile } from "../lab/runServer.ts";
import { armOf } from "../state/runSettings.ts";
import { lineOf } from "../state/savedRun.ts";

/** Where a run is. */
export type RunPlace =
  | { readonly kind: "server"; readonly base: string; readonly id: string; readonly name: string }
  | { readonly kind: "archive"; readonly name: string; readonly file: File }
  | { readonly kind: "folder"; readonly name: string; readonly files: ReadonlyMap<string, File> };

/** What a run says of itself before its checkpoints are read. */
export interface FoundRun {
  readonly name: string;
  readonly presets: readonly { readonly preset: PresetName; readonly checkpoints: number }[];
}

/** Bytes of weights that are opened at once: what a page can hold besides all that it makes of them. */
const mostWeights = 2 ** 30;

/** Bytes of a file of the person's own. */
async function readFile(file: File, where: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new FileError({ where, rule: "cannot be read", wayOut: "Was it moved or changed?" });
  }
}

async function sourceOf(place: RunPlace): Promise<RunSource> {
  const { name } = place;
  if (place.kind === "server")
    return { name, bytes: (path, limit) => serverFile(place.base, place, path, limit) };
  if (place.kind === "folder")
    return {
      name,
      bytes: async (path, limit) => {
        const where = `${name}/${path}`;
        const file = place.files.get(path);
        if (file === undefined) throw new FileError({ where, rule: "is not in the folder" });
        if (file.size > limit)
          throw new FileError({ where, rule: `may be ${limit} bytes long`, got: String(file.size) });
        return readFile(file, where);
      },
    };
  const { file } = place;
  return openRunArchive({
    name,
    size: file.size,
    read: async (start, end) => readFile(file.slice(start, end) as File, name),
  });
}

let run: OpenedRun | undefined;

/** Updates after which a loss first was not finite; else the first checkpoint with such a weight; [model]. */
function divergedAt({ seen, losses }: Pick<Recording, "seen" | "losses">, models: number): (number | null)[] {
  let known: readonly (number | null)[] = divergedAfter(new Array<null>(models).fill(null), losses, 0);
  for (const { step, weights } of seen) known = divergedWith(known, weights, step);
  return [...known];
}

const deeds = {
  /** Reads the manifest; throws in one sentence for what is no run of networks that the page can show. */
  async open(place: RunPlace): Promise<FoundRun> {
    run = await openRun(await sourceOf(place));
    const populations = [...run.populations.values()];
    return {
      name: run.name,
      presets: populations.map(({ preset, steps }) => ({ preset, checkpoints: steps.length })),
    };
  },

  /**
   * Reads the checkpoints of a preset and measures their networks, as training does.
   *
   * @param tell  told how many checkpoints are done
   */
  async record(preset: PresetName, tell: (done: number) => void): Promise<Recording> {
    const opened = run as OpenedRun;
    const { name, manifest, backend, relaxed, settings } = opened;
    const { steps } = opened.populations.get(preset) as { steps: readonly number[] };
    if (steps[0] !== 0)
      throw new FileError({
        where: `${name}, ${preset}`,
        rule: "must have a checkpoint of the initialisation, at step 0",
        got: steps.length === 0 ? `none, in a run that is ${manifest.status}` : `steps ${steps.join(", ")}`,
        wayOut: goingOn(manifest, name),
      });
    const paths = new Set(steps.map((step) => checkpointPath(preset, step)));
    const bytes = manifest.files.reduce((sum, file) => sum + (paths.has(file.path) ? file.bytes : 0), 0);
    if (bytes > mostWeights)
      throw new FileError({
        where: `${name}, ${preset}`,
        rule: `may have ${mostWeights} bytes of weights to be opened in a page`,
        got: String(bytes),
        wayOut: "palimpsest inspect reads runs of any size.",
      });
    const line = lineOf(opened, preset);
    const { spec, models } = armOf(line.branches.at(-1)?.settings ?? line.settings);
    if (settings.seeds.length < 2)
      throw new FileError({ where: name, rule: "must have at least two seeds to be shown", got: "one" });
    const byModel = (await runLosses(opened, preset)) ?? [];
    const updates = byModel[0]?.length ?? 0;
    const losses = Array.from({ length: updates }, (_, update) =>
      Float64Array.from(byModel, (ofModel) => ofModel[update]),
    );
    const population = openPopulation(spec, models, wasmBackend());
    const seen: Seen[] = [];
    try {
      for (const step of steps) {
        population.write(await opened.weightsAt(preset, step));
        seen.push({ step, ...(await population.look()) });
        tell(seen.length);
      }
    } finally {
      population.close();
    }
    return {
      ...{ name, line, seen, losses, divergedAt: divergedAt({ seen, losses }, models.length) },
      otherEngine:
        backend === "wasm" && !relaxed ? null : `${backend}${relaxed ? ", fused multiply-add" : ""}`,
    };
  },
};

/** The worker as the page sees it. */
export type OpenWorker = typeof deeds;

expose(deeds);
