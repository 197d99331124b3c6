/**
 * How a batch is cut into blocks of sequences.
 *
 * The activations of a whole batch of a larger model leave the cache; forward and backward of a few sequences at a time,
 * with gradients accumulated, do not. The size follows from the config alone, never from the machine, because sums over
 * a batch are rounded block by block: the same config gives the same bits everywhere.
 */
import type { ModelConfig } from "../model/config.ts";

/**
 * Bytes of activations that a block may touch, a little more than a second-level cache of 2 MB. Measured on the `small`
 * configuration of `palimpsest bench train`: 1, 2, 4, 8 sequences a block take 22.5, 22.0, 22.4, 23.7 ms a model-step.
 */
const BLOCK_BYTES = 3 << 20;
/** Bytes of one scalar of the four models that share a vector. */
const ELEMENT_BYTES = 16;
/** A batch whose activations take no more is not cut: the kernels gain more from longer sums. */
const WHOLE_BYTES = 8 << 20;

/**
 * Sequences in a block.
 *
 * @param batch  sequences in a batch
 * @param nPos   positions of a sequence
 */
export function blockSize(config: ModelConfig, batch: number, nPos: number): number {
  const { nLayers, nHeads, dModel, dMlp, dVocab } = config;
  const perPosition = nLayers * (8 * dModel + 2 * dMlp + 2 * nHeads * nPos) + 2 * dVocab;
  const perSequence = perPosition * nPos * ELEMENT_BYTES;
  if (perSequence * batch <= WHOLE_BYTES) return batch;
  return Math.max(1, Math.min(batch, Math.floor(BLOCK_BYTES / perSequence)));
}
