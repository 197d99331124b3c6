/** A head of attention wide enough to be worth several threads, on any backend. */
import { randomStream } from "../../src/base/random.ts";
import type { Backend, TensorData } from "../../src/graph/backend.ts";
import { einsum, input, softmax, state } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";

const [MODELS, POS, D_MODEL] = [3, 48, 128];

/** Attention patterns of three models on drawn numbers, [model, queryPos, keyPos]. */
export async function attention(backend: Backend): Promise<TensorData> {
  const stream = randomStream("browser", "attention");
  const drawn = (size: number) => Float32Array.from({ length: MODELS * size }, () => stream.normal() / 4);
  const session = backend.open({ models: MODELS, states: { QK: [D_MODEL, D_MODEL] } });
  session.write("QK", drawn(D_MODEL * D_MODEL));
  const x = input("x", [POS, D_MODEL]);
  const queries = einsum("pos dModel, dModel dKey -> pos dKey", x, state("QK", [D_MODEL, D_MODEL]));
  const pattern = softmax(einsum("queryPos dKey, keyPos dKey -> queryPos keyPos", queries, x));
  const program = session.compile(makeGraph({ outputs: { pattern } }));
  const results = await program.run({ x: drawn(POS * D_MODEL) });
  session.close();
  return results.pattern;
}
