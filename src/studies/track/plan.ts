/** What is measured at every checkpoint of a series: the probe, its tables, and the repeated tokens that heads are scored on. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import {
  contextFactor,
  type Factor,
  type FactorTable,
  positionFactor,
  type TextProbe,
  tokenFactor,
} from "../../features/textFactors.ts";
import { contextClasses, ownClasses, type TokenTexts } from "../../features/tokenClasses.ts";
import { repeatedTokens } from "../../interp/repeatedTokens.ts";
import type { TokenArray } from "../../interp/tokens.ts";
import type { ModelConfig } from "../../model/config.ts";
import { hook, type SiteSelector } from "../../model/hookPoints.ts";

/** Everything that decides the numbers of one series besides its weights. */
export interface TrackPlan {
  readonly probe: TextProbe;
  /** What the probe is, as part of a sentence. */
  readonly probeName: string;
  /** Class × position, and class × class of the token before. */
  readonly tables: readonly [FactorTable, FactorTable];
  /** Sites whose units are followed, one a layer; none in a model without MLP. */
  readonly sites: readonly SiteSelector[];
  /** What heads are scored on; null for a model without attention. */
  readonly repeated: TokenArray | null;
  /** Least observations of a cell in each half of the probe. */
  readonly leastCount: number;
  /** Random networks. */
  readonly draws: number;
  /** Random pairings of units. */
  readonly pairings: number;
}

/** How a plan is made. */
export interface TrackPlanOptions {
  readonly leastCount?: number;
  readonly draws?: number;
  readonly pairings?: number;
  /** The class of each position, such as the part of speech of its word; by default that of its token. */
  readonly classes?: Factor;
  /** Positions at the beginning of every sequence that hold no text, and are in no table; 0 by default. */
  readonly begins?: number;
}

/** Sequences of repeated tokens, and the length of their first half. */
const repeatedCount = 16;
const repeatedHalf = 25;

/**
 * The plan for models of a config.
 *
 * @param texts  of the tokens, as many as the config has
 * @throws ArgumentError if the probe does not fit the config
 */
export function trackPlan(
  config: ModelConfig,
  probe: TextProbe,
  texts: TokenTexts,
  probeName: string,
  { leastCount = 8, draws = 5, pairings = 200, classes, begins = 0 }: TrackPlanOptions = {},
): TrackPlan {
  const { name, levels, of } = classes ?? tokenFactor(probe, ownClasses(texts), "class of the token");
  const own: Factor = { name, levels, of: of.map((level, at) => (at % probe.nPos < begins ? -1 : level)) };
  const position = positionFactor(probe);
  const context = contextFactor(probe, contextClasses(texts));
  const half = Math.min(repeatedHalf, Math.floor(config.nCtx / 2));
  const stream = randomStream("track", "repeated tokens");
  const scored = !config.mlpOnly && half >= 2;
  return {
    ...{ probe, probeName, leastCount, draws, pairings },
    tables: [
      { name: "class and position", rows: own, columns: position },
      { name: "class and token before", rows: own, columns: context },
    ],
    sites: config.attnOnly || config.nLayers === 0 ? [] : [hook.mlpPost("all")],
    repeated: scored ? repeatedTokens({ dVocab: config.dVocab, half, count: repeatedCount, stream }) : null,
  };
}

/**
 * A probe of sequences that are there: halves are every other sequence, so that a drift along the text is in both.
 *
 * @param rows  equally long
 * @throws ArgumentError for fewer than 4 sequences, fewer than 2 positions, or a token outside the vocabulary
 */
export function probeOf(rows: readonly ArrayLike<number>[], dVocab: number): TextProbe {
  const nPos = rows[0]?.length ?? 0;
  if (rows.length < 4 || nPos < 2)
    throw new ArgumentError({
      where: "probe",
      rule: "needs at least 4 sequences of at least 2 tokens",
      got: `${rows.length} of ${nPos}`,
      wayOut: "Give a longer text, or ask for shorter sequences with --positions.",
    });
  const tokens = new Int32Array(rows.length * nPos);
  rows.forEach((row, n) => {
    for (let pos = 0; pos < nPos; pos++) {
      const where = `probe, sequence ${n}, position ${pos}`;
      tokens[n * nPos + pos] = integerIn(where, row[pos], 0, dVocab - 1);
    }
  });
  const half = Uint8Array.from(rows, (_, n) => n % 2);
  return { tokens, count: rows.length, nPos, dVocab, half };
}

/** Sequences of independent, equally likely tokens: what is probed where there is no text. */
export function randomProbe({
  dVocab,
  nPos,
  count,
}: {
  dVocab: number;
  nPos: number;
  count: number;
}): TextProbe {
  const stream = randomStream("track", "random probe");
  const row = () => Int32Array.from({ length: nPos }, () => stream.integer(dVocab));
  return probeOf(Array.from({ length: count }, row), dVocab);
}
