/** From what every network told to what S14 found. */
import { dictionaryMetrics, embeddingsGain, headsEmerging } from "../../figures/studies/emergence.ts";
import { mean } from "../../stats/moments.ts";
import { type Outcome, overSeeds, shareOfSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize, StudyTable } from "../protocol/study.ts";
import {
  type DictionariesTold,
  type DictionaryNumbers,
  frozenParts,
  type Subject,
  subjects,
} from "./dictionaries.ts";
import type { EmbeddingsTold } from "./embeddings.ts";
import type { InductionTold } from "./induction.ts";
import { ENDS_RATE, widths } from "./plan.ts";

export type EmergenceTold = InductionTold | DictionariesTold | EmbeddingsTold;

type Told = ReadonlyMap<string, readonly EmergenceTold[]>;

/** A head that scores above this has emerged: half of what a pure induction head scores. */
const EMERGED = 0.5;

const subjectNames: Readonly<Record<Subject, string>> = {
  trained: "trained",
  initial: "initial",
  rebodied: "random body",
  gaussian: "Gaussian",
};

/** The statistics of S14 over seeds. */
export function conclude(told: Told, { seeds }: StudySize): Findings {
  const all = [...told.values()].flat();
  const heads = all.filter((one) => one.kind === "induction");
  const dictionaries = all.filter((one) => one.kind === "dictionaries");
  const ends = widths.map((width) => ({
    width,
    told: (told.get(`embeddings ${width}`) ?? []) as readonly EmbeddingsTold[],
  }));
  const diverged = all.filter(({ divergedAt }) => divergedAt !== null).length;
  const emergence = emergenceSteps(heads);
  return {
    outcomes: [
      ...inductionOutcomes(heads),
      ...dictionaryOutcomes(dictionaries),
      ...ends.map(({ width, told: own }) =>
        overSeeds(own.map(gainShare), {
          name: `embeddings ${width}`,
          label: `share of the gain in loss that embeddings alone reach, width ${width}`,
        }),
      ),
    ],
    notes: [
      `${emergence.filter(Number.isFinite).length} of ${heads.length} networks grew a head that matches prefixes (score above ${EMERGED}); those without are left out of the step and the winner.`,
      "Dictionaries of all subjects of a seed begin alike and see the same rows. Their activations are centred and scaled to mean square 1, so that a share of variance means the same for all.",
      `Embeddings alone are trained at a rate of ${ENDS_RATE}: Adam moves an entry by no more than the rate a step, and those of an embedding are ten times as large as those of a hidden matrix.`,
      `Wide networks and dictionaries were grown from the first ${dictionaries.length} of ${seeds.length} seeds.`,
      ...(diverged > 0 ? [`${diverged} of the networks diverged and have no numbers.`] : []),
    ],
    tables: [dictionaryTable(dictionaries), lossTable(ends)],
    figures: [
      headsEmerging({
        steps: heads[0]?.steps ?? [],
        scores: heads.filter(fine).map(({ scores }) => scores.map((own) => Math.max(...own))),
        losses: heads.filter(fine).map(({ losses }) => [...losses]),
      }),
      dictionaryMetrics(
        subjects.map((subject) => ({
          name: subjectNames[subject],
          time: subject === "initial" ? "then" : subject === "trained" ? "now" : undefined,
          numbers: dictionaries.filter(fine).map(({ numbers }) => overLayers(numbers[subject].none)),
        })),
      ),
      embeddingsGain(ends.map(({ width, told: own }) => ({ width, shares: own.map(gainShare) }))),
    ],
  };
}

const fine = ({ divergedAt }: EmergenceTold) => divergedAt === null;

function inductionOutcomes(heads: readonly InductionTold[]): Outcome[] {
  const grown = heads.map((one) => (fine(one) ? one : undefined));
  const initMean = grown.map((one) => (one === undefined ? Number.NaN : mean(one.scores[0])));
  const trained = grown.map((one) => Math.max(...(one?.scores.at(-1) ?? [Number.NaN])));
  return [
    overSeeds(initMean, {
      name: "prefix at init",
      label: "prefix-matching score at initialisation, beyond uniform attention, mean over heads",
      nothing: 0,
    }),
    overSeeds(
      grown.map((one) => Math.max(...(one?.scores[0] ?? [Number.NaN]))),
      {
        name: "best prefix at init",
        label: "the same, best of eight heads",
      },
    ),
    overSeeds(trained, { name: "prefix trained", label: "the same after training, best of eight heads" }),
    overSeeds(emergenceSteps(heads), {
      name: "emergence step",
      label: `first step that was looked at with a head above ${EMERGED}`,
      unit: "steps",
    }),
    shareOfSeeds(heads.map(winnerPredicted), {
      name: "winner predicted",
      label: "networks whose winning head scored highest of its layer at initialisation",
    }),
  ];
}

/** First step that was looked at with a score above {@link EMERGED}, by network; NaN where there is none. */
function emergenceSteps(heads: readonly InductionTold[]): number[] {
  return heads.map((one) => {
    const at = one.scores.findIndex((scores) => Math.max(...scores) > EMERGED);
    return at < 0 || !fine(one) ? Number.NaN : one.steps[at];
  });
}

/** 1 if the best head at the end was the best of its layer at initialisation, else 0; NaN where none has emerged. */
function winnerPredicted(one: InductionTold): number {
  const final = one.scores.at(-1) ?? [];
  const best = Math.max(...final);
  if (!(best > EMERGED) || !fine(one)) return Number.NaN;
  const winner = final.indexOf(best);
  const first = winner - (winner % one.heads);
  const initial = one.scores[0].slice(first, first + one.heads);
  return initial.indexOf(Math.max(...initial)) === winner - first ? 1 : 0;
}

const metrics = {
  fvu: "unexplained variance of dictionaries",
  token: "eta² of the token, mean over latents",
  context: "context share of variance, mean over latents",
  entropy: "entropy of latents over tokens, of ln V",
} as const satisfies Partial<Record<keyof DictionaryNumbers, string>>;

function dictionaryOutcomes(told: readonly DictionariesTold[]): Outcome[] {
  return (Object.keys(metrics) as (keyof typeof metrics)[]).map((metric) =>
    overSeeds(
      told.map((one) => {
        if (!fine(one)) return Number.NaN;
        const of = (subject: Subject) => overLayers(one.numbers[subject].none)[metric];
        return of("trained") - of("initial");
      }),
      { name: `${metric} difference`, label: `${metrics[metric]}, trained less initial`, nothing: 0 },
    ),
  );
}

function overLayers(byLayer: readonly DictionaryNumbers[]): DictionaryNumbers {
  const of = (key: keyof DictionaryNumbers) => mean(byLayer.map((numbers) => numbers[key]));
  return {
    ...{ fvu: of("fvu"), l0: of("l0"), dead: of("dead") },
    ...{ token: of("token"), context: of("context"), entropy: of("entropy") },
  };
}

function dictionaryTable(told: readonly DictionariesTold[]): StudyTable {
  const kept = told.filter(fine);
  const columns = ["fvu", "l0", "dead", "token", "context", "entropy"] as const;
  const parts = { none: "learned", encoder: "encoder at random", decoder: "decoder at random" } as const;
  return {
    title: "Dictionaries of 256 latents, by what they describe",
    columns: ["activations", "dictionary", "FVU", "L0", "dead", "token eta²", "context", "token entropy"],
    rows: subjects.flatMap((subject) =>
      frozenParts.map((part) => [
        subjectNames[subject],
        parts[part],
        ...columns.map((column) =>
          mean(kept.map(({ numbers }) => overLayers(numbers[subject][part])[column])),
        ),
      ]),
    ),
    caption: `Means over both layers and ${kept.length} seeds, on sequences that no dictionary was trained on. FVU: share of variance unexplained. L0: latents above 0 at once. Dead: latents never above 0. Random body: trained embeddings, everything else drawn anew. Gaussian: noise of the trained network's covariance.`,
  };
}

/** (L₀ − L ends) / (L₀ − L whole); NaN where a network diverged. */
function gainShare(one: EmbeddingsTold): number {
  return fine(one) ? (one.untrained - one.endsOnly) / (one.untrained - one.whole) : Number.NaN;
}

function lossTable(ends: readonly { width: number; told: readonly EmbeddingsTold[] }[]): StudyTable {
  return {
    title: "Held-out loss, nats",
    columns: ["width", "seeds", "untrained", "embeddings only", "whole network"],
    rows: ends.map(({ width, told }) => {
      const kept = told.filter(fine);
      const of = (key: "untrained" | "endsOnly" | "whole") => mean(kept.map((one) => one[key]));
      return [width, kept.length, of("untrained"), of("endsOnly"), of("whole")];
    }),
    caption: "Means over seeds. The Bayes floor of the task is 1.030 nats.",
  };
}
