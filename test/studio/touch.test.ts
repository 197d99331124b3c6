/** Touching networks: the page's edits beside src/interp's own verbs on a small population. */
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import {
  ablate,
  edit,
  forward,
  logitDifference,
  lossMetric,
  type Network,
  openNetwork,
  patchSweep,
  runWithCache,
  runWithHooks,
} from "../../src/interp/index.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { TouchEdits } from "../../studio/src/state/touchChoice.ts";
import { lossByPosition, type Measure, measured, measureOf } from "../../studio/src/views/touch/measure.ts";
import { patchRow } from "../../studio/src/workers/looks/patchRow.ts";
import { neurons, touch } from "../../studio/src/workers/looks/touch.ts";
import { touchVariants } from "../../studio/src/workers/looks/touchVariants.ts";

const tokens = [0, 1, 2, 3, 4, 5, 6];
const other = [3, 4, 9, 6, 7, 8, 9];
const draw = randomStream("test", "touch");
const reference = Array.from({ length: 20 }, () => tokens.map(() => draw.integer(10)));
const inputs = { tokens, other, reference };
const MODELS = 3;
const sizes = { models: MODELS, dVocab: 10 };
const loss = measureOf({ pos: null, answer: null, wrong: null }, tokens) as Measure;
const difference = measureOf({ pos: 4, answer: 5, wrong: 8 }, tokens) as Measure;

/** Sums over draws in another order differ by some units in the last place of float64. */
const SUMS = 1e-12;

async function withNetwork<T>(config: ModelConfig, use: (network: Network) => Promise<T>): Promise<T> {
  const seeds = Array.from({ length: MODELS }, (_, seed) => randomStream("test", "touch", seed));
  // large embeddings, so that the untrained networks answer sequences differently
  const weights = initialPopulation(config, { scheme: "pytorch", embeddingScale: 3 }, seeds);
  const network = openNetwork(wasmBackend(), config, weights);
  try {
    return await use(network);
  } finally {
    network.close();
  }
}

test("without edits the edited run has the bits of forward", () =>
  withNetwork(presets.causal, async (network) => {
    const seen = await touch(network, { ...inputs, edits: [] });
    const logits = await forward(network, [tokens]);
    expect([...seen.edited.logits]).toEqual([...logits.data]);
    expect([...seen.clean.logits]).toEqual([...logits.data]);
    expect([...seen.other.logits]).toEqual([...(await forward(network, [other])).data]);
    expect(seen.report).toEqual([]);
  }));

test("zero, mean, patch and scale together have the bits of the same run with hooks", () =>
  withNetwork(presets.gpt, async (network) => {
    const edits: TouchEdits = [
      { at: "L1N17", how: "scale", by: -2.5, pos: 3 },
      { at: "L0H1", how: "zero", pos: null },
      { at: "embed", how: "patch", pos: 2 },
      { at: "L0mlp", how: "mean", pos: null },
      { at: "L1mid", how: "patch", pos: 5 },
    ];
    const seen = await touch(network, { ...inputs, edits });
    const { cache } = await runWithCache(network, [other], { sites: ["hook_embed", hook.residMid(1)] });
    const held = await runWithCache(network, reference, { sites: [hook.mlpOut(0)] });
    const all = held.cache.get(hook.mlpOut(0)); // [model, batch, pos, dModel]
    const { dModel } = network.config;
    const per = tokens.length * dModel;
    const mean = Float64Array.from({ length: MODELS * per }, (_, i) => {
      const model = Math.floor(i / per);
      let sum = 0;
      for (let row = 0; row < reference.length; row++)
        sum += all.data[(model * reference.length + row) * per + (i % per)];
      return sum / reference.length;
    });
    const run = await runWithHooks(network, [tokens], {
      edits: [
        edit(hook.mlpPost(1), { units: 17, pos: 3 }, { kind: "scale", by: -2.5 }),
        edit(hook.z(0), { heads: 1 }, { kind: "zero" }),
        edit("hook_embed", { pos: 2 }, { kind: "fromCache", cache }),
        edit(hook.mlpOut(0), {}, { kind: "mean", values: mean }),
        edit(hook.residMid(1), { pos: 5 }, { kind: "fromCache", cache }),
      ],
      sites: [hook.pattern("all")],
    });
    expect([...seen.edited.logits]).toEqual([...run.logits.data]);
    expect(seen.patterns.edited.map(({ data }) => [...data])).toEqual(
      [0, 1].map((layer) => [...run.cache.get(hook.pattern(layer)).data]),
    );
    expect(seen.report).toEqual(run.report.map(({ touched, changed, norm }) => ({ touched, changed, norm })));
    expect([...measured(loss, seen.edited, sizes)]).toEqual([
      ...lossMetric([[...tokens.slice(1), 0]], { pos: [0, 1, 2, 3, 4, 5] }).measure(run.logits).data,
    ]);
    expect([...measured(difference, seen.edited, sizes)]).toEqual([
      ...logitDifference(5, 8, { pos: 4 }).measure(run.logits).data,
    ]);
    expect([...lossByPosition(seen.edited, tokens, sizes)].slice(0, 6)).toEqual(
      [0, 1, 2, 3, 4, 5].map(
        (pos) => lossMetric([[...tokens.slice(1), 0]], { pos }).measure(run.logits).data[0],
      ),
    );
  }));

test("a mean-ablated head has the impact that ablate finds with the same reference, every position by its own mean", () =>
  withNetwork(presets.original, async (network) => {
    const seen = await touch(network, { ...inputs, edits: [{ at: "L1H0", how: "mean", pos: null }] });
    const { ablated } = await ablate(network, [tokens], {
      ...{ over: [hook.z(1)], by: ["head"], how: "mean", reference, byPosition: true },
      metric: logitDifference(5, 8, { pos: 4 }),
    });
    expect([...measured(difference, seen.edited, sizes)]).toEqual(
      Array.from({ length: MODELS }, (_, model) => ablated.data[model * 2]),
    );
  }));

test("a resampled part is the mean over runs that are patched from held-out sequences", () =>
  withNetwork(presets.causal, async (network) => {
    const edits: TouchEdits = [
      { at: "L0H0", how: "resample", pos: null },
      { at: "L1attn", how: "resample", pos: 4 },
    ];
    const seen = await touch(network, { ...inputs, edits });
    expect(seen.draws).toBe(16);
    const single = [];
    for (const sequence of reference.slice(0, 16)) {
      const { cache } = await runWithCache(network, [sequence], { sites: [hook.z(0), hook.attnOut(1)] });
      const { logits } = await runWithHooks(network, [tokens], {
        edits: [
          edit(hook.z(0), { heads: 0 }, { kind: "fromCache", cache }),
          edit(hook.attnOut(1), { pos: 4 }, { kind: "fromCache", cache }),
        ],
      });
      single.push(lossMetric([[...tokens.slice(1), 0]], { pos: [0, 1, 2, 3, 4, 5] }).measure(logits).data);
    }
    const found = measured(loss, seen.edited, sizes);
    const [many] = await touchVariants(network, { ...inputs, variants: [edits], measure: loss });
    for (let model = 0; model < MODELS; model++) {
      const mean = single.reduce((sum, values) => sum + values[model], 0) / single.length;
      expect(Math.abs(found[model] - mean)).toBeLessThan(SUMS);
      expect(Math.abs(many[model] - mean)).toBeLessThan(SUMS);
    }
  }));

test("variants packed into few runs have the bits of each alone, whatever stands beside them", () =>
  withNetwork(presets.causal, async (network) => {
    // more rows than one run has, and sites that some variants leave alone
    const variants: TouchEdits[] = Array.from({ length: 70 }, (_, i) => [
      { at: `L${i % 2}N${i % 64}`, how: i % 3 === 0 ? "zero" : "patch", pos: i % 7 },
      ...(i % 5 === 0 ? [{ at: "L0H1", how: "scale", by: 2, pos: null } as const] : []),
    ]);
    const found = await touchVariants(network, { ...inputs, variants, measure: difference });
    expect(found.length).toBe(70);
    for (const i of [0, 1, 35, 64, 69]) {
      const seen = await touch(network, { ...inputs, edits: variants[i] });
      expect([...found[i]]).toEqual([...measured(difference, seen.edited, sizes)]);
    }
  }));

test("lines of a patching sweep have the bits of the whole sweep, and of single patches", () =>
  withNetwork(presets.causal, async (network) => {
    const { dVocab } = network.config;
    const measure: Measure = { kind: "difference", position: 6, answer: 7, wrong: 0 };
    const metric = logitDifference(7, 0);
    for (const direction of ["denoising", "noising"] as const) {
      const options = { clean: [tokens], corrupt: [other], direction, metric };
      const whole = {
        stream: await patchSweep(network, { ...options, over: [hook.residPre("all")], by: ["layer", "pos"] }),
        heads: await patchSweep(network, { ...options, over: [hook.z("all")], by: ["layer", "head"] }),
        mlp: await patchSweep(network, { ...options, over: [hook.mlpOut("all")], by: ["layer", "pos"] }),
      };
      for (const over of ["stream", "heads", "mlp"] as const)
        for (const layer of [0, 1]) {
          const row = await patchRow(network, {
            ...{ clean: tokens, corrupt: other, over, layer, direction, measure },
          });
          const cells = over === "heads" ? 2 : 7;
          const part = ({ data }: { data: ArrayLike<number> }) =>
            Array.from({ length: MODELS * cells }, (_, i) => {
              const model = Math.floor(i / cells);
              return data[(model * 2 + layer) * cells + (i % cells)];
            });
          expect([...row.effects]).toEqual(part(whole[over].effects));
          expect([...row.patched]).toEqual(part(whole[over].patched));
          expect([...row.clean]).toEqual([...whole[over].clean.data]);
          expect([...row.corrupt]).toEqual([...whole[over].corrupt.data]);
        }
    }
    // a cell by hand: the clean stream of layer 1 at position 2 put into the corrupt run
    const { cache } = await runWithCache(network, [tokens], { sites: [hook.residPre(1)] });
    const { logits } = await runWithHooks(network, [other], {
      edits: [edit(hook.residPre(1), { pos: 2 }, { kind: "fromCache", cache })],
    });
    const row = await patchRow(network, {
      ...{ clean: tokens, corrupt: other, over: "stream", layer: 1, direction: "denoising", measure },
    });
    for (let model = 0; model < MODELS; model++) {
      const at = (model * 7 + 6) * dVocab;
      expect(row.patched[model * 7 + 2]).toBe(logits.data[at + 7] - logits.data[at]);
    }
  }));

test("a patch that the page makes is the same cell of the noising sweep", () =>
  withNetwork(presets.causal, async (network) => {
    const seen = await touch(network, { ...inputs, edits: [{ at: "L1mlp", how: "patch", pos: 6 }] });
    const measure: Measure = { kind: "difference", position: 6, answer: 7, wrong: 0 };
    const row = await patchRow(network, {
      ...{ clean: tokens, corrupt: other, over: "mlp", layer: 1, direction: "noising", measure },
    });
    expect([...measured(measure, seen.edited, sizes)]).toEqual(
      Array.from({ length: MODELS }, (_, model) => row.patched[model * 7 + 6]),
    );
  }));

test("neurons are those of the clean run", () =>
  withNetwork(presets.original, async (network) => {
    const seen = await neurons(network, { tokens, layer: 1 });
    const { cache } = await runWithCache(network, [tokens], { sites: [hook.mlpPost(1)] });
    expect(seen.axes).toEqual(["model", "pos", "dMlp"]);
    expect([...seen.data]).toEqual([...cache.get(hook.mlpPost(1)).data]);
  }));
