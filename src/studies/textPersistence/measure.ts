/** What the networks of one seed of S15 tell: courses of loss and persistence, and what stands at their ends. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { originalCriterion } from "../../features/criterion.ts";
import { networkDisplacement } from "../../features/displacement.ts";
import { integratedImportance } from "../../features/gradientImportance.ts";
import { identityRecovery } from "../../features/identityRecovery.ts";
import { type WeightedPersistence, weightedPersistence } from "../../features/importance.ts";
import { displacementOf, drawDirection, matchedNoise } from "../../features/matchedNoise.ts";
import { tuningCorrelation } from "../../features/persistence.ts";
import { type TextCurves, textPersistence, textSelectivity } from "../../features/textCurves.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import { unitMatching } from "../../features/unitMatching.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import type { Backend } from "../../graph/backend.ts";
import { lossMetric } from "../../interp/metrics.ts";
import { openNetwork } from "../../interp/network.ts";
import { hook } from "../../model/hookPoints.ts";
import { type InitOptions, initialPopulation } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { lossesOf, trainNetworks } from "../population/growth.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { beginnings, type Condition, type MatchedArm, type TextPersistenceArm, TWIN } from "./arms.ts";
import { asCells, type Looks, type OnText, openLooks } from "./look.ts";
import { layers, plan } from "./plan.ts";
import { type Library, library } from "./reading.ts";
import type {
  ConditionTold,
  CriterionTold,
  Factor,
  LayerEnd,
  MatchedTold,
  ScalesTold,
  TextPersistenceTold,
  TwinTold,
} from "./told.ts";

/** Share of a layer's neurons that the criterion follows: the original's five of 64. */
const FOLLOWED = 5 / 64;

/** Networks before training, [model, ...shape]. */
function unborn({ config }: Library, init: InitOptions, seeds: readonly number[]): Weights {
  return initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream(...streams.init(plan.name, seed))),
  );
}

/** Mean over the neurons of each model. */
const overUnits = (values: Float64Array, models: number) => unitMeans(values, models).mean;

/** Mean correlation of the tuning of neurons of one index, [model]. */
function meanR(a: TextCurves, b: TextCurves): Float64Array {
  return overUnits(tuningCorrelation(asCells(a), asCells(b)), a.models);
}

/** Networks as they begin, with those that they are compared with. */
interface Beginning {
  readonly weights: Weights;
  /** [layer] */
  readonly tuning: readonly OnText[];
  readonly strangers: readonly TextCurves[];
}

/** Networks after training. */
interface Ending {
  readonly weights: Weights;
  /** [layer] */
  readonly tuning: readonly OnText[];
  readonly told: readonly ConditionTold[];
}

/** What one job works with. */
interface Workplace {
  readonly backend: Backend;
  readonly arm: TextPersistenceArm;
  readonly seeds: readonly number[];
  readonly books: Library;
  readonly looks: Looks;
}

async function begin({ books, seeds, looks }: Workplace, init: InitOptions): Promise<Beginning> {
  const weights = unborn(books, init, seeds);
  const strange = unborn(
    books,
    init,
    seeds.map((seed) => seed + TWIN),
  );
  return { weights, tuning: await looks.onText(weights), strangers: await looks.places(strange) };
}

/** Trains the networks of a condition, and measures them on the way and at the end. */
async function underCondition(
  place: Workplace,
  condition: Condition,
  start: Beginning,
  progress: (step: number, loss: number) => void,
): Promise<Ending> {
  const { backend, arm, seeds, books, looks } = place;
  const { feed, unseen, baseline } = condition === "shuffled" ? books.shuffled : books.text;
  const models = seeds.length;
  const courses: {
    loss: Float64Array;
    displacement: Float64Array;
    r: Float64Array[];
    stranger: Float64Array[];
  }[] = [];
  const { weights, divergedAt } = await trainNetworks(
    backend,
    { ...arm.training, config: books.config },
    seeds.map(feed),
    {
      start: start.weights,
      progress,
      look: async (_, now) => {
        const places = await looks.places(now);
        courses.push({
          loss: await lossesOf(backend, books.config, now, unseen),
          displacement: networkDisplacement(start.weights, now, models),
          r: layers.map((layer) => meanR(start.tuning[layer].places, places[layer])),
          stranger: layers.map((layer) => meanR(start.strangers[layer], places[layer])),
        });
      },
    },
  );
  const tuning = await looks.onText(weights);
  const [before, after] = await inTurn([start.weights, weights], looks.balanced);
  const ends = layers.map((layer) =>
    endsOf(
      { tuning: start.tuning[layer], balanced: before[layer] },
      { tuning: tuning[layer], balanced: after[layer] },
    ),
  );
  const told = seeds.map(
    (_, model): ConditionTold => ({
      ...{ divergedAt: divergedAt[model], steps: arm.training.checkpoints, baseline },
      loss: courses.map(({ loss }) => loss[model]),
      displacement: courses.map(({ displacement }) => displacement[model]),
      layers: ends.map((end, layer) => ({
        r: courses.map(({ r }) => r[layer][model]),
        stranger: courses.map(({ stranger }) => stranger[layer][model]),
        end: end[model],
      })),
    }),
  );
  return { weights, tuning, told };
}

/** One layer of the networks of a condition, at one end of training. */
interface LayerTuning {
  readonly tuning: OnText;
  readonly balanced: TuningCurves;
}

/** How a layer compares with itself before training, by model. */
function endsOf(before: LayerTuning, after: LayerTuning): LayerEnd[] {
  const { models, units } = before.balanced;
  const mean = (values: Float64Array) => overUnits(values, models);
  const [first, last] = [before.tuning, after.tuning];
  const places = textPersistence(first.places, last.places);
  const contexts = textPersistence(first.contexts, last.contexts);
  const kinds = {
    character: mean(places.r.rows),
    position: mean(places.r.columns),
    before: mean(contexts.r.columns),
    pair: mean(contexts.r.interaction),
  };
  const selected = [first, last].map((of) => {
    const [byPlace, byContext] = [textSelectivity(of.places), textSelectivity(of.contexts)];
    return {
      eta2: { character: byPlace.plain.rows.eta2, position: byPlace.plain.columns.eta2 },
      character: mean(byPlace.unbiased.rows),
      position: mean(byPlace.unbiased.columns),
      before: mean(byContext.unbiased.columns),
      pair: mean(byContext.unbiased.interaction),
    };
  });
  const criterion = (kind: "character" | "position") => {
    const [was, is] = selected.map(({ eta2 }) => eta2[kind]);
    const { maintained, nullShuffle, kappa } = originalCriterion(was, is, models, {
      topK: Math.round(FOLLOWED * units),
    });
    return (model: number): CriterionTold => ({
      ...{ maintained: maintained[model], chance: nullShuffle[model], kappa: kappa[model] },
    });
  };
  const [characters, positions] = [criterion("character"), criterion("position")];
  const whole = mean(contexts.r.all);
  const corrected = mean(places.corrected.all);
  const balanced = mean(tuningCorrelation(before.balanced, after.balanced));
  const { recovered } = identityRecovery(asCells(first.places), asCells(last.places));
  const byFactor = <T>(of: (factor: Factor) => T): Record<Factor, T> => ({
    character: of("character"),
    position: of("position"),
    before: of("before"),
    pair: of("pair"),
  });
  return Array.from({ length: models }, (_, model) => ({
    kinds: byFactor((factor) => kinds[factor][model]),
    ...{ contexts: whole[model], corrected: corrected[model], balanced: balanced[model] },
    recovered: recovered[model],
    criterion: { character: characters(model), position: positions(model) },
    selected: byFactor((factor) => [selected[0][factor][model], selected[1][factor][model]] as const),
  }));
}

/** Compares trained networks with twins that share one of initialisation and windows, by model. */
async function twins(
  { backend, arm, seeds, books, looks }: Workplace,
  own: { start: Beginning; end: Ending },
  shared: "init" | "data",
  progress: (step: number, loss: number) => void,
): Promise<TwinTold[]> {
  const strange = seeds.map((seed) => seed + TWIN);
  const start = shared === "init" ? own.start.weights : unborn(books, beginnings.text, strange);
  const sources = (shared === "data" ? seeds : strange).map(books.text.feed);
  const training = { ...arm.training, config: books.config, checkpoints: [] };
  const grown = await trainNetworks(backend, training, sources, { start, progress });
  const places = await looks.places(grown.weights);
  const ofLayers = layers.map((layer) => {
    const gain = new Float64Array(seeds.length).fill(Number.NaN);
    const [was, is] = [own.start.tuning[layer].places, own.end.tuning[layer].places];
    if (shared === "data") {
      const before = unitMatching(asCells(was), asCells(own.start.strangers[layer])).oneToOne;
      const after = unitMatching(asCells(is), asCells(places[layer])).oneToOne;
      gain.set(after.map((value, model) => value - before[model]));
    }
    return { r: meanR(is, places[layer]), gain };
  });
  return seeds.map((_, model) => ({
    divergedAt: grown.divergedAt[model],
    r: ofLayers.map(({ r }) => r[model]),
    matchingGain: ofLayers.map(({ gain }) => gain[model]),
  }));
}

/** Persistence weighted by what taking each neuron to its mean would cost on unseen text, [model][layer]. */
async function weighed(
  { backend, seeds, books }: Workplace,
  { weighed: count }: MatchedArm,
  { start, end }: { start: Beginning; end: Ending },
): Promise<WeightedPersistence[][]> {
  const { inputs, targets, nPos } = books.text.unseen;
  const batch = Math.min(count, books.text.unseen.count);
  const rows = Array.from({ length: batch }, (_, n) =>
    Array.from(targets.subarray(n * nPos, (n + 1) * nPos)),
  );
  const tokens = { data: inputs.subarray(0, batch * nPos), batch, pos: nPos };
  const network = openNetwork(backend, books.config, end.weights);
  try {
    const ofLayers = await inTurn(layers, async (layer) => ({
      r: textPersistence(start.tuning[layer].places, end.tuning[layer].places).r.all,
      importance: await integratedImportance(network, tokens, {
        ...{ site: hook.mlpPost(layer), metric: lossMetric(rows) },
      }),
    }));
    return seeds.map((_, model) =>
      ofLayers.map(({ r, importance }) => {
        const own = (values: Float64Array) => {
          const units = values.length / seeds.length;
          return values.subarray(model * units, (model + 1) * units);
        };
        return weightedPersistence(own(importance), own(r));
      }),
    );
  } finally {
    network.close();
  }
}

async function measureMatched(
  place: Workplace,
  arm: MatchedArm,
  inPart: (part: number) => (step: number, loss: number) => void,
): Promise<MatchedTold[]> {
  const { seeds, books, looks } = place;
  const start = await begin(place, beginnings.text);
  const text = await underCondition(place, "text", start, inPart(0));
  const shuffled = await underCondition(place, "shuffled", start, inPart(1));
  const own = { start, end: text };
  const otherData = await twins(place, own, "init", inPart(2));
  const otherInit = await twins(place, own, "data", inPart(3));
  const rOf = async (elsewhere: Weights) => {
    const places = await looks.places(elsewhere);
    return layers.map((layer) => meanR(start.tuning[layer].places, places[layer]));
  };
  const moved = {
    text: displacementOf(start.weights, text.weights),
    shuffled: displacementOf(start.weights, shuffled.weights),
  };
  // the text's direction in every weight, as far as the shuffled text went
  const scaled = await rOf(matchedNoise(start.weights, shuffled.weights, moved.text, seeds.length));
  const shaken = async (condition: "text" | "shuffled", end: Weights) => {
    const draws = seeds.map((seed) => randomStream(plan.name, seed, "noise", condition));
    const direction = drawDirection(books.config, "isotropic", moved[condition], draws);
    return rOf(matchedNoise(start.weights, end, direction, seeds.length));
  };
  const noise = {
    text: await shaken("text", text.weights),
    shuffled: await shaken("shuffled", shuffled.weights),
  };
  const weighted = await weighed(place, arm, own);
  return seeds.map((_, model) => ({
    ...{ kind: "matched", cells: start.tuning[0].places.cells.length },
    of: { text: text.told[model], shuffled: shuffled.told[model] },
    ...{ otherData: otherData[model], otherInit: otherInit[model], weighted: weighted[model] },
    scaled: scaled.map((r) => r[model]),
    noise: { text: noise.text.map((r) => r[model]), shuffled: noise.shuffled.map((r) => r[model]) },
  }));
}

async function measureScales(
  place: Workplace,
  inPart: (part: number) => (step: number, loss: number) => void,
): Promise<ScalesTold[]> {
  const [small, gpt2] = await inTurn(["small", "gpt2"] as const, async (condition, part) =>
    underCondition(place, condition, await begin(place, beginnings[condition]), inPart(part)),
  );
  return place.seeds.map((_, model) => ({
    kind: "scales",
    of: { small: small.told[model], gpt2: gpt2.told[model] },
  }));
}

/** Grows and measures the networks of some seeds. */
export async function measure(
  arm: TextPersistenceArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<TextPersistenceTold[]> {
  const books = library(arm);
  const parts = arm.kind === "matched" ? 4 : 2;
  const inPart = (part: number) => (step: number, loss: number) =>
    progress((part + step / arm.training.steps) / parts, loss);
  const looks = openLooks(backend, books, unborn(books, beginnings.text, seeds));
  try {
    const place = { backend, arm, seeds, books, looks };
    return arm.kind === "matched"
      ? await measureMatched(place, arm, inPart)
      : await measureScales(place, inPart);
  } finally {
    looks.close();
  }
}
