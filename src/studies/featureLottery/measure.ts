/** Grows the networks of an arm with their boosted twins, and tells who won in each. */
import { randomStream } from "../../base/random.ts";
import { finiteMean } from "../../train/grow.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { type LotteryArm, networkOf } from "./arms.ts";
import type { EmbeddingBoost, UnitBoost } from "./boostEffect.ts";
import { streamOfNumbers } from "./boostUnitsOfTransformer.ts";
import { type Draw, drawOf, type Picture, pictureOf, spectraOf } from "./lottery.ts";
import { plan } from "./plan.ts";
import { openAdders, type Portrait } from "./training.ts";
import { type Newborn, twinOf } from "./twins.ts";

/** What a boost changed, and the share of pairs that its twin gets right after training; NaN where it diverged. */
export type TwinTold = (UnitBoost | EmbeddingBoost) & { readonly accuracy: number };

/** What one network and its twins tell. */
export interface LotteryTold {
  /** Share of pairs that are right after training; NaN where it diverged. */
  readonly accuracy: number;
  readonly draw: Draw;
  /** One a twin, in the order of {@link LotteryArm.twins}. */
  readonly boosts: readonly TwinTold[];
}

const REPORT_EVERY = 32;

/** Grows and measures the networks of some seeds. */
export async function measure(
  arm: LotteryArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<LotteryTold[]> {
  const network = networkOf(arm);
  const { units } = network;
  const plain = seeds.map((seed) => network.draw(randomStream(plan.name, seed, "init")));
  // the networks, then the first twin of each, then the second of each
  const adders = openAdders(backend, network, arm, (1 + arm.twins.length) * seeds.length);
  try {
    adders.write([plain, ...arm.twins.map(() => plain)].flat());
    const unboosted = await adders.portrait();
    const stream = arm.kind === "transformer" ? await streamOfNumbers(adders.session, network) : [];
    const width = stream.length / ((1 + arm.twins.length) * seeds.length);
    const born = plain.map((weights, model): Newborn => {
      const read = Array.from({ length: width }, (_, i) => stream[model * width + i]);
      return { weights, picture: pictureOf(unboosted, model, units), stream: read };
    });
    const twins = arm.twins.map((kind) =>
      born.map((own, model) =>
        twinOf(kind, arm, network, own, randomStream(plan.name, seeds[model], "boost")),
      ),
    );
    adders.write([plain, ...twins.map((own) => own.map(({ weights }) => weights))].flat());
    const start = await adders.portrait();

    const looks = born.map(({ picture }): Picture[] => [picture]);
    const checkpoints = new Set(arm.checkpoints);
    let end = start;
    for (let step = 1; step <= arm.steps; step++) {
      const loss = await adders.step(step);
      if (step % REPORT_EVERY === 0) progress(step / arm.steps, finiteMean(loss));
      if (!checkpoints.has(step)) continue;
      end = await adders.portrait();
      for (const [model, own] of looks.entries()) own.push(pictureOf(end, model, units));
    }
    const both = (model: number) => firstAndLast(start, end, model, units);
    return seeds.map((_, model): LotteryTold => {
      const own = both(model);
      return {
        accuracy: own.last.accuracy,
        draw: drawOf(looks[model]),
        boosts: twins.map((ofSeeds, t): TwinTold => {
          const twin = both((1 + t) * seeds.length + model);
          return { ...ofSeeds[model].effect(own, twin), accuracy: twin.last.accuracy };
        }),
      };
    });
  } finally {
    adders.session.close();
  }
}

/** One model of a population before and after training. */
function firstAndLast(start: Portrait, end: Portrait, model: number, units: number) {
  return {
    first: pictureOf(start, model, units),
    spectra: spectraOf(start.spectra, model, units),
    last: pictureOf(end, model, units),
  };
}
