/** The code of a saved notebook: the run by the library's own parts, so that every step of it can be changed. */
import type { ModelConfig, PresetName } from "../../../src/model/config.ts";
import type { PersistenceSettings } from "../../../src/studies/persistence/spec.ts";

/** What is imported, and how a figure is shown. */
export const importsCode = `import { parseHTML } from "linkedom";
import {
  constantRate,
  fixedBatches,
  grow,
  heldOut,
  initialPopulation,
  latinBlocks,
  leaksByPosition,
  openTrainer,
  optimizers,
  presets,
  randomStream,
  scoredMean,
  taskNamed,
  trainingSet,
  validateConfig,
  wasmBackend,
} from "palimpsest";
import { neighbourModel, tuningCorrelation, tuningProgram, tuningStates, unitMeans } from "palimpsest/features";
import { type FigureSpec, lossByPosition, lossCurves, renderFigure, tuningThroughTraining } from "palimpsest/figures";
import { mean } from "palimpsest/stats";

const { document } = parseHTML("<html><body></body></html>");
const shown = (data: Record<string, string>) => ({ [Symbol.for("Jupyter.display")]: () => data });
const show = (figure: FigureSpec) =>
  shown({ "image/svg+xml": renderFigure(figure, document), "text/plain": figure.title });`;

/** What decides the networks before their first update, and when they are looked at. */
export function settingsCode(
  { seeds, init, optimizer, probe }: PersistenceSettings,
  preset: PresetName,
  model: Partial<ModelConfig>,
  checkpoints: readonly number[],
): string {
  const length = probe === "full" ? "config.nCtx" : "config.nCtx - 1";
  return `const config = validateConfig({ ...presets[${JSON.stringify(preset)}], ...${JSON.stringify(model)} });
const seeds = ${JSON.stringify(seeds)};
const optimizer = optimizers[${JSON.stringify(optimizer)}];
const checkpoints = ${JSON.stringify(checkpoints)};

/** The balanced probe: every token equally often at every position. */
const probe = latinBlocks({
  dVocab: config.dVocab,
  nPos: ${length},
  blocks: 100,
  stream: randomStream("persistence", "probe"),
});
/** The untrained networks; what a seed draws depends on these names and on nothing else. */
let state = {
  step: 0,
  weights: initialPopulation(
    config,
    ${JSON.stringify(init)},
    seeds.map((seed) => randomStream("persistence", seed, "init")),
  ),
};`;
}

/** How the population is trained and looked at. */
export const trainingCode = `const nPos = config.nCtx - 1; // inputs are a sequence without its last token
const sites = config.attnOnly ? [] : ["blocks.*.mlp.hook_post"];
const layers = config.attnOnly ? [] : Array.from({ length: config.nLayers }, (_, layer) => layer);
const looks = []; // at the checkpoints
const losses = []; // before every update, [update][model]
let task;
let unseen;

/** Trains on until \`to\` updates are made. */
async function train({ to, task: name, lr, sequences, batch }) {
  task = taskNamed(name, { dVocab: config.dVocab, nCtx: config.nCtx });
  unseen = heldOut(task, ["persistence", "held out"], 512);
  const trainer = openTrainer(wasmBackend(), {
    ...{ config, optimizer, models: seeds.length, batch, nPos },
    extraStates: tuningStates(config, sites, probe),
  });
  trainer.writeWeights(state.weights);
  if (state.moments !== undefined) trainer.writeMoments(state.moments);
  const tuning = tuningProgram(trainer.session, config, { sites, probe });
  const from = state.step;
  const seen = looks.at(-1)?.step ?? -1;
  const loop = grow(trainer, {
    ...{ from, steps: to, rates: [lr], schedule: constantRate },
    sources: seeds.map((seed) =>
      fixedBatches(trainingSet(task, ["persistence", seed, "data"], sequences), batch),
    ),
    checkpoints: checkpoints.filter((step) => step >= from && step > seen && step <= to),
  });
  let next = await loop.next();
  for (; !next.done; next = await loop.next()) {
    const curves = await tuning.measure();
    looks.push({
      step: next.value.step,
      heldOut: await trainer.evaluate([unseen]), // [model, pos], nats
      tuning: layers.map((layer) => {
        const of = curves.get(\`blocks.\${layer}.mlp.hook_post\`)!;
        return { ...of, cellMean: Float64Array.from(Float32Array.from(of.cellMean)) }; // kept as float32
      }),
    });
  }
  losses.push(...next.value.losses);
  state = { step: to, weights: await trainer.readWeights(), moments: await trainer.readMoments() };
  trainer.session.close();
  return next.value.divergedAt;
}`;

/** From the looks to what the figures draw. */
export const dataCode = (name: string): string => `const floor = task.bayesFloor() ?? null;
const last = looks.at(-1);
const rows = (values) => seeds.map((_, model) => values.subarray(model * nPos, (model + 1) * nPos));
const heldOutLosses = looks.map((look) => rows(look.heldOut).map((row) => scoredMean(row, floor?.scored)));
const finiteMean = (values) => {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? Number.NaN : mean(finite);
};
const byPosition = Array.from({ length: nPos }, (_, pos) => finiteMean(rows(last.heldOut).map((row) => row[pos])));
const floors = task.bayesLoss(unseen);
const leakAt = floors === undefined ? [] : leaksByPosition(byPosition, floors, 512);

/** Mean over units of the correlation with an initialisation, the own or the neighbour's: [layer][checkpoint][model]. */
const kept = (options) =>
  layers.map((layer) =>
    looks.map(
      ({ tuning }) =>
        unitMeans(tuningCorrelation(looks[0].tuning[layer], tuning[layer], options), seeds.length).mean,
    ),
  );
const [own, neighbour] = [kept({}), kept({ partner: neighbourModel(seeds.length) })];
const bySeed = (values) => seeds.map((_, model) => values.map((of) => of[model]));
const data = {
  summary: {
    preset: ${JSON.stringify(name)},
    seeds,
    models: divergedAt.map((at) => ({ divergedAt: at })),
    loss: { heldOut: finiteMean(heldOutLosses.at(-1)), leak: leakAt.length > 0, leakAt },
  },
  config,
  checkpoints: looks.map(({ step }) => step),
  loss: {
    train: seeds.map((_, model) => Float64Array.from(losses, (of) => of[model])),
    heldOut: bySeed(heldOutLosses),
    heldOutByPosition: rows(last.heldOut),
    floor,
  },
  layers: layers.map((layer) => ({
    layer,
    tuningR: bySeed(own[layer]),
    tuningNullR: bySeed(neighbour[layer]),
  })),
};`;

/** Compares what was computed with the numbers of the page. */
export function comparisonCode(heldOut: readonly number[]): string {
  const numbers = heldOut.map((value) => (Number.isFinite(value) ? String(value) : "Number.NaN"));
  return `/** Held-out loss of every seed in the page, nats, with all its digits. */
const inThePage = [
${numbers.map((number) => `  ${number},`).join("\n")}
];
const equal = inThePage.filter((loss, model) => Object.is(loss, heldOutLosses.at(-1)[model])).length;
shown({ "text/plain": \`\${equal} of \${seeds.length} seeds have the page's loss, to the last bit\` });`;
}
