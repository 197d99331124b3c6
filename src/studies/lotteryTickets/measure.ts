/** What one seed tells: losses of all its subnetworks, overlaps of masks, and the units of the whole network. */
import { randomStream } from "../../base/random.ts";
import { heldOut, sliceSequences } from "../../data/batches.ts";
import { latinBlocks } from "../../data/probes.ts";
import { taskNamed } from "../../data/registry.ts";
import type { Sequences } from "../../data/types.ts";
import { type LotteryMaskOptions, lotteryMasks, type MaskCriterion } from "../../features/lotteryMasks.ts";
import { maskOverlap } from "../../features/maskOverlap.ts";
import { tuningCorrelation } from "../../features/persistence.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { unitFitness } from "../../features/unitFitness.ts";
import { keptWeights, unitWeightNames } from "../../features/unitMasks.ts";
import { varianceComponents } from "../../features/varianceComponents.ts";
import type { Backend } from "../../graph/backend.ts";
import { ablate } from "../../interp/ablation.ts";
import { lossMetric } from "../../interp/metrics.ts";
import { openNetwork } from "../../interp/network.ts";
import { hook, type SiteName } from "../../model/hookPoints.ts";
import { initialPopulation } from "../../model/init.ts";
import { modelCount, stackWeights, type Weights } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { type Growth, type GrowthOptions, growNetworks, lossesOf, unborn } from "../population/growth.ts";
import { openTuning } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { TicketsArm } from "./arms.ts";
import { learnAllMasks, learnings, matricesOnly, type SeedLearned, tellLearned } from "./learned.ts";
import { masksOf, type Parents, pruneInRounds, supermasksOf, ticketOf, valuesOf } from "./subnetworks.ts";
import { mainKeep, rounds, type Ticket, ticketName, tickets } from "./tickets.ts";

/** The MLP units of a layer, [unit]; NaN for what a dead unit does not have. */
export interface LayerUnits {
  /** Correlation of the tuning curves before and after training, over all cells. */
  readonly persistence: Float64Array;
  /** eta² of token and position together, before training. */
  readonly selectivity: Float64Array;
  /** {@link unitFitness} before training. */
  readonly fitness: Float64Array;
  /** Loss that mean ablation adds after training, nats. */
  readonly importance: Float64Array;
  /** Norm of the fan-in before training. */
  readonly fanIn: Float64Array;
  /** Weights that the 20 % ticket keeps, of 2 dModel. */
  readonly kept: Float64Array;
}

/** How much of the 20 % ticket's mask of one matrix another mask has too. */
export interface TensorOverlap {
  readonly name: string;
  /** Entries of the matrix. */
  readonly entries: number;
  /** Share of the ticket's entries, by the other mask's criterion. */
  readonly share: Readonly<Record<string, number>>;
  readonly expectedShare: number;
  readonly jaccard: Readonly<Record<string, number>>;
  readonly expectedJaccard: number;
}

/** What a seed tells. */
export interface SeedTickets {
  /** Held-out loss by the name of the ticket, nats; `dense` the whole network, `untrained` it before training. NaN if diverged. */
  readonly losses: Readonly<Record<string, number>>;
  /** Held-out loss without training by `{mask} {kept in percent}`, nats. */
  readonly supermasks: Readonly<Record<string, number>>;
  readonly overlaps: readonly TensorOverlap[];
  /** By layer. */
  readonly units: readonly LayerUnits[];
  /** Masks learned while the weights are frozen. */
  readonly learned: SeedLearned;
}

/** Far from every seed that is run. */
const otherDataOffset = 100_000;
/** The criteria that the ticket's mask is compared with. */
const comparedCriteria = [
  "initial magnitude",
  "movement",
  "random",
] as const satisfies readonly MaskCriterion[];

/** Grows the networks of some seeds, finds their tickets and trains them. */
export async function measure(
  arm: TicketsArm,
  seeds: readonly number[],
  context: MeasureContext,
): Promise<SeedTickets[]> {
  const { growth } = arm;
  const { config, study } = growth;
  const { backend, progress } = context;
  // dense, the rounds between, every ticket, learned masks and their two trainings: the shares of the display
  const trainings = rounds + tickets.length + learnings + 2;
  let done = 0;
  const dataOf = (other = false) => seeds.map((seed) => (other ? seed + otherDataOffset : seed));
  /** Trains populations of the same seeds side by side: they differ in start, masks and data. */
  const train = async (of: Growth, data: readonly (readonly number[])[], options: GrowthOptions = {}) => {
    const grown = await growNetworks(
      backend,
      of,
      data.flatMap((own) => own.map((each, i) => ({ init: seeds[i], data: each }))),
      {
        ...options,
        progress: (step, loss) => progress((done + (data.length * step) / of.steps) / trainings, loss),
      },
    );
    done += data.length;
    return grown;
  };
  const draws = (purpose: string) => seeds.map((seed) => randomStream(study, seed, purpose));
  const initial = unborn(growth, seeds);
  let early = initial;
  const dense = await train(growth, [dataOf()], {
    look: (_, weights) => {
      early = weights;
    },
  });
  const final = dense.weights;
  const fresh = initialPopulation(config, growth.init, draws("init again"));
  const unseen = heldOut(
    taskNamed(growth.task, { dVocab: config.dVocab, nCtx: config.nCtx }),
    streams.heldOut(study),
    arm.heldOut,
  );

  const iterative = await pruneInRounds(
    initial,
    final,
    growth,
    async (masks) => (await train(growth, [dataOf()], ticketOf(initial, masks))).weights,
  );
  const units = await unitsOf(arm, { initial, final, unseen, backend, draws });
  const parents: Parents = { growth, seeds, initial, early, final, fresh, units, iterative, draws };

  const ended: { name: string; weights: Weights; diverged: readonly (number | null)[] }[] = [
    { name: "untrained", weights: initial, diverged: seeds.map(() => null) },
    { name: "dense", weights: final, diverged: dense.divergedAt },
  ];
  for (const group of alike(tickets.map((ticket) => ({ ticket, masks: masksOf(ticket, parents) })))) {
    const subnetworks = group.map(({ ticket, masks }) => ticketOf(valuesOf(ticket, masks, parents), masks));
    const steps = group[0].ticket.values === "early" ? growth.steps - arm.earlyStep : growth.steps;
    const grown = await train(
      { ...growth, steps, checkpoints: [] },
      group.map(({ ticket }) => dataOf(ticket.otherData)),
      {
        start: stackWeights(
          config,
          subnetworks.map(({ start }) => start),
        ),
        masks: joined(group.map(({ masks }) => masks)),
      },
    );
    group.forEach(({ ticket }, i) => {
      const [from, to] = [i * seeds.length, (i + 1) * seeds.length];
      ended.push({
        name: ticket.name,
        weights: modelsOf(grown.weights, from, to, group.length * seeds.length),
        diverged: grown.divergedAt.slice(from, to),
      });
    });
  }
  const losses = await lossesByName(backend, growth, ended, unseen);
  const supermasks = await lossesByName(backend, growth, supermasksOf(parents), unseen);
  const masks = await learnAllMasks(backend, parents, (learned, loss) =>
    progress((done + learned) / trainings, loss),
  );
  done += learnings;
  const learnedLosses = await lossesByName(backend, growth, masks.networks, unseen);
  /** Losses after training, [seed]; NaN where it diverged. */
  const trainedTo = async (of: Growth, options: GrowthOptions = {}) => {
    const { weights, divergedAt } = await train({ ...of, checkpoints: [] }, [dataOf()], options);
    const losses = await lossesOf(backend, config, weights, unseen);
    return losses.map((loss, model) => (divergedAt[model] === null ? loss : Number.NaN));
  };
  const learned = tellLearned(parents, masks, learnedLosses, {
    matricesTrained: await trainedTo({ ...growth, rateFactors: matricesOnly(config) }),
    maskTrained: await trainedTo(
      growth,
      ticketOf(initial, masks.masks.get(ticketName("edge-popup", mainKeep)) ?? {}),
    ),
  });
  const overlaps = overlapsOf(parents);
  const ticketMasks = lotteryMasks(config, "large final", parents, { keep: mainKeep });
  return seeds.map((_, model) => {
    const { dMlp } = config;
    const own = (values: Float64Array) => values.slice(model * dMlp, (model + 1) * dMlp);
    const diverged = new Set(ended.filter((of) => of.diverged[model] !== null).map(({ name }) => name));
    return {
      losses: Object.fromEntries(
        Object.entries(losses).map(([name, of]) => [name, diverged.has(name) ? Number.NaN : of[model]]),
      ),
      supermasks: Object.fromEntries(Object.entries(supermasks).map(([name, of]) => [name, of[model]])),
      overlaps: overlaps[model],
      units: Array.from({ length: config.nLayers }, (_, layer) => ({
        persistence: own(units.persistence[layer]),
        selectivity: own(units.selectivity[layer]),
        fitness: own(units.fitness[layer]),
        importance: own(units.importance[layer]),
        fanIn: own(fanInNorms(initial[unitWeightNames(layer).into], seeds.length, dMlp)),
        kept: own(keptWeights(config, ticketMasks, layer)),
      })),
      learned: learned[model],
    };
  });
}

/** A ticket with its masks. */
interface MaskedTicket {
  readonly ticket: Ticket;
  readonly masks: Weights;
}

/** Tickets that can be trained side by side, which spares programs: those with masks of the same weights and as many steps. */
function alike(masked: readonly MaskedTicket[]): MaskedTicket[][] {
  const groups = new Map<string, MaskedTicket[]>();
  for (const one of masked) {
    const key = `${one.ticket.values === "early"} ${Object.keys(one.masks).join(" ")}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

/** Masks of several populations one after the other along the model axis. */
function joined(parts: readonly Weights[]): Weights {
  return Object.fromEntries(
    Object.keys(parts[0]).map((name) => [name, Float32Array.from(parts.flatMap((part) => [...part[name]]))]),
  );
}

/** Some models of a population of `models`. */
function modelsOf(weights: Weights, from: number, to: number, models: number): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      const each = values.length / models;
      return [name, values.slice(from * each, to * each)];
    }),
  );
}

/** By model, the overlap of the ticket's masks with others. */
function overlapsOf(parents: Parents): TensorOverlap[][] {
  const { growth, seeds, draws } = parents;
  const options: LotteryMaskOptions = { keep: mainKeep, streams: draws("random mask") };
  const ticket = lotteryMasks(growth.config, "large final", parents, options);
  const found = comparedCriteria.map((criterion) => ({
    criterion,
    tensors: maskOverlap(ticket, lotteryMasks(growth.config, criterion, parents, options), seeds.length),
  }));
  return seeds.map((_, model) =>
    Object.entries(ticket).map(([name, mask]) => {
      const of = (kind: "share" | "expectedShare" | "jaccard" | "expectedJaccard") =>
        found.map(
          ({ criterion, tensors }) => [criterion, tensors.get(name)?.[kind][model] ?? Number.NaN] as const,
        );
      return {
        name,
        entries: mask.length / seeds.length,
        share: Object.fromEntries(of("share")),
        expectedShare: of("expectedShare")[0][1],
        jaccard: Object.fromEntries(of("jaccard")),
        expectedJaccard: of("expectedJaccard")[0][1],
      };
    }),
  );
}

/** Losses by name, [seed]: all networks are evaluated side by side, so that one program serves them. */
async function lossesByName(
  backend: Backend,
  { config }: Growth,
  populations: readonly { name: string; weights: Weights }[],
  unseen: Sequences,
): Promise<Record<string, Float64Array>> {
  const all = stackWeights(
    config,
    populations.map(({ weights }) => weights),
  );
  const losses = await lossesOf(backend, config, all, unseen);
  const each = losses.length / populations.length;
  return Object.fromEntries(populations.map(({ name }, i) => [name, losses.slice(i * each, (i + 1) * each)]));
}

/** Scores of the MLP units by layer, [model, unit]. */
async function unitsOf(
  arm: TicketsArm,
  {
    initial,
    final,
    unseen,
    backend,
    draws,
  }: Pick<Parents, "initial" | "final" | "draws"> & { unseen: Sequences; backend: Backend },
): Promise<Parents["units"]> {
  const { config, study } = arm.growth;
  const { dVocab, nCtx, dMlp, nLayers } = config;
  const models = modelCount(config, initial);
  const sites: SiteName[] = Array.from({ length: nLayers }, (_, layer) => hook.mlpPost(layer));
  const probe = latinBlocks({
    ...{ dVocab, nPos: nCtx - 1, blocks: arm.probeBlocks },
    stream: randomStream(...streams.probe(study)),
  });
  const tuning = openTuning(backend, config, models, { sites, probe });
  const before = await tuning.measure(initial);
  const after = await tuning.measure(final);
  tuning.close();
  const some = sliceSequences(unseen, { start: 0, count: arm.unitSequences });
  const network = openNetwork(backend, config, initial);
  const fitness = await unitFitness(network, some, sites);
  network.writeWeights(final);
  const rows = (of: Int32Array) =>
    Array.from({ length: some.count }, (_, n) => Array.from(of.subarray(n * some.nPos, (n + 1) * some.nPos)));
  const { impact } = await ablate(network, rows(some.inputs), {
    ...{ over: [hook.mlpPost("all")], by: ["layer", "unit"], how: "mean" },
    metric: lossMetric(rows(some.targets)),
  });
  network.close();
  const at = (of: ReadonlyMap<string, TuningCurves>, site: SiteName) => of.get(site) as TuningCurves;
  return {
    persistence: sites.map((site) => tuningCorrelation(at(before, site), at(after, site))),
    selectivity: sites.map((site) => {
      const { eta2 } = varianceComponents(at(before, site));
      return eta2.token.map((share, i) => share + eta2.position[i]);
    }),
    fitness: sites.map((site) => fitness.get(site) ?? new Float64Array()),
    importance: sites.map((_, layer) =>
      Float64Array.from({ length: models * dMlp }, (_, i) => {
        const model = Math.floor(i / dMlp);
        return impact.estimate.data[(model * nLayers + layer) * dMlp + (i % dMlp)];
      }),
    ),
    random: sites.map((_, layer) =>
      Float64Array.from(
        draws("random units").flatMap((stream) => {
          const own = stream.child(layer);
          return Array.from({ length: dMlp }, () => own.uniform());
        }),
      ),
    ),
  };
}

/** Euclidean norms of the columns of W_in, [model, unit]. */
function fanInNorms(into: Weights[string], models: number, units: number): Float64Array {
  const squares = new Float64Array(models * units);
  const perModel = into.length / models;
  into.forEach((weight, at) => {
    squares[Math.floor(at / perModel) * units + (at % units)] += weight * weight;
  });
  return squares.map(Math.sqrt);
}
