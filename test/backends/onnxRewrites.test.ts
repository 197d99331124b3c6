/** What the onnx backend writes in another way than it stands in the graph: the same numbers, and where it must not. */
import { expect, test } from "vitest";
import { writeGraph } from "../../src/backends/onnx/graphToOnnx.ts";
import { onnxBackend } from "../../src/backends/onnx/index.ts";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import type { Backend, TensorData } from "../../src/graph/backend.ts";
import { add, constant, einsum, input, normalize, normScale, scale, softmax } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { forward } from "../../src/model/transformer.ts";
import { weightNodes } from "../../src/model/weights.ts";
import { configs, tiny, weightsFor } from "../interp/networks.ts";

const onnx = await onnxBackend({ threads: 1 });
const MODELS = 2;
/** Longer than two blocks of 128 queries, and no multiple of one. */
const POS = 300;
/** Float32 activations of order 1 through two blocks; sums over at most 300 terms. */
const FLOAT32 = 2e-5;

const long: ModelConfig = { ...presets.gpt, ...tiny, actFn: "gelu_new", nHeads: 4, nCtx: POS };
const longConfigs: Readonly<Record<string, ModelConfig>> = {
  "heads with keys of their own": long,
  "heads that share keys, turned by position": {
    ...long,
    ...{ nKeyValueHeads: 2, dHead: 4, positions: "rotary" },
  },
};
const tokens = [0, 1].map((row) => Array.from({ length: POS }, (_, i) => (i * i + row) % tiny.dVocab));

function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, allowed: number, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++)
    if (!(Math.abs(got[i] - want[i]) <= allowed))
      expect.fail(`${what}, element ${i}: ${got[i]}, should be ${want[i]} ± ${allowed}`);
}

const operators = (outputs: Record<string, Node>) =>
  writeGraph(makeGraph({ outputs }), MODELS).nodes.map(({ op }) => op);
const count = (ops: readonly string[], op: string) => ops.filter((other) => other === op).length;

/** Operators of a forward pass that gives its logits, and the sites that are asked for. */
function operatorsOf(config: ModelConfig, pos: number, sites: readonly string[] = []): string[] {
  const outputs: Record<string, Node> = {};
  const logits = forward(config, weightNodes(config), input("tokens", [2, pos], "int32"), (name, node) => {
    if (sites.includes(name)) outputs[name] = node;
    return node;
  });
  return operators({ ...outputs, logits });
}

test.each(Object.entries(longConfigs))(
  "attention by blocks of queries gives the reference's activations: %s",
  async (_, config) => {
    const weights = weightsFor(config, MODELS);
    const results = [];
    for (const backend of [onnx, referenceBackend]) {
      const network = openNetwork(backend, config, weights);
      results.push(
        await runWithCache(network, tokens, { sites: ["blocks.*.attn.hook_z", "blocks.*.hook_resid_post"] }),
      );
      network.close();
    }
    const [own, reference] = results;
    expectNear(own.logits.data, reference.logits.data, FLOAT32, "logits");
    for (const site of reference.cache.names)
      expectNear(own.cache.get(site).data, reference.cache.get(site).data, FLOAT32, site);
    expect(count(operatorsOf(config, POS), "Softmax")).toBe(2 * 3); // layers, blocks
  },
);

test("whoever asks for scores or pattern gets them whole, and inputs of one block stay whole", () => {
  for (const site of ["blocks.0.attn.hook_attn_scores", "blocks.0.attn.hook_pattern"])
    expect(count(operatorsOf(long, POS, [site]), "Softmax"), site).toBe(1 + 3);
  expect(count(operatorsOf(long, 128), "Softmax")).toBe(2);
});

const mixed = (mask: Float32Array, size: number) => {
  const [q, k, v] = ["q", "k", "v"].map((name) => input(name, [size, 3]));
  const scores = scale(einsum("query dHead, key dHead -> query key", q, k), 0.5);
  const pattern = softmax(add(scores, constant(mask, [size, size])));
  return { z: einsum("query key, key dHead -> query dHead", pattern, v) };
};

async function runOn(backend: Backend, outputs: Record<string, Node>, size: number): Promise<TensorData> {
  const session = backend.open({ models: 1, states: {} });
  const random = (by: number) =>
    Float32Array.from({ length: size * 3 }, (_, i) => Math.fround(Math.sin(i * by)));
  const { z } = await session
    .compile(makeGraph({ outputs }))
    .run({ q: random(1.1), k: random(2.3), v: random(0.7) });
  session.close();
  return z;
}

test("a mask that lets one later key through is no reason to leave keys out", async () => {
  const causal = new Float32Array(POS * POS);
  for (let query = 0; query < POS; query++)
    causal.fill(Number.NEGATIVE_INFINITY, query * POS + query + 1, (query + 1) * POS);
  const leaky = causal.slice();
  leaky[5 * POS + 290] = 0;
  for (const [mask, softmaxes] of [
    [causal, 3],
    [leaky, 1],
  ] as const) {
    const outputs = mixed(mask, POS);
    expect(count(operators(outputs), "Softmax")).toBe(softmaxes);
    expectNear(await runOn(onnx, outputs, POS), await runOn(referenceBackend, outputs, POS), FLOAT32, "z");
  }
});

test("layer norm and the tanh form of GELU are one operator each, and nothing is left of what they replace", () => {
  const ops = operatorsOf(long, 5);
  expect([count(ops, "LayerNormalization"), count(ops, "Gelu")]).toEqual([5, 2]);
  for (const op of ["Tanh", "Sqrt", "ReduceSum"]) expect(ops).not.toContain(op);
});

test("to look at the scale of a layer norm changes no bit of the logits", async () => {
  const network = openNetwork(onnx, configs.gpt, weightsFor(configs.gpt, MODELS));
  const few = tokens.map((row) => row.slice(0, 5));
  const [plain, looked] = [
    await runWithCache(network, few, { sites: ["hook_embed"] }),
    await runWithCache(network, few, { sites: ["blocks.*.ln1.hook_scale", "ln_final.hook_scale"] }),
  ];
  expect(looked.logits.data).toEqual(plain.logits.data);
  network.close();
});

test("layer norm keeps its digits far from zero, and gives 0 for a row of equal numbers", async () => {
  const x = input("x", [2, 64]);
  const graph = makeGraph({ outputs: { y: normalize(x, normScale(x, 1e-5)) } });
  // exact in float32, so that no backend rounds its input
  const values = Float32Array.from({ length: 128 }, (_, i) => (i < 64 ? 4096 + (i % 8) / 4 : 1000.5));
  const results: TensorData[] = [];
  for (const backend of [onnx, referenceBackend]) {
    const session = backend.open({ models: 1, states: {} });
    results.push((await session.compile(graph).run({ x: values })).y);
    session.close();
  }
  // a mean near 4096 is rounded by 2.4e-4 at most, to be seen against deviations of 0.6
  expectNear(results[0], results[1], 5e-4, "y");
  expect([...results[0].subarray(64)]).toEqual(new Array(64).fill(0));
});
