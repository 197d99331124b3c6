/** Prefix matching of heads, from before the first step to the last. */
import { randomStream } from "../../base/random.ts";
import { headScores } from "../../interp/headScores.ts";
import { openNetwork } from "../../interp/network.ts";
import { repeatedTokens } from "../../interp/repeatedTokens.ts";
import { growNetworks, lossesOf } from "../population/growth.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { InductionArm } from "./arms.ts";
import { unseen } from "./unseen.ts";

/** What one network tells. */
export interface InductionTold {
  readonly kind: "induction";
  /** Steps that were looked at. */
  readonly steps: readonly number[];
  /** Prefix-matching score less that of uniform attention, [checkpoint][layer · heads + head]. */
  readonly scores: readonly (readonly number[])[];
  /** Held-out loss, nats, [checkpoint]. */
  readonly losses: readonly number[];
  readonly heads: number;
  readonly divergedAt: number | null;
}

const HELD_OUT = 256;

/** Grows the networks of an arm and scores every head at every checkpoint. */
export async function measureInduction(
  { growth, probes }: InductionArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<InductionTold[]> {
  const { config, study, steps } = growth;
  const half = Math.floor((config.nCtx - 1) / 2);
  const tokens = repeatedTokens({
    ...{ dVocab: config.dVocab, half, count: probes },
    stream: randomStream(study, "repeated tokens"),
  });
  const heldOut = unseen(growth, HELD_OUT);
  const scores = seeds.map((): number[][] => []);
  const losses = seeds.map((): number[] => []);
  const models = seeds.map((seed) => ({ init: seed, data: seed }));
  const { divergedAt } = await growNetworks(backend, growth, models, {
    progress: (step, loss) => progress(step / steps, loss),
    look: async (_, weights) => {
      const network = openNetwork(backend, config, weights);
      const { corrected } = (await headScores(network, tokens)).scores.induction; // [model, layer, head]
      network.close();
      const size = config.nLayers * config.nHeads;
      const loss = await lossesOf(backend, config, weights, heldOut);
      for (const [model, own] of scores.entries()) {
        own.push(Array.from(corrected.data.subarray(model * size, (model + 1) * size)));
        losses[model].push(loss[model]);
      }
    },
  });
  return seeds.map((_, model) => ({
    ...{ kind: "induction", steps: growth.checkpoints, heads: config.nHeads },
    ...{ scores: scores[model], losses: losses[model], divergedAt: divergedAt[model] },
  }));
}
