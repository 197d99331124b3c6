import { expect, test } from "vitest";
import { NameError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { add, constant, mul } from "../../src/graph/build.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { type Action, type Edit, edit } from "../../src/interp/edits.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { forward, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { meanOver, pick, type Tensor } from "../../src/interp/tensor.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { type SiteName, type SiteSelector, sitesOf } from "../../src/model/hookPoints.ts";
import { weightsOfModel } from "../../src/model/weights.ts";
import { runModel } from "../model/runModel.ts";
import { BATCH, backends, configNames, configs, networkOf, POS, tokens, weightsFor } from "./networks.ts";

/** Two float64 computations of one number that sum in another order. */
const FLOAT64 = 1e-12;
const everySite = () => true;
/** Sites that a pass computes whether or not somebody asks. */
const openSites = (config: (typeof configs)[keyof typeof configs]): SiteName[] =>
  [...sitesOf(config).values()].filter(({ gated }) => !gated).map(({ name }) => name);

test.each(configNames)("%s: an edit that changes nothing leaves every bit of the logits", async (name) => {
  for (const backend of ["reference", "wasm"] as const) {
    const network = networkOf(name, { backend });
    const { logits, cache } = await runWithCache(network, tokens, { sites: everySite });
    const idle: Action[] = [
      { kind: "scale", by: 1 },
      { kind: "fromCache", cache },
    ];
    for (const action of idle) {
      const edits = openSites(network.config).map((site) => edit(site, {}, action));
      const run = await runWithHooks(network, tokens, { edits });
      expect(run.logits).toEqual(logits);
      for (const { changed, norm, touched } of run.report) {
        expect(touched).toBeGreaterThan(0);
        expect([changed, norm]).toEqual([0, 0]);
      }
    }
    network.close();
  }
});

test.each(configNames)(
  "%s: an edit changes no bit of what comes before it, nor of another row or model",
  async (name) => {
    const network = networkOf(name);
    const { cache, logits } = await runWithCache(network, tokens, { sites: everySite });
    for (const site of openSites(network.config)) {
      // not the same everywhere: softmax does not see a constant, nor the same vector added to all keys
      const length = sizeOf(cache.get(site).shape.slice(1));
      const values = Float64Array.from({ length }, (_, i) => Math.sin(i + 1));
      const edits = [edit(site, { models: 1, batch: 2 }, { kind: "add", values })];
      const run = await runWithHooks(network, tokens, { edits, sites: everySite });
      const at = cache.names.indexOf(site);
      for (const before of cache.names.slice(0, at)) {
        expect(run.cache.get(before), `${before}, edited ${site}`).toEqual(cache.get(before));
      }
      expect(pick(run.logits, { model: 0 })).toEqual(pick(logits, { model: 0 }));
      expect(pick(run.logits, { batch: [0, 1] })).toEqual(pick(logits, { batch: [0, 1] }));
      expect(run.report[0].changed, site).toBeGreaterThan(0);
      expect(pick(run.logits, { model: 1, batch: 2 }), site).not.toEqual(
        pick(logits, { model: 1, batch: 2 }),
      );
    }
    network.close();
  },
);

test("zero, add, scale and replace are what a visitor of the forward pass makes of them", async () => {
  const weights = weightsFor(configs.gpt, 1);
  const network = openNetwork(backends.reference, configs.gpt, weights);
  const dMlp = configs.gpt.dMlp;
  const values = Float64Array.from({ length: dMlp }, (_, unit) => unit - 2);
  const row = constant(values, [dMlp]);
  const cases: [Action, Parameters<typeof runModel>[2]["at"]][] = [
    [{ kind: "zero" }, (name, node) => (name === "blocks.0.mlp.hook_post" ? mul(node, constant(0)) : node)],
    [{ kind: "add", values }, (name, node) => (name === "blocks.0.mlp.hook_post" ? add(node, row) : node)],
    [
      { kind: "scale", by: values },
      (name, node) => (name === "blocks.0.mlp.hook_post" ? mul(node, row) : node),
    ],
    [
      { kind: "replace", values },
      (name, node) => (name === "blocks.0.mlp.hook_post" ? add(mul(node, constant(0)), row) : node),
    ],
  ];
  for (const [action, at] of cases) {
    const { logits } = await runWithHooks(network, tokens, {
      edits: [edit("blocks.0.mlp.hook_post", {}, action)],
    });
    const theirs = (await runModel(configs.gpt, weights, { tokens, at })).logits;
    logits.data.forEach((value, i) => {
      expect(Math.abs(value - theirs[i]), action.kind).toBeLessThan(FLOAT64);
    });
  }
  network.close();
});

test("a sweep packed into batch rows has the bits of its runs one by one", async () => {
  const network = networkOf("causal");
  const clean = (await runWithCache(network, [tokens[0]], { sites: ["blocks.*.attn.hook_z"] })).cache;
  const places = [0, 1].flatMap((layer) =>
    [0, 1].flatMap((head) => Array.from({ length: POS }, (_, pos) => ({ layer, head, pos }))),
  );
  const patch = ({ layer, head, pos }: (typeof places)[number], batch: number): Edit =>
    edit(`blocks.${layer}.attn.hook_z`, { batch, heads: head, pos }, { kind: "fromCache", cache: clean });
  const packed = await runWithHooks(
    network,
    places.map(() => tokens[1]),
    { edits: places.map(patch) },
  );
  await inTurn(places, async (place, row) => {
    const alone = await runWithHooks(network, [tokens[1]], { edits: [patch(place, 0)] });
    expect(pick(packed.logits, { batch: row })).toEqual(pick(alone.logits, { batch: 0 }));
    expect(packed.report[row].norm).toBe(alone.report[0].norm);
  });
  network.close();
});

test("clean into clean is clean, and all of clean into corrupt is clean", async () => {
  const network = networkOf("gpt");
  const { logits, cache } = await runWithCache(network, [tokens[0]], { sites: ["blocks.0.hook_resid_pre"] });
  const patch = edit("blocks.0.hook_resid_pre", {}, { kind: "fromCache", cache });
  expect((await runWithHooks(network, [tokens[0]], { edits: [patch] })).logits).toEqual(logits);
  expect((await runWithHooks(network, [tokens[1]], { edits: [patch] })).logits).toEqual(logits);
  network.close();
});

test("values repeat along the axes they have not: models, rows, positions", async () => {
  const network = networkOf("causal");
  const site = "blocks.0.mlp.hook_post";
  const { cache } = await runWithCache(network, tokens, { sites: [site] });
  const mean = meanOver(cache.get(site), ["batch", "pos"]); // [model, dMlp]
  const { cache: after } = await runWithHooks(network, tokens, {
    edits: [edit(site, { pos: [1, 3] }, { kind: "mean", values: mean })],
    sites: [site],
  });
  for (const model of [0, 1])
    for (let batch = 0; batch < BATCH; batch++)
      for (let pos = 0; pos < POS; pos++) {
        const expected =
          pos === 1 || pos === 3
            ? Float32Array.from(mean.data.slice(model * 5, model * 5 + 5))
            : cache.get(site, { model, batch, pos }).data;
        expect(after.get(site, { model, batch, pos }).data).toEqual(expected);
      }
  // one number, the last axis, the last two, all of a model, all: each says how far it repeats
  for (const length of [5, POS * 5, BATCH * POS * 5, 2 * BATCH * POS * 5]) {
    const values = Float64Array.from({ length }, (_, i) => i);
    const run = await runWithHooks(network, tokens, {
      edits: [edit(site, {}, { kind: "replace", values })],
      sites: [site],
    });
    run.cache.get(site).data.forEach((value, i) => {
      expect(value).toBe(i % length);
    });
  }
  network.close();
});

test("resampling takes rows by permutation, shifting takes positions from before", async () => {
  const network = networkOf("causal");
  const site = "blocks.1.hook_attn_out";
  const { cache } = await runWithCache(network, tokens, { sites: [site] });
  const permuted = await runWithHooks(network, tokens, {
    edits: [edit(site, {}, { kind: "fromCache", cache, batch: [2, 0, 1] })],
    sites: [site],
  });
  for (const [to, from] of [2, 0, 1].entries())
    expect(permuted.cache.get(site, { batch: to })).toEqual(cache.get(site, { batch: from }));
  const shifted = await runWithHooks(network, tokens, {
    edits: [edit(site, { pos: [1, 2, 3, 4] }, { kind: "fromCache", cache, shift: 1 })],
    sites: [site],
  });
  expect(shifted.cache.get(site, { pos: [1, 2, 3, 4] })).toEqual(cache.get(site, { pos: [0, 1, 2, 3] }));
  expect(shifted.cache.get(site, { pos: 0 })).toEqual(cache.get(site, { pos: 0 }));
  network.close();
});

test("edits of one site are applied in the order given, each to what the others left", async () => {
  const network = networkOf("plain", { backend: "reference" });
  const site = "blocks.0.hook_mlp_out";
  const { cache } = await runWithCache(network, tokens, { sites: [site] });
  const own = Float64Array.from(cache.get(site).data);
  const after = async (...actions: Action[]) =>
    runWithHooks(network, tokens, { edits: actions.map((action) => edit(site, {}, action)), sites: [site] });
  const scaledSum = (await after({ kind: "add", values: 1 }, { kind: "scale", by: 3 })).cache.get(site).data;
  const sumOfScaled = (await after({ kind: "scale", by: 3 }, { kind: "add", values: 1 })).cache.get(
    site,
  ).data;
  const set = await after(
    { kind: "replace", values: 2 },
    { kind: "add", values: 1 },
    { kind: "scale", by: -4 },
  );
  own.forEach((x, i) => {
    expect(Math.abs(scaledSum[i] - 3 * (x + 1))).toBeLessThan(FLOAT64);
    expect(Math.abs(sumOfScaled[i] - (3 * x + 1))).toBeLessThan(FLOAT64);
  });
  expect(new Set(set.cache.get(site).data)).toEqual(new Set([-12]));
  expect(set.report.map(({ norm }) => norm)).toEqual([
    expect.closeTo(Math.sqrt(own.reduce((sum, x) => sum + (2 - x) ** 2, 0)), 9),
    expect.closeTo(Math.sqrt(own.length), 9),
    expect.closeTo(15 * Math.sqrt(own.length), 9),
  ]);
  network.close();
});

test("a function sees the activation that edits before it have left, and what it returns is taken", async () => {
  const network = networkOf("gpt");
  const sites: SiteSelector[] = ["blocks.*.hook_resid_post"];
  const { cache } = await runWithCache(network, tokens, { sites });
  const shown: Tensor[] = [];
  const run = await runWithHooks(network, tokens, {
    edits: [
      edit(
        "blocks.1.hook_resid_post",
        { pos: 4 },
        {
          kind: "function",
          apply: (own) => {
            shown.push(own);
            return own.data.map((value) => 2 * value);
          },
        },
      ),
      edit("blocks.0.hook_resid_post", { batch: 0 }, { kind: "zero" }),
    ],
    sites,
  });
  const zeroed = await runWithHooks(network, tokens, {
    edits: [edit("blocks.0.hook_resid_post", { batch: 0 }, { kind: "zero" })],
    sites,
  });
  expect(shown).toEqual([zeroed.cache.get("blocks.1.hook_resid_post")]);
  const doubled = run.cache.get("blocks.1.hook_resid_post", { pos: 4 }).data;
  expect(doubled).toEqual(
    zeroed.cache.get("blocks.1.hook_resid_post", { pos: 4 }).data.map((value) => 2 * value),
  );
  expect(run.cache.get("blocks.1.hook_resid_post", { pos: 0, batch: 1 })).toEqual(
    cache.get("blocks.1.hook_resid_post", { pos: 0, batch: 1 }),
  );
  expect(run.report.map(({ edit, site, kind }) => [edit, site, kind])).toEqual([
    [0, "blocks.1.hook_resid_post", "function"],
    [1, "blocks.0.hook_resid_post", "zero"],
  ]);
  const idle = edit("blocks.0.attn.hook_pattern", {}, { kind: "function", apply: ({ data }) => data });
  expect((await runWithHooks(network, tokens, { edits: [idle] })).logits).toEqual(
    await forward(network, tokens),
  );
  network.close();
});

test("zeroing replaces NaN and infinite numbers too: nothing is multiplied by a mask", async () => {
  const weights = { ...weightsFor(configs.causal, 2) };
  const bias = weights["blocks.0.mlp.b_out"].slice();
  bias.fill(Number.NaN, 0, 6); // model 0
  const network = openNetwork(backends.wasm, configs.causal, { ...weights, "blocks.0.mlp.b_out": bias });
  const healthy = openNetwork(backends.wasm, configs.causal, weights);
  const edits = [edit("blocks.0.hook_mlp_out", {}, { kind: "zero" })];
  expect((await forward(network, tokens)).data.some(Number.isNaN)).toBe(true);
  const run = await runWithHooks(network, tokens, { edits });
  expect(run.logits).toEqual((await runWithHooks(healthy, tokens, { edits })).logits);
  expect(run.report[0].changed).toBe(run.report[0].touched);
  network.close();
  healthy.close();
});

test("a head silenced at its result is silenced at its z", async () => {
  const weights = weightsFor(configs.gpt, 2);
  const network = openNetwork(backends.reference, configs.gpt, weights);
  const silent = async (site: SiteName) =>
    runWithHooks(network, tokens, { edits: [edit(site, { heads: 1 }, { kind: "zero" })] });
  const [atResult, atZ] = [await silent("blocks.1.attn.hook_result"), await silent("blocks.1.attn.hook_z")];
  atResult.logits.data.forEach((value, i) => {
    expect(Math.abs(value - atZ.logits.data[i])).toBeLessThan(FLOAT64);
  });
  expect(weightsOfModel(configs.gpt, weights, 0)["blocks.1.attn.b_O"].some((value) => value !== 0)).toBe(
    true,
  );
  network.close();
});

test("an edit by prefix or wildcard is made at every site it names, gated ones too, and nowhere else", async () => {
  const network = networkOf("gpt");
  const size = 2 * BATCH * POS;
  const run = await runWithHooks(network, tokens, {
    edits: [
      edit("blocks.1.mlp.", { units: 0 }, { kind: "add", values: 1 }),
      edit("blocks.0.attn.", { heads: 1, batch: 0 }, { kind: "scale", by: 0.5 }),
      edit("blocks.*.hook_mlp_out", {}, { kind: "zero" }),
    ],
  });
  expect(run.report.map(({ edit: at, site, touched }) => [at, site, touched])).toEqual([
    [0, "blocks.1.mlp.hook_pre", size],
    [0, "blocks.1.mlp.hook_post", size],
    ...["q", "k", "v"].map((part) => [1, `blocks.0.attn.hook_${part}`, 2 * POS * 3]),
    ...["attn_scores", "pattern"].map((part) => [1, `blocks.0.attn.hook_${part}`, 2 * POS * POS]),
    [1, "blocks.0.attn.hook_z", 2 * POS * 3],
    [1, "blocks.0.attn.hook_result", 2 * POS * 6],
    [2, "blocks.0.hook_mlp_out", size * 6],
    [2, "blocks.1.hook_mlp_out", size * 6],
  ]);
  network.close();
});

test("an edit at a site that this model never fires is an error with the nearest site it has", async () => {
  const refusals: [Partial<ModelConfig>, string, string][] = [
    [{}, "blocks.2.hook_resid_post", 'Nearest: "blocks.1.hook_resid_post"'],
    [{}, "blocks.2.", 'Nearest: "blocks.1."'],
    [{}, "blocks.*.attn.hook_zz", 'Nearest: "blocks.1.attn.hook_z"'],
    [{}, "ln_final.hook_scale", "2 layers (0 to 1), projected attention, normalization post"],
    [{ attnOnly: true }, "blocks.0.mlp.hook_post", "no such site"],
    [{ attnOnly: true }, "blocks.*.hook_resid_mid", 'Nearest: "blocks.1.hook_resid_'],
    [{ mlpOnly: true }, "blocks.*.attn.", 'hook "blocks.*.attn.": no such site'],
    [{ attention: "parameterFree" }, "blocks.1.attn.hook_result", "parameterFree attention"],
    [{ normalization: "none" }, "blocks.0.ln1.hook_scale", "normalization none"],
    [{ positions: "none" }, "hook_pos_embed", 'Nearest: "hook_embed"'],
    [{ nLayers: 0 }, "blocks.*.hook_resid_post", "a model of no layers"],
  ];
  for (const [change, site, message] of refusals) {
    const config = { ...configs.causal, ...change };
    const network = openNetwork(backends.wasm, config, weightsFor(config, 1));
    const never = edit(site as SiteSelector, {}, { kind: "zero" });
    // beside one that fires, too
    for (const edits of [[never], [edit("hook_embed", {}, { kind: "scale", by: 1 }), never]]) {
      await expect(async () => runWithHooks(network, tokens, { edits }), site).rejects.toThrow(NameError);
      await expect(async () => runWithHooks(network, tokens, { edits }), site).rejects.toThrow(message);
    }
    network.close();
  }
});

test("values, functions and caches of a wrong shape are refused with what must fit and what was given", async () => {
  const network = networkOf("causal");
  const site = "blocks.0.attn.hook_z"; // [model 2, batch 3, pos 5, head 2, dHead 3]
  const { cache } = await runWithCache(network, tokens, { sites: [site] });
  const short = tokens.map((row) => row.slice(1));
  const shorter = (await runWithCache(network, short, { sites: [site] })).cache;
  const long = tokens.map((row) => [...row, 0]);
  const longer = (await runWithCache(network, long, { sites: [site] })).cache;
  const z = cache.get(site);
  const refusals: [Action, string][] = [
    [
      { kind: "replace", values: [1, 2] },
      "the last axes of [2 3 5 2 3] [model batch pos head dHead] have; got 2",
    ],
    [{ kind: "scale", by: [] }, "got 0 numbers"],
    [{ kind: "add", values: new Float32Array(181) }, "got 181 numbers"],
    [{ kind: "mean", values: meanOver(shorter.get(site), ["batch"]) }, "pos 5, head 2, dHead 3]; got pos 4"],
    [{ kind: "replace", values: { ...z, axes: ["model", "batch", "pos", "head", "dMlp"] } }, "got dMlp 3"],
    [
      { kind: "function", apply: ({ data }) => data.subarray(1) },
      "must return 180 numbers, [model 2, batch 3, pos 5",
    ],
    [{ kind: "fromCache", cache, batch: [0, 1] }, "a cached row for each of 3 rows; got 2"],
    [{ kind: "fromCache", cache: shorter }, "depends on the others; got 4 and 5 positions"],
    [{ kind: "fromCache", cache: longer }, "depends on the others; got 6 and 5 positions"],
    [
      { kind: "replace", values: { ...z, data: z.data.slice(1) } },
      "as its shape says, and each axis once; got 179",
    ],
    [
      { kind: "replace", values: { ...z, axes: ["model", "batch", "pos", "head", "head"] } },
      "each axis once; got 180 numbers, [2 3 5 2 3] [model batch pos head head]",
    ],
  ];
  for (const [action, message] of refusals)
    await expect(
      async () => runWithHooks(network, tokens, { edits: [edit(site, {}, action)] }),
      message,
    ).rejects.toThrow(message);
  network.close();
});

test("an edit that cannot be meant is refused with what it got", async () => {
  const network = networkOf("causal");
  const { cache } = await runWithCache(network, tokens, {
    sites: ["blocks.0.attn.hook_z", "blocks.0.attn.hook_pattern"],
  });
  const run = (site: string, region: object, action: Action) => async () =>
    runWithHooks(network, tokens, { edits: [edit(site as SiteName, region, action)] });
  const zero: Action = { kind: "zero" };
  await expect(run("blocks.0.attn.hook_zz", {}, zero)).rejects.toThrow('Nearest: "blocks.0.attn.hook_z"');
  await expect(run("blocks.0.attn.hook_z", { heads: 2 }, zero)).rejects.toThrow(
    "head: must be a whole number, 0 to 1; got 2",
  );
  await expect(run("blocks.0.attn.hook_z", { heads: [] }, zero)).rejects.toThrow(
    "must select something; got an empty list",
  );
  await expect(run("blocks.0.attn.hook_z", { head: 0 }, zero)).rejects.toThrow('Nearest: "heads"');
  await expect(run("blocks.0.hook_mlp_out", { heads: 0 }, zero)).rejects.toThrow(
    "this site has no such axis, so the edit would touch nothing",
  );
  await expect(run("blocks.0.hook_mlp_out", { pos: 5 }, zero)).rejects.toThrow("0 to 4; got 5");
  await expect(run("blocks.0.hook_mlp_out", { models: -1 }, zero)).rejects.toThrow("0 to 1; got -1");
  await expect(run("blocks.0.hook_mlp_out", {}, { kind: "add", values: [1, 2] })).rejects.toThrow(
    "as many as the last axes of [2 3 5 6]",
  );
  const wrong = meanOver(cache.get("blocks.0.attn.hook_z"), ["dHead"]);
  await expect(run("blocks.0.hook_mlp_out", {}, { kind: "replace", values: wrong })).rejects.toThrow(
    "got head 2",
  );
  await expect(run("blocks.0.hook_mlp_out", {}, { kind: "fromCache", cache })).rejects.toThrow(
    "this site was not cached",
  );
  const z = "blocks.0.attn.hook_z";
  await expect(run(z, {}, { kind: "fromCache", cache, shift: 1 })).rejects.toThrow(
    "pos 0: must be a whole number, 0 to 4; got -1",
  );
  await expect(run(z, {}, { kind: "fromCache", cache, batch: [0] })).rejects.toThrow(
    "a cached row for each of 3 rows; got 1",
  );
  await expect(run(z, {}, { kind: "fromCache", cache, batch: [0, 1, 3] })).rejects.toThrow("0 to 2; got 3");
  await expect(run("blocks.0.attn.hook_pattern", {}, { kind: "fromCache", cache, shift: 1 })).rejects.toThrow(
    "one axis of positions",
  );
  await expect(async () =>
    runWithHooks(network, tokens.slice(1), { edits: [edit(z, {}, { kind: "fromCache", cache })] }),
  ).rejects.toThrow("must have one batch row, or as many as the run; got 3 and 2");
  await expect(run(z, {}, { kind: "function", apply: () => [1] })).rejects.toThrow("must return 180 numbers");
  await expect(run(z, {}, { kind: "mute" } as unknown as Action)).rejects.toThrow(
    'no such kind of action; got "mute"',
  );
  network.close();
});
