/**
 * The transformer once more, in plain loops over one sequence: nothing of the graph, nothing shared but the config, the
 * names of weights and erf. Heads are taken one by one, rotary positions turn complex numbers, functions are Math's.
 */
import { erf } from "../../src/backends/reference/erf.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import type { Weights } from "../../src/model/weights.ts";

type Vector = number[];
/** [pos][unit] */
type Rows = Vector[];

const sum = (values: Vector) => values.reduce((total, value) => total + value, 0);
const dot = (a: Vector, b: Vector) => sum(a.map((value, i) => value * b[i]));
const plus = (...parts: Vector[]) => parts[0].map((_, i) => sum(parts.map((part) => part[i])));

/** Row times the matrix [in, out] that begins at `start` of a weight. */
function times(row: Vector, matrix: ArrayLike<number>, out: number, start = 0): Vector {
  return Array.from({ length: out }, (_, j) =>
    sum(row.map((value, i) => value * matrix[start + i * out + j])),
  );
}

function act(actFn: ModelConfig["actFn"], x: number): number {
  if (actFn === "relu") return Math.max(0, x);
  if (actFn === "silu") return x / (1 + Math.exp(-x));
  if (actFn === "gelu") return (x * (1 + erf(x / Math.SQRT2))) / 2;
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** Radians that pair i turns by in one position. */
export function plainFrequency(config: ModelConfig, i: number): number {
  const { dHead, rotaryDim = dHead, rotaryBase = 10000, ropeScaling: scaling } = config;
  const frequency = 1 / rotaryBase ** ((2 * i) / rotaryDim);
  if (scaling === undefined) return frequency;
  if (scaling.kind === "linear") return frequency / scaling.factor;
  const wavelength = (2 * Math.PI) / frequency;
  const { factor, lowFreqFactor: low, highFreqFactor: high, originalCtx } = scaling;
  if (wavelength < originalCtx / high) return frequency;
  if (wavelength > originalCtx / low) return frequency / factor;
  const smooth = (originalCtx / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** Pairs (i, i + half) as complex numbers, each times e^(√−1 · position · frequency). */
function turnedBy(config: ModelConfig, x: Vector, position: number): Vector {
  if (config.positions !== "rotary") return x;
  const half = (config.rotaryDim ?? config.dHead) / 2;
  const y = [...x];
  for (let i = 0; i < half; i++) {
    const [real, imaginary] = [x[i], x[i + half]];
    const angle = position * plainFrequency(config, i);
    y[i] = real * Math.cos(angle) - imaginary * Math.sin(angle);
    y[i + half] = real * Math.sin(angle) + imaginary * Math.cos(angle);
  }
  return y;
}

/** Logits [pos][dVocab] of one sequence. Learned positions or rotary ones; projected attention. */
export function plainTransformer(
  config: ModelConfig,
  weights: Weights,
  tokens: number[],
  segments: number[] = tokens.map(() => 0),
): Rows {
  const { dModel, dHead, dMlp, dVocab, nHeads, nKeyValueHeads = nHeads } = config;
  const rowOf = (name: string, row: number) => [...weights[name].subarray(row * dModel, (row + 1) * dModel)];
  const biased = (x: Vector, name: string, start = 0) =>
    name in weights ? x.map((value, i) => value + weights[name][start + i]) : x;
  const norm = (name: string, x: Vector) => {
    const centre = config.normKind === "rmsNorm" ? 0 : sum(x) / dModel;
    const centred = x.map((value) => value - centre);
    const size = Math.sqrt(dot(centred, centred) / dModel + config.eps);
    return biased(
      centred.map((value, i) => (value / size) * weights[`${name}.w`][i]),
      `${name}.b`,
    );
  };

  const attention = (layer: number, x: Rows): Rows => {
    const name = (leaf: string) => `blocks.${layer}.attn.${leaf}`;
    const project = (letter: string, head: number) =>
      x.map((row) =>
        biased(
          times(row, weights[name(`W_${letter}`)], dHead, head * dModel * dHead),
          name(`b_${letter}`),
          head * dHead,
        ),
      );
    const out = x.map(() => new Array<number>(dModel).fill(0));
    for (let head = 0; head < nHeads; head++) {
      const shared = Math.floor(head / (nHeads / nKeyValueHeads));
      const q = project("Q", head).map((row, pos) => turnedBy(config, row, pos));
      const k = project("K", shared).map((row, pos) => turnedBy(config, row, pos));
      const v = project("V", shared);
      q.forEach((query, pos) => {
        const seen = k.slice(0, config.causal ? pos + 1 : undefined);
        const powers = seen.map((key) => Math.exp(dot(query, key) / Math.sqrt(dHead)));
        const z = v[0].map((_, i) => sum(powers.map((power, at) => (power * v[at][i]) / sum(powers))));
        out[pos] = plus(out[pos], times(z, weights[name("W_O")], dModel, head * dHead * dModel));
      });
    }
    return out.map((row) => biased(row, name("b_O")));
  };
  const mlp = (layer: number, x: Rows): Rows => {
    const into = (row: Vector, which: string) =>
      biased(times(row, weights[`blocks.${layer}.mlp.W_${which}`], dMlp), `blocks.${layer}.mlp.b_${which}`);
    return x.map((row) => {
      const acted = into(row, config.gatedMlp ? "gate" : "in").map((value) => act(config.actFn, value));
      const linear = config.gatedMlp ? into(row, "in") : acted.map(() => 1);
      const post = acted.map((value, i) => value * linear[i]);
      return biased(times(post, weights[`blocks.${layer}.mlp.W_out`], dModel), `blocks.${layer}.mlp.b_out`);
    });
  };

  let stream = tokens.map((token, pos) => {
    const parts = [rowOf("embed.W_E", token)];
    if (config.positions === "learned") parts.push(rowOf("pos_embed.W_pos", pos));
    if (config.dSegments) parts.push(rowOf("token_type_embed.W_token_type", segments[pos]));
    return plus(...parts);
  });
  const through = (name: string) => stream.map((row) => norm(name, row));
  if (config.embedNorm) stream = through("embed.ln");
  for (let layer = 0; layer < config.nLayers; layer++) {
    const read = (which: string) =>
      config.normalization === "pre" ? through(`blocks.${layer}.${which}`) : stream;
    const after = (which: string, written: Rows) => {
      stream = stream.map((row, pos) => plus(row, written[pos]));
      if (config.normalization === "post") stream = through(`blocks.${layer}.${which}`);
    };
    if (config.parallelBlocks) {
      const [a, m] = [attention(layer, read("ln1")), mlp(layer, read("ln2"))];
      stream = stream.map((row, pos) => plus(row, a[pos], m[pos]));
      continue;
    }
    after("ln1", attention(layer, read("ln1")));
    if (!config.attnOnly) after("ln2", mlp(layer, read("ln2")));
  }
  if (config.finalNorm) stream = through("ln_final");
  if (config.mlmHead) {
    const dense = stream.map((row) => biased(times(row, weights["mlm_head.W"], dModel), "mlm_head.b"));
    stream = dense.map((row) =>
      norm(
        "mlm_head.ln",
        row.map((value) => act(config.actFn, value)),
      ),
    );
  }
  return stream.map((row) =>
    biased(
      config.tiedUnembed
        ? Array.from({ length: dVocab }, (_, token) => dot(row, rowOf("embed.W_E", token)))
        : times(row, weights["unembed.W_U"], dVocab),
      "unembed.b_U",
    ),
  );
}
