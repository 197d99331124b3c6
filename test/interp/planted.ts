/** Networks whose weights were set by hand, so that one head or one neuron carries the answer and nothing else does. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { weightShapes } from "../../src/model/weights.ts";

const SIZE = 4; // tokens, positions, answers and idle dimensions, in this order in the stream
const [TOKEN, POSITION, ANSWER, IDLE] = [0, SIZE, 2 * SIZE, 3 * SIZE];
const SHARP = 50; // exp(−50) is lost beside 1 in float32

const base: ModelConfig = {
  ...presets.causal,
  nLayers: 2,
  nHeads: 2,
  dModel: 4 * SIZE,
  dHead: SIZE,
  dMlp: 5,
  dVocab: SIZE,
  nCtx: SIZE,
  normalization: "none",
  finalNorm: false,
  positions: "learned",
  biases: false,
};

/** A weight as rows and columns of its last two axes, for the head given. */
type Plant = (name: string, row: number, column: number, value: number, head?: number) => void;

/** Weights that only write to idle dimensions, drawn at random, with what is planted on top. */
function planted(config: ModelConfig, plant: (put: Plant) => void): Network {
  const shapes = weightShapes(config);
  const weights = Object.fromEntries(
    [...shapes].map(([name, shape]) => {
      const stream = randomStream("planted", name);
      const columns = shape[shape.length - 1];
      const writes = /W_O|W_out/.test(name);
      const fixed = /W_E|W_pos|W_U/.test(name);
      const size = shape.reduce((a, b) => a * b);
      return [
        name,
        Float32Array.from({ length: size }, (_, i) => {
          const value = stream.normal();
          return fixed || (writes && i % columns < IDLE) ? 0 : value;
        }),
      ];
    }),
  );
  const put: Plant = (name, row, column, value, head = 0) => {
    const [rows, columns] = (shapes.get(name) as readonly number[]).slice(-2);
    weights[name][(head * rows + row) * columns + column] = value;
  };
  for (let i = 0; i < SIZE; i++) {
    put("embed.W_E", i, TOKEN + i, 1);
    if (shapes.has("pos_embed.W_pos")) put("pos_embed.W_pos", i, POSITION + i, 1);
    put("unembed.W_U", ANSWER + i, i, 1);
  }
  plant(put);
  return openNetwork(wasmBackend(), config, weights);
}

/** L0H1 attends to the previous position and copies its token into the answer; three other heads write nonsense aside. */
export function previousTokenCopier(): Network {
  return planted({ ...base, attnOnly: true }, (put) => {
    const at = (letter: string) => `blocks.0.attn.W_${letter}`;
    for (let row = 0; row < 4 * SIZE; row++)
      for (let column = 0; column < SIZE; column++)
        for (const letter of ["Q", "K", "V"]) put(at(letter), row, column, 0, 1);
    for (let row = 0; row < SIZE; row++)
      for (let column = 0; column < 4 * SIZE; column++) put(at("O"), row, column, 0, 1);
    for (let i = 0; i < SIZE; i++) {
      if (i > 0) put(at("Q"), POSITION + i, i - 1, 2 * SHARP, 1); // over √dHead, 2
      put(at("K"), POSITION + i, i, 1, 1);
      put(at("V"), TOKEN + i, i, 1, 1);
      put(at("O"), i, ANSWER + i, 1, 1);
    }
  });
}

/** L1N3 says 2 for token 1 and 0 for all others, three times as loud in the answer 2; other neurons write aside. */
export function tokenNeuron(): Network {
  return planted({ ...base, mlpOnly: true }, (put) => {
    for (let row = 0; row < 4 * SIZE; row++) put("blocks.1.mlp.W_in", row, 3, 0);
    for (let column = 0; column < 4 * SIZE; column++) put("blocks.1.mlp.W_out", 3, column, 0);
    put("blocks.1.mlp.W_in", TOKEN + 1, 3, 2);
    put("blocks.1.mlp.W_out", 3, ANSWER + 2, 3);
  });
}
