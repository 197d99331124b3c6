import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import { latinBlocks, onDistribution, type Probe } from "../../src/data/probes.ts";
import {
  halfOf,
  type TuningCurves,
  tuningCurvesOf,
  tuningProgram,
  tuningStates,
} from "../../src/features/tuningCurves.ts";
import { deadUnits } from "../../src/features/varianceComponents.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { input } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import type { SiteName, SiteSelector } from "../../src/model/hookPoints.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { forward } from "../../src/model/transformer.ts";
import { type Weights, weightNodes, weightShapes } from "../../src/model/weights.ts";

const config: ModelConfig = {
  ...presets.causal,
  ...{ dVocab: 5, nCtx: 4, dModel: 6, nHeads: 2, dHead: 3, dMlp: 7 },
};
const models = 3;
const weights = initialPopulation(
  config,
  { scheme: "pytorch" },
  [0, 1, 2].map((seed) => randomStream("tuning curves", seed)),
);
const selectors: SiteSelector[] = [
  "blocks.*.mlp.hook_post",
  "blocks.0.attn.hook_z",
  "blocks.1.hook_resid_post",
];
/** Sums of a few hundred float64 numbers of size 1, added in another order. */
const REORDERED = 1e-12;
/** Two blocks and a layer norm or two in float32, of numbers of size 1: some tens of roundings of 6e-8. */
const FLOAT32 = 1e-5;

interface Setting {
  blockSize?: number;
  sites?: SiteSelector[];
  backend?: Backend;
  changed?: Partial<Weights>;
}

async function measured(
  probe: Probe,
  { blockSize, sites = selectors, backend = referenceBackend, changed = {} }: Setting = {},
): Promise<Map<string, TuningCurves>> {
  const states = { ...Object.fromEntries(weightShapes(config)), ...tuningStates(config, sites, probe) };
  const session = backend.open({ models, states });
  for (const [name, values] of Object.entries({ ...weights, ...changed }))
    session.write(name, values as Float32Array);
  return tuningProgram(session, config, { sites, probe, blockSize }).measure();
}

/** [model, sequence, pos, unit], from one run over all sequences that returns every activation. */
async function activationsAt(
  site: SiteName,
  probe: Probe,
  population: Weights = weights,
): Promise<ArrayLike<number>> {
  let seen: Node | undefined;
  const tokens = input("tokens", [probe.count, probe.nPos], "int32");
  forward(config, weightNodes(config), tokens, (name, node) => {
    if (name === site) seen = node;
    return node;
  });
  const states = Object.fromEntries(weightShapes(config));
  const session = referenceBackend.open({ models, states });
  for (const [name, values] of Object.entries(population)) session.write(name, values);
  const program = session.compile(makeGraph({ outputs: { seen: seen as Node } }));
  return (await program.run({ tokens: probe.tokens })).seen;
}

/** Mean, and Σ of squared deviations, of the activations that a condition picks; straight from the definition. */
function direct(activations: ArrayLike<number>, probe: Probe, model: number, unit: number, units: number) {
  const { count, nPos, tokens, half } = probe;
  const rows = Array.from({ length: count * nPos }, (_, at) => ({
    value: activations[(model * count * nPos + at) * units + unit],
    token: tokens[at],
    pos: at % nPos,
    half: half[Math.floor(at / nPos)],
  }));
  return (picks: (row: (typeof rows)[number]) => boolean) => {
    const values = rows.filter(picks).map(({ value }) => value);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return { mean, ss: values.reduce((a, b) => a + (b - mean) ** 2, 0) };
  };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

const probe = latinBlocks({ dVocab: 5, nPos: 4, blocks: 7, stream: randomStream("tuning probe") });

test("streamed cell means, halves and sums of squares are those of the activations themselves", async () => {
  const curves = await measured(probe, { blockSize: 8 });
  expect([...curves.keys()]).toEqual([
    "blocks.0.attn.hook_z",
    "blocks.0.mlp.hook_post",
    "blocks.1.mlp.hook_post",
    "blocks.1.hook_resid_post",
  ]);
  for (const [site, measuredCurves] of curves) {
    const { units, cellMean, halfMean, totalSS, contextSS, counts } = measuredCurves;
    const activations = await activationsAt(site as SiteName, probe);
    for (let model = 0; model < models; model++)
      for (const unit of [0, units - 1]) {
        const of = direct(activations, probe, model, unit, units);
        const at = model * units + unit;
        let context = 0;
        for (let token = 0; token < 5; token++)
          for (let pos = 0; pos < 4; pos++) {
            const cell = token * 4 + pos;
            expect([counts[0][cell], counts[1][cell]]).toEqual([4, 3]);
            const whole = of((row) => row.token === token && row.pos === pos);
            context += whole.ss;
            expect(Math.abs(cellMean[at * 20 + cell] - whole.mean)).toBeLessThan(REORDERED);
            for (const half of [0, 1]) {
              const part = of((row) => row.token === token && row.pos === pos && row.half === half);
              expect(Math.abs(halfMean[half][at * 20 + cell] - part.mean)).toBeLessThan(REORDERED);
            }
          }
        expect(Math.abs(contextSS[at] - context)).toBeLessThan(REORDERED * 140);
        expect(Math.abs(totalSS[at] - of(() => true).ss)).toBeLessThan(REORDERED * 140);
      }
  }
});

test("the block size changes nothing, whether or not it divides the probe", async () => {
  const whole = await measured(probe, { blockSize: 1000 });
  for (const blockSize of [1, 7, 16, 35]) {
    const blocks = await measured(probe, { blockSize });
    for (const [site, curves] of whole) {
      const other = blocks.get(site) as TuningCurves;
      expect(largestDifference(curves.cellMean, other.cellMean)).toBeLessThan(REORDERED);
      expect(largestDifference(curves.halfMean[1], other.halfMean[1])).toBeLessThan(REORDERED);
      expect(largestDifference(curves.totalSS, other.totalSS)).toBeLessThan(REORDERED * 140);
    }
  }
});

test("an on-distribution probe keeps its unequal counts, and a cell that it misses is NaN", async () => {
  const rare: Probe = onDistribution(patterns({ dVocab: 5, nCtx: 5 }), {
    count: 9,
    stream: randomStream("few sequences"),
  });
  const site = "blocks.0.mlp.hook_post";
  const curves = (await measured(rare, { blockSize: 4 })).get(site) as TuningCurves;
  const oneShot = tuningCurvesOf(await activationsAt(site, rare), { site, models, units: 7, probe: rare });
  const counts = curves.counts[0].map((n, cell) => n + curves.counts[1][cell]);
  expect(counts.reduce((a, b) => a + b)).toBe(9 * 4);
  expect(counts).toContain(0);
  for (let at = 0; at < curves.cellMean.length; at++) {
    if (counts[at % 20] === 0) expect(curves.cellMean[at]).toBeNaN();
    else expect(Math.abs(curves.cellMean[at] - oneShot.cellMean[at])).toBeLessThan(REORDERED);
  }
  expect(largestDifference(curves.totalSS, oneShot.totalSS)).toBeLessThan(REORDERED * 36);
});

test("each measurement starts from zero and reads the weights of the moment", async () => {
  const sites: SiteSelector[] = ["blocks.0.mlp.hook_post"];
  const states = { ...Object.fromEntries(weightShapes(config)), ...tuningStates(config, sites, probe) };
  const session = referenceBackend.open({ models, states });
  for (const [name, values] of Object.entries(weights)) session.write(name, values);
  const { measure } = tuningProgram(session, config, { sites, probe });
  const [first, second] = [await measure(), await measure()].map((curves) =>
    curves.get("blocks.0.mlp.hook_post"),
  );
  expect(second).toEqual(first);
  session.write(
    "blocks.0.mlp.W_in",
    weights["blocks.0.mlp.W_in"].map((w) => -w),
  );
  expect((await measure()).get("blocks.0.mlp.hook_post")?.cellMean).not.toEqual(first?.cellMean);
});

test("weights that no asked site depends on are not read", async () => {
  const sites: SiteSelector[] = ["blocks.0.mlp.hook_post"];
  const needed = [...weightShapes(config)].filter(
    ([name]) => !/unembed|blocks\.1|W_out|b_out|ln2/.test(name),
  );
  const session = referenceBackend.open({
    models,
    states: { ...Object.fromEntries(needed), ...tuningStates(config, sites, probe) },
  });
  for (const [name] of needed) session.write(name, weights[name]);
  const curves = (await tuningProgram(session, config, { sites, probe }).measure()).get(
    "blocks.0.mlp.hook_post",
  );
  expect(curves?.cellMean).toEqual((await measured(probe)).get("blocks.0.mlp.hook_post")?.cellMean);
});

test("a gated site fires because it is asked for, its heads side by side", async () => {
  const curves = (await measured(probe, { sites: ["blocks.0.attn.hook_result"] })).get(
    "blocks.0.attn.hook_result",
  );
  expect(curves?.units).toBe(2 * 6);
  expect(curves?.cellMean.every(Number.isFinite)).toBe(true);
});

test("one half gives the curves that its sequences alone would give", async () => {
  const site = "blocks.1.mlp.hook_post";
  const activations = await activationsAt(site, probe);
  const kept = Array.from(probe.half, (half, sequence) => ({ half, sequence })).filter(
    ({ half }) => half === 1,
  );
  const size = probe.nPos * 7;
  const alone = tuningCurvesOf(
    Float64Array.from(
      [0, 1, 2].flatMap((model) =>
        kept.flatMap(({ sequence }) =>
          Array.from({ length: size }, (_, i) => activations[(model * probe.count + sequence) * size + i]),
        ),
      ),
    ),
    {
      ...{ site, models, units: 7 },
      probe: {
        ...probe,
        count: kept.length,
        half: new Uint8Array(kept.length).fill(1),
        tokens: Int32Array.from(
          kept.flatMap(({ sequence }) => [...probe.tokens.slice(sequence * 4, sequence * 4 + 4)]),
        ),
      },
    },
  );
  const half = halfOf((await measured(probe)).get(site) as TuningCurves, 1);
  expect(largestDifference(half.cellMean, alone.cellMean)).toBeLessThan(REORDERED);
  expect(largestDifference(half.contextSS, alone.contextSS)).toBeLessThan(REORDERED * 60);
});

test("float32 in SIMD lanes gives the same curves within its precision", async () => {
  const lanes = await measured(probe, { backend: wasmBackend(), blockSize: 8 });
  for (const [site, exact] of await measured(probe)) {
    const curves = lanes.get(site) as TuningCurves;
    expect(largestDifference(curves.cellMean, exact.cellMean)).toBeLessThan(FLOAT32);
    expect(largestDifference(curves.halfMean[0], exact.halfMean[0])).toBeLessThan(FLOAT32);
    for (let at = 0; at < models * curves.units; at++) {
      const raw = exact.squares[0][at] + exact.squares[1][at];
      expect(Math.abs(curves.contextSS[at] - exact.contextSS[at])).toBeLessThan(FLOAT32 * Math.max(raw, 1));
    }
  }
});

test("units that are constant in float32 are dead, though their sums carry rounding", async () => {
  const sites: SiteSelector[] = ["blocks.0.mlp.hook_pre", "blocks.1.mlp.hook_pre"];
  const changed = {
    "blocks.0.mlp.W_in": new Float32Array(models * 6 * 7),
    "blocks.0.mlp.b_in": new Float32Array(models * 7).fill(0.1),
  };
  const curves = await measured(probe, { sites, changed, backend: wasmBackend(), blockSize: 8 });
  const [first, second] = sites.map((site) => deadUnits(curves.get(site) as TuningCurves));
  expect(first.every((dead) => dead === 1)).toBe(true);
  expect(second.every((dead) => dead === 0)).toBe(true);
});

test("a context of rounding size is none", () => {
  const units = [1e6, 1e6 + 1e-9];
  const constant = Float64Array.from({ length: probe.count * 4 * 2 }, (_, i) => units[i % 2]);
  const curves = tuningCurvesOf(constant, { site: "constant", models: 1, units: 2, probe });
  expect([...curves.contextSS]).toEqual([0, 0]);
});

test("sites without a unit axis, foreign vocabularies and misspelt sites are refused with a way out", () => {
  const states = tuningStates(config, selectors, probe);
  const session = referenceBackend.open({
    models: 1,
    states: { ...Object.fromEntries(weightShapes(config)), ...states },
  });
  expect(() => tuningStates(config, ["blocks.0.attn.hook_pattern"], probe)).toThrow(/axes \[batch pos …\]/);
  expect(() => tuningStates(config, ["blocks.7.mlp.hook_post"], probe)).toThrow(/blocks\.1\.mlp\.hook_post/);
  expect(() => tuningProgram(session, { ...config, dVocab: 6 }, { sites: selectors, probe })).toThrow(
    /dVocab 5 and 6/,
  );
  expect(() => tuningCurvesOf([1, 2, 3], { site: "x", models: 1, units: 1, probe })).toThrow(/3 numbers/);
});
