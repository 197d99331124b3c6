// Where a training step of four models spends its time, instruction by instruction: the least time of each over many
// rounds, in one thread. Products are counted in GFLOP/s, everything else in its share of the sum.
//
//   npx tsdown bench/kernels.ts --no-config --no-dts --out-dir dist/bench     (after npm run build)
//   node dist/bench/kernels.mjs [seed|small]
import { kernelBytes } from "../src/backends/wasm/index.ts";
import { LANE_LAYOUT, VECTOR_BYTES } from "../src/backends/wasm/layout.ts";
import { type Lowered, lower } from "../src/backends/wasm/lower.ts";
import { randomStream } from "../src/base/random.ts";
import { sizeOf } from "../src/graph/node.ts";
import { presets } from "../src/model/config.ts";
import { initialWeights } from "../src/model/init.ts";
import { weightShapes } from "../src/model/weights.ts";
import { optimizerStates, optimizers } from "../src/train/optimizers.ts";
import { wholeStep } from "../src/train/stepGraph.ts";

/** Name and length in words of every instruction, by its code; src/backends/wasm/instructions.ts writes them. */
const instructions: readonly (readonly [name: string, words: number])[] = [
  ["product", 36],
  ["binary", 16],
  ["unary", 6],
  ["select", 6],
  ["adam", 10],
  ["copy", 18],
  ["fill", 3],
  ["sum", 6],
  ["sum of products", 6],
  ["gather", 6],
  ["scatter and add", 6],
  ["one-hot", 5],
  ["softmax", 5],
  ["softmax gradient", 6],
  ["scale of a norm", 6],
  ["normalise", 6],
  ["layer norm", 10],
  ["norm gradient", 8],
  ["cross-entropy", 6],
  ["cross-entropy gradient", 7],
  ["Adam step", 17],
];

const sizes = {
  seed: { dVocab: 10, dModel: 16, nHeads: 2, dHead: 8, dMlp: 64, nCtx: 8, batch: 32 },
  // two sequences: a block of its batch
  small: { dVocab: 64, dModel: 64, nHeads: 4, dHead: 16, dMlp: 256, nCtx: 32, batch: 2 },
} as const;

const FIRST_BYTE = 65536;
const ROUNDS = 60;

interface Timed {
  name: string;
  start: number;
  end: number;
  words: readonly number[];
  milliseconds: number;
}

/** Cuts a program into its instructions. */
function cut({ words }: Lowered): Timed[] {
  const found: Timed[] = [];
  let at = 0;
  while (at < words.length) {
    const [name, length] = instructions[words[at]];
    found.push({
      ...{ name, start: at, end: at + length, milliseconds: Number.POSITIVE_INFINITY },
      words: Array.from(words.slice(at, at + length)),
    });
    at += length;
  }
  if (at !== words.length) throw new Error("the table of instructions does not fit the kernels");
  return found;
}

/** Rows, sum, columns and batch of a product. */
function productSize({ words }: Timed) {
  const [rows, inner, cols] = words.slice(6, 9);
  return { rows, inner, cols, batch: words[18] * words[19] * words[20] };
}

const name = process.argv[2] === "small" ? "small" : "seed";
const { batch, ...size } = sizes[name];
const config = { ...presets.original, ...size };
const shapes = weightShapes(config);
const graph = wholeStep({ config, optimizer: optimizers.adam }, batch, config.nCtx);
const offsets = new Map<string, number>();
let bytes = 0;
for (const [state, shape] of Object.entries({
  ...Object.fromEntries(shapes),
  ...optimizerStates(optimizers.adam, shapes),
})) {
  offsets.set(state, bytes);
  bytes += sizeOf(shape) * VECTOR_BYTES;
}
const block = FIRST_BYTE + bytes;
const lowered = lower(graph, LANE_LAYOUT, block, (state) => offsets.get(state) as number);
const code = block + lowered.blockElements * VECTOR_BYTES;
const pages = Math.ceil((code + lowered.words.length * 4) / 65536) + 1;
const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536 });
const { run } = new WebAssembly.Instance(new WebAssembly.Module(kernelBytes("lanes")), { env: { memory } })
  .exports as unknown as { run: (start: number, end: number, base: number) => void };
const floats = new Float32Array(memory.buffer);
const ints = new Int32Array(memory.buffer);

for (const [weight, values] of Object.entries(
  initialWeights(config, { scheme: "pytorch" }, randomStream("bench")),
))
  values.forEach((value, i) => {
    const at = (FIRST_BYTE + (offsets.get(weight) as number)) / 4 + 4 * i;
    floats.fill(value, at, at + 4);
  });
for (const { node, offset } of lowered.constants)
  for (let i = 0; i < sizeOf(node.shape); i++) {
    const { values } = node.attrs;
    const at = block / 4 + 4 * (offset + i);
    floats.fill(values[values.length === 1 ? 0 : i], at, at + 4);
  }
const stream = randomStream("bench", "tokens");
for (const [input, { node, offset }] of lowered.inputs)
  for (let i = 0; i < 4 * sizeOf(node.shape); i++) {
    const at = block / 4 + 4 * offset + i;
    if (node.dtype === "int32") ints[at] = stream.integer(config.dVocab);
    else floats[at] = input === "rate" ? 1e-3 : 0.5;
  }
ints.set(lowered.words, code / 4);

const timed = cut(lowered);
for (let round = 0; round < ROUNDS; round++)
  for (const one of timed) {
    const started = performance.now();
    run(code + 4 * one.start, code + 4 * one.end, FIRST_BYTE);
    one.milliseconds = Math.min(one.milliseconds, performance.now() - started);
  }

const total = timed.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
console.log(
  `${name}: ${timed.length} instructions, ${Math.round(total * 1000)} µs for four models, ${((lowered.blockElements * VECTOR_BYTES) / 1e6).toFixed(1)} MB of activations`,
);
const groups = new Map<string, { milliseconds: number; flop: number; count: number }>();
for (const one of timed) {
  let key = one.name;
  let flop = 0;
  if (one.name === "product") {
    const { rows, inner, cols, batch: times } = productSize(one);
    key = `product over ${inner}`;
    flop = 2 * 4 * rows * inner * cols * times;
  }
  const group = groups.get(key) ?? { milliseconds: 0, flop: 0, count: 0 };
  group.milliseconds += one.milliseconds;
  group.flop += flop;
  group.count++;
  groups.set(key, group);
}
for (const [key, { milliseconds, flop, count }] of [...groups].sort(
  ([, a], [, b]) => b.milliseconds - a.milliseconds,
))
  console.log(
    `${key.padEnd(24)} ${String(count).padStart(3)}  ${(1000 * milliseconds).toFixed(0).padStart(6)} µs  ${((100 * milliseconds) / total).toFixed(1).padStart(5)} %${flop > 0 ? `  ${(flop / milliseconds / 1e6).toFixed(1)} GFLOP/s` : ""}`,
  );
