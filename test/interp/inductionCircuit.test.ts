/** The whole toolkit on one network whose circuit is known: every tool must find it, and nothing else. */
import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { type AblationManner, ablate } from "../../src/interp/ablation.ts";
import { compositionScores } from "../../src/interp/compositionScores.ts";
import { copyingScores } from "../../src/interp/copyingScores.ts";
import { headClasses } from "../../src/interp/headClasses.ts";
import { headScoreNull } from "../../src/interp/headNull.ts";
import { headScores } from "../../src/interp/headScores.ts";
import { logitLens } from "../../src/interp/logitLens.ts";
import {
  logitDifference,
  logProbabilities,
  lossMetric,
  type Metric,
  metric,
} from "../../src/interp/metrics.ts";
import { attributionPatching, type PatchSweep, patchSweep } from "../../src/interp/patching.ts";
import { type PathPatchOptions, pathPatching } from "../../src/interp/pathPatching.ts";
import { repeatedTokens } from "../../src/interp/repeatedTokens.ts";
import { directLogitAttribution } from "../../src/interp/residualDecomposition.ts";
import { forward } from "../../src/interp/run.ts";
import type { SweepAxis } from "../../src/interp/sweep.ts";
import { pick, type Tensor } from "../../src/interp/tensor.ts";
import { hook, type SiteSelector } from "../../src/model/hookPoints.ts";
import { initialWeights } from "../../src/model/init.ts";
import { clopperPearson } from "../../src/stats/intervals.ts";
import { backends } from "./networks.ts";
import {
  HALF,
  type InductionPlan,
  inductionConfig,
  inductionLogits,
  inductionNetwork,
  LETTERS,
  LOUD,
  START,
  started,
} from "./plantedInduction.ts";

/** float32 sums of numbers up to 20, and softmax tails of exp(−30). */
const FLOAT32 = 1e-5;
/** The circuit stands elsewhere in the second network; the same tools must say where. */
const plans: readonly InductionPlan[] = [{}, { previous: 2, induction: 1 }];
const circuits = plans.map(({ previous = 0, induction = 0 }) => ({ previous, induction }));
const byHead = { over: [hook.z("all")], by: ["layer", "head"] } as const;
/** Index of a head along layer and head. */
const headAt = (layer: number, head: number) => layer * inductionConfig.nHeads + head;

const sequences = started(
  repeatedTokens({ dVocab: LETTERS, half: HALF, count: 40, stream: randomStream("circuit", "tokens") }),
);
/** Next tokens; the last position has none, and is not asked. */
const targets = sequences.map((sequence) => [...sequence.slice(1), START]);
/** Queries of the second half whose next token is in the first. */
const secondHalf = Array.from({ length: HALF - 1 }, (_, i) => 1 + HALF + i);
const asked = sequences.length * secondHalf.length;
const inductionLoss = lossMetric(targets, { pos: secondHalf });
/** Share of the second half that is predicted right; of k answers that tie to rounding, each counts 1/k. */
const accuracy = metric("induction accuracy", ({ shape: [models, batch, pos, dVocab], data }) =>
  Float64Array.from({ length: models * batch }, (_, at) => {
    const right = secondHalf.map((query) => {
      const first = (at * pos + query) * dVocab;
      const row = data.subarray(first, first + dVocab);
      const atTop = (logit: number) => logit > Math.max(...row) - FLOAT32;
      return atTop(row[targets[at % batch][query]]) ? 1 / row.filter(atTop).length : 0;
    });
    return mean(right);
  }),
);
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
/** Mean of what one model has. */
const ofModel = ({ data, shape: [models] }: Tensor, model: number) => {
  return mean(data.subarray((model * data.length) / models, ((model + 1) * data.length) / models));
};

test("the planted network says what counting earlier copies says, and so it repeats the second half", async () => {
  const network = inductionNetwork(...plans);
  const logits = await forward(network, sequences);
  const losses: number[] = [];
  const rights: number[] = [];
  for (const [batch, sequence] of sequences.entries())
    for (let query = 1; query < sequence.length; query++) {
      const expected = inductionLogits(sequence, query);
      for (const model of [0, 1])
        pick(logits, { model, batch, pos: query }).data.forEach((logit, token) => {
          expect(Math.abs(logit - expected[token])).toBeLessThan(FLOAT32);
        });
      if (!secondHalf.includes(query)) continue;
      const best = expected.filter((logit) => logit === Math.max(...expected)).length;
      losses.push(-logProbabilities(Float64Array.from(expected))[targets[batch][query]]);
      rights.push(expected[targets[batch][query]] === Math.max(...expected) ? 1 / best : 0);
    }
  for (const model of [0, 1]) {
    expect(Math.abs(ofModel(inductionLoss.measure(logits), model) - mean(losses))).toBeLessThan(FLOAT32);
    expect(ofModel(accuracy.measure(logits), model)).toBeCloseTo(mean(rights), 12);
  }
  // where no letter comes twice in the first half there is nothing to guess
  const clear = sequences.flatMap((sequence, row) => (new Set(sequence).size === 1 + HALF ? [row] : []));
  expect(clear.length).toBeGreaterThan(2);
  for (const row of clear) {
    expect(inductionLoss.measure(logits).data[row]).toBeLessThan(LETTERS * Math.exp(-LOUD) + FLOAT32);
    expect(accuracy.measure(logits).data[row]).toBe(1);
  }
  network.close();
});

test("heads are classified as what they are against random initialisations, and all others abstain", async () => {
  const network = inductionNetwork(...plans);
  const few = sequences.slice(0, 8);
  const scores = await headScores(network, few);
  network.close();
  const init = (stream: RandomStream) => initialWeights(inductionConfig, { scheme: "pytorch" }, stream);
  const drawn = await headScoreNull(backends.wasm, inductionConfig, init, {
    draws: 359, // 36 tests at alpha 0.1
    stream: randomStream("circuit", "null"),
    tokens: few,
  });
  const options = { alpha: 0.1, stream: randomStream("circuit", "resamples"), resamples: 100 };
  const { heads } = headClasses(scores, drawn, options);
  const named = heads.filter((each) => each.class !== "abstain");
  expect(named.map((each) => [each.model, each.layer, each.head, each.class])).toEqual(
    circuits.flatMap(({ previous, induction }, model) => [
      [model, 0, previous, "previous"],
      [model, 1, induction, "induction"],
    ]),
  );
  for (const { scores: judged, class: kind } of named)
    expect(Math.abs(judged[kind as "previous"].corrected.low - 1)).toBeLessThan(FLOAT32);
});

test("from the weights alone: the two heads compose through keys and nothing else, and the second copies", async () => {
  const network = inductionNetwork(...plans);
  const { components, scores } = await compositionScores(network);
  const copying = (await copyingScores(network)).scores.eigenvalue.data;
  network.close();
  for (const [model, { previous, induction }] of circuits.entries()) {
    const of = (kind: "q" | "k" | "v") => Array.from(pick(scores[kind], { model }).data);
    const edge = components.indexOf(`L0H${previous}>L1H${induction}`);
    expect(of("k").indexOf(Math.max(...of("k")))).toBe(edge);
    // L moves every letter; R reads each with weight s, and the start token with s/2 for each of 13 tokens
    expect(of("k")[edge]).toBeCloseTo(1 / Math.sqrt(LETTERS + (LETTERS + 1) / 4), 6);
    for (const [i, name] of components.entries())
      if (name.endsWith(`>L1H${induction}`))
        for (const kind of ["q", "k", "v"] as const)
          if (i !== edge || kind !== "k") expect(of(kind)[i]).toBe(0);
    // all other heads write nothing that the unembedding reads
    const copies = Array.from(copying.subarray(model * 6, (model + 1) * 6));
    expect(copies.map((score) => (Number.isNaN(score) ? 0 : score))).toEqual(
      copies.map((_, head) => (head === headAt(1, induction) ? 1 : 0)),
    );
  }
});

/** Pairs that differ in one token: the clean answer is 1 after 0, and the corrupt one is … */
const pairs = {
  /** … nothing, for the first 0 is gone: the previous-token head says so at the key. */
  k: {
    clean: [[START, 0, 1, 2, 3, 4, 5, 0]],
    corrupt: [[START, 6, 1, 2, 3, 4, 5, 0]],
    metric: logitDifference(1, 3),
  },
  /** … nothing, for the last token is new: the query says so itself. */
  q: {
    clean: [[START, 0, 1, 2, 3, 4, 5, 0]],
    corrupt: [[START, 0, 1, 2, 3, 4, 5, 7]],
    metric: logitDifference(1, 3),
  },
  /** … 6, which stands in the place of 1: the value says so. */
  v: {
    clean: [[START, 0, 1, 2, 3, 4, 5, 0]],
    corrupt: [[START, 0, 6, 2, 3, 4, 5, 0]],
    metric: logitDifference(1, 6),
  },
} as const;
const LAST = 7;

/** Indices of the effects of one model, row-major; each must be 1, and all others 0. */
function carriers(effect: Tensor, model: number): number[] {
  return Array.from(pick(effect, { model }).data).flatMap((value, i) => {
    if (Number.isNaN(value) || Math.abs(value) < FLOAT32) return [];
    expect(Math.abs(value - 1)).toBeLessThan(FLOAT32);
    return [i];
  });
}

test("direct logit attribution and the logit lens find the induction head and nothing else", async () => {
  const network = inductionNetwork(...plans);
  const { components, logits } = await directLogitAttribution(network, pairs.k.clean, {
    ...{ token: 1, other: 3, heads: true, neurons: true },
  });
  const lens = await logitLens(network, pairs.k.clean, { norm: "recomputed" });
  for (const [model, { induction }] of circuits.entries()) {
    const said = Array.from(pick(logits, { model, pos: LAST }).data);
    expect(said.map((value, i) => (value === 0 ? "" : components[i])).join("")).toBe(`L1H${induction}`);
    expect(Math.abs(said[components.indexOf(`L1H${induction}`)] - LOUD)).toBeLessThan(FLOAT32);
    for (const [site, name] of lens.sites.entries()) {
      const row = Array.from(pick(lens.logits, { model, site, pos: LAST }).data);
      if (/blocks.1.hook_resid_(mid|post)/.test(name)) expect(row.indexOf(Math.max(...row))).toBe(1);
      else expect(new Set(row)).toEqual(new Set([0]));
    }
  }
  network.close();
});

test("activation patching finds exactly the circuit, by head, position, stream, key and pattern", async () => {
  const network = inductionNetwork(...plans);
  const sweep = async (over: SiteSelector[], by: SweepAxis[], contrast: keyof typeof pairs = "k") => {
    const { effect } = await patchSweep(network, { ...pairs[contrast], over, by });
    return circuits.map((_, model) => carriers(effect.estimate, model));
  };
  const expected = (of: (plan: (typeof circuits)[number]) => number[]) => circuits.map(of);
  const heads = inductionConfig.nHeads;
  expect(await sweep([hook.z("all")], ["layer", "head"])).toEqual(
    expected(({ previous, induction }) => [previous, headAt(1, induction)]),
  );
  expect(await sweep([hook.z("all")], ["layer", "pos", "head"])).toEqual(
    expected(({ previous, induction }) => [2 * heads + previous, (8 + LAST) * heads + induction]),
  );
  // the letter enters at position 1, and position 2 knows of it after the first block
  expect(await sweep([hook.residPre("all")], ["layer", "pos"])).toEqual(expected(() => [1, 8 + 2]));
  expect(await sweep([hook.residPost(1)], ["pos"])).toEqual(expected(() => [LAST]));
  expect(await sweep([hook.mlpOut("all")], ["layer", "pos"])).toEqual(expected(() => []));
  expect(await sweep([hook.k(1)], ["head", "pos"])).toEqual(expected(({ induction }) => [induction * 8 + 2]));
  expect(await sweep([hook.q(1), hook.v(1)], ["head", "pos"])).toEqual(expected(() => []));
  expect(await sweep([hook.pattern("all")], ["layer", "head", "pos"])).toEqual(
    expected(({ induction }) => [headAt(1, induction) * 8 + LAST]),
  );
  // another question is answered by another part: what the query asks, and what the value says
  expect(await sweep([hook.q(1)], ["head", "pos"], "q")).toEqual(
    expected(({ induction }) => [induction * 8 + LAST]),
  );
  expect(await sweep([hook.v(1)], ["head", "pos"], "v")).toEqual(
    expected(({ induction }) => [induction * 8 + 2]),
  );
  expect(await sweep([hook.z("all")], ["layer", "head"], "v")).toEqual(
    expected(({ induction }) => [headAt(1, induction)]),
  );
  network.close();
});

test("path patching finds every edge of the circuit, the composition through keys among them, and no other edge", async () => {
  const network = inductionNetwork(...plans);
  const options = {
    senders: [
      { over: [hook.embed], by: ["pos"] },
      { over: [hook.posEmbed], by: [] },
      byHead,
      { over: [hook.mlpPost("all")], by: ["layer", "unit"] },
    ],
    receivers: [
      ...[hook.q("all"), hook.k("all"), hook.v("all")].map((over) => ({ over: [over], by: byHead.by })),
      { over: [hook.mlpPre("all")], by: ["layer"] },
      { over: [hook.logits], by: [] },
    ],
  } satisfies Partial<PathPatchOptions>;
  const edges = async (contrast: keyof typeof pairs, direction: "denoising" | "noising") => {
    const { effects, senders, receivers } = await pathPatching(network, {
      ...pairs[contrast],
      ...options,
      direction,
    });
    // noising takes the answer away: 1 − effect is what denoising gives back
    const given = { ...effects, data: effects.data.map((x) => (direction === "noising" ? 1 - x : x)) };
    return circuits.map((_, model) =>
      carriers(given, model).map((i) => {
        return `${senders[Math.floor(i / receivers.length)].name} > ${receivers[i % receivers.length].name}`;
      }),
    );
  };
  for (const direction of ["denoising", "noising"] as const) {
    expect(await edges("k", direction)).toEqual(
      circuits.map(({ previous, induction }) => [
        `embed@1 > L0H${previous}.v`,
        `L0H${previous} > L1H${induction}.k`,
        `L1H${induction} > logits`,
      ]),
    );
    expect(await edges("q", direction)).toEqual(
      circuits.map(({ induction }) => [`embed@7 > L1H${induction}.q`, `L1H${induction} > logits`]),
    );
    expect(await edges("v", direction)).toEqual(
      circuits.map(({ induction }) => [`embed@2 > L1H${induction}.v`, `L1H${induction} > logits`]),
    );
  }
  network.close();
});

test("patching by gradient sees both heads where attention can still move, and is blind to the first where it cannot", async () => {
  const soft = inductionNetwork(...plans.map((plan) => ({ ...plan, sharp: 4 })));
  const options = { ...pairs.k, ...byHead, exact: true } as const;
  const found = await attributionPatching(soft, options);
  for (const [model, { previous, induction }] of circuits.entries()) {
    const [own, exact] = [found.effect, (found.exact as PatchSweep).effect].map(({ estimate }) =>
      Array.from(pick(estimate, { model }).data),
    );
    const [first, second] = [previous, headAt(1, induction)];
    for (const [head, value] of own.entries())
      if (head === second)
        expect(Math.abs(value - 1)).toBeLessThan(FLOAT32); // linear from here on
      else if (head === first) expect(value).toBeGreaterThan(0.05);
      else expect([value, exact[head]]).toEqual([0, 0]);
    expect(exact[first]).toBeGreaterThan(own[first]); // attention to the match grows faster than its slope said
    expect(found.correlation?.[model]).toBeGreaterThan(0.5);
  }
  soft.close();
  const sharp = inductionNetwork(...plans);
  const { effect, exact } = await attributionPatching(sharp, options);
  for (const [model, { previous, induction }] of circuits.entries()) {
    expect(carriers(effect.estimate, model)).toEqual([headAt(1, induction)]);
    expect(carriers((exact as PatchSweep).effect.estimate, model)).toEqual([previous, headAt(1, induction)]);
  }
  sharp.close();
});

test("without either head the second half is at chance, and without any other head nothing changes", async () => {
  const network = inductionNetwork(...plans);
  const chance = Math.log(LETTERS + 1); // all logits equal, in nats
  const run = async (how: AblationManner, of: Metric) => {
    const stream = randomStream("circuit", "ablation");
    const { ablated, impact } = await ablate(network, sequences, { ...byHead, how, metric: of, stream });
    return circuits.map(({ previous, induction }, model) => {
      const after = (layer: number, head: number) => mean(pick(ablated, { model, layer, head }).data);
      pick(impact.estimate, { model }).data.forEach((value, head) => {
        const inCircuit = head === previous || head === headAt(1, induction);
        if (inCircuit) expect(Math.abs(value)).toBeGreaterThan(0.5);
        else expect(value).toBe(0);
      });
      return { first: after(0, previous), second: after(1, induction) };
    });
  };
  // the head that finds nothing rests on the start token and says nothing; so does one that is told the mean of all
  // tokens before, and one that is silent
  for (const [how, heads] of [
    ["zero", ["first", "second"]],
    ["mean", ["first"]],
  ] as const)
    for (const head of heads) {
      for (const after of await run(how, inductionLoss))
        expect(Math.abs(after[head] - chance)).toBeLessThan(FLOAT32);
      for (const after of await run(how, accuracy)) expect(after[head]).toBeCloseTo(1 / (LETTERS + 1), 6);
    }
  // a head that says the mean of its answers says how frequent letters are: no better than who knows just that
  const answers = targets.flatMap((row) => secondHalf.map((query) => row[query]));
  const shares = Array.from({ length: LETTERS }, (_, letter) => {
    return answers.filter((answer) => answer === letter).length / answers.length;
  });
  const entropy = -shares.reduce((sum, share) => sum + (share === 0 ? 0 : share * Math.log(share)), 0);
  for (const { second } of await run("mean", inductionLoss)) expect(second).toBeGreaterThan(entropy);
  for (const { second } of await run("mean", accuracy))
    expect(second).toBeLessThan(Math.max(...shares) + FLOAT32);
  // what belongs to another sequence is said as loudly, and is right no more often than a guess among the letters there
  const guess = mean(sequences.map((sequence) => 1 / new Set(sequence.slice(1)).size));
  for (const after of await run("resample", inductionLoss))
    expect(Math.min(after.first, after.second)).toBeGreaterThan(chance);
  for (const after of await run("resample", accuracy))
    for (const share of [after.first, after.second])
      expect(clopperPearson(share * asked, asked, 0.998).low).toBeLessThan(guess);
  network.close();
});
