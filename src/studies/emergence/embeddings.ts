/** How far a network comes of which only the embeddings and the unembedding are trained. */
import { inTurn } from "../../base/inTurn.ts";
import { growNetworks, lossesOf, unborn } from "../population/growth.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { type EmbeddingsArm, frozenBody } from "./arms.ts";
import { ENDS_RATE } from "./plan.ts";
import { unseen } from "./unseen.ts";

/** Held-out losses of one network, nats. */
export interface EmbeddingsTold {
  readonly kind: "embeddings";
  readonly untrained: number;
  readonly whole: number;
  readonly endsOnly: number;
  readonly divergedAt: number | null;
}

/** Grows every network twice from the same start on the same data: whole, and its ends alone. */
export async function measureEmbeddings(
  { growth, heldOut }: EmbeddingsArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<EmbeddingsTold[]> {
  const { config, steps } = growth;
  const sequences = unseen(growth, heldOut);
  const models = seeds.map((seed) => ({ init: seed, data: seed }));
  const grown = await inTurn(
    [growth, { ...growth, rate: ENDS_RATE, rateFactors: frozenBody(config) }],
    async (one, i) =>
      growNetworks(backend, one, models, {
        progress: (step, loss) => progress((i + step / steps) / 2, loss),
      }),
  );
  const [whole, endsOnly] = await inTurn(grown, async ({ weights }) =>
    lossesOf(backend, config, weights, sequences),
  );
  const untrained = await lossesOf(backend, config, unborn(growth, seeds), sequences);
  return seeds.map((_, model) => ({
    ...{ kind: "embeddings", untrained: untrained[model], whole: whole[model], endsOnly: endsOnly[model] },
    divergedAt: grown[0].divergedAt[model] ?? grown[1].divergedAt[model],
  }));
}
