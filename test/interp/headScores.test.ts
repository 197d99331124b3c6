import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { edit } from "../../src/interp/edits.ts";
import {
  type HeadScoreName,
  headScoreNames,
  headScores,
  patternScores,
} from "../../src/interp/headScores.ts";
import { repeatedTokens } from "../../src/interp/repeatedTokens.ts";
import { runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { configNames, configs, networkOf, tokens } from "./networks.ts";
import { arrayOf, evenly, patternOf, planted, plantedTokens as rows } from "./plantedHeads.ts";

/** Sums of a few dozen float64 shares in another order. */
const FLOAT64 = 1e-12;
/** Shares that came out of a float32 softmax. */
const FLOAT32 = 1e-6;

for (const causal of [true, false])
  test(`each kind of head planted by hand scores exactly 1 as that kind, and as no other (${causal ? "causal" : "bidirectional"})`, () => {
    const kinds = headScoreNames.map((name) => planted[name]);
    const { scores } = patternScores([patternOf(rows, kinds, causal)], arrayOf(rows), { causal });
    for (const [head, kind] of headScoreNames.entries())
      for (const name of headScoreNames) {
        const value = scores[name].corrected.data[head];
        if (name === kind && kind === "uniformity") expect(Math.abs(value - 1), kind).toBeLessThan(FLOAT64);
        else if (name === kind) expect(value, kind).toBe(1);
        else expect(value, `${kind} as ${name}`).toBeLessThan(0.75); // kinds meet where there is nothing to look up
        if (name === kind && kind !== "uniformity") expect(scores[name].raw.data[head], kind).toBe(1);
      }
  });

for (const causal of [true, false])
  test(`uniform attention has corrected scores of 0, and its raw scores are the uniform ones (${causal ? "causal" : "bidirectional"})`, () => {
    const { scores } = patternScores([patternOf(rows, [evenly], causal)], arrayOf(rows), { causal });
    for (const name of headScoreNames) {
      const { raw, uniform, corrected } = scores[name];
      expect(Math.abs(raw.data[0] - uniform.data[0]), name).toBeLessThan(FLOAT64);
      if (name !== "uniformity") expect(Math.abs(corrected.data[0]), name).toBeLessThan(FLOAT64);
    }
  });

test("uniform expectations are those of going through every query and every key it sees", () => {
  const stream = randomStream("head scores", "baselines");
  for (const causal of [true, false])
    for (let trial = 0; trial < 20; trial++) {
      const pos = 2 + stream.integer(7);
      const drawn = Array.from({ length: 3 }, () => Array.from({ length: pos }, () => stream.integer(3)));
      const { scores } = patternScores([patternOf(drawn, [evenly], causal)], arrayOf(drawn), { causal });
      const wants: Partial<Record<HeadScoreName, (t: number[], q: number, k: number) => boolean>> = {
        previous: (_, q, k) => k + 1 === q,
        first: (_, _q, k) => k === 0,
        self: (_, q, k) => k === q,
        duplicate: (t, q, k) => k < q && t[k] === t[q],
        induction: (t, q, k) => k >= 1 && k <= q && t[k - 1] === t[q],
      };
      for (const [name, wanted] of Object.entries(wants)) {
        const shares: number[] = [];
        let skipped = 0;
        for (const t of drawn)
          for (let q = 0; q < pos; q++) {
            const visible = t.flatMap((_, k) => (!causal || k <= q ? [k] : []));
            const hits = visible.filter((k) => wanted(t, q, k)).length;
            if (q > 0 && hits > 0) shares.push(hits / visible.length);
            else skipped++;
          }
        const { uniform, queries, leftOut, corrected } = scores[name as HeadScoreName];
        const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
        if (shares.length === 0)
          expect([uniform.data[0], corrected.data[0]]).toEqual([Number.NaN, Number.NaN]);
        else
          expect(Math.abs(uniform.data[0] - mean), `${name} ${JSON.stringify(drawn)}`).toBeLessThan(FLOAT64);
        expect([queries.data[0], leftOut.data[0]], name).toEqual([shares.length, skipped]);
      }
    }
});

test("the causal previous-token baseline is the published one of TransformerLens' detector, without its row 0", () => {
  // sum(A · D) / sum(A) of uniform causal attention A and the previous-token pattern D: (H(n) − 1) / n
  const published = { 4: 0.270833, 7: 0.227551, 8: 0.214732 };
  for (const [n, theirs] of Object.entries(published)) {
    const row = [Array.from({ length: Number(n) }, (_, i) => i)];
    const { uniform } = patternScores([patternOf(row, [evenly], true)], arrayOf(row), { causal: true }).scores
      .previous;
    expect((uniform.data[0] * (Number(n) - 1)) / Number(n)).toBeCloseTo(theirs, 6);
  }
});

test("a score that no query has is NaN and says so, and the others are not touched by it", () => {
  const row = [[0, 1, 2, 3]];
  const { scores } = patternScores([patternOf(row, [planted.previous], true)], arrayOf(row), {
    causal: true,
  });
  for (const name of ["duplicate", "induction"] as const) {
    expect(scores[name].queries.data[0]).toBe(0);
    expect(scores[name].leftOut.data[0]).toBe(4);
    expect(scores[name].raw.data[0]).toBeNaN();
  }
  expect(scores.previous.queries.data[0]).toBe(3);
  expect(scores.previous.corrected.data[0]).toBe(1);
});

test("a token twice running makes its second place a place that follows a copy", () => {
  const row = [[0, 7, 7]];
  const { uniform, queries } = patternScores([patternOf(row, [evenly], true)], arrayOf(row), { causal: true })
    .scores.induction;
  expect(queries.data[0]).toBe(1);
  expect(uniform.data[0]).toBe(1 / 3); // query 2 sees keys 0, 1, 2; what followed the 7 at 1 is 2
});

test.each(configNames)(
  "%s: scores of a network are its pattern's, read at the definition's places",
  async (name) => {
    const network = networkOf(name);
    const { cache } = await runWithCache(network, tokens, { sites: ["blocks.*.attn.hook_pattern"] });
    const before = cache.get("blocks.1.attn.hook_pattern").data;
    const { scores, causal } = await headScores(network, cache);
    expect(causal).toBe(configs[name].causal);
    expect((await headScores(network, tokens)).scores).toEqual(scores);
    expect(cache.get("blocks.1.attn.hook_pattern").data).toEqual(before); // the cache is as it was
    for (const model of [0, 1])
      for (const layer of [0, 1])
        for (const head of [0, 1]) {
          const at = { model, head };
          const { data } = cache.get(`blocks.${layer}.attn.hook_pattern`, at); // [batch 3, queryPos 5, keyPos 5]
          const mean = (keyOf: (query: number) => number) => {
            let sum = 0;
            for (let row = 0; row < 3; row++)
              for (let query = 1; query < 5; query++) sum += data[(row * 5 + query) * 5 + keyOf(query)];
            return sum / 12;
          };
          const index = (model * 2 + layer) * 2 + head;
          expect(Math.abs(scores.previous.raw.data[index] - mean((query) => query - 1))).toBeLessThan(
            FLOAT32,
          );
          expect(Math.abs(scores.first.raw.data[index] - mean(() => 0))).toBeLessThan(FLOAT32);
          expect(Math.abs(scores.self.raw.data[index] - mean((query) => query))).toBeLessThan(FLOAT32);
        }
    network.close();
  },
);

test("tokens by model give each model its own baseline, and the scores it has alone", async () => {
  const network = networkOf("causal");
  const other = [
    [1, 1, 1, 2, 2],
    [0, 2, 0, 2, 0],
    [5, 4, 3, 2, 1],
  ];
  const both = (await headScores(network, [tokens, other])).scores;
  const [first, second] = [
    (await headScores(network, tokens)).scores,
    (await headScores(network, other)).scores,
  ];
  for (const name of headScoreNames) {
    expect([...both[name].uniform.data]).toEqual([first[name].uniform.data[0], second[name].uniform.data[1]]);
    expect([...both[name].corrected.data]).toEqual([
      ...first[name].corrected.data.slice(0, 4),
      ...second[name].corrected.data.slice(4),
    ]);
  }
  network.close();
});

test("what is no attention is an error: an edited pattern, a hidden key, one position, tokens of another run", async () => {
  const network = networkOf("causal");
  const { cache } = await runWithHooks(network, tokens, {
    edits: [edit("blocks.0.attn.hook_pattern", { heads: 1 }, { kind: "zero" })],
    sites: ["blocks.*.attn.hook_pattern"],
  });
  await expect(async () => headScores(network, cache)).rejects.toThrow(
    "pattern of L0H1, sequence 0, query 0: must be shares of attention",
  );
  network.close();
  const open = patternOf(rows, [evenly], false);
  expect(() => patternScores([open], arrayOf(rows), { causal: true })).toThrow(
    "shares of attention to 1 keys",
  );
  const short = [[4]];
  expect(() => patternScores([patternOf(short, [evenly], true)], arrayOf(short), { causal: true })).toThrow(
    "at least 2 tokens",
  );
  expect(() => patternScores([open], arrayOf(rows.slice(1)), { causal: false })).toThrow(
    "must be [batch 3, pos 8]",
  );
  expect(() => patternScores([], arrayOf(rows), { causal: true })).toThrow("at least one layer");
});

test("repeated tokens are random halves that come twice, the same for the same stream", () => {
  const make = () => repeatedTokens({ dVocab: 5, half: 4, count: 50, stream: randomStream("repeats") });
  const { data, batch, pos } = make();
  expect([batch, pos, data.length]).toEqual([50, 8, 400]);
  for (let row = 0; row < batch; row++)
    expect(data.slice(row * 8, row * 8 + 4)).toEqual(data.slice(row * 8 + 4, row * 8 + 8));
  expect([...new Set(data)].sort()).toEqual([0, 1, 2, 3, 4]);
  expect(make().data).toEqual(data);
  expect(() => repeatedTokens({ dVocab: 5, half: 0, count: 1, stream: randomStream("repeats") })).toThrow(
    "half: must be a whole number, at least 1",
  );
});
