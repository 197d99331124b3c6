/** How heads attend: mean patterns over some sequences, and how much each head is of every kind. */
import {
  type HeadScores,
  meanOver,
  type Network,
  patternScores,
  pick,
  runWithCache,
  type Tensor,
  type TokenArray,
} from "../../../../src/interp/index.ts";

/** What is asked. */
export interface AttentionRequest {
  /** [batch][pos], all of one length; a single one for its own patterns. */
  readonly sequences: readonly (readonly number[])[];
}

/** What is seen. */
export interface AttentionSeen {
  /** Indices of the models whose attention is finite: the `model` axis of what follows. */
  readonly models: readonly number[];
  /** Mean over the sequences, [model, head, queryPos, keyPos] of each layer. */
  readonly patterns: readonly Tensor[];
  /** Null for sequences of one token, in which nothing can be told apart, and where no model is finite. */
  readonly scores: HeadScores | null;
}

/** Patterns of a run. */
export interface Attended {
  /** Indices of the models that did not diverge: the `model` axis of the patterns. */
  readonly models: readonly number[];
  /** [model, batch, head, queryPos, keyPos] of each layer; none if every model diverged. */
  readonly patterns: readonly Tensor[];
  readonly tokens: TokenArray;
}

/** Models of an activation without a number that is none. */
function soundModels({ data, shape }: Tensor): number[] {
  const size = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, model) => model).filter((model) =>
    data.subarray(model * size, (model + 1) * size).every(Number.isFinite),
  );
}

/** Runs sequences and keeps the patterns of the models that did not diverge. */
export async function attended(
  network: Network,
  sequences: readonly (readonly number[])[],
): Promise<Attended> {
  const { cache } = await runWithCache(network, sequences, { sites: ["blocks.*.attn.hook_pattern"] });
  const all = cache.names.map((name) => cache.get(name));
  const models = all.map(soundModels).reduce((sound, own) => sound.filter((model) => own.includes(model)));
  const patterns =
    models.length === 0
      ? []
      : models.length === network.models
        ? all
        : all.map((of) => pick(of, { model: models }));
  return { models, patterns, tokens: cache.tokens() };
}

export async function attention(network: Network, { sequences }: AttentionRequest): Promise<AttentionSeen> {
  const { models, patterns, tokens } = await attended(network, sequences);
  return {
    models,
    patterns: patterns.map((of) => meanOver(of, ["batch"])),
    scores:
      tokens.pos < 2 || models.length === 0
        ? null
        : patternScores(patterns, tokens, { causal: network.config.causal }),
  };
}
