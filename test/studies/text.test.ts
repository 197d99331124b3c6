/** Language models of tiny texts, grown in this process. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { type Corpus, makeCorpus } from "../../src/data/text/corpus.ts";
import type { CellMeans } from "../../src/features/index.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { oneWayAnova } from "../../src/stats/anova.ts";
import { pearson } from "../../src/stats/correlation.ts";
import { analyseText, shuffledCorrelation } from "../../src/studies/text/analyse.ts";
import { runTextJob } from "../../src/studies/text/job.ts";
import { textProbe } from "../../src/studies/text/probe.ts";
import { curvesBy, textFactorsOf } from "../../src/studies/text/probeCurves.ts";
import { textFigures, textReport } from "../../src/studies/text/report.ts";
import type { TextResult } from "../../src/studies/text/result.ts";
import {
  type TextSpec,
  textConfig,
  textPresetNamed,
  textPresets,
  textSchedule,
  textTraining,
} from "../../src/studies/text/spec.ts";
import { growTextPopulation, type TextPopulation } from "../../src/studies/text/study.ts";

/** Sums of float32 activations against float64. */
const FLOAT32 = 1e-5;

const backend = wasmBackend();

function specFor(corpus: Corpus, steps: number, options: Partial<TextSpec> = {}): TextSpec {
  const size = { nLayers: 1, dModel: 16, nHeads: 2, nCtx: corpus.heldOut.nPos, dVocab: corpus.dVocab };
  return {
    ...{ study: "text test", config: textConfig(size), init: { scheme: "gpt2" }, batch: 8, rate: 1e-2 },
    ...{ schedule: textSchedule("cosine", steps), ...textTraining(steps), probe: "text" },
    sampling: { count: 2, tokens: 12, temperature: 1, topK: null },
    ...options,
  };
}

function grown(corpus: Corpus, spec: TextSpec, seeds: readonly number[], modelsPerJob = 4) {
  const prompt = corpus.train[0].slice(0, 3);
  return growTextPopulation(
    spec,
    seeds,
    { corpus, prompt },
    {
      ...{ backend: { name: "wasm" }, modelsPerJob },
      runJobs: async (jobs, tell) => {
        // the last job first: the order in which they end must not matter
        for (let index = jobs.length - 1; index >= 0; index--)
          await runTextJob(jobs[index], backend, (event) => tell(index, event));
      },
    },
  );
}

const stream = randomStream("text");
const letters = Array.from({ length: 3000 }, () => "abcde"[Math.min(stream.integer(5), stream.integer(5))]);
const corpus = makeCorpus(letters.join(""), {
  tokenizer: { kind: "characters" },
  ...{ nCtx: 8, heldOutWindows: 24 },
});

test("a population is the same to the bit in one job and in jobs of one", async () => {
  const spec = specFor(corpus, 6);
  const [one, many] = [await grown(corpus, spec, [3, 0, 7]), await grown(corpus, spec, [3, 0, 7], 1)];
  expect(many).toEqual(one);
  // and a seed is itself in any company
  const alone = await grown(corpus, spec, [0]);
  expect(alone.samples[0]).toEqual(one.samples[1]);
  expect(alone.losses[0]).toEqual(one.losses[1]);
  expect(one.losses[0]).not.toEqual(one.losses[1]);
  expect(one.checkpoints.map(({ step }) => step)).toEqual([0, 1, 2, 4, 6]);
});

test("a model of a periodic text predicts it to the end and goes on with it", async () => {
  const period = "abcab\n";
  const periodic = makeCorpus(period.repeat(200), { tokenizer: { kind: "characters" }, nCtx: 12 });
  const spec = specFor(periodic, 200, {
    ...{ init: { scheme: "xavier-normal" }, sampling: { count: 1, tokens: 40, temperature: 1, topK: null } },
  });
  const population = await grown(periodic, spec, [0, 1]);
  const { heldOut } = population.checkpoints[population.checkpoints.length - 1];
  for (const model of [0, 1]) {
    // the first two tokens of a window do not say where in the period it is; from the third on they do
    const byPosition = heldOut.subarray(model * 12, (model + 1) * 12);
    expect(Math.max(...byPosition.subarray(3))).toBeLessThan(0.05);
    const text = periodic.tokenizer.decode(population.samples[model][0]);
    expect(period.repeat(10)).toContain(text);
    expect(text.length).toBe(43);
  }
  const { numbers } = analyseText(population, periodic);
  expect(numbers.heldOut.last.mean).toBeLessThan(numbers.baseline.bigram.nats);
});

test("responses are the means of the activations, and eta squared that of an analysis of variance", async () => {
  // words of three letters, their classes drawn by their first
  const sorted = makeCorpus(letters.join(""), {
    ...{ tokenizer: { kind: "characters" }, nCtx: 8, heldOutWindows: 24 },
    classes: {
      ...{ name: "class", levels: ["vowel", "nothing has it", "other"] },
      of: (start) => (start % 4 === 3 ? -1 : letters[start - (start % 4)] === "a" ? 0 : 2),
    },
  });
  const spec = specFor(corpus, 2, { batch: 4 });
  for (const design of ["text", "balanced"] as const) {
    const population = await grown(sorted, { ...spec, probe: design }, [0, 1]);
    const { probe, checkpoints } = population;
    const { weights, curves } = checkpoints[checkpoints.length - 1];
    const network = openNetwork(backend, spec.config, weights);
    const site = "blocks.0.mlp.hook_post";
    const tokens = { data: probe.tokens, batch: probe.count, pos: probe.nPos };
    const { cache } = await runWithCache(network, tokens, { sites: [site] });
    const { data, shape } = cache.get(site);
    network.close();
    const [, batch, pos, units] = shape;
    const labels = {
      token: Array.from(probe.labels),
      position: Array.from(probe.labels, (_, at) => at % pos),
      class: Array.from(probe.classes?.of ?? []),
    };
    if (design === "text") expect(probe.classes?.levels).toEqual(["vowel", "other"]);
    for (const kind of textFactorsOf(probe)) {
      const levels = Math.max(...labels[kind]) + 1;
      const found = curvesBy(curves[site], kind);
      for (const at of [0, 17, units + 5]) {
        const groups = Array.from({ length: levels }, (): number[] => []);
        labels[kind].forEach((level, row) => {
          if (level < 0) return;
          groups[level].push(data[(Math.floor(at / units) * batch * pos + row) * units + (at % units)]);
        });
        const { eta2 } = oneWayAnova(groups).between;
        expect(Math.abs(found.eta2[at] - eta2)).toBeLessThan(1e-3); // sums of squares cancel in float32
        groups.forEach((group, level) => {
          const mean = group.reduce((a, b) => a + b, 0) / group.length;
          expect(Math.abs(found.mean[at * levels + level] - mean)).toBeLessThan(FLOAT32);
        });
      }
    }
  }
});

test("a balanced probe has every followed token equally often at every position, a text probe follows frequent ones", () => {
  const balanced = textProbe(corpus, "balanced", "probe");
  const counts = new Map<string, number>();
  balanced.tokens.forEach((token, at) => {
    const cell = `${token} ${at % balanced.nPos}`;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
    expect(balanced.followed[balanced.labels[at]]).toBe(token);
  });
  expect(counts.size).toBe(5 * 8);
  expect(new Set(counts.values()).size).toBe(1);
  const onText = textProbe(corpus, "text", "probe");
  expect(onText.tokens).toEqual(corpus.heldOut.inputs);
  // by frequency: a is likeliest, e rarest
  const names = Array.from(onText.followed, (token) => corpus.tokenizer.tokenText(token)).join("");
  expect("abcde".startsWith(names)).toBe(true);
  onText.labels.forEach((label, at) => {
    if (label >= 0) expect(onText.followed[label]).toBe(onText.tokens[at]);
    else expect(Array.from(onText.followed)).not.toContain(onText.tokens[at]);
  });
});

test("the shuffle null is the mean correlation over all pairs of units, flat ones left out", () => {
  const draw = randomStream("shuffle");
  const cells = (): CellMeans => {
    const cellMean = Float64Array.from({ length: 2 * 6 * 5 }, () => draw.normal());
    cellMean.fill(1, 5, 10); // the second unit of the first model is flat
    return { site: "s", models: 2, units: 6, dVocab: 5, nPos: 1, cellMean };
  };
  const [before, after] = [cells(), cells()];
  const curve = ({ cellMean }: CellMeans, unit: number) => cellMean.subarray(unit * 5, (unit + 1) * 5);
  const found = shuffledCorrelation(before, after);
  for (const [model, live] of [
    [0, [0, 2, 3, 4, 5]],
    [1, [6, 7, 8, 9, 10, 11]],
  ] as const) {
    const all = live.flatMap((i) => live.map((j) => pearson(curve(before, i), curve(after, j))));
    expect(found[model]).toBeCloseTo(all.reduce((a, b) => a + b, 0) / all.length, 12);
  }
});

/** A result around the numbers of a population, with text that would be markup if it were not escaped. */
function resultOf(population: TextPopulation, hostile = "<script>alert(1)</script>"): TextResult {
  const { numbers } = analyseText(population, corpus);
  return {
    ...{ ...numbers, study: "train", preset: "char", run: "." },
    text: {
      files: [{ path: hostile, bytes: 3000, sha256: "0".repeat(64) }],
      ...{ lineEndsChanged: 0, characters: 3000, ...corpus.size },
      unknown: [{ character: hostile, count: 1 }],
    },
    tokenizer: { kind: "characters", tokens: 5, charactersPerToken: 1 },
    probe: { design: "text", sequences: 24, followed: [hostile, "\u202e"], classes: null },
    sampling: { prompt: hostile, tokens: 12, temperature: 1, topK: null },
    samples: population.seeds.map((seed) => ({ seed, texts: [`${hostile}\u0007`] })),
  };
}

test("a report holds loss, persistence and samples, and everything foreign is escaped", async () => {
  const population = await grown(corpus, specFor(corpus, 4), [0, 1, 2]);
  const { detail } = analyseText(population, corpus);
  const result = resultOf(population);
  const { document } = parseHTML("<html><body></body></html>");
  const html = textReport({ result, detail, command: "npx palimpsest <i>", facts: [["a<b", "c"]], document });
  expect(html).not.toMatch(/<script|<i>|\u202e|src=|https?:\/\/(?!www\.w3\.org)/);
  expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;U+0007");
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
  const page = parseHTML(html).document;
  expect([...page.querySelectorAll("figure")].map(({ id }) => id)).toEqual([
    "figure-text-losses",
    "figure-text-persistence",
  ]);
  const [losses, persistence] = textFigures(result, detail);
  expect(losses.panels.length).toBe(3);
  expect(persistence.panels.map(({ title }) => title)).toEqual([
    "layer 0 · by token",
    "layer 0 · by position",
  ]);
  const course = detail.groups[0].r.map((row) => row[0]);
  for (const r of course) expect(r).toBeCloseTo(1, 6); // at step 0 a unit is itself
});

test("a model that diverges is marked and left out of every mean, its own and as another's null", async () => {
  const sane = specFor(corpus, 8);
  const population = await grown(corpus, { ...sane, rate: 1e30, clip: 1e30, checkpoints: [0, 8] }, [0, 1]);
  expect(population.divergedAt.every((step) => step !== null)).toBe(true);
  expect(population.samples).toEqual([[], []]);
  const { numbers, detail } = analyseText(population, corpus);
  expect(numbers.models.map(({ heldOut }) => heldOut)).toEqual([null, null]);
  expect(numbers.heldOut.last.mean).toBeNaN();
  expect(numbers.heldOut.first.mean).toBeGreaterThan(1);
  expect(numbers.groups[0].r.mean).toBeNaN();
  const { document } = parseHTML("<html><body></body></html>");
  const html = textReport({ result: resultOf(population), detail, command: "", facts: [], document });
  expect(html).toContain("Every model diverged");
  expect(html).toContain(`seed 0 at step ${population.divergedAt[0]}`);
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
});

test("presets are GPT-2's blocks, and sizes that no model has are refused", () => {
  for (const name of Object.keys(textPresets)) {
    const { dModel, nHeads, ...size } = textPresetNamed(name);
    expect(textConfig({ ...size, dModel, nHeads, dVocab: 60 })).toMatchObject({
      ...{ causal: true, normalization: "pre", actFn: "gelu", tiedUnembed: true, dMlp: 4 * dModel },
    });
  }
  expect(() => textPresetNamed("chars")).toThrow('Nearest: "char".');
  const size = { nLayers: 1, dModel: 16, nHeads: 3, nCtx: 8, dVocab: 5 };
  expect(() => textConfig(size)).toThrow("must divide the width of the model; got 3 heads, width 16.");
});
