import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { edit } from "../../src/interp/edits.ts";
import { logitDifference, lossMetric, rank } from "../../src/interp/metrics.ts";
import { attributionPatching, patchSweep } from "../../src/interp/patching.ts";
import { forward, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import type { SweepAxis } from "../../src/interp/sweep.ts";
import { pick, type Tensor } from "../../src/interp/tensor.ts";
import { hook, type SiteName, type SiteSelector } from "../../src/model/hookPoints.ts";
import { tInterval } from "../../src/stats/intervals.ts";
import { configNames, networkOf, targets, tokens } from "./networks.ts";
import { previousTokenCopier } from "./planted.ts";

const corrupt = [
  [4, 1, 0, 3, 2],
  [6, 5, 1, 0, 2],
  [2, 3, 2, 6, 5],
];
const metric = logitDifference([1, 2, 3], [4, 0, 5]);
/** Float64, two sums of a few dozen terms in different orders. */
const ROUNDING = 1e-9;
/** One softmax in float32 whose other keys are e^-50 away. */
const FLOAT32 = 1e-6;

test.each(configNames)("%s: packed patches have the bits of patches made one by one", async (name) => {
  const network = networkOf(name);
  const clean = await runWithCache(network, tokens, { sites: [hook.z("all"), hook.residPre("all")] });
  const cases: {
    over: SiteSelector;
    by: SweepAxis[];
    size: number;
    at: (i: number) => [SiteName, object];
  }[] = [
    {
      over: hook.z("all"),
      by: ["layer", "head"],
      size: 4,
      at: (i) => [hook.z(Math.floor(i / 2)), { heads: i % 2 }],
    },
    {
      over: hook.residPre("all"),
      by: ["pos", "layer"],
      size: 10,
      at: (i) => [hook.residPre(i % 2), { pos: Math.floor(i / 2) }],
    },
  ];
  for (const { over, by, size, at } of cases)
    for (const maxRows of [1, 9, 256]) {
      const sweep = await patchSweep(network, { clean: tokens, corrupt, over: [over], by, metric, maxRows });
      expect(sweep.patched.axes).toEqual(["model", ...by, "batch"]);
      for (let i = 0; i < size; i++) {
        const [site, region] = at(i);
        const { logits } = await runWithHooks(network, corrupt, {
          edits: [edit(site, region, { kind: "fromCache", cache: clean.cache })],
        });
        const one = metric.measure(logits).data; // [model, batch 3]
        for (let model = 0; model < 2; model++)
          for (let row = 0; row < 3; row++)
            expect(sweep.patched.data[(model * size + i) * 3 + row]).toBe(one[model * 3 + row]);
      }
    }
  network.close();
});

test("effects are changes over the distance from corrupt to clean, and their intervals are over pairs and models", async () => {
  const network = networkOf("gpt");
  const options = { clean: tokens, corrupt, over: [hook.attnOut("all")], by: ["layer"], metric } as const;
  for (const direction of ["denoising", "noising"] as const) {
    const sweep = await patchSweep(network, { ...options, direction, level: 0.9 });
    const [high, low] = await inTurn(
      [tokens, corrupt],
      async (rows) => metric.measure(await forward(network, rows)).data,
    );
    expect([sweep.clean.data, sweep.corrupt.data]).toEqual([high, low]);
    expect(sweep.effect.estimate.shape).toEqual([2, 2]);
    for (let layer = 0; layer < 2; layer++) {
      const means = [0, 1].map((model) => {
        const effects = [0, 1, 2].map((row) => {
          const at = model * 3 + row;
          return (sweep.patched.data[(model * 2 + layer) * 3 + row] - low[at]) / (high[at] - low[at]);
        });
        const interval = tInterval(effects, 0.9);
        expect(sweep.effect.estimate.data[model * 2 + layer]).toBe(interval.estimate);
        expect(sweep.effect.low.data[model * 2 + layer]).toBe(interval.low);
        expect(sweep.effect.high.data[model * 2 + layer]).toBe(interval.high);
        return interval.estimate;
      });
      expect(sweep.acrossModels.low.data[layer]).toBe(tInterval(means, 0.9).low);
    }
    expect(sweep.pairs).toEqual([3, 3]);
  }
  network.close();
});

test.each(configNames)(
  "%s: a run patched with itself keeps its answer, exactly 1 and exactly 0",
  async (name) => {
    const network = networkOf(name);
    const options = { clean: tokens, corrupt, metric };
    for (const over of [hook.residPost("all"), hook.pattern("all"), hook.v("all")]) {
      const all = { ...options, over: [over], by: ["layer"] as const };
      for (const value of (await patchSweep(network, { ...all, direction: "cleanIntoClean" })).effects.data)
        expect(value).toBe(1);
      for (const value of (await patchSweep(network, { ...all, direction: "corruptIntoCorrupt" })).effects
        .data)
        expect(value).toBe(0);
    }
    // the whole stream before the first block is the whole run
    const whole = { ...options, over: [hook.residPre(0)], by: [] };
    for (const value of (await patchSweep(network, whole)).effects.data) expect(value).toBe(1);
    for (const value of (await patchSweep(network, { ...whole, direction: "noising" })).effects.data)
      expect(value).toBe(0);
    network.close();
  },
);

test("in a planted copier of the previous token, patching finds its head, its route and nothing else", async () => {
  const network = previousTokenCopier();
  const [clean, corruptOne] = [[[3, 0, 1, 2]], [[3, 0, 2, 2]]];
  const options = { clean, corrupt: corruptOne, metric: logitDifference(1, 2) };
  const answer = (await forward(network, clean)).data.slice(-4);
  expect(answer.indexOf(Math.max(...answer))).toBe(1);
  const effects = async (over: SiteSelector, by: SweepAxis[]) => {
    const { effect } = await patchSweep(network, { ...options, over: [over], by });
    return Array.from(effect.estimate.data);
  };
  const expectOnly = (found: number[], carriers: number[]) => {
    found.forEach((value, i) => {
      if (carriers.includes(i)) expect(Math.abs(value - 1)).toBeLessThan(FLOAT32);
      else expect(value).toBe(0);
    });
  };
  expectOnly(await effects(hook.z("all"), ["layer", "head"]), [1]);
  expectOnly(await effects(hook.z(0), ["pos", "head"]), [3 * 2 + 1]);
  // the token enters at position 2 and has moved to position 3 after the first block
  expectOnly(await effects(hook.residPre("all"), ["layer", "pos"]), [2, 4 + 3]);
  // where the head looks is the same in both runs; what it reads there is not
  expectOnly(await effects(hook.pattern("all"), ["layer", "head", "pos", "keyPos"]), []);
  expectOnly(await effects(hook.v(0), ["head", "pos"]), [4 + 2]);
  const linear = await attributionPatching(network, {
    ...options,
    over: [hook.z("all")],
    by: ["layer", "head"],
    exact: true,
  });
  expectOnly(Array.from(linear.effect.estimate.data), [1]);
  expect(linear.correlation?.[0]).toBeGreaterThan(1 - FLOAT32);
  network.close();
});

test("by gradient, patches are exact where the metric is linear in them, and say how far off they are elsewhere", async () => {
  const network = networkOf("plain", { backend: "reference" });
  const options = { clean: tokens, corrupt, metric, exact: true } as const;
  // the last MLP adds to the logits directly
  const last = await attributionPatching(network, {
    ...options,
    over: [hook.mlpPost(1)],
    by: ["pos", "unit"],
  });
  const truth = (last.exact as { effects: Tensor }).effects;
  expect(last.effects.shape).toEqual([2, 5, 5, 3]);
  last.effects.data.forEach((value, i) => {
    expect(Math.abs(value - truth.data[i])).toBeLessThan(ROUNDING);
  });
  for (const r of last.correlation as number[]) expect(r).toBeGreaterThan(1 - ROUNDING);
  const first = await attributionPatching(network, {
    ...options,
    over: [hook.attnScores(0)],
    by: ["head", "pos"],
  });
  for (const r of first.correlation as number[]) expect(r).toBeLessThan(1 - ROUNDING);
  expect(first.effects.data.every(Number.isFinite)).toBe(true); // masked scores take no part
  await expect(async () =>
    attributionPatching(network, { ...options, metric: rank(1), over: [hook.z(0)], by: [] }),
  ).rejects.toThrow("not differentiable");
  network.close();
});

test("a pair that the metric does not tell apart is left out and counted, and none at all is an error", async () => {
  const network = networkOf("causal");
  const half = [tokens[0], corrupt[1], corrupt[2]];
  const options = { clean: half, over: [hook.attnOut("all")], by: ["layer"], metric } as const;
  const sweep = await patchSweep(network, { ...options, corrupt: [tokens[0], tokens[1], tokens[2]] });
  expect(sweep.pairs).toEqual([2, 2]);
  expect(pick(sweep.effects, { model: 0, batch: 0 }).data).toEqual(new Float64Array(2).fill(Number.NaN));
  const pair = pick(sweep.effects, { model: 1, layer: 0, batch: [1, 2] }).data;
  expect(sweep.effect.low.data[2]).toBe(tInterval(pair).low);
  await expect(async () => patchSweep(network, { ...options, corrupt: half })).rejects.toThrow(
    "patching, metric: must differ between clean and corrupt",
  );
  network.close();
});

test("groups, joint sites and metrics with a target for each pair are swept, and looking changes nothing", async () => {
  const network = networkOf("original");
  const before = await forward(network, tokens);
  const loss = lossMetric(targets, { pos: [1, 4] });
  const options = { clean: tokens, corrupt, metric: loss };
  const groups = [[0, 1, 2], [3, 4], [4]];
  const grouped = await patchSweep(network, {
    ...options,
    over: [hook.mlpPost("all")],
    by: ["layer"],
    groups,
  });
  expect(grouped.effects.axes).toEqual(["model", "layer", "group", "batch"]);
  const single = await patchSweep(network, {
    ...options,
    over: [hook.mlpPost("all")],
    by: ["layer", "unit"],
  });
  for (const layer of [0, 1])
    expect(pick(grouped.effects, { layer, group: 2 })).toEqual(pick(single.effects, { layer, unit: 4 }));
  const joint = await patchSweep(network, { ...options, over: [hook.k("all"), hook.v(1)], by: ["layer"] });
  const { cache } = await runWithCache(network, tokens, { sites: [hook.k(1), hook.v(1)] });
  const { logits } = await runWithHooks(network, corrupt, {
    edits: [hook.k(1), hook.v(1)].map((site) => edit(site, {}, { kind: "fromCache", cache })),
  });
  expect(pick(joint.patched, { layer: 1 }).data).toEqual(loss.measure(logits).data);
  expect(await forward(network, tokens)).toEqual(before);
  network.close();
});

test("a sweep that cannot be is refused with the way out", async () => {
  const network = networkOf("gpt");
  const options = { clean: tokens, corrupt, metric };
  const sweep = (over: SiteSelector[], by: string[], more = {}) => {
    return async () => patchSweep(network, { ...options, over, by: by as SweepAxis[], ...more });
  };
  await expect(sweep([hook.result(0)], ["head"])).rejects.toThrow("Sweep attn.hook_z by head");
  await expect(sweep([hook.residPre(0)], ["head"])).rejects.toThrow("this site has no axis head");
  await expect(sweep([hook.embed], ["layer"])).rejects.toThrow("this site has no axis layer");
  await expect(sweep([hook.z(0)], ["heads"])).rejects.toThrow('Nearest: "head".');
  await expect(sweep([hook.z(0)], ["head", "head"])).rejects.toThrow("must name each axis once");
  await expect(sweep([hook.z(0)], ["unit"], { groups: [[0]] })).rejects.toThrow("groups stand in the place");
  await expect(sweep([hook.mlpPost(0)], [], { groups: [] })).rejects.toThrow("at least one list of units");
  await expect(sweep([hook.mlpPost(0)], [], { groups: [[]] })).rejects.toThrow(
    "group 0: must select something",
  );
  await expect(sweep([hook.mlpPost(0), hook.residPre(0)], ["unit"])).rejects.toThrow(
    "must have one size at all sites",
  );
  await expect(sweep([hook.z(0)], [], { direction: "noise" })).rejects.toThrow('Nearest: "noising".');
  await expect(sweep([hook.z(0)], [], { maxRows: 0 })).rejects.toThrow("sweep, maxRows");
  await expect(sweep([hook.z(0)], [], { corrupt: [[1]] })).rejects.toThrow("pairs of equally long sequences");
  network.close();
});
