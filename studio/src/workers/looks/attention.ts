/** How heads attend: on one sequence, and scored as kinds over the held-out sequences of the task. */
import {
  type HeadScores,
  headScores,
  type Network,
  runWithCache,
  type Tensor,
} from "../../../../src/interp/index.ts";

/** What is asked. */
export interface AttentionRequest {
  /** The sequence that patterns are shown of. */
  readonly tokens: readonly number[];
  /** Sequences [batch][pos] that scores are averaged over. */
  readonly sequences: readonly (readonly number[])[];
}

/** What is seen. */
export interface AttentionSeen {
  /** [model, batch 1, head, queryPos, keyPos] of each layer. */
  readonly patterns: readonly Tensor[];
  readonly scores: HeadScores;
}

export async function attention(
  network: Network,
  { tokens, sequences }: AttentionRequest,
): Promise<AttentionSeen> {
  const { cache } = await runWithCache(network, [tokens], { sites: ["blocks.*.attn.hook_pattern"] });
  const patterns = cache.names.map((name) => cache.get(name));
  return { patterns, scores: await headScores(network, sequences) };
}
