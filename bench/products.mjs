// The matrix products of a forward pass and nothing else: no norms, softmax, GELU, biases or sums of the stream.
import { makeGraph, ops } from "palimpsest";

const { concat, einsum, input, slice, state } = ops;
/** Queries that attend together in the `onnx` backend (src/backends/onnx/rewrites.ts). */
const QUERIES = 128;

/**
 * The products of a model of GPT-2's family, on its weights and in the shapes of the `onnx` backend: those of attention by
 * blocks of queries, which skip most of what the mask hides. Every layer reads the same input `x`, [1, positions, dModel].
 *
 * @returns the graph and its floating-point operations
 */
export function productsGraph({ nLayers, nHeads, dHead, dModel, dMlp, dVocab }, positions) {
  const weight = (layer, name, shape) => state(`blocks.${layer}.${name}`, shape);
  const x = input("x", [1, positions, dModel]);
  const outputs = {};
  let flop = 2 * positions * dModel * dVocab;
  const product = (spec, a, b, count) => {
    flop += 2 * count;
    return einsum(spec, a, b);
  };
  for (let layer = 0; layer < nLayers; layer++) {
    const heads = ["Q", "K", "V"].map((letter) =>
      product(
        "batch pos dModel, head dModel dHead -> batch pos head dHead",
        x,
        weight(layer, `attn.W_${letter}`, [nHeads, dModel, dHead]),
        positions * dModel * nHeads * dHead,
      ),
    );
    const [q, k, v] = heads;
    const parts = [];
    for (let start = 0; start < positions; start += QUERIES) {
      const end = Math.min(start + QUERIES, positions);
      const count = (end - start) * end * nHeads * dHead;
      const upTo = (value) => (end === positions ? value : slice(value, 1, 0, end));
      const queries = positions <= QUERIES ? q : slice(q, 1, start, end);
      const scores = product(
        "batch queryPos head dHead, batch keyPos head dHead -> batch head queryPos keyPos",
        queries,
        upTo(k),
        count,
      );
      parts.push(
        product(
          "batch head queryPos keyPos, batch keyPos head dHead -> batch queryPos head dHead",
          scores,
          upTo(v),
          count,
        ),
      );
    }
    const out = product(
      "batch pos head dHead, head dHead dModel -> batch pos dModel",
      parts.length === 1 ? parts[0] : concat(parts, 1),
      weight(layer, "attn.W_O", [nHeads, dHead, dModel]),
      positions * nHeads * dHead * dModel,
    );
    const hidden = product(
      "batch pos dModel, dModel dMlp -> batch pos dMlp",
      out,
      weight(layer, "mlp.W_in", [dModel, dMlp]),
      positions * dModel * dMlp,
    );
    outputs[`layer ${layer}`] = product(
      "batch pos dMlp, dMlp dModel -> batch pos dModel",
      hidden,
      weight(layer, "mlp.W_out", [dMlp, dModel]),
      positions * dMlp * dModel,
    );
  }
  const unembedding = state("embed.W_E", [dVocab, dModel]);
  outputs.logits = einsum("batch pos dModel, dVocab dModel -> batch pos dVocab", x, unembedding);
  return { graph: makeGraph({ outputs }), flop };
}
