/** `palimpsest inspect` in this process: every verb against the library's own functions, and what it refuses. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomNetworks } from "../../src/cli/inspect/subject.ts";
import { runInspect } from "../../src/cli/runs/inspect.ts";
import {
  ablate,
  attributionPatching,
  compositionScores,
  copyingScores,
  forward,
  headScores,
  logitDifference,
  logitLens,
  lossMetric,
  type Network,
  openNetwork,
  originalLens,
  patchSweep,
  topTokens,
} from "../../src/interp/index.ts";
import { type PresetName, presets } from "../../src/model/config.ts";
import { hook } from "../../src/model/hookPoints.ts";
import { pearson } from "../../src/stats/correlation.ts";
import { tInterval } from "../../src/stats/intervals.ts";
import { palimpsest } from "./harness.ts";
import { saved, saveRun } from "./savedRun.ts";

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  saveRun(cwd, "run", {
    weights: (weights) => {
      // step 8: L1H0 of every network moves what it sees to the output unchanged, and L0N3 reads nothing but W_E's
      // first dimension, very strongly
      plantCopying(weights);
      plantNeuron(weights);
    },
  });
  saveRun(cwd, "both", { presets: ["original", "causal"] });
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const { dModel, dHead, dMlp, dVocab, nHeads } = presets.original;

/** W_V W_O of L1H0 becomes a projection on dHead dimensions, and W_U the transposed embedding. */
function plantCopying(weights: Record<string, Float32Array>): void {
  for (let model = 0; model < saved.seeds.length; model++) {
    const head = model * nHeads * dModel * dHead;
    for (let i = 0; i < dModel; i++)
      for (let j = 0; j < dHead; j++) {
        weights["blocks.1.attn.W_V"][head + i * dHead + j] = i === j ? 1 : 0;
        weights["blocks.1.attn.W_O"][head + j * dModel + i] = i === j ? 1 : 0;
      }
    for (let token = 0; token < dVocab; token++)
      for (let i = 0; i < dModel; i++)
        weights["unembed.W_U"][model * dModel * dVocab + i * dVocab + token] =
          weights["embed.W_E"][(model * dVocab + token) * dModel + i];
  }
}

function plantNeuron(weights: Record<string, Float32Array>): void {
  for (let model = 0; model < saved.seeds.length; model++)
    for (let i = 0; i < dModel; i++)
      weights["blocks.0.mlp.W_in"][(model * dModel + i) * dMlp + 3] = i === 0 ? 50 : 0;
}

async function inspect(line: string, at = cwd) {
  const answer = await palimpsest(["inspect", ...line.split(" ")], {
    handlers: { inspect: runInspect },
    io: { cwd: at },
  });
  return answer;
}

async function found(line: string) {
  const { exitCode, stdout, stderr } = await inspect(`${line} --json`);
  expect({ line, exitCode, stderr }).toEqual({ line, exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

function networkOf(preset: PresetName, seeds: readonly number[]): Network {
  const init = { scheme: "pytorch", embeddingScale: 1 } as const;
  return openNetwork(wasmBackend(), presets[preset], randomNetworks(presets[preset], init, seeds));
}

const tokens = [0, 1, 2, 3, 4, 5, 6];
const typed = tokens.join(",");
type Numbers = { estimate: number; p: number | null; interval: [number, number] | null };
const estimates = (cells: readonly Numbers[]) => cells.map(({ estimate }) => estimate);
/** Numbers are stored as they were computed; only the order of adding a mean may differ. */
const EQUAL = 10;
function expectClose(own: readonly number[], others: ArrayLike<number>): void {
  expect(own.length).toBe(others.length);
  for (const [i, value] of own.entries()) expect(value).toBeCloseTo(others[i], EQUAL);
}

test("lens tells the likeliest tokens of the library's lens, in either norm and the original's variant", async () => {
  for (const norm of ["recomputed", "frozen"] as const) {
    const { places, lens } = await found(
      `gpt --seed 3 lens --tokens ${typed} --norm ${norm} --top 2 --draws 19`,
    );
    const oracle = await logitLens(networkOf("gpt", [3]), [tokens], { norm });
    const top = topTokens(oracle, 2);
    expect(lens).toBe(norm);
    expect(places.length).toBe(oracle.sites.length * tokens.length);
    const listed = places.flatMap((place: { tokens: { token: number; estimate: number }[] }) => place.tokens);
    expect(listed.map(({ token }: { token: number }) => token)).toEqual([...top.tokens]);
    expectClose(estimates(listed), top.probabilities);
  }
  const { places, lens } = await found(`original --seed 3 lens --tokens ${typed} --original --draws 0`);
  const oracle = await originalLens(networkOf("original", [3]), [tokens]);
  expect(lens).toBe("original");
  expect(places.map((place: { tokens: { token: number }[] }) => place.tokens[0].token)).toEqual([
    ...topTokens(oracle, 1).tokens,
  ]);
});

test("attribution adds up to the logit itself", async () => {
  const { total, components } = await found(
    `gpt --seed 3 attribution --by neuron --tokens ${typed} --answer 7 --wrong 2 --draws 0`,
  );
  const logits = (await forward(networkOf("gpt", [3]), [tokens])).data.slice(6 * dVocab);
  expect(estimates(components).reduce((sum, part) => sum + part, 0)).toBeCloseTo(total, EQUAL);
  expect(total).toBeCloseTo(logits[7] - logits[2], 5); // the network adds in float32
  expect(components.length).toBeGreaterThan(2 * dMlp);
});

test("patch tells the library's effects, and by gradient their correlation", async () => {
  const corrupt = [0, 1, 2, 3, 4, 9, 6];
  const line = `original --seed 3 patch --clean ${typed} --corrupt ${corrupt} --answer 7 --wrong 2`;
  const options = {
    ...{ clean: [tokens], corrupt: [corrupt], metric: logitDifference(7, 2) },
    over: [hook.z("all")],
    by: ["layer", "head"] as const,
  };
  const network = networkOf("original", [3]);
  const { cells, correlation } = await found(`${line} --by layer,head --approximate --draws 19`);
  expectClose(estimates(cells), (await patchSweep(network, options)).effect.estimate.data);
  const gradient = await attributionPatching(network, { ...options, exact: true });
  expectClose(correlation, gradient.correlation as number[]);
  expect(cells.map(({ layer, head }: { layer: number; head: number }) => [layer, head])).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
});

test("over several pairs an effect is the mean change over the mean distance", async () => {
  const clean = [tokens, [9, 8, 7, 6, 5, 4, 3]];
  const corrupt = [
    [0, 1, 2, 3, 4, 9, 6],
    [9, 8, 7, 1, 5, 4, 3],
  ];
  const line = `--clean ${typed} --corrupt ${corrupt[0]} --clean ${clean[1]} --corrupt ${corrupt[1]}`;
  const { cells } = await found(
    `original --seed 3 patch ${line} --answer 7 --wrong 2 --by layer,pos --draws 0`,
  );
  const network = networkOf("original", [3]);
  const sweep = await patchSweep(network, {
    ...{ clean, corrupt, metric: logitDifference(7, 2) },
    over: [hook.residPre("all")],
    by: ["layer", "pos"],
  });
  const [start, end] = [sweep.corrupt.data, sweep.clean.data];
  const oracle = cells.map((_: unknown, cell: number) => {
    const [first, second] = sweep.patched.data.slice(2 * cell, 2 * cell + 2);
    return (first + second - start[0] - start[1]) / (end[0] + end[1] - start[0] - start[1]);
  });
  expectClose(estimates(cells), oracle);
});

test("without answers patching measures the way back to the clean prediction: all of the stream goes all of it", async () => {
  const { cells, metric } = await found(
    `original patch --clean 0,1,2,3 --corrupt 5,6,7,8 --by layer --draws 19`,
  );
  expect(metric).toBe("kl");
  for (const { estimate } of cells) expect(estimate).toBeCloseTo(1, 5); // float32 logits
});

test("pairs of a task differ in their answers, and noising undoes what denoising restores", async () => {
  const whole = "original --seed 3 patch --by layer --draws 0 --sequences 4";
  const [back, away] = [await found(whole), await found(`${whole} --direction noising`)];
  expect(back.pairs).toEqual([4]);
  for (const { estimate } of back.cells) expect(estimate).toBeCloseTo(1, 5);
  for (const { estimate } of away.cells) expect(estimate).toBeCloseTo(0, 5);
});

test("ablate tells the library's impacts, over sequences and over seeds", async () => {
  const line = `--tokens ${typed} --tokens 9,8,7,6,5,4,3 --how zero --draws 0`;
  const targets = [
    [1, 2, 3, 4, 5, 6, 0],
    [8, 7, 6, 5, 4, 3, 0],
  ];
  const options = {
    ...{ over: [hook.z("all")], by: ["layer", "head"] as const, how: "zero" as const },
    metric: lossMetric(targets, { pos: [0, 1, 2, 3, 4, 5] }),
  };
  const probe = [tokens, [9, 8, 7, 6, 5, 4, 3]];
  const one = await found(`causal --seed 3 ablate ${line}`);
  const single = await ablate(networkOf("causal", [3]), probe, options);
  expectClose(estimates(one.cells), single.impact.estimate.data);
  expect(one.cells[0].interval[0]).toBeCloseTo(single.impact.low.data[0], EQUAL);
  const many = await found(`causal --seed 2-4 ablate ${line}`);
  const population = await ablate(networkOf("causal", [2, 3, 4]), probe, options);
  expectClose(estimates(many.cells), population.acrossModels.estimate.data);
  expect(many.cells[3].interval[1]).toBeCloseTo(population.acrossModels.high.data[3], EQUAL);
});

test("by gradient, ablation tells its correlation with the impacts it tells", async () => {
  const { cells, correlation } = await found("gpt --seed 3 ablate --by layer,unit --approximate --draws 0");
  expect(cells.length).toBe(2 * dMlp);
  const firstOrder = cells.map((cell: { firstOrder: number }) => cell.firstOrder);
  expect(correlation).toBeCloseTo(pearson(firstOrder, estimates(cells)), EQUAL);
});

test("heads tells the library's scores, and no random head has a class", async () => {
  const { heads, draws, tests, inputs } = await found("original --seed 3 heads --task random --sequences 8");
  expect([draws, tests]).toEqual([479, 24]);
  const oracle = (await headScores(networkOf("original", [3]), inputs.tokens)).scores.previous.corrected.data;
  expectClose(
    heads.map((head: { scores: { previous: { corrected: { estimate: number } } } }) => {
      return head.scores.previous.corrected.estimate;
    }),
    oracle,
  );
  expect(heads.map((head: { class: string }) => head.class)).toEqual(new Array(4).fill("abstain"));
});

test("heads over seeds have the mean of the library's scores with its interval", async () => {
  const line = `original --seed 0-2 heads --tokens 0,1,0,1,2,3,2 --draws 479`;
  const { overSeeds } = await found(line);
  const { data } = (await headScores(networkOf("original", [0, 1, 2]), [[0, 1, 0, 1, 2, 3, 2]])).scores
    .induction.corrected;
  const { estimate, low, high } = tInterval([data[3], data[7], data[11]]);
  const cell = overSeeds.find(
    (row: { layer: number; head: number; score: string }) =>
      row.layer === 1 && row.head === 1 && row.score === "induction",
  );
  expect(cell.estimate).toBeCloseTo(estimate, EQUAL);
  expect(cell.interval[0]).toBeCloseTo(low, EQUAL);
  expect(cell.interval[1]).toBeCloseTo(high, EQUAL);
});

test("circuits tells the library's scores; a planted copying head is marked and nothing else", async () => {
  const random = await found("original --seed 3 circuits --draws 19");
  const network = networkOf("original", [3]);
  const { scores, components } = await compositionScores(network);
  expectClose(
    random.composition.filter(({ by }: { by: string }) => by === "v").map((cell: Numbers) => cell.estimate),
    scores.v.data,
  );
  expect(new Set(random.composition.map((cell: Record<string, string>) => cell["sender>receiver"]))).toEqual(
    new Set(components),
  );
  const eigenvalues = random.copying.filter(({ score }: { score: string }) => score === "eigenvalue");
  expectClose(estimates(eigenvalues), (await copyingScores(network)).scores.eigenvalue.data);
  const planted = await found("run --seed all circuits --parts copying");
  expect(
    planted.copying
      .filter((cell: { marked: boolean }) => cell.marked)
      .map(({ head, score }: { head: string; score: string }) => `${head} ${score}`),
  ).toContain("L1H0 eigenvalue");
});

test("circuits says what an architecture has not instead of failing", async () => {
  const { composition, copying } = await found("original-minigpt circuits --draws 0");
  expect(composition).toEqual({ missing: "parameter-free heads have no weights that could compose" });
  expect(copying.length).toBe(2 * 4);
});

test("units tells what a neuron is tuned to: a planted one follows its weights", async () => {
  const { units } = await found("run --seed 1 units --draws 39");
  const neuron = units.find(({ unit }: { unit: string }) => unit === "L0N3");
  // it reads one dimension, to which the norm and every position add the same for all tokens but a little
  const portrait = await found("run --seed 1 units --unit L0N3 --draws 0");
  expect(neuron.prefers.token).toBe(portrait.inputs[0].tokens[portrait.inputs[0].position]);
  const shares = [neuron.token.estimate, neuron.position.estimate, neuron.interaction, neuron.context];
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
  for (const [i, source] of ["token", "position", "interaction", "context"].entries())
    expect(portrait.shares[source]).toBeCloseTo(shares[i], EQUAL);
});

test("a unit's strongest inputs are those that give the activations told", async () => {
  const { inputs, usual } = await found("causal --seed 3 units --unit L0N17 --top 5 --draws 0");
  const network = networkOf("causal", [3]);
  const activations = inputs.map(({ activation }: { activation: number }) => activation);
  expect(activations).toEqual([...activations].sort((a, b) => b - a));
  expect(activations[4]).toBeGreaterThan(usual.high);
  const { runWithCache } = await import("../../src/interp/run.ts");
  for (const { tokens: row, position, activation } of inputs) {
    const seen = row.map((token: number) => Math.max(0, token));
    const { cache } = await runWithCache(network, [seen], { sites: [hook.mlpPost(0)] });
    const own = cache.get("blocks.0.mlp.hook_post", { model: 0, batch: 0, pos: position }).data[17];
    expect(own).toBeCloseTo(activation, 6);
  }
});

test("a unit's answer to a token at a position: d is what the two groups say, in one network and over seeds", async () => {
  const one = await found("original --seed 3 units --unit L0N5 --token 3 --position 2 --draws 0");
  const [{ estimate, interval, permutation }] = one.units;
  expect(interval[0]).toBeLessThan(estimate);
  expect(interval[1]).toBeGreaterThan(estimate);
  expect(Math.sign(permutation.meanWith - permutation.meanWithout)).toBe(Math.sign(estimate));
  const several = await found("original --seed 2-4 units --unit L0N5 --token 3 --position 2 --draws 0");
  const each = await Promise.all(
    [2, 3, 4].map((seed) =>
      found(`original --seed ${seed} units --unit L0N5 --token 3 --position 2 --draws 0`),
    ),
  );
  const oracle = tInterval(each.map(({ units }) => units[0].estimate));
  expect(several.units[0].estimate).toBeCloseTo(oracle.estimate, EQUAL);
  expect(several.units[0].interval[0]).toBeCloseTo(oracle.low, EQUAL);
});

test("a run's step 0 is the preset's network of the same seed, to the bit, whatever seeds stand beside it", async () => {
  for (const verb of ["lens", "attribution --by head", "circuits", "units --unit L1N4"]) {
    const { subject: preset, ...drawn } = await found(`original --seed 2 ${verb} --draws 19`);
    const { subject: run, ...stored } = await found(`run --step 0 --seed 2 ${verb} --draws 19`);
    expect(stored).toEqual(drawn);
    expect(preset).toMatchObject({ preset: "original", run: null, step: 0, seeds: [2], init: "pytorch" });
    expect(run).toMatchObject({ preset: "original", run: "run", step: 0, seeds: [2], init: "pytorch" });
  }
});

test("a run without --step is at its last checkpoint, and --preset chooses among several", async () => {
  expect((await found("run lens --draws 0")).subject).toMatchObject({ step: 8, seeds: [0] });
  expect((await found("run --seed all lens --draws 0")).subject.seeds).toEqual([0, 1, 2, 3]);
  const { subject } = await found("both --preset causal --seed 3,1 lens --draws 0");
  expect(subject).toMatchObject({ preset: "causal", seeds: [3, 1], config: { causal: true } });
});

const everyVerb = [
  "lens",
  "lens --original --top 2 --sequences 2",
  "heads",
  "attribution --by neuron",
  "patch --by layer,head",
  "patch --by layer,unit --approximate",
  "ablate",
  "ablate --by layer,pos,head --how resample --approximate",
  "units",
  "units --unit L0N3",
  "units --token 3 --position 2",
  "circuits",
];

test.each(everyVerb)("inspect %s is a table that fits 100 columns, and a figure on request", async (verb) => {
  const draws = verb === "heads" ? 479 : 39;
  const { exitCode, stdout, stderr } = await inspect(
    `run --seed 1 ${verb} --draws ${draws} --svg figure.svg`,
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout.split("\n")[0]).toBe("run: original, seed 1, step 8");
  for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(100);
  const svg = readFileSync(join(cwd, "figure.svg"), "utf8");
  expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  expect(svg).toContain("Null:");
  expect(readdirSync(cwd).filter((name) => name.startsWith("."))).toEqual([]);
});

test("over seeds the same verbs have intervals over seeds, and say so", async () => {
  for (const verb of [
    "lens",
    "attribution",
    "patch --by layer,head",
    "ablate",
    "units",
    "units --token 3 --position 2",
    "circuits",
  ]) {
    const { stdout } = await inspect(`run --seed all ${verb} --draws 39`);
    expect(stdout).toContain("original, 4 seeds (0, 1, 2, 3), step 8");
    if (!verb.startsWith("lens")) expect(stdout).toContain("95 % over seeds");
    expect(stdout).toMatch(/as means of 4/);
  }
});

test("without a null nothing is marked, and the reader is told", async () => {
  const { stdout } = await inspect("run --seed 1 circuits --draws 0");
  expect(stdout).toContain("Without a null");
  expect(stdout).not.toMatch(/\d\*/);
});

const presetList = "original, original-minigpt, causal, gpt";

test.each([
  [
    "nowhere lens",
    `inspect: takes the folder of a run or a pretrained model, a repository that models pull has fetched, or a preset (${presetList}); got "nowhere", which is none. Nearest preset: "causal".`,
  ],
  ["original lenz", 'palimpsest inspect: no such command; got "lenz". Nearest: "lens".'],
  [
    "original",
    'palimpsest inspect: needs a verb after what is looked into: lens, heads, attribution, patch, ablate, units, circuits; got "original" alone. "palimpsest inspect --help" explains them.',
  ],
  [
    "lens",
    "palimpsest inspect lens: needs <subject> (folder of a run or of a pretrained model, a repository, or a preset with random weights); got none.",
  ],
  [
    "original lens more",
    'palimpsest inspect lens: takes <subject> (folder of a run or of a pretrained model, a repository, or a preset with random weights) and options; got "original", "more".',
  ],
  ["original --sead 3 lens", 'palimpsest inspect lens: no such option; got "--sead". Nearest: "--seed".'],
  [
    "original --seed x lens",
    '--seed: must be a seed, a list such as 1,2,5, a range such as 0-9, or all; got "x".',
  ],
  ["original --seed 1,1 lens", '--seed: each seed may be named once; got "1,1".'],
  [
    "original --seed all lens",
    '--seed: all belongs to a run; a preset has a network for every number; got "all". Give a list such as 0-9.',
  ],
  [
    "original --step 5 lens",
    "--step: original is a preset, whose networks are random: there is step 0 only; got 5. Give the folder of a run to look at trained networks.",
  ],
  ["original --preset gpt lens", "--preset: must be that of the subject, original; got gpt."],
  ["run --step 7 lens", "--step: must be one of the steps with a checkpoint: 0, 8; got 7."],
  ["run --seed 9 lens", "--seed: run has the seeds 0, 1, 2, 3; got 9."],
  ["run --init gpt2 lens", "--init: belongs to a preset; a run has its own; got gpt2."],
  ["both lens", "--preset: must be one of those in both: original, causal; got none."],
  ["both --preset gpt lens", "--preset: must be one of those in both: original, causal; got gpt."],
  ["original lens --tokens 0,10", "--tokens: the model knows the tokens 0 to 9; got 10."],
  ["original lens --tokens 0,a", '--tokens: must be token numbers such as 0,1,2,3; got "0,a".'],
  [
    "original lens --tokens 0,1,2,3,4,5,6,7,8",
    "--tokens: the model reads at most 8 positions; got 9 tokens.",
  ],
  [
    "original lens --tokens 0,1 --tokens 0,1,2",
    "--tokens: sequences of one call must be equally long; got 2 and 3 tokens. Run them one after the other, or word them to the same length.",
  ],
  [
    "original lens --tokens 0,1 --task random",
    "--task: draws inputs, and --tokens gives them; got both. Leave one of them out.",
  ],
  [
    "original lens --norm frosen",
    '--norm: no such name among recomputed, frozen; got "frosen". Nearest: "frozen".',
  ],
  [
    "original heads --draws 100",
    "--draws: classes of heads at 0.05 need at least 479 random networks; got 100.",
  ],
  ["original attribution --tokens 1,2", "--answer: is needed by attribution on these inputs; got none."],
  ["original attribution --answer 10", "--answer: the model knows the tokens 0 to 9; got 10."],
  ["original attribution --position 7", "--position: the inputs have the positions 0 to 6; got 7."],
  [
    "original ablate --metric los",
    '--metric: no such name among loss, logit-diff, prob, rank, entropy, kl; got "los". Nearest: "loss".',
  ],
  ["original ablate --metric logit-diff", "--wrong: is needed by logit-diff on these inputs; got none."],
  ["original ablate --metric entropy --answer 3", "--answer: is no part of the metric entropy; got 3."],
  [
    "original ablate --metric rank --approximate",
    "--approximate: needs a metric with a gradient: loss, logit-diff, prob, entropy, kl; got rank.",
  ],
  [
    "original ablate --tokens 3",
    "--answer: is needed by the loss at the last position, whose next token is not among those given; got none.",
  ],
  [
    "original patch --clean 0,1",
    "--corrupt: must be given once for each --clean; got 1 clean and 0 corrupt.",
  ],
  [
    "original patch --clean 0,1 --corrupt 0,1,2",
    "--corrupt: must be as long as --clean; got 3 and 2 tokens.",
  ],
  [
    "original patch --sites zz",
    '--sites: no such site; short names are resid-pre, resid-mid, resid-post, attn-out, mlp-out, q, k, v, scores, pattern, z, mlp-pre, mlp-post; got "zz". Nearest: "z".',
  ],
  [
    "original patch --by layer,keyPos --sites z",
    'sweep over "blocks.0.attn.hook_z": this site has no axis keyPos; got axes batch pos head dHead. Leave it out of by, or take sites that have it.',
  ],
  ["original patch --by layer,layer", '--by: each may be named once; got "layer".'],
  [
    "original patch --by layer,pos,unit --draws 10000",
    "--by: a sweep may take 20000000 forward passes; got 14336 of 10001 networks. Tell less apart, or take fewer --sequences, --seed or --draws.",
  ],
  [
    "original --seed 0-9 ablate --draws 19",
    "--draws: a null of means of 10 networks needs at least 20; got 19.",
  ],
  [
    "original units --unit L9N0",
    'unit "L9N0": this model has no such units. Its units are L0H0D0 to L0H1D7, L0N0 to L0N63, L0R0 to L0R15, L1H0D0 to L1H1D7, L1N0 to L1N63, L1R0 to L1R15.',
  ],
  [
    "original units --token 3",
    "--position: a cell is asked about by --token and --position together; got none.",
  ],
  ["original units --token 3 --position 7", "--position: the probe has the positions 0 to 6; got 7."],
  ["original units --token 11 --position 2", "--token: the model knows the tokens 0 to 9; got 11."],
  [
    "original --seed 0,1 units --unit L0N1",
    "--seed: the strongest inputs are those of one network; got 2 seeds. With --token and --position, a unit can be asked in many networks.",
  ],
  [
    "original circuits --parts copy",
    '--parts: no such name among composition, copying, singular; got "copy". Nearest: "copying".',
  ],
  [
    "original lens --svg no/such/folder.svg",
    "no/such/folder.svg: cannot be written; got no such file or folder (ENOENT).",
  ],
  ["original lens --svg run", "run: cannot be written; got it is a folder (EISDIR)."],
])("inspect %s is refused in one sentence with exit code 2", async (line, sentence) => {
  const { exitCode, stdout, stderr } = await inspect(line);
  expect(stderr).toBe(`${sentence}\n`);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(readdirSync(cwd).filter((name) => name.startsWith("."))).toEqual([]);
});

const checkpoint = "checkpoints/original-step-000008.safetensors";

/** A run in a folder of its own, with something wrong. */
async function brokenRun(make: (place: string) => void): Promise<string> {
  const place = mkdtempSync(join(cwd, "broken-"));
  make(place);
  const { exitCode, stdout, stderr } = await inspect("run lens --draws 0", place);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr.trim().split("\n").length).toBe(1);
  return stderr;
}
const changed =
  (change: (bytes: Buffer) => Buffer, name = checkpoint) =>
  (place: string) => {
    saveRun(place, "run");
    const path = join(place, "run", name);
    writeFileSync(path, change(readFileSync(path)));
  };

test("files of a run are believed only after they were checked", async () => {
  const flip = (bytes: Buffer) => {
    bytes[bytes.length - 1] ^= 1;
    return bytes;
  };
  expect(await brokenRun(changed(flip))).toMatch(
    /step-000008\.safetensors: the manifest says SHA-256 [0-9a-f]{64}; got/,
  );
  expect(await brokenRun(changed((bytes) => bytes.subarray(0, 1000)))).toMatch(
    /the manifest says \d+ bytes; got 1000\./,
  );
  expect(await brokenRun(changed((bytes) => Buffer.concat([bytes, bytes])))).toMatch(
    /may be \d+ bytes long; got/,
  );
  expect(await brokenRun(changed((bytes) => bytes.subarray(0, 100), "manifest.json"))).toMatch(
    /manifest\.json.*byte 100/,
  );
  const removed = (place: string) => {
    saveRun(place, "run");
    rmSync(join(place, "run", checkpoint));
  };
  expect(await brokenRun(removed)).toMatch(/cannot be read; got no such file or folder \(ENOENT\)/);
  const unmanifested = (place: string) => {
    saveRun(place, "run");
    rmSync(join(place, "run", "manifest.json"));
  };
  expect(await brokenRun(unmanifested)).toMatch(/run\/manifest\.json: cannot be read; got no such file/);
});

test("a manifest and a checkpoint that belong to something else are told apart from a run's", async () => {
  const other = (run: Parameters<typeof saveRun>[2]) => (place: string) => saveRun(place, "run", run);
  expect(await brokenRun(other({ study: "experiments" }))).toMatch(
    /must be the manifest of a run with checkpoints.*"experiments"/,
  );
  expect(await brokenRun(other({ config: { presets: ["mine"] } }))).toMatch(
    /manifest\.json: config\.presets\.0: must be what this version/,
  );
  expect(await brokenRun(other({ config: { presets: ["causal"] } }))).toMatch(
    /run: must hold checkpoints of causal; got none/,
  );
  expect(await brokenRun(other({ metadata: { step: "9" } }))).toMatch(
    /metadata step: must be 8, as in its name; got 9/,
  );
  expect(await brokenRun(other({ metadata: { seeds: "0,1,1,2" } }))).toMatch(
    /metadata seeds: must be different whole numbers/,
  );
  expect(await brokenRun(other({ metadata: { seeds: "0,1,2" } }))).toMatch(
    /must be float32 \[3, 10, 16\]; got \[4, 10, 16\]/,
  );
  const diverged = other({
    weights: (weights) => {
      weights["blocks.0.mlp.W_in"][5] = Number.NaN;
    },
  });
  expect(await brokenRun(diverged)).toMatch(
    /the network of seed 0 must have finite weights to be looked into; got one that diverged\./,
  );
});

test("a figure that cannot be finished leaves the file that was there", async () => {
  const path = join(cwd, "mine.svg");
  writeFileSync(path, "keep me");
  const { exitCode } = await inspect("original heads --draws 100 --svg mine.svg");
  expect(exitCode).toBe(2);
  expect(readFileSync(path, "utf8")).toBe("keep me");
});
