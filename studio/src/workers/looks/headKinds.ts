/** What kind of head every head is, judged against the null as far as it is drawn. */
import { randomStream } from "../../../../src/base/random.ts";
import type { Band } from "../../../../src/figures/subject.ts";
import {
  type HeadClass,
  type HeadClassification,
  type HeadScoreNull,
  type HeadScores,
  headClasses,
  headScoreNames,
  type Network,
  patternScores,
  pick,
} from "../../../../src/interp/index.ts";
import { quantileSorted } from "../../../../src/stats/quantile.ts";
import { attended } from "./attention.ts";
import { alpha, drawHeads, type HeadNullRequest, headNullOf } from "./drawHeads.ts";

/** What is asked. */
export interface HeadKindsRequest extends HeadNullRequest {
  /** The model whose scores get intervals over sequences; null for none, which is faster. */
  readonly model: number | null;
}

/** What is seen. */
export interface HeadKinds {
  readonly draws: number;
  readonly needed: number;
  /** Models that did not diverge. */
  readonly models: readonly number[];
  /** Of single random networks: middle 95 % and median, [layer][head] by score; empty before the first draw. */
  readonly bands: readonly (readonly Readonly<Record<string, Band>>[])[];
  /** Class of every head of those models, [model, layer, head]; empty before enough is drawn. */
  readonly kinds: readonly HeadClass["class"][];
  /** The heads of the chosen model as `palimpsest inspect` has them; null where not asked for or not yet known. */
  readonly chosen: HeadClassification | null;
}

const bandOf = (sorted: Float64Array): Band => ({
  low: quantileSorted(sorted, 0.025),
  middle: quantileSorted(sorted, 0.5),
  high: quantileSorted(sorted, 0.975),
});

function bandsOf({ sorted, layers, heads }: HeadScoreNull): HeadKinds["bands"] {
  return Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: heads }, (_, head) =>
      Object.fromEntries(
        headScoreNames.flatMap((name) => {
          const draws = sorted[name][layer][head];
          return Number.isNaN(draws[0]) ? [] : [[name, bandOf(draws)]];
        }),
      ),
    ),
  );
}

const classified = (scores: HeadScores, drawn: HeadScoreNull, resamples?: number) =>
  headClasses(scores, drawn, { stream: randomStream("inspect", "heads"), alpha, resamples });

export async function headKinds(network: Network, request: HeadKindsRequest): Promise<HeadKinds> {
  const { sequences, model } = request;
  const drawn = headNullOf(network, request);
  const { draws, needed } = await drawHeads(network, { ...request, more: 0 });
  const { models, patterns, tokens } = await attended(network, sequences);
  const none = { draws, needed, models, bands: [], kinds: [], chosen: null };
  if (drawn === undefined || models.length === 0) return none;
  const bands = bandsOf(drawn);
  if (draws < needed) return { ...none, bands };
  const { causal } = network.config;
  const own = model === null ? -1 : models.indexOf(model);
  return {
    ...{ draws, needed, models, bands },
    // a class does not hang on the intervals
    kinds: classified(patternScores(patterns, tokens, { causal }), drawn, 1).heads.map((head) => head.class),
    chosen:
      own < 0
        ? null
        : classified(
            patternScores(
              patterns.map((of) => pick(of, { model: [own] })),
              tokens,
              { causal },
            ),
            drawn,
          ),
  };
}
