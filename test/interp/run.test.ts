import { expect, test } from "vitest";
import { edit } from "../../src/interp/edits.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { forward, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { meanOver, pick } from "../../src/interp/tensor.ts";
import { type SiteName, sitesOf } from "../../src/model/hookPoints.ts";
import { weightsOfModel } from "../../src/model/weights.ts";
import { runModel } from "../model/runModel.ts";
import { BATCH, backends, configNames, configs, networkOf, POS, tokens, weightsFor } from "./networks.ts";

const everySite = () => true;
/** Float32 sums of a handful of numbers of order 1, through two blocks. */
const FLOAT32 = 2e-5;

test.each(configNames)("%s: observing every site, gated ones too, changes no bit of the logits", (name) => {
  for (const backend of ["reference", "wasm"] as const) {
    const network = networkOf(name, { backend });
    const plain = forward(network, tokens);
    const { logits, cache } = runWithCache(network, tokens, { sites: everySite });
    expect(logits).toEqual(plain);
    expect(cache.names).toEqual([...sitesOf(network.config).keys()]);
    for (const [site, { axes, shape }] of sitesOf(network.config)) {
      const tensor = cache.get(site);
      expect(tensor.axes).toEqual(["model", ...axes]);
      expect(tensor.shape).toEqual([2, ...shape(BATCH, POS)]);
    }
    network.close();
  }
});

test.each(configNames)("%s: every site holds what the model alone computes there", (name) => {
  const weights = weightsFor(configs[name], 2);
  const sites = new Set<string>(sitesOf(configs[name]).keys());
  for (const backend of ["reference", "wasm"] as const) {
    const network = openNetwork(backends[backend], configs[name], weights);
    const { cache } = runWithCache(network, tokens, { sites: everySite });
    for (const model of [0, 1]) {
      const alone = weightsOfModel(configs[name], weights, model);
      const oracle = runModel(configs[name], alone, { tokens, asked: sites });
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

test("tokens may be lists, an array, shared or of each model", () => {
  const network = networkOf("causal");
  const shared = forward(network, tokens);
  const data = Int32Array.from(tokens.flat());
  expect(forward(network, { data, batch: BATCH, pos: POS })).toEqual(shared);
  const other = tokens.map((row) => row.toReversed());
  const each = forward(network, [tokens, other]);
  expect(pick(each, { model: 0 })).toEqual(pick(shared, { model: 0 }));
  expect(pick(each, { model: 1 })).toEqual(pick(forward(network, other), { model: 1 }));
  expect(() => forward(network, [[0, 1], [2]])).toThrow("sequences must be equally long");
  expect(() => forward(network, [[0, 7]])).toThrow(
    "tokens, sequence 0, position 1: must be a whole number, 0 to 6; got 7.",
  );
  expect(() => forward(network, [[0, 1.5]])).toThrow("must be whole numbers; got 1.5");
  expect(() => forward(network, [[0, 1, 2, 3, 4, 5, 6]])).toThrow("must be a whole number, 1 to 6; got 7");
  expect(() => forward(network, [])).toThrow("tokens, batch: must be a whole number, at least 1; got 0");
  expect(() => forward(network, { data: data.subarray(1), batch: BATCH, pos: POS })).toThrow(
    "got 14 numbers",
  );
  network.close();
});

test("nobody changes a cache by changing what it gave, or the tokens it was made from", () => {
  const network = networkOf("gpt");
  const data = Int32Array.from(tokens.flat());
  const { cache } = runWithCache(
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

test("parts of a cached tensor are taken by axis name", () => {
  const network = networkOf("causal");
  const { cache } = runWithCache(network, tokens, { sites: ["blocks.1.attn.hook_pattern"] });
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

test("a selection that matches nothing is an error with the nearest site", () => {
  const network = networkOf("causal");
  const run = (sites: string[]) => () => runWithCache(network, tokens, { sites: sites as SiteName[] });
  expect(run(["blocks.0.attn.hook_patern"])).toThrow('Nearest: "blocks.0.attn.hook_pattern"');
  expect(run(["blocks.2.hook_resid_post"])).toThrow('Nearest: "blocks.1.hook_resid_post"');
  expect(run(["ln_final.hook_scale"])).toThrow("no such site");
  expect(run([])).toThrow("must select at least one site; got an empty list");
  expect(() => runWithCache(network, tokens, { sites: ({ layer }) => layer === 2 })).toThrow(
    "must select at least one site; got a function that refused all",
  );
  network.close();
});

test("a cache is stale for another network, and for its own once weights were written", () => {
  const network = networkOf("causal");
  const other = networkOf("causal");
  const { cache } = runWithCache(network, tokens, { sites: ["blocks.0.attn.hook_z"] });
  const patch = [edit("blocks.0.attn.hook_z", {}, { kind: "fromCache", cache })];
  expect(() => runWithHooks(other, tokens, { edits: patch })).toThrow(
    "stale cache: it was made with another network",
  );
  runWithHooks(network, tokens, { edits: patch });
  network.session.write("embed.W_E", network.session.read("embed.W_E"));
  expect(() => runWithHooks(network, tokens, { edits: patch })).toThrow(
    "stale cache: weights were written after it",
  );
  network.close();
  expect(() => forward(network, tokens)).toThrow("network: is closed");
  other.close();
});

test("a program is compiled once for each shape and selection", () => {
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
      runWithHooks(network, tokens, {
        edits: [edit("blocks.0.attn.hook_z", { heads: head, batch }, { kind: "zero" })],
      });
  expect(compiled).toBe(1);
  network.close();
});
