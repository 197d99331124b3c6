/** The run folder of `palimpsest train`: numbers, weights and models in standard formats. */
import { tuningCorrelation } from "../../features/index.ts";
import { weightShapes, weightsOfModel } from "../../model/weights.ts";
import { exportModel } from "../../pretrained/exportModel.ts";
import { type Measurement, measurementsToParquet } from "../../record/measurements.ts";
import { writeSafetensors } from "../../record/safetensors.ts";
import { curvesAsCells } from "../../studies/text/analyse.ts";
import { curvesBy, textFactorsOf } from "../../studies/text/probeCurves.ts";
import type { TextPopulation } from "../../studies/text/study.ts";
import type { ExportChoice } from "../commands/train.ts";
import type { RunFolder } from "../runFolder.ts";

const stepName = (step: number) => `step-${String(step).padStart(6, "0")}`;

/** Every number of a population at one checkpoint as tidy rows. */
function measurementRows(preset: string, population: TextPopulation, at: number): Measurement[] {
  const { checkpoints, seeds, spec, probe } = population;
  const { step, heldOut, curves } = checkpoints[at];
  const { nCtx, nLayers } = spec.config;
  const rows: Measurement[] = [];
  const add = (model: number, site: string, unit: number, statistic: string, value: number) => {
    rows.push({ arm: preset, model, seed: seeds[model], step, site, unit, statistic, value });
  };
  for (let layer = 0; layer < nLayers; layer++)
    for (const kind of textFactorsOf(probe)) {
      const before = curvesAsCells(population, 0, layer, kind);
      const { site, units } = before;
      curvesBy(curves[site], kind).eta2.forEach((value, i) => {
        add(Math.floor(i / units), site, i % units, `eta2.${kind}`, value);
      });
      tuningCorrelation(before, curvesAsCells(population, at, layer, kind)).forEach((value, i) => {
        add(Math.floor(i / units), site, i % units, `tuningR.${kind}`, value);
      });
    }
  heldOut.forEach((value, i) => {
    add(Math.floor(i / nCtx), "model", i % nCtx, "heldOutLoss.position", value);
  });
  return rows;
}

/** Measurements, responses and weights of every checkpoint, and the training loss. */
export function writePopulation(folder: RunFolder, preset: string, population: TextPopulation): void {
  const { checkpoints, seeds, probe, spec, losses } = population;
  const shapes = weightShapes(spec.config);
  const models = seeds.length;
  checkpoints.forEach(({ step, weights, curves }, at) => {
    const name = stepName(step);
    const metadata = { step: String(step), seeds: seeds.join(",") };
    const tensors = [...shapes].map(
      ([weight, shape]) => [weight, { shape: [models, ...shape], data: weights[weight] }] as const,
    );
    folder.write(`checkpoints/${name}.safetensors`, writeSafetensors(tensors, { metadata }));
    const responses = Object.entries(curves).flatMap(([site, own]) =>
      textFactorsOf(probe).map((kind) => {
        const { mean } = curvesBy(own, kind);
        const shape = [models, own.units, mean.length / (models * own.units)];
        return [`${site}.${kind}`, { shape, data: mean }] as const;
      }),
    );
    const followed = {
      ...{ ...metadata, tokens: probe.followed.join(",") },
      ...(probe.classes === null ? {} : { classes: JSON.stringify(probe.classes.levels) }),
    };
    folder.write(`responses/${name}.safetensors`, writeSafetensors(responses, { metadata: followed }));
    folder.write(
      `measurements/${name}.parquet`,
      measurementsToParquet(measurementRows(preset, population, at)),
    );
  });
  const training = losses.flatMap((ofModel, model) =>
    Array.from(ofModel, (value, step) => ({
      ...{ arm: preset, model, seed: seeds[model], step, site: "model" },
      ...{ unit: null, statistic: "trainingLoss", value },
    })),
  );
  folder.write("measurements/loss.parquet", measurementsToParquet(training));
}

/**
 * The trained models as other tools open them, `config.json`, `model.safetensors` and `tokenizer.json` in a folder for
 * each seed; where all are wanted, also a folder for each checkpoint in it. A model that is not finite is left out.
 *
 * @param tokenizer  text of tokenizer.json
 */
export function writeModels(
  folder: RunFolder,
  { checkpoints, seeds, spec }: TextPopulation,
  tokenizer: string,
  which: ExportChoice,
): void {
  const trained = { ...checkpoints[checkpoints.length - 1], within: "" };
  const each = checkpoints.map((checkpoint) => ({ ...checkpoint, within: `/step${checkpoint.step}` }));
  for (const { weights, within } of which === "all" ? [trained, ...each] : [trained])
    seeds.forEach((seed, model) => {
      const own = weightsOfModel(spec.config, weights, model);
      if (!Object.values(own).every((values) => values.every(Number.isFinite))) return;
      const place = `models/seed-${seed}${within}`;
      const files = exportModel({ config: spec.config, weights: own });
      for (const [name, bytes] of Object.entries(files)) folder.write(`${place}/${name}`, bytes);
      folder.write(`${place}/tokenizer.json`, tokenizer);
    });
}
