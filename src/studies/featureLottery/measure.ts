/** Grows the networks of an arm with their boosted twins, and tells who won in each. */
import { randomStream } from "../../base/random.ts";
import { finiteMean } from "../../train/grow.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { type LotteryArm, networkOf } from "./arms.ts";
import { boostEmbedding, boostUnits, otherThan, type WatchedFrequency, watchedFrequencies } from "./boost.ts";
import { type EmbeddingBoost, embeddingBoost, type UnitBoost, unitBoost } from "./boostEffect.ts";
import { embeddingShares } from "./embedding.ts";
import { type Draw, drawOf, type Picture, pictureOf } from "./lottery.ts";
import { plan } from "./plan.ts";
import { openAdders } from "./training.ts";

/** What one network and its twin tell. */
export interface LotteryTold {
  /** Share of pairs that are right after training, of the network and of its twin; NaN where it diverged. */
  readonly accuracy: readonly [plain: number, boosted: number];
  readonly draw: Draw;
  /** What the boost changed; of a perceptron's units, or of a transformer's embedding. */
  readonly boost: UnitBoost | EmbeddingBoost;
}

const REPORT_EVERY = 32;

/** Grows and measures the networks of some seeds. */
export async function measure(
  arm: LotteryArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<LotteryTold[]> {
  const network = networkOf(arm);
  const frequencies = (network.modulus - 1) / 2;
  const plain = seeds.map((seed) => network.draw(randomStream(plan.name, seed, "init")));
  const adders = openAdders(backend, network, arm, 2 * seeds.length);
  try {
    adders.write([...plain, ...plain]);
    const start = await adders.portrait();
    const first = seeds.map((_, model) => pictureOf(start, model, network.units));
    const embeddings =
      arm.kind === "transformer" ? plain.map((own) => embeddingShares(own["embed.W_E"], network)) : [];

    const watched = seeds.map((seed, model): readonly WatchedFrequency[] =>
      watchedFrequencies(randomStream(plan.name, seed, "boost"), first[model].leading, frequencies),
    );
    const inEmbedding = embeddings.map(({ leading }, model) => {
      const stream = randomStream(plan.name, seeds[model], "boost");
      return otherThan(stream.child("embedding"), leading[0], frequencies);
    });
    const twins = plain.map((own, model) =>
      arm.kind === "perceptron"
        ? boostUnits(network, own, watched[model])
        : boostEmbedding(network, own, inEmbedding[model]),
    );
    adders.write([...plain, ...twins]);

    const looks = seeds.map((_, model): Picture[] => [first[model]]);
    const checkpoints = new Set(arm.checkpoints);
    let end = start;
    for (let step = 1; step <= arm.steps; step++) {
      const loss = await adders.step(step);
      if (step % REPORT_EVERY === 0) progress(step / arm.steps, finiteMean(loss));
      if (!checkpoints.has(step)) continue;
      end = await adders.portrait();
      for (const [model, own] of looks.entries()) own.push(pictureOf(end, model, network.units));
    }
    return seeds.map((_, model): LotteryTold => {
      const last = looks[model][looks[model].length - 1];
      const twin = pictureOf(end, seeds.length + model, network.units);
      return {
        accuracy: [last.accuracy, twin.accuracy],
        draw: drawOf(looks[model]),
        boost:
          arm.kind === "perceptron"
            ? unitBoost(first[model], last, twin, watched[model])
            : embeddingBoost(embeddings[model], last, twin, inEmbedding[model]),
      };
    });
  } finally {
    adders.session.close();
  }
}
