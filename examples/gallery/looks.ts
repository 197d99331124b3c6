/** Figures that look into networks then and now: eight seeds through training, seen with what the studio sees with. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import * as figures from "../../src/figures/index.ts";
import { type Network, openNetwork } from "../../src/interp/index.ts";
import { armsOf } from "../../src/studies/persistence/spec.ts";
import type { ArmCheckpoint } from "../../src/studies/population/gather.ts";
import { openPopulation } from "../../src/studies/population/openPopulation.ts";
import { probesOf } from "../../studio/src/lab/probes.ts";
import { coursesData } from "../../studio/src/views/attention/attentionData.ts";
import { compositionData, pairMapData, unitCells } from "../../studio/src/views/circuits/circuitsData.ts";
import {
  distributionData,
  lengthsData,
  lensName,
  lensProbabilities,
  planeData,
} from "../../studio/src/views/stream/streamData.ts";
import { initReference } from "../../studio/src/views/units/initNull.ts";
import { layerLook } from "../../studio/src/views/units/layerLook.ts";
import { lifeData, momentOf } from "../../studio/src/views/units/lifeData.ts";
import { attention } from "../../studio/src/workers/looks/attention.ts";
import { composition } from "../../studio/src/workers/looks/composition.ts";
import { drawHeads } from "../../studio/src/workers/looks/drawHeads.ts";
import { embeddings } from "../../studio/src/workers/looks/embeddings.ts";
import { headKinds } from "../../studio/src/workers/looks/headKinds.ts";
import { lens } from "../../studio/src/workers/looks/lens.ts";
import { pairMap } from "../../studio/src/workers/looks/pairMap.ts";
import { streamLengths } from "../../studio/src/workers/looks/streamLengths.ts";
import { config, init, largest, nPos, preset, range } from "./population.ts";

const steps = 160;
/** The networks of `palimpsest study persistence --preset causal --seeds 8`. */
const { spec: arm, models } = armsOf(preset, {
  ...{ presets: [preset], seeds: range(8), task: "patterns", init, optimizer: "adam", lr: 1e-3 },
  ...{ sequences: 500, batch: 32, stepsPerEpoch: 16, steps, probe: "trained" },
}).main;
/** Everything that may differ between seeds, and the one that is shown. */
const subject: figures.Subject = {
  name: `${preset} at step ${steps}`,
  seeds: models.length,
  time: "now",
};
const shown = 0;
const single = { ...subject, seed: models[shown].init };

/** What training left at every checkpoint. */
async function grown(): Promise<ArmCheckpoint[]> {
  const population = openPopulation(arm, models, wasmBackend());
  const looks: ArmCheckpoint[] = [];
  for await (const { kind, step } of population.grow({ checkpoints: arm.checkpoints }))
    if (kind === "checkpoint") looks.push({ step, ...(await population.look()) });
  population.close();
  return looks;
}

/** Something seen then and now. */
interface Both<T> {
  before: T;
  now: T;
}

/** What is seen at every checkpoint, and of the first and the last. */
function eyesOn(looks: readonly ArmCheckpoint[]) {
  const at = async <T>({ weights }: ArmCheckpoint, see: (network: Network) => Promise<T>): Promise<T> => {
    const network = openNetwork(wasmBackend(), config, weights);
    const seen = await see(network);
    network.close();
    return seen;
  };
  return {
    now: <T>(see: (network: Network) => Promise<T>) => at(looks[looks.length - 1], see),
    through: <T>(see: (network: Network) => Promise<T>) => inTurn(looks, (look) => at(look, see)),
    both: async <T>(see: (network: Network) => Promise<T>): Promise<Both<T>> => ({
      before: await at(looks[0], see),
      now: await at(looks[looks.length - 1], see),
    }),
  };
}
type Eyes = ReturnType<typeof eyesOn>;

const { repeated, task } = probesOf(arm);

/** Scores of every head at every checkpoint, over networks that are drawn as these were. */
async function courses(eyes: Eyes, looks: readonly ArmCheckpoint[]) {
  const { sequences } = repeated!;
  const drawn = { init, sequences };
  const seen = await eyes.through((network) => attention(network, { sequences }));
  const kinds = await eyes.now(async (network) => {
    // how many draws a class takes is known after the first
    const { needed } = await drawHeads(network, { ...drawn, more: 1 });
    await drawHeads(network, { ...drawn, more: needed });
    return headKinds(network, { ...drawn, model: null });
  });
  return figures.headCourses(
    coursesData(
      seen.map((one, i) => ({ step: looks[i].step, seen: one })),
      kinds,
      subject,
    ),
  );
}

/** What the lens reads in one sequence at one position, mean over seeds. */
async function lensAt(eyes: Eyes) {
  const [tokens] = task!.sequences;
  const { before, now } = await eyes.both((network) => lens(network, { tokens }));
  const mean = (seen: typeof now) => lensProbabilities(seen[0], models.length, null);
  return figures.lensDistribution(
    distributionData(
      { now: mean(now), before: mean(before) },
      {
        ...{ subject, lens: lensName(now[0], config.finalNorm), sites: now[0].sites },
        ...{ tokens, position: tokens.length - 2, dVocab: config.dVocab },
      },
    ),
  );
}

/** Which pairs of heads compose, in every network. */
async function composed(eyes: Eyes) {
  const seen = await eyes.both((network) => composition(network, { init }));
  return figures.compositionRows(compositionData(seen, { model: shown, subject: single })!);
}

/** Correlations of all pairs of neurons, then against now. */
async function pairs(eyes: Eyes, looks: readonly ArmCheckpoint[]) {
  const { dVocab, nLayers } = config;
  const cells = dVocab * arm.probe.nPos;
  const all = ({ sites }: ArmCheckpoint) =>
    range(models.length).map((model) => unitCells(sites, { layers: nLayers, model, cells })!.cells);
  const request = { now: all(looks[looks.length - 1]), before: all(looks[0]) };
  const seen = await eyes.now((network) =>
    pairMap(network, { ...request, dVocab, nPos: arm.probe.nPos, model: shown, bins: 20 }),
  );
  return figures.pairsThenAndNow(pairMapData(seen, single));
}

/** The life of the neuron of the last layer that tokens explained best before training. */
function life(looks: readonly ArmCheckpoint[]) {
  const layer = config.nLayers - 1;
  const [first, now] = [looks[0], looks[looks.length - 1]].map((look) => layerLook(look, layer, arm));
  const [unit] = largest(
    range(first.units),
    (one) => first.selectivity.token[shown * first.units + one] || 0,
    1,
  );
  const place = { unit, model: shown };
  return figures.unitLife(
    lifeData(
      looks,
      { before: momentOf(first, place), after: momentOf(now, place) },
      { layer, ...place, kind: "token", arm, models, reference: initReference(first.curves.token, first) },
    ),
  );
}

/** Every figure that needs networks at more than one time. */
export async function lookFigures(): Promise<figures.FigureSpec[]> {
  const looks = await grown();
  const eyes = eyesOn(looks);
  const lengths = await eyes.both((network) => streamLengths(network, task!));
  const tables = await eyes.now((network) =>
    embeddings(network, { model: shown, before: looks[0].weights, nPos }),
  );
  return [
    life(looks),
    await courses(eyes, looks),
    await lensAt(eyes),
    figures.streamNorms(lengthsData(lengths, { subject, probe: task!.says })),
    figures.embeddingPlane(planeData(tables, single)),
    await composed(eyes),
    await pairs(eyes, looks),
  ];
}
