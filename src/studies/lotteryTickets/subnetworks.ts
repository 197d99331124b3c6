/** From whole networks to their subnetworks: masks, the values under them, pruning in rounds. */
import type { RandomStream } from "../../base/random.ts";
import {
  applyMasks,
  type LotteryMaskOptions,
  lotteryMasks,
  type MaskCriterion,
  matrixNames,
} from "../../features/lotteryMasks.ts";
import { permutedValues, signedConstants, withSignsOf } from "../../features/ticketValues.ts";
import { unitMasks } from "../../features/unitMasks.ts";
import type { Weights } from "../../model/weights.ts";
import type { Growth } from "../population/growth.ts";
import { keeps, mainKeep, rounds, type Ticket, ticketName, type UnitScore } from "./tickets.ts";

/** The whole networks of a job, and everything that masks and values are made from. */
export interface Parents {
  readonly growth: Growth;
  readonly seeds: readonly number[];
  readonly initial: Weights;
  readonly early: Weights;
  readonly final: Weights;
  readonly fresh: Weights;
  readonly units: Readonly<Record<Exclude<UnitScore, "change">, readonly Float64Array[]>>;
  readonly iterative: Weights;
  /** Streams of a purpose, one a seed. */
  draws(purpose: string): RandomStream[];
}

/** A subnetwork as training takes it: what is not kept is 0 and stays so. */
export const ticketOf = (values: Weights, masks: Weights) => ({ start: applyMasks(values, masks), masks });

/** Masks of the large weights, found by training and pruning in turn; every round begins with the initial values. */
export async function pruneInRounds(
  initial: Weights,
  first: Weights,
  { config }: Growth,
  trained: (masks: Weights) => Promise<Weights>,
): Promise<Weights> {
  let final = first;
  let within: Weights | undefined;
  for (let round = 1; round < rounds; round++) {
    const keep = mainKeep ** (round / rounds);
    within = lotteryMasks(config, "large final", { initial, final }, { keep, within });
    final = await trained(within);
  }
  return lotteryMasks(config, "large final", { initial, final }, { keep: mainKeep, within });
}

/** The masks of a ticket, [model, ...shape]. */
export function masksOf({ mask, keep, everywhere }: Ticket, parents: Parents): Weights {
  const { growth, units, iterative, draws } = parents;
  if (mask === "iterative") return iterative;
  if (typeof mask === "string") {
    const names = matrixNames(growth.config, everywhere ? "all" : "blocks");
    const options: LotteryMaskOptions = { keep, names, streams: draws("random mask") };
    return lotteryMasks(growth.config, mask, parents, options);
  }
  const scores =
    mask.units === "change" ? units.persistence.map((of) => of.map((r) => -r)) : units[mask.units];
  return unitMasks(growth.config, scores, keep);
}

/** What the weights of a ticket begin with, before they are masked. */
export function valuesOf({ values }: Ticket, masks: Weights, parents: Parents): Weights {
  const { growth, seeds, initial, early, fresh, draws } = parents;
  const names = matrixNames(growth.config);
  const isOfBlock = (name: string) => name.startsWith("blocks.");
  const mixed = (newOnes: (name: string) => boolean): Weights =>
    Object.fromEntries(
      Object.entries(initial).map(([name, own]) => [name, newOnes(name) ? fresh[name] : own]),
    );
  const maskedOnly = (of: Weights): Weights => Object.fromEntries(names.map((name) => [name, of[name]]));
  switch (values) {
    case "own":
      return initial;
    case "new":
      return fresh;
    case "new, own signs":
      // only where masks are: with new embeddings the old signs would belong to nothing
      return { ...initial, ...maskedOnly(withSignsOf(fresh, initial, { names })) };
    case "new embeddings":
      return mixed((name) => !isOfBlock(name));
    case "new blocks":
      return mixed(isOfBlock);
    case "exchanged":
      return permutedValues(initial, masks, { streams: draws("exchange"), signs: "move" });
    case "exchanged, own signs":
      return permutedValues(initial, masks, { streams: draws("exchange"), signs: "stay" });
    case "signs":
      return signedConstants(initial, { names, models: seeds.length });
    case "early":
      return early;
  }
}

/** Initial networks under masks, as they are. */
export function supermasksOf(parents: Parents): { name: string; weights: Weights }[] {
  const { growth, seeds, initial, draws } = parents;
  const { config } = growth;
  const constants = signedConstants(initial, { names: matrixNames(config), models: seeds.length });
  return keeps.flatMap((keep) => {
    const under = (criterion: MaskCriterion, values = initial) =>
      applyMasks(values, lotteryMasks(config, criterion, parents, { keep, streams: draws("random mask") }));
    return [
      { name: ticketName("large final", keep), weights: under("large final") },
      { name: ticketName("large final same sign", keep), weights: under("large final same sign") },
      {
        name: ticketName("same sign, signed constants", keep),
        weights: under("large final same sign", constants),
      },
      { name: ticketName("initial magnitude", keep), weights: under("initial magnitude") },
      { name: ticketName("random", keep), weights: under("random") },
    ];
  });
}
