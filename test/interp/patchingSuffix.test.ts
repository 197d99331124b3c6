import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { edit } from "../../src/interp/edits.ts";
import { logitDifference, lossMetric, type Metric, metric } from "../../src/interp/metrics.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { patchSweep } from "../../src/interp/patching.ts";
import { runWithCache, runWithHooks } from "../../src/interp/run.ts";
import type { SweepAxis } from "../../src/interp/sweep.ts";
import type { Tensor } from "../../src/interp/tensor.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { hook, type Site, type SiteName, sitesOf } from "../../src/model/hookPoints.ts";
import { families } from "../model/configs.ts";
import { backends, type ConfigName, configNames, configs, weightsFor } from "./networks.ts";

/** Long enough for suffixes that begin at other places than where something is replaced. */
const POS = 11;
/** Cells of each sweep that are run one by one. */
const DRAWN = 3;

const longer = (name: ConfigName): ModelConfig => ({ ...configs[name], nLayers: 3, nCtx: POS });
const clean = [3, 0, 6].map((first) => Array.from({ length: POS }, (_, pos) => (first + 2 * pos) % 7));
/** The first pair differs at position 0, the second at 6, the third nowhere. */
const corrupt = clean.map((row, pair) =>
  row.map((token, pos) => (pos === 6 * pair ? (token + 1) % 7 : token)),
);
const targets = clean.map((row) => row.map((token) => (token + 3) % 7));
const metrics: Metric[] = [
  logitDifference([1, 2, 3], [4, 0, 5]),
  logitDifference(1, 2, { pos: [3, 5] }),
  lossMetric(targets),
  metric("first logit of all", ({ shape, data }: Tensor) => {
    const perRow = shape[2] * shape[3];
    return Array.from(
      { length: shape[0] * shape[1] },
      (_, row) => data[row * perRow + 1] + data[row * perRow],
    );
  }),
];
const axisOf: Partial<Record<string, SweepAxis>> = {
  ...{ pos: "pos", queryPos: "pos", keyPos: "keyPos", head: "head", kvHead: "head" },
  ...{ dHead: "unit", dModel: "unit", dMlp: "unit" },
};
const partOf = { pos: "pos", keyPos: "keys", head: "heads", unit: "units" } as const;

/** Some cells of a sweep by every axis of a site, each compared with a run of its own. */
async function expectOwnRuns(
  network: Network,
  sites: readonly Site[],
  by: SweepAxis[],
  of: Metric,
  draws: number,
) {
  const stream = randomStream("cells", sites[0].name, ...by, draws);
  const over = sites.map(({ name }) => name);
  const sweep = await patchSweep(network, { clean, corrupt, over, by: ["layer", ...by], metric: of });
  const { cache } = await runWithCache(network, clean, { sites: over });
  const { shape, data } = sweep.patched;
  const sizes = shape.slice(1, -1);
  for (let draw = 0; draw < draws; draw++) {
    const at = sizes.map((size) => stream.integer(size));
    const region = Object.fromEntries(by.map((axis, i) => [partOf[axis as "pos"], at[i + 1]]));
    const layer = sweep.layers[at[0]];
    const own = sites.filter((site) => site.layer === layer);
    const { logits } = await runWithHooks(network, corrupt, {
      edits: own.map(({ name }) => edit(name, region, { kind: "fromCache", cache })),
    });
    const cell = at.reduce((index, i, axis) => index * sizes[axis] + i, 0);
    const cells = sizes.reduce((product, size) => product * size, 1);
    const found = [0, 1].flatMap((model) => {
      const first = (model * cells + cell) * clean.length;
      return Array.from(data.slice(first, first + clean.length));
    });
    expect(found, `${over[0]} by ${by} at ${at}`).toEqual(Array.from(of.measure(logits).data));
  }
}

const architectures = [
  ...configNames.map((name) => [name, longer(name), DRAWN] as const),
  ...(["neox", "llama", "bert"] as const).map((name) => {
    return [name, { ...families[name], nCtx: POS, dVocab: 7 } as ModelConfig, 1] as const;
  }),
];

test.each(architectures)(
  "%s: at every site of a block and by every axis, a sweep has the bits of single runs",
  async (_, config, draws) => {
    const network = openNetwork(backends.wasm, config, weightsFor(config, 2));
    const inBlocks = [...sitesOf(config).values()].filter(
      ({ layer, gated }) => layer !== undefined && !gated,
    );
    const parts = new Set(inBlocks.map((site) => site.name.replace(/\d+/, "*")));
    for (const [i, part] of [...parts].entries()) {
      const sites = inBlocks.filter((site) => site.name.replace(/\d+/, "*") === part);
      const axes = sites[0].axes.flatMap((axis) => axisOf[axis] ?? []);
      await expectOwnRuns(network, sites, axes, metrics[i % metrics.length], draws);
      await expectOwnRuns(network, sites, axes.slice(0, 1), metrics[(i + 1) % metrics.length], draws);
    }
    // sites together: one of them in place, the other not
    const together = inBlocks.filter((site) => /hook_[vz]$/.test(site.name));
    if (config.nKeyValueHeads === undefined)
      await expectOwnRuns(network, together, ["pos", "head"], metrics[0], draws);
    network.close();
  },
);

test("in float64 and with rows one by one, a sweep has the bits of single runs too", async () => {
  const config = longer("gpt");
  const network = openNetwork(backends.reference, config, weightsFor(config, 2));
  const sites = [0, 2].map((layer) => sitesOf(config).get(hook.residPre(layer)) as Site);
  await expectOwnRuns(network, sites, ["pos"], metrics[0], DRAWN);
  const options = {
    clean,
    corrupt,
    over: [hook.z("all")],
    by: ["layer", "pos"],
    metric: metrics[0],
  } as const;
  expect((await patchSweep(network, { ...options, maxRows: 1 })).patched).toEqual(
    (await patchSweep(network, options)).patched,
  );
  network.close();
});

test("numbers that are not finite go through whole runs, and reach what they would reach there", async () => {
  const config = longer("plain");
  const weights = weightsFor(config, 1);
  weights["embed.W_E"][5 * config.dModel] = Number.POSITIVE_INFINITY;
  const network = openNetwork(backends.wasm, config, weights);
  const [strange, plain] = [[...clean[0]], [...clean[0]]];
  [strange[4], plain[4]] = [5, 1];
  for (const row of [strange, plain])
    for (const pos of row.keys()) if (pos !== 4 && row[pos] === 5) row[pos] = 2;
  const { cache } = await runWithCache(network, [strange], { sites: [hook.residPre(0)] });
  for (const pos of [2, 9]) {
    const of = logitDifference(1, 2, { pos });
    const options = { clean: [strange], corrupt: [plain], metric: of };
    const { patched } = await patchSweep(network, { ...options, over: [hook.residPre(0)], by: ["pos"] });
    for (const at of [3, 4, 7]) {
      const edits = [edit(hook.residPre(0), { pos: at }, { kind: "fromCache", cache })];
      expect(patched.data[at]).toEqual(
        of.measure((await runWithHooks(network, [plain], { edits })).logits).data[0],
      );
    }
    expect(patched.data[4]).toBeNaN();
  }
  network.close();
});

/** A backend that keeps the shape of every stream that goes into a program. */
function recorder(): { backend: Backend; streams: number[][] } {
  const streams: number[][] = [];
  const backend: Backend = {
    ...backends.wasm,
    open: (options) => {
      const session = backends.wasm.open(options);
      const compile: typeof session.compile = (graph) => {
        const program = session.compile(graph);
        const stream = graph.inputs.get("stream");
        return {
          run: async (inputs) => {
            if (stream !== undefined) streams.push([...stream.shape]);
            return program.run(inputs);
          },
        };
      };
      return { ...session, compile };
    },
  };
  return { backend, streams };
}

test("what cannot differ is not computed", async () => {
  const config = longer("gpt");
  const { backend, streams } = recorder();
  const network = openNetwork(backend, config, weightsFor(config, 1));
  const [one, other] = [clean[1], corrupt[1]]; // alike but for position 6
  const options = { clean: [one], corrupt: [other], metric: logitDifference(1, 2) };
  const sweep = async (over: SiteName[], by: SweepAxis[]) => {
    streams.length = 0;
    return (await patchSweep(network, { ...options, over, by })).effects.data;
  };
  // before the first block only position 6 differs: one row a block, from there on; at last one position
  await sweep([hook.residPre(0)], ["pos"]);
  expect(streams).toEqual([
    [1, 5, config.dModel],
    [1, 5, config.dModel],
    [1, 5, config.dModel],
    [1, 1, config.dModel],
  ]);
  // what stays in its place goes into one row at all positions, and after the last block only one of them is read
  const effects = await sweep([hook.mlpPost(2)], ["pos"]);
  expect(streams).toEqual([
    [1, 1, config.dModel],
    [1, 1, config.dModel],
  ]);
  expect(effects.slice(0, -1).every((effect) => effect === 0)).toBe(true);
  expect(effects[POS - 1]).not.toBe(0);
  network.close();
});
