/** Masks learned over the frozen initial network, and what they are compared with. */
import { learnMasks, type MaskRule } from "../../features/learnedMasks.ts";
import { applyMasks, lotteryMasks, type MaskCriterion, matrixNames } from "../../features/lotteryMasks.ts";
import { type MaskOverlap, maskOverlap, shareByMagnitude } from "../../features/maskOverlap.ts";
import { keptWeights } from "../../features/unitMasks.ts";
import type { Backend } from "../../graph/backend.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { optimizers } from "../../train/optimizers.ts";
import type { Schedule } from "../../train/schedules.ts";
import { feed } from "../population/growth.ts";
import type { Parents } from "./subnetworks.ts";
import { mainKeep, ticketName } from "./tickets.ts";

/** Shares of each matrix that learned masks keep. */
export const learnedKeeps = [0.5, mainKeep] as const;

/** One way of learning masks; every share is asked. */
export interface LearnedArm {
  readonly arm: string;
  readonly rule: MaskRule;
  /** Masked matrices are divided by the share that stays, so that sums keep their size. */
  readonly rescaled: boolean;
  readonly rate: number;
}

/**
 * The ways of learning masks.
 *
 * Momentum and the fall of the rate are the papers'; the rates are ours. They were chosen on four networks that are not
 * of the study, from 1, 10, 30 and 100 (edge-popup) and 100, 300 and 1000 (Bernoulli), by the loss of the final masks;
 * what is rescaled takes the rate of what is not. Scores do not decay.
 *
 * @source Ramanujan et al. 2020 (momentum 0.9, cosine); Zhou et al. 2019, section 5, for rescaling (their "dynamic weight
 * rescaling")
 */
export const learnedArms: readonly LearnedArm[] = [
  { arm: "edge-popup", rule: "edge-popup", rescaled: false, rate: 30 },
  { arm: "edge-popup rescaled", rule: "edge-popup", rescaled: true, rate: 30 },
  { arm: "bernoulli", rule: "bernoulli", rescaled: false, rate: 300 },
];
/** Populations of masks that are learned: the shares of the display. */
export const learnings = learnedKeeps.length * learnedArms.length;
const schedule: Schedule = { warmup: 0, decay: "cosine", final: 0 };

/** What arms and references are called where a reader sees them. */
export const learnedLabels: Readonly<Record<string, string>> = {
  "edge-popup": "learned: edge-popup",
  "edge-popup rescaled": "learned: edge-popup, rescaled",
  bernoulli: "learned: Bernoulli",
  "same sign": "large final, same sign",
  "same sign rescaled": "large final, same sign, rescaled",
  random: "random",
  "random rescaled": "random, rescaled",
};

/** The masks that learned ones are compared with, by name. */
const references: Readonly<Record<string, MaskCriterion>> = {
  "same sign": "large final same sign",
  random: "random",
};

/** How alike a learned mask and the ticket's are, all matrices together. */
export interface LearnedOverlap {
  readonly jaccard: number;
  /** Mean over random masks of the same sizes. */
  readonly expectedJaccard: number;
  /** Share of the ticket's entries that the learned mask keeps too. */
  readonly share: number;
  /** The same of masks that are random but for how many weights of each initial magnitude they keep. */
  readonly shareByMagnitude: number;
}

/** What a seed tells of learned masks. */
export interface SeedLearned {
  /** Held-out loss by `{arm or reference} {kept in percent}`, nothing trained; nats. */
  readonly losses: Readonly<Record<string, number>>;
  /** Held-out loss with the matrices of the blocks trained and all else frozen, nats; NaN if diverged. */
  readonly matricesTrained: number;
  /** Held-out loss of the network under the edge-popup mask at 20 % trained from its own values, nats; NaN if diverged. */
  readonly maskTrained: number;
  /** Mean probability of an entry at the end, by `bernoulli {share at the beginning, in percent}`: the rule does not hold it. */
  readonly probability: Readonly<Record<string, number>>;
  /** Beside the ticket's mask of the same share, by `{arm} {kept in percent}`. */
  readonly overlaps: Readonly<Record<string, LearnedOverlap>>;
  /** Weights of each MLP unit that the mask at 20 % keeps, by arm and layer, [unit]. */
  readonly kept: Readonly<Record<string, readonly Float64Array[]>>;
}

/** What the masks of a job are, before their losses are known. */
export interface LearnedPopulations {
  /** Networks whose losses are to be measured; nothing of them is trained. */
  readonly networks: readonly { readonly name: string; readonly weights: Weights }[];
  /** Masks by `{arm} {kept in percent}`, [model, ...shape]. */
  readonly masks: ReadonlyMap<string, Weights>;
  /** See {@link SeedLearned}; [model]. */
  readonly probability: ReadonlyMap<string, Float64Array>;
}

/** Factors of the learning rate that freeze all but the matrices of the blocks. */
export function matricesOnly(config: ModelConfig): Record<string, number> {
  const trained = new Set(matrixNames(config));
  return Object.fromEntries(
    [...weightShapes(config).keys()].filter((name) => !trained.has(name)).map((name) => [name, 0]),
  );
}

/** The network with the matrices of the blocks divided by the share that stays. */
function rescaledBy(config: ModelConfig, weights: Weights, keep: number): Weights {
  const names = new Set(matrixNames(config));
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [
      name,
      names.has(name) ? values.map((value) => value / keep) : values,
    ]),
  );
}

/**
 * Learns the masks of all arms on the sequences that the whole networks were trained on.
 *
 * @param progress  told how many of the {@link learnings} are done, and the loss
 */
export async function learnAllMasks(
  backend: Backend,
  { growth, seeds, initial, final, draws }: Pick<Parents, "growth" | "seeds" | "initial" | "final" | "draws">,
  progress: (done: number, loss: number) => void,
): Promise<LearnedPopulations> {
  const { config, steps } = growth;
  const sources = seeds.map((seed) => feed(growth, seed));
  const networks: { name: string; weights: Weights }[] = [];
  const masks = new Map<string, Weights>();
  const probability = new Map<string, Float64Array>();
  for (const keep of learnedKeeps) {
    const rescaled = rescaledBy(config, initial, keep);
    for (const { arm, rule, rescaled: isRescaled, rate } of learnedArms) {
      const name = ticketName(arm, keep);
      const values = isRescaled ? rescaled : initial;
      const found = await learnMasks(backend, config, values, {
        ...{ rule, keep, rate, schedule, steps, sources, optimizer: optimizers.sgd },
        streams: draws(`learned mask, ${rule}`),
        progress: (step, loss) => progress(masks.size + step / steps, loss),
      });
      networks.push({ name, weights: applyMasks(values, found.masks) });
      masks.set(name, found.masks);
      if (rule === "bernoulli") probability.set(name, meanProbabilities(found.scores, seeds.length));
    }
    for (const [name, criterion] of Object.entries(references)) {
      const mask = lotteryMasks(
        config,
        criterion,
        { initial, final },
        { keep, streams: draws("random mask") },
      );
      networks.push({ name: ticketName(name, keep), weights: applyMasks(initial, mask) });
      networks.push({ name: ticketName(`${name} rescaled`, keep), weights: applyMasks(rescaled, mask) });
    }
  }
  return { networks, masks, probability };
}

/** Mean of 1 / (1 + e^−s) over all entries, [model]. */
function meanProbabilities(scores: Weights, models: number): Float64Array {
  const means = new Float64Array(models);
  const tensors = Object.values(scores);
  const entries = tensors.reduce((total, of) => total + of.length / models, 0);
  for (const of of tensors)
    of.forEach((score, at) => {
      means[Math.floor((at * models) / of.length)] += 1 / (1 + Math.exp(-score)) / entries;
    });
  return means;
}

/** Overlap of two masks over all matrices, each counted by its entries, [model]. */
function overlapOf(ticket: Weights, learned: Weights, initial: Weights, models: number): LearnedOverlap[] {
  const overlaps = maskOverlap(ticket, learned, models);
  const names = Object.keys(ticket);
  const entries = names.reduce((total, name) => total + ticket[name].length, 0);
  const alike = shareByMagnitude(ticket, learned, initial, { models });
  const weighted = (of: (name: string) => number) =>
    names.reduce((total, name) => total + (of(name) * ticket[name].length) / entries, 0);
  const over = (kind: keyof MaskOverlap, model: number) =>
    weighted((name) => overlaps.get(name)?.[kind][model] ?? Number.NaN);
  return Array.from({ length: models }, (_, model) => ({
    jaccard: over("jaccard", model),
    expectedJaccard: over("expectedJaccard", model),
    share: over("share", model),
    shareByMagnitude: weighted((name) => alike.get(name)?.[model] ?? Number.NaN),
  }));
}

/**
 * What each seed tells of its learned masks, [seed].
 *
 * @param losses  of the networks of `populations` by name, [seed]
 */
export function tellLearned(
  { growth: { config }, seeds, initial, final }: Pick<Parents, "growth" | "seeds" | "initial" | "final">,
  { masks, probability }: LearnedPopulations,
  losses: Readonly<Record<string, Float64Array>>,
  { matricesTrained, maskTrained }: { matricesTrained: Float64Array; maskTrained: Float64Array },
): SeedLearned[] {
  const overlaps = learnedKeeps.flatMap((keep) => {
    const ticket = lotteryMasks(config, "large final", { initial, final }, { keep });
    return learnedArms.map(({ arm }) => {
      const name = ticketName(arm, keep);
      return [name, overlapOf(ticket, masks.get(name) ?? {}, initial, seeds.length)] as const;
    });
  });
  const kept = learnedArms.map(({ arm }) => {
    const mask = masks.get(ticketName(arm, mainKeep)) ?? {};
    return [
      arm,
      Array.from({ length: config.nLayers }, (_, layer) => keptWeights(config, mask, layer)),
    ] as const;
  });
  const ownUnits = (of: Float64Array, model: number) =>
    of.slice(model * config.dMlp, (model + 1) * config.dMlp);
  return seeds.map((_, model) => ({
    losses: Object.fromEntries(Object.entries(losses).map(([name, of]) => [name, of[model]])),
    matricesTrained: matricesTrained[model],
    maskTrained: maskTrained[model],
    probability: Object.fromEntries([...probability].map(([name, of]) => [name, of[model]])),
    overlaps: Object.fromEntries(overlaps.map(([name, of]) => [name, of[model]])),
    kept: Object.fromEntries(kept.map(([arm, layers]) => [arm, layers.map((of) => ownUnits(of, model))])),
  }));
}
