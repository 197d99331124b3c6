/** Do the tools work on the architectures of pretrained families, and refuse in one sentence what those do not have? */
import { expect, test } from "vitest";
import { compositionScores } from "../../src/interp/compositionScores.ts";
import { copyingScores } from "../../src/interp/copyingScores.ts";
import { edit } from "../../src/interp/edits.ts";
import { ovCircuits, qkCircuits } from "../../src/interp/headCircuits.ts";
import { headScores } from "../../src/interp/headScores.ts";
import { logitLens } from "../../src/interp/logitLens.ts";
import { logitDifference } from "../../src/interp/metrics.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { patchSweep } from "../../src/interp/patching.ts";
import { pathPatching } from "../../src/interp/pathPatching.ts";
import { directLogitAttribution, residualDecomposition } from "../../src/interp/residualDecomposition.ts";
import { runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { singularDirections } from "../../src/interp/singularDirections.ts";
import { pick } from "../../src/interp/tensor.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { families } from "../model/configs.ts";
import { backends, weightsFor } from "./networks.ts";

/** Two float64 computations of numbers of order 1. */
const FLOAT64 = 1e-12;

const tokens = [
  [0, 3, 1, 1],
  [2, 2, 0, 3],
];
const corrupt = [
  [1, 3, 1, 0],
  [2, 0, 0, 1],
];
const metric = logitDifference([1, 2], [3, 0]);

function open(config: ModelConfig, models = 1): Network {
  return openNetwork(backends.reference, config, weightsFor(config, models));
}

const near = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i] - expected[i])).toBeLessThan(FLOAT64);
};

test.each(Object.keys(families) as (keyof typeof families)[])(
  "%s: either lens at the last site gives the model's own logits",
  async (name) => {
    const config: ModelConfig = families[name];
    if (config.nLayers === 0) return;
    const network = open(config);
    const { logits } = await runWithCache(network, tokens, { sites: [hook.logits] });
    for (const norm of ["recomputed", "frozen"] as const) {
      const lens = await logitLens(network, tokens, { norm, sites: [hook.residPost(config.nLayers - 1)] });
      near(lens.logits.data, logits.data);
    }
    network.close();
  },
);

test("in a parallel block attention has no path to the MLP beside it, in a serial one it has", async () => {
  const by = ["layer"] as const;
  const effect = async (config: ModelConfig) => {
    const network = open(config);
    const { patched } = await pathPatching(network, {
      ...{ clean: tokens, corrupt, metric },
      senders: [{ over: [hook.attnOut("all")], by }],
      receivers: [{ over: [hook.mlpPre("all")], by }],
    });
    network.close();
    return [0, 1].map((sender) =>
      [0, 1].map((receiver) => pick(patched, { sender, receiver }).data.some(Number.isNaN)),
    );
  };
  expect(await effect(families.neox)).toEqual([
    [true, false],
    [true, true],
  ]);
  expect(await effect(families["neox, serial"])).toEqual([
    [false, false],
    [true, false],
  ]);
});

test("paths into both halves of a gated MLP are one path each, and embeddings reach them through their norm", async () => {
  for (const config of [families.llama, families.bert] as ModelConfig[]) {
    const network = open(config);
    const halves = config.gatedMlp ? [hook.mlpPre(0), hook.mlpPreLinear(0)] : [hook.mlpPre(0)];
    const senders = config.dSegments ? [hook.embed, hook.tokenTypeEmbed] : [hook.embed];
    const { patched } = await pathPatching(network, {
      ...{ clean: tokens, corrupt, metric },
      senders: senders.map((site) => ({ over: [site], by: [] })),
      receivers: halves.map((site) => ({ over: [site], by: [] })),
    });
    expect(patched.data.every(Number.isFinite)).toBe(true);
    // everything held but the embedding, run by run
    const sites = /attn\.hook_z$|mlp\.hook_post$|^hook_embed$/;
    const own = (await runWithCache(network, corrupt, { sites: ({ name }) => sites.test(name) })).cache;
    const theirs = (await runWithCache(network, tokens, { sites: [hook.embed] })).cache;
    for (const [receiver, half] of halves.entries()) {
      const held = own.names.filter((name) => name !== hook.embed);
      const direct = await runWithHooks(network, corrupt, {
        edits: [
          ...held.map((site) => edit(site, {}, { kind: "fromCache", cache: own })),
          edit(hook.embed, {}, { kind: "fromCache", cache: theirs }),
        ],
        sites: [half],
      });
      const { logits } = await runWithHooks(network, corrupt, {
        edits: [edit(half, {}, { kind: "fromCache", cache: direct.cache })],
      });
      near(pick(patched, { sender: 0, receiver }).data, metric.measure(logits).data);
    }
    network.close();
  }
});

test("heads of grouped keys are patched and edited by their own number", async () => {
  const config: ModelConfig = { ...families.llama, nHeads: 4, nKeyValueHeads: 2 };
  const network = open(config);
  const sweep = await patchSweep(network, {
    ...{ clean: tokens, corrupt, metric },
    over: [hook.k("all")],
    by: ["layer", "head"],
  });
  expect(sweep.patched.shape).toEqual([1, 2, 2, 2]);
  // a head of values is read by its two neighbours and by nobody else
  const intact = (await runWithCache(network, tokens, { sites: [hook.z(0)] })).cache.get(hook.z(0));
  const cut = await runWithHooks(network, tokens, {
    edits: [edit(hook.v(0), { heads: 1 }, { kind: "zero" })],
    sites: [hook.z(0)],
  });
  const z = cut.cache.get(hook.z(0));
  for (const head of [0, 1]) expect(pick(z, { head })).toEqual(pick(intact, { head }));
  for (const head of [2, 3]) expect(pick(z, { head }).data.every((value) => value === 0)).toBe(true);
  await expect(
    patchSweep(network, {
      ...{ clean: tokens, corrupt, metric },
      over: [hook.q("all"), hook.k("all")],
      by: ["head"],
    }),
  ).rejects.toThrow("sweep by head: must have one size at all sites");
  network.close();
});

test("an OV circuit of grouped values is what the head adds for a stream that it alone attends to", async () => {
  const config: ModelConfig = { ...families.llama, nHeads: 4, nKeyValueHeads: 2, nLayers: 1 };
  const network = open(config);
  const one = [[2]]; // a single position attends to itself
  const { cache } = await runWithCache(network, one, {
    sites: [hook.residPre(0), hook.ln1Scale(0), hook.result(0)],
  });
  const [scale] = cache.get(hook.ln1Scale(0)).data;
  const stream = Array.from(cache.get(hook.residPre(0)).data);
  for (const { head, matrix } of await ovCircuits(network)) {
    const { left, right } = matrix;
    const read = Array.from({ length: left.columns }, (_, j) =>
      stream.reduce((total, value, i) => total + (value / scale) * left.data[i * left.columns + j], 0),
    );
    const written = Array.from({ length: config.dModel }, (_, j) =>
      read.reduce((total, value, i) => total + value * right.data[i * config.dModel + j], 0),
    );
    near(written, pick(cache.get(hook.result(0)), { head }).data);
  }
  const scores = await copyingScores(network);
  expect(scores.scores.eigenvalue.shape).toEqual([1, 1, 4]);
  network.close();
});

test("a full OV circuit folds the norm of the embeddings", async () => {
  const config: ModelConfig = { ...families.bert, mlmHead: false, nLayers: 1, normalization: "none" };
  const network = open(config);
  const read = async (name: string) => [...(await network.session.read(name))];
  const [embedding, weight] = [await read("embed.W_E"), await read("embed.ln.w")];
  const [circuit] = await ovCircuits(network, { from: "tokens", heads: [1] });
  const [bare] = await ovCircuits(network, { heads: [1] });
  const token = 2;
  const row = embedding.slice(token * 6, token * 6 + 6);
  const mean = row.reduce((total, value) => total + value / 6, 0);
  const normed = row.map((value, i) => weight[i] * (value - mean));
  const through = (x: number[], { left }: typeof bare.matrix) =>
    Array.from({ length: left.columns }, (_, j) =>
      x.reduce((total, value, i) => total + value * left.data[i * left.columns + j], 0),
    );
  const { left } = circuit.matrix;
  near(left.data.slice(token * left.columns, (token + 1) * left.columns), through(normed, bare.matrix));
  network.close();
});

test("embeddings of positions and segments and the norm after them are components of the stream", async () => {
  const network = open(families.bert);
  const { components } = await residualDecomposition(network, tokens);
  expect(components.slice(0, 4)).toEqual(["embed", "pos_embed", "token_type_embed", "embed_ln_bias"]);
  network.close();
  const rotary = open(families.llama);
  expect((await residualDecomposition(rotary, tokens)).components.slice(0, 2)).toEqual([
    "embed",
    "0_attn_out",
  ]);
  expect((await headScores(rotary, tokens)).heads).toBe(2);
  rotary.close();
});

test("what rotary positions, or a head before the unembedding, leave undefined is refused in one sentence", async () => {
  const rotary = open(families.neox);
  const depends =
    "rotary positions turn queries and keys, so that W_Q W_Kᵀ is another matrix at every distance";
  await expect(qkCircuits(rotary)).rejects.toThrow(`QK circuits: need scores`);
  await expect(qkCircuits(rotary)).rejects.toThrow(depends);
  await expect(compositionScores(rotary)).rejects.toThrow(depends);
  await expect(ovCircuits(rotary, { from: "positions" })).rejects.toThrow(
    'need a model with position embeddings; got positions "rotary".',
  );
  expect(await ovCircuits(rotary)).toHaveLength(4);
  rotary.close();

  const encoder = open(families.bert);
  const linear = "needs logits that are linear in the stream";
  await expect(directLogitAttribution(encoder, tokens, { token: 1 })).rejects.toThrow(linear);
  await expect(ovCircuits(encoder, { from: "tokens", to: "logits" })).rejects.toThrow(linear);
  await expect(copyingScores(encoder)).rejects.toThrow(linear);
  await expect(singularDirections(encoder, { of: "W_out" })).rejects.toThrow(linear);
  expect(await ovCircuits(encoder)).toHaveLength(4);
  expect(await qkCircuits(encoder)).toHaveLength(4);
  encoder.close();
});
