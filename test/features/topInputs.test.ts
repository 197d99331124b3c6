import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { exhaustiveLimit, latinBlocks } from "../../src/data/probes.ts";
import { inputSpace, visibleRange } from "../../src/features/inputSpace.ts";
import { siteActivations, visitActivations } from "../../src/features/siteActivations.ts";
import { type TopInputs, topInputs } from "../../src/features/topInputs.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";

const tiny = { nLayers: 2, nHeads: 2, dModel: 6, dHead: 3, dMlp: 5, dVocab: 3, nCtx: 4 } as const;
const configs: Record<string, ModelConfig> = {
  bidirectional: { ...presets.original, ...tiny },
  causal: { ...presets.gpt, ...tiny },
  "MLPs alone": { ...presets.causal, ...tiny, mlpOnly: true },
};

const networkOf = (config: ModelConfig, models: number) =>
  openNetwork(
    wasmBackend(),
    config,
    initialPopulation(
      config,
      { scheme: "pytorch" },
      Array.from({ length: models }, (_, model) => randomStream("top inputs", model)),
    ),
  );

const all = (unit: number, { most, found, pos, activation }: TopInputs) =>
  Array.from({ length: found[unit] }, (_, rank) => [pos[unit * most + rank], activation[unit * most + rank]]);

/** The same input in runs of different length: sums in another order, float32. */
const FLOAT32 = 1e-5;

test.each(Object.keys(configs))(
  "%s: an exhaustive search finds what trying everything one by one finds",
  async (name) => {
    const config = configs[name];
    const network = networkOf(config, 2);
    const [nPos, most, units] = [4, 6, 5];
    const site = "blocks.1.mlp.hook_post";
    const space = inputSpace(config, nPos);
    expect(space.searched).toBe(nPos);
    const searches = [0, 1].map(() =>
      topInputs({ units, most, nPos, visible: (pos) => visibleRange(config, nPos, pos) }),
    );
    const { sequences } = space;
    if (sequences === undefined) throw new Error("nothing to search");
    let fresh = 0;
    await visitActivations(network, sequences, [site], ({ model, first, values }) => {
      const counts = (sequence: number, pos: number) => {
        const counted = space.fresh(sequence, pos);
        if (model === 0 && counted) fresh++;
        return counted;
      };
      searches[model].offer({ ...sequences, first, values, counts, source: 0 });
    });
    expect(fresh).toBe(space.inputs);

    // the oracle: every sequence in its own run, and distinct inputs told apart by what the position sees
    const best = [0, 1].map(() => Array.from({ length: units }, () => new Map<string, [number, number]>()));
    for (let n = 0; n < 3 ** nPos; n++) {
      const sequence = [27, 9, 3, 1].map((weight) => Math.floor(n / weight) % 3);
      const { data } = (await runWithCache(network, [sequence], { sites: [site] })).cache.get(site);
      for (let model = 0; model < 2; model++)
        for (let pos = 0; pos < nPos; pos++) {
          const seen =
            name === "causal"
              ? sequence.slice(0, pos + 1)
              : name === "bidirectional"
                ? sequence
                : [sequence[pos]];
          for (let unit = 0; unit < units; unit++)
            best[model][unit].set(`${pos}: ${seen}`, [pos, data[(model * nPos + pos) * units + unit]]);
        }
    }
    for (let model = 0; model < 2; model++)
      for (let unit = 0; unit < units; unit++) {
        const activations = [...best[model][unit].values()];
        const least = Math.min(...activations.map(([, value]) => value));
        const wanted = activations
          .filter(([, value]) => value > least + FLOAT32)
          .sort((a, b) => b[1] - a[1])
          .slice(0, most);
        const found = all(unit, searches[model].result());
        expect(found.length).toBe(wanted.length);
        found.forEach(([, value], rank) => {
          expect(Math.abs(value - wanted[rank][1])).toBeLessThan(FLOAT32);
        });
      }
  },
);

test("the part of the input space that can be tried grows with what a position cannot see", () => {
  const ten = { ...presets.causal, dVocab: 10 };
  expect(inputSpace(ten, 8)).toMatchObject({ searched: 4, inputs: 10 + 100 + 1000 + 10_000 });
  expect(inputSpace({ ...ten, causal: false }, 8)).toMatchObject({ searched: 0, inputs: 0 });
  expect(inputSpace({ ...ten, causal: false }, 4)).toMatchObject({ searched: 4, inputs: 40_000 });
  expect(inputSpace({ ...ten, mlpOnly: true }, 8)).toMatchObject({ searched: 8, inputs: 80 });
  expect(inputSpace({ ...ten, dVocab: exhaustiveLimit + 1 }, 8).searched).toBe(0);
});

test("an input counts once, ties keep their order, and the floor of a rectifier is no preference", () => {
  const search = topInputs({ units: 3, most: 3, nPos: 2, visible: (pos) => ({ from: 0, to: pos }) });
  // [sequence, pos, unit]; position 0 sees its own token only, so rows 0 and 1 show it the same input
  const values = [
    [5, 0, 1, /**/ 1, 0, 1],
    [5, 0, 1, /**/ 2, 0, 1],
    [3, 0, 1, /**/ 2, 7, Number.NaN],
  ].flat();
  search.offer({ tokens: Int32Array.of(0, 1, 0, 2, 1, 0), nPos: 2, first: 0, values, source: 4 });
  const result = search.result();
  expect(Array.from(result.found)).toEqual([3, 1, 0]);
  expect(all(0, result)).toEqual([
    [0, 5],
    [0, 3],
    [1, 2],
  ]);
  expect(Array.from(result.tokens.subarray(0, 6))).toEqual([0, -1, 1, -1, 0, 2]);
  expect(all(1, result)).toEqual([[1, 7]]);
  expect([result.source[0], result.source[8], result.pos[8], result.activation[8]]).toEqual([
    4,
    -1,
    -1,
    Number.NaN,
  ]);
});

test("activations come block after block as one run gives them", async () => {
  const config = configs.causal;
  const network = networkOf(config, 3);
  const probe = latinBlocks({ dVocab: 3, nPos: 4, blocks: 100, stream: randomStream("blocks") }); // 300: two blocks
  const sites = ["blocks.0.hook_resid_post", "blocks.1.attn.hook_z"] as const;
  const together = await siteActivations(network, probe, sites);
  const rows = Array.from({ length: 300 }, (_, row) =>
    Array.from(probe.tokens.subarray(row * 4, row * 4 + 4)),
  );
  const { cache } = await runWithCache(network, rows, { sites });
  for (const site of sites)
    expect(together.flatMap((bySite) => Array.from(bySite.get(site) ?? []))).toEqual(
      Array.from(cache.get(site).data),
    );
});
