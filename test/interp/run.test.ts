import { expect, test } from "vitest";
import { NameError } from "../../src/base/errors.ts";
import { constant, mul, state } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import type { ActivationCache } from "../../src/interp/activationCache.ts";
import { edit } from "../../src/interp/edits.ts";
import { headScores } from "../../src/interp/headScores.ts";
import { logitLens } from "../../src/interp/logitLens.ts";
import { lossMetric } from "../../src/interp/metrics.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import type { SiteChoice } from "../../src/interp/pass.ts";
import { forward, gradients, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { meanOver, pick } from "../../src/interp/tensor.ts";
import { hook, type SiteName, type SiteSelector, sitesOf } from "../../src/model/hookPoints.ts";
import { weightsOfModel } from "../../src/model/weights.ts";
import { runModel } from "../model/runModel.ts";
import {
  BATCH,
  backends,
  configNames,
  configs,
  networkOf,
  POS,
  targets,
  tokens,
  weightsFor,
} from "./networks.ts";

const everySite = () => true;
/** Float32 sums of a handful of numbers of order 1, through two blocks. */
const FLOAT32 = 2e-5;

/** All that a cache holds, copied. */
const cacheNumbers = (cache: ActivationCache) => cache.names.map((name) => cache.get(name));

test.each(configNames)(
  "%s: observing every site, gated ones too, changes no bit of the logits",
  async (name) => {
    for (const backend of ["reference", "wasm"] as const) {
      const network = networkOf(name, { backend });
      const plain = await forward(network, tokens);
      const { logits, cache } = await runWithCache(network, tokens, { sites: everySite });
      expect(logits).toEqual(plain);
      expect(cache.names).toEqual([...sitesOf(network.config).keys()]);
      for (const [site, { axes, shape }] of sitesOf(network.config)) {
        const tensor = cache.get(site);
        expect(tensor.axes).toEqual(["model", ...axes]);
        expect(tensor.shape).toEqual([2, ...shape(BATCH, POS)]);
      }
      network.close();
    }
  },
);

test.each(configNames)("%s: every site holds what the model alone computes there", async (name) => {
  const weights = weightsFor(configs[name], 2);
  const sites = new Set<string>(sitesOf(configs[name]).keys());
  for (const backend of ["reference", "wasm"] as const) {
    const network = openNetwork(backends[backend], configs[name], weights);
    const { cache } = await runWithCache(network, tokens, { sites: everySite });
    for (const model of [0, 1]) {
      const alone = weightsOfModel(configs[name], weights, model);
      const oracle = await runModel(configs[name], alone, { tokens, asked: sites });
      for (const site of cache.names) {
        const { data } = cache.get(site, { model });
        const theirs = oracle.sites[site];
        const off = Array.from(data, (value, i) => (value === theirs[i] ? 0 : Math.abs(value - theirs[i])));
        expect(Math.max(...off), site).toBeLessThan(backend === "wasm" ? FLOAT32 : 1e-12);
      }
    }
    network.close();
  }
});

test("tokens may be lists, an array, shared or of each model", async () => {
  const network = networkOf("causal");
  const shared = await forward(network, tokens);
  const data = Int32Array.from(tokens.flat());
  expect(await forward(network, { data, batch: BATCH, pos: POS })).toEqual(shared);
  const other = tokens.map((row) => row.toReversed());
  const each = await forward(network, [tokens, other]);
  expect(pick(each, { model: 0 })).toEqual(pick(shared, { model: 0 }));
  expect(pick(each, { model: 1 })).toEqual(pick(await forward(network, other), { model: 1 }));
  await expect(async () => forward(network, [[0, 1], [2]])).rejects.toThrow("sequences must be equally long");
  await expect(async () => forward(network, [[0, 7]])).rejects.toThrow(
    "tokens, sequence 0, position 1: must be a whole number, 0 to 6; got 7.",
  );
  await expect(async () => forward(network, [[0, 1.5]])).rejects.toThrow("must be whole numbers; got 1.5");
  await expect(async () => forward(network, [[0, 1, 2, 3, 4, 5, 6]])).rejects.toThrow(
    "must be a whole number, 1 to 6; got 7",
  );
  await expect(async () => forward(network, [])).rejects.toThrow(
    "tokens, batch: must be a whole number, at least 1; got 0",
  );
  await expect(async () =>
    forward(network, { data: data.subarray(1), batch: BATCH, pos: POS }),
  ).rejects.toThrow("got 14 numbers");
  network.close();
});

test("nobody changes a cache by changing what it gave, or the tokens it was made from", async () => {
  const network = networkOf("gpt");
  const data = Int32Array.from(tokens.flat());
  const { cache } = await runWithCache(
    network,
    { data, batch: BATCH, pos: POS },
    { sites: ["blocks.*.hook_resid_post"] },
  );
  const before = cache.get("blocks.1.hook_resid_post");
  const taken = cache.get("blocks.1.hook_resid_post");
  taken.data.fill(0);
  cache.tokens().data.fill(0);
  data.fill(0);
  expect(cache.get("blocks.1.hook_resid_post")).toEqual(before);
  expect(cache.tokens().data).toEqual(Int32Array.from(tokens.flat()));
  network.close();
});

test("a cache keeps its numbers through later runs, and whatever is done to what runs gave or were given", async () => {
  for (const backend of ["reference", "wasm"] as const) {
    const network = networkOf("causal", { backend });
    const sites: SiteSelector[] = ["blocks.0.hook_resid_post", "blocks.1.hook_resid_pre", "unembed.hook_out"];
    // a block's last stream is the next one's first, and logits are a site: the same numbers under two names
    const slopes = await gradients(network, tokens, { of: lossMetric(targets), sites });
    const values = cacheNumbers(slopes.cache);
    const gradientValues = cacheNumbers(slopes.gradients);
    const [{ data: logits }, { data: metric }] = [slopes.logits, slopes.metric];
    const kept = [logits.slice(), metric.slice()];

    // a later run of the same program on other tokens
    await gradients(network, tokens.toReversed(), { of: lossMetric(targets), sites });
    expect([logits, metric]).toEqual(kept);
    expect(cacheNumbers(slopes.cache)).toEqual(values);
    expect(cacheNumbers(slopes.gradients)).toEqual(gradientValues);

    // copied, written to and put in: the run sees the copy, the cache does not
    const copy = slopes.cache.get("blocks.0.hook_resid_post");
    copy.data.fill(7);
    const edits = [
      edit("blocks.0.hook_resid_post", {}, { kind: "replace", values: copy }),
      edit("blocks.1.hook_resid_pre", {}, { kind: "function", apply: ({ data }) => data.fill(3) }),
    ];
    const { cache } = await runWithHooks(network, tokens, { edits, sites });
    copy.data.fill(8);
    expect(new Set(cache.get("blocks.0.hook_resid_post").data)).toEqual(new Set([7]));
    expect(new Set(cache.get("blocks.1.hook_resid_pre").data)).toEqual(new Set([3]));
    logits.fill(9);
    metric.fill(9);
    expect(cacheNumbers(slopes.cache)).toEqual(values);
    expect(cacheNumbers(slopes.gradients)).toEqual(gradientValues);
    network.close();
    expect(cacheNumbers(slopes.cache)).toEqual(values);
  }
});

test("a function may do to its argument what it likes: outside of the region nothing changes", async () => {
  const network = networkOf("gpt");
  const sites: SiteSelector[] = ["blocks.0.attn.hook_z", "blocks.0.hook_resid_pre"];
  const { cache } = await runWithCache(network, tokens, { sites });
  const scribble = edit(
    "blocks.0.attn.hook_z",
    { batch: 1 },
    { kind: "function", apply: ({ data }) => data.fill(5) },
  );
  const run = await runWithHooks(network, tokens, { edits: [scribble], sites });
  expect(run.cache.get("blocks.0.hook_resid_pre")).toEqual(cache.get("blocks.0.hook_resid_pre"));
  expect(new Set(run.cache.get("blocks.0.attn.hook_z", { batch: 1 }).data)).toEqual(new Set([5]));
  expect(run.cache.get("blocks.0.attn.hook_z", { batch: [0, 2] })).toEqual(
    cache.get("blocks.0.attn.hook_z", { batch: [0, 2] }),
  );
  network.close();
});

test("parts of a cached tensor are taken by axis name", async () => {
  const network = networkOf("causal");
  const { cache } = await runWithCache(network, tokens, { sites: ["blocks.1.attn.hook_pattern"] });
  const whole = cache.get("blocks.1.attn.hook_pattern");
  const part = cache.get("blocks.1.attn.hook_pattern", { model: 1, head: 0, batch: [2, 0] });
  expect(part.axes).toEqual(["batch", "queryPos", "keyPos"]);
  expect(part.shape).toEqual([2, POS, POS]);
  for (const [to, from] of [2, 0].entries())
    for (let q = 0; q < POS; q++)
      for (let k = 0; k < POS; k++)
        expect(part.data[(to * POS + q) * POS + k]).toBe(
          whole.data[((((1 * BATCH + from) * 2 + 0) * POS + q) * POS + k) as number],
        );
  // a row of a pattern sums to 1, so the mean over keys is 1 / POS
  const mean = meanOver(whole, ["keyPos", "batch"]);
  expect(mean.axes).toEqual(["model", "head", "queryPos"]);
  for (const value of mean.data) expect(value).toBeCloseTo(1 / POS, 6);
  expect(() => cache.get("blocks.1.attn.hook_pattern", { heads: 0 } as object)).toThrow('Nearest: "head"');
  expect(() => cache.get("blocks.1.attn.hook_pattern", { head: 2 })).toThrow(
    "axis head: must be a whole number, 0 to 1; got 2",
  );
  expect(() => cache.get("blocks.1.attn.hook_pattern", { head: [] })).toThrow("must select something");
  expect(() => cache.get("blocks.0.attn.hook_pattern")).toThrow(
    'this site was not cached; got 1 sites. Nearest: "blocks.1.attn.hook_pattern"',
  );
  network.close();
});

test("names, wildcards, prefixes and predicates select sites, each once and in firing order", async () => {
  const network = networkOf("gpt");
  const all = [...sitesOf(network.config).keys()];
  const names = async (sites: SiteChoice) => (await runWithCache(network, tokens, { sites })).cache.names;
  expect(await names(["unembed.hook_out", "hook_embed", "unembed.hook_out"])).toEqual([
    "hook_embed",
    "unembed.hook_out",
  ]);
  expect(await names([hook.z("all"), hook.z(1)])).toEqual(["blocks.0.attn.hook_z", "blocks.1.attn.hook_z"]);
  for (const prefix of ["blocks.", "blocks.1.", "blocks.0.attn.", "ln_final."] as const)
    expect(await names([prefix])).toEqual(all.filter((name) => name.startsWith(prefix)));
  expect(await names(["blocks.*.ln1.", hook.embed])).toEqual(
    all.filter((name) => name === "hook_embed" || name.includes(".ln1.")),
  );
  expect(await names(({ axes, layer }) => layer === 1 && axes.includes("keyPos"))).toEqual([
    "blocks.1.attn.hook_attn_scores",
    "blocks.1.attn.hook_pattern",
  ]);
  expect(await names(({ gated }) => gated)).toEqual([
    "blocks.0.attn.hook_result",
    "blocks.1.attn.hook_result",
  ]);
  // the same choices decide where gradients are taken
  const slopes = await gradients(network, tokens, { of: lossMetric(targets), sites: ["blocks.1.mlp."] });
  expect(slopes.gradients.names).toEqual(["blocks.1.mlp.hook_pre", "blocks.1.mlp.hook_post"]);
  network.close();
});

test("a selection that matches nothing is an error with the nearest site", async () => {
  const network = networkOf("causal");
  const refusals: [string[], string][] = [
    [["blocks.0.attn.hook_patern"], 'Nearest: "blocks.0.attn.hook_pattern"'],
    [["blocks.2.hook_resid_post"], 'Nearest: "blocks.1.hook_resid_post"'],
    [["blocks.*.hook_resid_pots"], 'Nearest: "blocks.1.hook_resid_post"'],
    [["blocks.2."], 'Nearest: "blocks.1."'],
    [["blocks.0.atn."], 'Nearest: "blocks.0.attn."'],
    [["blocks.0.attn"], 'hook "blocks.0.attn": no such site'],
    [["ln_final.hook_scale"], "no such site"],
    [[], "must select at least one site; got an empty list"],
    // one of several is enough
    [["hook_embed", "hook_pos_embd"], 'Nearest: "hook_pos_embed"'],
  ];
  for (const [sites, message] of refusals) {
    const choice = { sites: sites as SiteName[] };
    await expect(async () => runWithCache(network, tokens, choice)).rejects.toThrow(message);
    await expect(async () => runWithHooks(network, tokens, { edits: [], ...choice })).rejects.toThrow(
      message,
    );
    await expect(async () =>
      gradients(network, tokens, { of: lossMetric(targets), ...choice }),
    ).rejects.toThrow(message);
  }
  await expect(async () =>
    runWithCache(network, tokens, { sites: ["blocks.0.attn.hook_patern" as SiteName] }),
  ).rejects.toThrow(NameError);
  await expect(async () =>
    runWithCache(network, tokens, { sites: ({ layer }) => layer === 2 }),
  ).rejects.toThrow(
    `got a function that refused all ${sitesOf(network.config).size}. The first site is "hook_embed".`,
  );
  network.close();
});

test("a cache is stale for another network, and for its own once weights were written", async () => {
  const network = networkOf("causal");
  const other = networkOf("causal");
  const site: SiteName = "blocks.0.attn.hook_z";
  const choice: { sites: SiteChoice } = { sites: [site, hook.pattern("all"), hook.residPost("all")] };
  const { cache } = await runWithCache(network, tokens, choice);
  const uses: ((on: Network, from: ActivationCache) => Promise<unknown>)[] = [
    async (on, from) =>
      runWithHooks(on, tokens, { edits: [edit(site, {}, { kind: "fromCache", cache: from })] }),
    async (on, from) => headScores(on, from),
    async (on, from) => logitLens(on, from, { norm: "recomputed" }),
  ];
  for (const use of uses) {
    await expect(async () => use(other, cache)).rejects.toThrow(
      "stale cache: it was made with another network",
    );
    await use(network, cache);
  }
  const weights = weightsFor(configs.causal, 2);
  const bias = state("unembed.b_U", [configs.causal.dVocab]) as Node<"state">;
  const update = makeGraph({ outputs: {}, updates: new Map([[bias, mul(bias, constant(2))]]) });
  const writes: (() => Promise<unknown>)[] = [
    // the very same numbers too: nobody compares them
    async () => network.session.write("embed.W_E", await network.session.read("embed.W_E")),
    async () => network.writeWeights(weights),
    async () => network.session.compile(update).run({}),
  ];
  for (const write of writes) {
    const fresh = (await runWithCache(network, tokens, choice)).cache;
    for (const use of uses) await use(network, fresh);
    const { version } = network;
    await write();
    expect(network.version).toBeGreaterThan(version);
    expect(fresh.version).toBe(version);
    for (const use of uses)
      await expect(async () => use(network, fresh)).rejects.toThrow(
        "stale cache: weights were written after it was made",
      );
    // what was seen can still be read
    expect(fresh.get(site).shape).toEqual([2, BATCH, POS, 2, 3]);
  }
  network.close();
  await expect(async () => forward(network, tokens)).rejects.toThrow("network: is closed");
  other.close();
});

test("a program is compiled once for each shape and selection", async () => {
  let compiled = 0;
  const counting = {
    ...backends.wasm,
    open: (options: Parameters<typeof backends.wasm.open>[0]) => {
      const session = backends.wasm.open(options);
      return {
        ...session,
        compile: (graph: Parameters<typeof session.compile>[0]) => {
          compiled++;
          return session.compile(graph);
        },
      };
    },
  };
  const network = openNetwork(counting, configs.gpt, weightsFor(configs.gpt, 1));
  for (const head of [0, 1])
    for (const batch of [0, 1, 2])
      await runWithHooks(network, tokens, {
        edits: [edit("blocks.0.attn.hook_z", { heads: head, batch }, { kind: "zero" })],
      });
  expect(compiled).toBe(1);
  network.close();
});
