/** A saved notebook computes the page's run again: its cells, run by the kernel, show what the page put into them. */
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { startKernel } from "../../site/notebook/kernel.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import type { StudioSettings } from "../../src/studies/persistence/runConfig.ts";
import { modelOf } from "../../src/studies/persistence/runConfig.ts";
import { armsOf } from "../../src/studies/persistence/spec.ts";
import type { ArmResult } from "../../src/studies/population/gather.ts";
import { type GrowthState, openPopulation } from "../../src/studies/population/openPopulation.ts";
import { notebookOf } from "../../studio/src/exports/notebook.ts";
import type { Finding } from "../../studio/src/state/findingsFile.ts";
import { defaultSettings, studySettingsOf } from "../../studio/src/state/runSettings.ts";

const root = join(import.meta.dirname, "../..");
const newDocument = () =>
  parseHTML("<!doctype html><html><body></body></html>").document as unknown as Document;

/** A run as the page makes it: stretches that end at a branch or at `end`, looked at at some steps. */
async function trained(made: StudioSettings, end: number, looks: readonly number[]): Promise<ArmResult> {
  const { settings, branches } = made;
  const preset = settings.presets[0] as "original";
  const starts = [{ step: 0 }, ...branches];
  const losses: Float64Array[] = [];
  const checkpoints: ArmResult["checkpoints"] = [];
  let from: GrowthState | undefined;
  let now = settings;
  let arm = armsOf(preset, settings, modelOf(preset, made)).main;
  for (const [i, { step: _, ...change }] of starts.entries()) {
    now = { ...now, ...change };
    arm = armsOf(preset, now, modelOf(preset, made)).main;
    const to = starts[i + 1]?.step ?? end;
    const population = openPopulation(arm.spec, arm.models, wasmBackend(), { from });
    const start = from?.step ?? 0;
    const stops = looks.filter((step) => step >= start && step <= to);
    const loop = population.grow({ checkpoints: stops, reportEvery: 1 });
    for (let at = start; ; ) {
      if (looks.includes(at) && !checkpoints.some(({ step }) => step === at))
        checkpoints.push({ step: at, ...(await population.look()) });
      if (at === to) break;
      const next = await loop.next();
      if (next.done) break;
      at = next.value.step;
      if (next.value.losses.length > 0) losses.push(next.value.losses);
    }
    from = await population.state(to);
    population.close();
  }
  return {
    ...{ arm: arm.spec, models: arm.models, checkpoints, kernelShare: Number.NaN },
    losses: arm.models.map((_, model) => Float64Array.from(losses, (of) => of[model])),
    divergedAt: arm.models.map(() => null),
  };
}

const findings: Finding[] = [
  {
    title: "Layer 1 <b>loses</b> position_tuning [r 0.77 to 0.41]",
    note: "",
    link: "preset=causal&at=8",
    kept: "2025-01-31T12:00:00.000Z",
  },
];

const small = { ...defaultSettings, preset: "causal", seeds: 3, steps: 16, sequences: 64 } as const;
const cases: [name: string, made: StudioSettings, end: number][] = [
  ["a run of a preset to its end", { settings: studySettingsOf(small), model: {}, branches: [] }, 16],
  [
    "a changed model on two branches, stopped early, with seeds of a list",
    {
      settings: studySettingsOf({ ...small, seeds: [5, 1, 8], probe: "full" }),
      model: { dMlp: 12, nLayers: 1 },
      branches: [
        { step: 2, lr: 0.05 },
        { step: 5, task: "induction", batch: 16, sequences: 40 },
      ],
    },
    7,
  ],
];

test.each(cases)("%s: every cell shows what the page showed", async (_, made, end) => {
  const looks = [0, 1, 2, 4, 5, 7, 8, 16].filter((step) => step <= end);
  const result = await trained(made, end, looks);
  expect(result.checkpoints.map(({ step }) => step)).toEqual(looks);
  expect(result.losses[0].length).toBe(end);
  const text = notebookOf({ made, result, link: "seeds=3", findings, version: "0.0.0" }, newDocument());
  const { cells, metadata, nbformat } = JSON.parse(text);
  expect([metadata.kernelspec.name, nbformat]).toEqual(["deno", 4]);
  expect(cells.at(-1).source.join("")).toContain(
    "Layer 1 \\<b\\>loses\\</b\\> position\\_tuning \\[r 0.77 to 0.41\\]",
  );
  const kernel = await startKernel({ root, cwd: join(root, "examples/notebooks") });
  try {
    let shown = 0;
    for (const { cell_type, source, outputs } of cells) {
      if (cell_type !== "code") continue;
      const [found] = await kernel.execute(source.join(""));
      expect(found?.output_type === "error" ? found : null).toBeNull();
      if (outputs.length === 0) continue;
      const data = found?.output_type === "execute_result" ? found.data : {};
      const [kept] = outputs;
      for (const [type, lines] of Object.entries(kept.data as Record<string, string[]>))
        expect(data[type]).toBe(lines.join(""));
      shown++;
    }
    expect(shown).toBe(4); // three figures and the comparison
  } finally {
    await kernel.close();
  }
});
