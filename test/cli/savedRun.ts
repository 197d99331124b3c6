/** A run folder as `study persistence` leaves it, with networks of known weights. */
import { randomNetworks } from "../../src/cli/inspect/subject.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { type PresetName, presets } from "../../src/model/config.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";
import { writeSafetensors } from "../../src/record/safetensors.ts";

/** What a folder is to hold besides the usual. */
export interface SavedRun {
  readonly presets?: readonly PresetName[];
  /** Changes the weights of a checkpoint, [model, ...shape]. */
  readonly weights?: (weights: Record<string, Float32Array>, step: number) => void;
  readonly study?: string;
  readonly config?: Record<string, string | number | string[]>;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Seeds and steps of every saved run. */
export const saved = { seeds: [0, 1, 2, 3], steps: [0, 8] } as const;

/** Writes a complete run: at step 0 the networks as they are drawn, at step 8 as `weights` makes them. */
export function saveRun(cwd: string, out: string, run: SavedRun = {}): void {
  const init = { scheme: "pytorch", embeddingScale: 1 } as const;
  const { presets: names = ["original"], study = "persistence" } = run;
  const folder = createRunFolder({ study, out, cwd, date: () => new Date(0) });
  for (const name of names)
    for (const step of saved.steps) {
      const shapes = weightShapes(presets[name]);
      const drawn: Weights = randomNetworks(presets[name], init, saved.seeds);
      const weights = Object.fromEntries(
        [...shapes.keys()].map((weight) => [weight, Float32Array.from(drawn[weight])]),
      );
      if (step > 0) run.weights?.(weights, step);
      const tensors = [...shapes].map(
        ([weight, shape]) =>
          [weight, { shape: [saved.seeds.length, ...shape], data: weights[weight] }] as const,
      );
      const metadata = { step: String(step), seeds: saved.seeds.join(","), ...run.metadata };
      const path = `checkpoints/${name}-step-${String(step).padStart(6, "0")}.safetensors`;
      folder.write(path, writeSafetensors(tensors, { metadata }));
    }
  folder.commit({
    study,
    status: "complete",
    config: {
      ...{ presets: [...names], seeds: [...saved.seeds], steps: 8, init: { ...init } },
      ...{ sequences: 500, batch: 32, lr: 1e-3, optimizer: "adam", task: "patterns", probe: "trained" },
      ...{ backend: "wasm", relaxed: false, ...run.config },
    },
    versions: { palimpsest: "0.0.0" },
    engine: null,
  });
}
