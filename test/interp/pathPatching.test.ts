import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { edit, type Region } from "../../src/interp/edits.ts";
import { logitDifference, lossMetric } from "../../src/interp/metrics.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import type { PatchDirection } from "../../src/interp/patchEffects.ts";
import { patchSweep } from "../../src/interp/patching.ts";
import { type PathPatchOptions, pathPatching } from "../../src/interp/pathPatching.ts";
import { directLogitAttribution } from "../../src/interp/residualDecomposition.ts";
import { forward, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import type { SweepOptions } from "../../src/interp/sweep.ts";
import { pick } from "../../src/interp/tensor.ts";
import { hook, type Site, type SiteName, type SiteSelector, sitesOf } from "../../src/model/hookPoints.ts";
import { tInterval } from "../../src/stats/intervals.ts";
import { backends, configNames, configs, networkOf, targets, tokens, weightsFor } from "./networks.ts";
import { previousTokenCopier } from "./planted.ts";

const corrupt = [
  [4, 1, 0, 3, 2],
  [6, 5, 1, 0, 2],
  [2, 3, 2, 6, 5],
];
const metric = logitDifference([1, 2, 3], [4, 0, 5]);
/** Float64, sums of a few dozen terms in different orders. */
const ROUNDING = 1e-9;

interface End {
  site: SiteName;
  region?: Region;
}

/** The definition, run by run, with nothing but runWithHooks: a function of the ends to [model, batch]. */
async function oneByOne(
  network: Network,
  { base, source, norms }: { base: number[][]; source: number[][]; norms: "recomputed" | "frozen" },
) {
  const outputs = /attn\.hook_z$|hook_(attn|mlp)_out$|mlp\.hook_post$|^hook_embed$|hook_scale$/;
  const written = ({ name }: Site) => outputs.test(name);
  const theirs = (await runWithCache(network, source, { sites: written })).cache;
  const own = (await runWithCache(network, base, { sites: written })).cache;
  return async (sender: End, receiver: End) => {
    const held = own.names.filter(
      (name) =>
        /attn\.hook_z$/.test(name) ||
        (/hook_mlp_out$/.test(name) && sender.site !== name.replace("hook_mlp_out", "mlp.hook_post")) ||
        (norms === "frozen" && /hook_scale$/.test(name)),
    );
    const direct = await runWithHooks(network, base, {
      edits: [
        ...held.map((site) => edit(site, {}, { kind: "fromCache", cache: own })),
        edit(sender.site, sender.region ?? {}, { kind: "fromCache", cache: theirs }),
      ],
      sites: [receiver.site],
    });
    const { logits } = await runWithHooks(network, base, {
      edits: [edit(receiver.site, receiver.region ?? {}, { kind: "fromCache", cache: direct.cache })],
    });
    return metric.measure(logits).data;
  };
}

test.each(configNames)("%s: packed paths have the bits of three runs for each path", async (name) => {
  const network = networkOf(name);
  const by = ["layer", "head"] as const;
  const heads = [0, 1, 2, 3].map((i) => ({ layer: i >> 1, region: { heads: i % 2 } }));
  const senders: [SweepOptions, End[]][] = [
    [{ over: [hook.embed], by: [] }, [{ site: hook.embed }]],
    [{ over: [hook.z("all")], by }, heads.map(({ layer, region }) => ({ site: hook.z(layer), region }))],
    [{ over: [hook.attnOut("all")], by: ["layer"] }, [0, 1].map((layer) => ({ site: hook.attnOut(layer) }))],
    [{ over: [hook.mlpOut("all")], by: ["layer"] }, [0, 1].map((layer) => ({ site: hook.mlpOut(layer) }))],
    [
      { over: [hook.mlpPost(0)], by: ["unit"] },
      [0, 1, 2, 3, 4].map((units) => ({ site: hook.mlpPost(0), region: { units } })),
    ],
  ];
  const receivers: [SweepOptions, End[]][] = [
    [{ over: [hook.q("all")], by }, heads.map(({ layer, region }) => ({ site: hook.q(layer), region }))],
    [{ over: [hook.k("all")], by }, heads.map(({ layer, region }) => ({ site: hook.k(layer), region }))],
    [{ over: [hook.v(1)], by: ["head"] }, [0, 1].map((i) => ({ site: hook.v(1), region: { heads: i } }))],
    [{ over: [hook.mlpPre("all")], by: ["layer"] }, [0, 1].map((layer) => ({ site: hook.mlpPre(layer) }))],
    [{ over: [hook.logits], by: [] }, [{ site: hook.logits }]],
  ];
  const order = [...sitesOf(configs[name]).keys()];
  for (const [direction, norms, maxRows] of [
    ["denoising", "recomputed", 256],
    ["noising", "frozen", 7],
  ] as const) {
    const [base, source] = direction === "denoising" ? [corrupt, tokens] : [tokens, corrupt];
    const found = await pathPatching(network, {
      ...{ clean: tokens, corrupt, metric, direction, norms, maxRows },
      senders: senders.map(([sweep]) => sweep),
      receivers: receivers.map(([sweep]) => sweep),
    });
    expect(found.patched.axes).toEqual(["model", "sender", "receiver", "batch"]);
    const measured = await oneByOne(network, { base, source, norms });
    let paths = 0;
    for (const [s, sender] of senders.flatMap(([, ends]) => ends).entries())
      for (const [r, receiver] of receivers.flatMap(([, ends]) => ends).entries()) {
        const got = pick(found.patched, { sender: s, receiver: r }).data;
        // what attention reads stands before what it writes, and both before the MLP
        const path = order.indexOf(sender.site) < order.indexOf(receiver.site);
        if (path) {
          paths++;
          const one = await measured(sender, receiver);
          expect(got, `${found.senders[s].name} to ${found.receivers[r].name}`).toEqual(
            Float64Array.from(one),
          );
        } else expect(got).toEqual(new Float64Array(6).fill(Number.NaN));
      }
    // 13 receivers: all after embed, 9 after attention 0, 8 after MLP 0, 2 after attention 1, the logits after MLP 1
    expect(paths).toBe(13 + 2 * 9 + 2 * 2 + 9 + 2 + 8 + 1 + 5 * 8);
  }
  network.close();
});

/** Every component of a network and the embeddings: the parts that the final stream is a sum of. */
const components: SweepOptions[] = [
  { over: [hook.embed], by: [] },
  { over: [hook.z("all")], by: ["layer", "head"] },
  { over: [hook.mlpOut("all")], by: ["layer"] },
];
const toLogits: SweepOptions[] = [{ over: [hook.logits], by: [] }];

test("without norms, direct effects on the logits are the differences of direct logit attribution, and add up to all", async () => {
  const network = networkOf("plain", { backend: "reference" });
  const found = await pathPatching(network, {
    ...{ clean: tokens, corrupt, metric },
    senders: components,
    receivers: toLogits,
  });
  const [high, low] = await inTurn([tokens, corrupt], async (rows) =>
    directLogitAttribution(network, rows, { token: [1, 2, 3], other: [4, 0, 5], heads: true }),
  );
  const names = ["embed", "L0H0", "L0H1", "L1H0", "L1H1", "0_mlp_out", "1_mlp_out"];
  expect(found.senders.map(({ name }) => name)).toEqual([...names.slice(0, 5), "L0.mlp_out", "L1.mlp_out"]);
  const before = found.corrupt.data; // [model 2, batch 3]
  const sums = new Float64Array(6);
  for (const [s, name] of names.entries()) {
    const at = { component: high.components.indexOf(name), pos: 4 };
    const [own, theirs] = [high, low].map(({ logits }) => pick(logits, at).data);
    pick(found.patched, { sender: s, receiver: 0 }).data.forEach((value, i) => {
      expect(Math.abs(value - before[i] - (own[i] - theirs[i])), name).toBeLessThan(ROUNDING);
      sums[i] += value - before[i];
    });
  }
  sums.forEach((sum, i) => {
    expect(Math.abs(sum - (found.clean.data[i] - before[i]))).toBeLessThan(ROUNDING);
  });
  network.close();
});

test.each(["original", "gpt"] as const)(
  "%s: what several senders send adds up with frozen norms, and not with recomputed",
  async (name) => {
    const network = networkOf(name, { backend: "reference" });
    const options = { clean: tokens, corrupt, metric, receivers: toLogits };
    const together = { over: components.flatMap(({ over }) => over as SiteSelector[]), by: [] };
    for (const norms of ["frozen", "recomputed"] as const) {
      const change = async (senders: SweepOptions[]) => {
        const { patched, corrupt: before } = await pathPatching(network, { ...options, senders, norms });
        return (row: number, sender: number) => patched.data[sender * 3 + row] - before.data[row]; // of the first model
      };
      const [each, whole] = [await change(components), await change([together])];
      for (let row = 0; row < 3; row++) {
        let sum = 0;
        for (let sender = 0; sender < 7; sender++) sum += each(row, sender);
        const gap = Math.abs(sum - whole(row, 0));
        if (norms === "frozen") expect(gap).toBeLessThan(ROUNDING);
        else expect(gap).toBeGreaterThan(1e-3);
      }
    }
    network.close();
  },
);

test.each(configNames)(
  "%s: a run patched with itself keeps its answer, and all components together are the whole run",
  async (name) => {
    const network = networkOf(name);
    const by = ["layer", "head"] as const;
    const all: SweepOptions[] = [
      ...toLogits,
      ...[hook.q("all"), hook.k("all"), hook.v("all")].map((over) => ({ over: [over], by })),
    ];
    const options = { clean: tokens, corrupt, metric, senders: components, receivers: all };
    for (const norms of ["recomputed", "frozen"] as const)
      for (const [direction, answer] of [
        ["cleanIntoClean", 1],
        ["corruptIntoCorrupt", 0],
      ] as const) {
        const { effects } = await pathPatching(network, { ...options, direction, norms });
        expect(new Set(effects.data)).toEqual(new Set([answer, Number.NaN])); // NaN: no path
        expect(pick(effects, { receiver: 0 }).data.every((effect) => effect === answer)).toBe(true);
      }
    const together = { over: components.flatMap(({ over }) => over as SiteSelector[]), by: [] };
    const whole = { ...options, senders: [together], receivers: toLogits };
    expect(new Set((await pathPatching(network, whole)).effects.data)).toEqual(new Set([1]));
    expect(new Set((await pathPatching(network, { ...whole, direction: "noising" })).effects.data)).toEqual(
      new Set([0]),
    );
    // nothing but the direct path leads from the last MLP to the logits, so patching it is path patching
    const last = { over: [hook.mlpPost(1)], by: ["pos", "unit"] as const };
    expect(
      pick((await pathPatching(network, { ...whole, senders: [last] })).patched, { receiver: 0 }).data,
    ).toEqual((await patchSweep(network, { ...options, ...last })).patched.data);
    network.close();
  },
);

test("effects have their intervals over pairs and models; a pair not told apart and a path that is none are left out", async () => {
  const network = networkOf("gpt");
  const options: PathPatchOptions = {
    clean: tokens,
    corrupt: [corrupt[0], tokens[1], corrupt[2]],
    metric,
    senders: [{ over: [hook.z("all")], by: ["layer"] }],
    receivers: [{ over: [hook.mlpPre("all")], by: ["layer"] }],
    level: 0.9,
  };
  const {
    effect,
    acrossModels,
    effects,
    pairs,
    patched,
    clean,
    corrupt: low,
  } = await pathPatching(network, options);
  expect(pairs).toEqual([2, 2]);
  expect(effect.estimate.axes).toEqual(["model", "sender", "receiver"]);
  for (const [sender, receiver] of [
    [0, 0],
    [0, 1],
    [1, 1],
  ]) {
    const means = [0, 1].map((model) => {
      const at = { model, sender, receiver };
      const own = [0, 2].map((row) => {
        const base = low.data[model * 3 + row];
        return (pick(patched, at).data[row] - base) / (clean.data[model * 3 + row] - base);
      });
      expect(Array.from(pick(effects, at).data)).toEqual([own[0], Number.NaN, own[1]]);
      const interval = tInterval(own, 0.9);
      for (const end of ["estimate", "low", "high"] as const)
        expect(pick(effect[end], at).data[0]).toBe(interval[end]);
      return interval.estimate;
    });
    expect(pick(acrossModels.high, { sender, receiver }).data[0]).toBe(tInterval(means, 0.9).high);
  }
  const one = await pathPatching(network, {
    ...options,
    clean: [tokens[0]],
    corrupt: [corrupt[0]],
    metric: logitDifference(1, 4),
  });
  for (const estimate of [effect, acrossModels, one.effect])
    for (const end of ["estimate", "low", "high"] as const)
      expect(pick(estimate[end], { sender: 1, receiver: 0 }).data.every(Number.isNaN)).toBe(true);
  expect(pick(one.effect.high, { sender: 0, receiver: 0 }).data[0]).toBe(Number.POSITIVE_INFINITY);
  network.close();
});

test("every model of a population has the bits that it has alone, and looking changes nothing", async () => {
  const config = configs.gpt;
  const options: PathPatchOptions = {
    ...{ clean: tokens, corrupt, metric: lossMetric(targets, { pos: [1, 4] }) },
    senders: [{ over: [hook.z(0)], by: ["head", "pos"] }],
    receivers: [
      { over: [hook.k(1), hook.v(1)], by: ["head"] },
      { over: [hook.mlpPre("all")], by: [], groups: [[0, 1], [4]] },
    ],
  };
  const seeds = [0, 1, 2].map((seed) => weightsFor(config, 1, seed));
  // every network has its own sequences, too
  const inputs = seeds.map((_, seed) => tokens.map((_row, row) => tokens[(row + seed) % 3]));
  const alone = (
    await inTurn(seeds, async (weights, seed) => {
      const network = openNetwork(backends.wasm, config, weights);
      const before = await forward(network, tokens);
      const { patched } = await pathPatching(network, { ...options, clean: inputs[seed] });
      expect(await forward(network, tokens)).toEqual(before);
      network.close();
      return Array.from(patched.data);
    })
  ).flat();
  const joined = Object.fromEntries(
    Object.keys(seeds[0]).map((name) => [
      name,
      Float32Array.from(seeds.flatMap((weights) => [...weights[name]])),
    ]),
  );
  const network = openNetwork(backends.wasm, config, joined);
  const { patched, senders, receivers } = await pathPatching(network, { ...options, clean: inputs });
  expect(Array.from(patched.data)).toEqual(alone);
  expect(senders.slice(3, 7).map(({ name }) => name)).toEqual(["L0H0@3", "L0H0@4", "L0H1@0", "L0H1@1"]);
  expect(receivers.map(({ name }) => name)).toEqual([
    "L1H0.k+L1H0.v",
    "L1H1.k+L1H1.v",
    "L0.pre[0,1]+L1.pre[0,1]",
    "L0.pre[4]+L1.pre[4]",
  ]);
  network.close();
});

test("in a planted copier of the previous token, the paths are token to value and head to logits, and no others", async () => {
  const network = previousTokenCopier();
  const options = { clean: [[3, 0, 1, 2]], corrupt: [[3, 0, 2, 2]], metric: logitDifference(1, 2) };
  const by = ["layer", "head"] as const;
  const { effect, senders, receivers } = await pathPatching(network, {
    ...options,
    senders: [
      { over: [hook.embed], by: ["pos"] },
      { over: [hook.posEmbed], by: [] },
      { over: [hook.z("all")], by },
    ],
    receivers: [
      ...[hook.q("all"), hook.k("all"), hook.v("all")].map((over) => ({ over: [over], by })),
      { over: [hook.v(0)], by: ["head", "pos"] },
      ...toLogits,
    ],
  });
  const found = senders.flatMap(({ name }, sender) =>
    receivers.flatMap((receiver, r) => {
      const value = pick(effect.estimate, { model: 0, sender, receiver: r }).data[0];
      return Number.isNaN(value) || value === 0 ? [] : [[name, receiver.name, value]];
    }),
  );
  expect(found).toEqual([
    ["embed@2", "L0H1.v", 1],
    ["embed@2", "L0H1.v@2", 1],
    ["L0H1", "logits", 1],
  ]);
  network.close();
});

test("paths that cannot be are refused with the way out", async () => {
  const network = networkOf("gpt");
  const heads = (over: SiteSelector) => [{ over: [over], by: ["head"] as const }];
  const paths = (senders: readonly SweepOptions[], receivers: readonly SweepOptions[], more = {}) => {
    return async () => pathPatching(network, { clean: tokens, corrupt, metric, senders, receivers, ...more });
  };
  const whole = (...over: SiteSelector[]) => [{ over, by: [] }];
  await expect(paths(heads(hook.z(1)), heads(hook.k(1)))).rejects.toThrow(
    "path patching: a sender must be computed before a receiver; got from L1H0, L1H1 to L1H0.k, L1H1.k. " +
      "Take receivers of later layers, the MLP of the same layer, or the logits.",
  );
  await expect(paths(whole(hook.mlpOut(0)), whole(hook.mlpPre(0)))).rejects.toThrow(
    "from L0.mlp_out to L0.pre",
  );
  await expect(paths(heads(hook.q(0)), toLogits)).rejects.toThrow(
    'sender "blocks.0.attn.hook_q": is not what a component writes to the stream. Senders are attn.hook_z',
  );
  await expect(paths(whole(hook.residPre(1)), toLogits)).rejects.toThrow("is not what a component writes");
  await expect(paths(heads(hook.result(0)), toLogits)).rejects.toThrow("Sweep attn.hook_z by head");
  await expect(paths(heads(hook.z(0)), heads(hook.pattern(1)))).rejects.toThrow(
    'receiver "blocks.1.attn.hook_pattern": is not an input that a component takes from the stream. Receivers are',
  );
  await expect(paths([], toLogits)).rejects.toThrow(
    "path patching, senders: must have at least one; got an empty list.",
  );
  await expect(paths(heads(hook.z(0)), [])).rejects.toThrow(
    "path patching, receivers: must have at least one",
  );
  await expect(paths(heads(hook.z(0)), [{ over: [hook.logits], by: ["pos"] }])).rejects.toThrow(
    "taken whole; got parts by pos.",
  );
  await expect(paths(heads(hook.z(0)), whole(hook.logits, hook.q(1)))).rejects.toThrow(
    "got other sites with them",
  );
  await expect(paths(heads(hook.z(4)), toLogits)).rejects.toThrow('Nearest: "blocks.1.attn.hook_z".');
  await expect(paths(heads(hook.z(0)), toLogits, { direction: "noise" as PatchDirection })).rejects.toThrow(
    'Nearest: "noising".',
  );
  await expect(paths(heads(hook.z(0)), toLogits, { norms: "frosen" })).rejects.toThrow('Nearest: "frozen".');
  await expect(paths(heads(hook.z(0)), toLogits, { maxRows: 0 })).rejects.toThrow("path patching, maxRows");
  await expect(paths(heads(hook.z(0)), toLogits, { corrupt: [[1]] })).rejects.toThrow(
    "pairs of equally long sequences",
  );
  await expect(paths(heads(hook.z(0)), toLogits, { corrupt: tokens })).rejects.toThrow(
    "must differ between clean and corrupt",
  );
  network.close();
  const perceptrons = openNetwork(
    backends.wasm,
    { ...configs.gpt, mlpOnly: true },
    weightsFor({ ...configs.gpt, mlpOnly: true }, 1),
  );
  await expect(async () =>
    pathPatching(perceptrons, {
      clean: tokens,
      corrupt,
      metric,
      senders: heads(hook.z(0)),
      receivers: toLogits,
    }),
  ).rejects.toThrow('hook "blocks.0.attn.hook_z": no such site');
  const { effect } = await pathPatching(perceptrons, {
    ...{ clean: [[1, 2]], corrupt: [[1, 3]], metric: logitDifference(0, 1) },
    senders: whole(hook.mlpOut("all"), hook.embed),
    receivers: toLogits,
  });
  expect(effect.estimate.data).toEqual(Float64Array.of(1));
  perceptrons.close();
});

test("a model without blocks has one path, from the embedding to the logits", async () => {
  const config = { ...configs.gpt, nLayers: 0 };
  const network = openNetwork(backends.wasm, config, weightsFor(config, 1));
  const { effect } = await pathPatching(network, {
    ...{ clean: [[1, 2]], corrupt: [[1, 3]], metric: logitDifference(0, 1) },
    senders: [{ over: [hook.embed], by: ["pos"] }],
    receivers: toLogits,
  });
  expect(effect.estimate.data).toEqual(Float64Array.of(0, 1));
  network.close();
});
