/** The tasks beside the original's: their sequences, floors and ceilings against enumeration and simulation. */
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import {
  induction,
  leakTolerance,
  modularAddition,
  parentheses,
  patterns,
  permutedTargets,
  reversal,
  type Sequences,
  scoredPositions,
  sorting,
  type Task,
} from "../../src/data/index.ts";
import { chiSquared, chiSquaredLimit } from "./chiSquared.ts";
import { type Distribution, enumerated, prefixes, uniformOver, words } from "./enumerated.ts";
import { generatorDistribution } from "./generatorDistribution.ts";

// sums of up to 16 000 terms of order 1e-4, in a different order
const ROUNDING = 1e-11;
// standard errors: 6e-5 by chance, in each of some forty comparisons of fixed draws
const SIGMAS = 4;

const tokensOf = ({ inputs, targets, nPos }: Sequences, n: number) => [
  ...inputs.subarray(n * nPos, (n + 1) * nPos),
  targets[(n + 1) * nPos - 1],
];

/** Different tokens repeated with a period, for each period and every choice of tokens. */
function inductionWords(dVocab: number, nCtx: number, periods: readonly number[]): Distribution {
  const distribution = new Map<string, number>();
  for (const period of periods) {
    const segments = words(dVocab, period).filter((segment) => new Set(segment).size === period);
    for (const segment of segments) {
      const word = Array.from({ length: nCtx }, (_, i) => segment[i % period]).join();
      distribution.set(word, (distribution.get(word) ?? 0) + 1 / periods.length / segments.length);
    }
  }
  return distribution;
}

/** Whether crossing out neighbours that open and close the same kind leaves nothing. */
function isBalanced(word: readonly number[]): boolean {
  const at = word.findIndex((token, i) => token % 2 === 0 && word[i + 1] === token + 1);
  return at < 0 ? word.length === 0 : isBalanced([...word.slice(0, at), ...word.slice(at + 2)]);
}

const parenthesesWords = (dVocab: number, nCtx: number) =>
  uniformOver(words(dVocab, nCtx).filter(isBalanced));
const reversalWords = (dVocab: number, nCtx: number) =>
  uniformOver(words(dVocab, nCtx).filter((word) => word.every((token, i) => token === word[nCtx - 1 - i])));
const sortingWords = (dVocab: number, nCtx: number) =>
  uniformOver(words(dVocab, nCtx / 2).map((prompt) => [...prompt, ...prompt.toSorted((a, b) => a - b)]));
const additionWords = (modulus: number) =>
  uniformOver(words(modulus, 2).map(([a, b]) => [a, b, modulus, (a + b) % modulus]));

interface Case {
  task: Task;
  distribution: Distribution;
  /** Upper 1e-6 point of chi-squared for its number of sequences, where they are few enough to be counted. */
  limit?: number;
}

const cases: Record<string, Case> = {
  "induction, 3 tokens, length 4": {
    task: induction({ dVocab: 3, nCtx: 4 }),
    distribution: inductionWords(3, 4, [1, 2]),
    limit: chiSquaredLimit[8],
  },
  "induction, 5 tokens, length 8": {
    task: induction({ dVocab: 5, nCtx: 8 }),
    distribution: inductionWords(5, 8, [2, 3, 4]),
  },
  "induction, all tokens used": {
    task: induction({ dVocab: 3, nCtx: 9 }),
    distribution: inductionWords(3, 9, [3]),
  },
  "induction, periods far apart": {
    task: induction({ dVocab: 4, nCtx: 5, periods: [4, 1] }),
    distribution: inductionWords(4, 5, [1, 4]),
  },
  "induction, the shortest": {
    task: induction({ dVocab: 2, nCtx: 2 }),
    distribution: inductionWords(2, 2, [1]),
  },
  "parentheses of one kind, length 8": {
    task: parentheses({ dVocab: 2, nCtx: 8 }),
    distribution: parenthesesWords(2, 8),
    limit: chiSquaredLimit[13],
  },
  "parentheses of two kinds, length 6": {
    task: parentheses({ dVocab: 4, nCtx: 6 }),
    distribution: parenthesesWords(4, 6),
    limit: chiSquaredLimit[39],
  },
  "parentheses of three kinds, length 4": {
    task: parentheses({ dVocab: 6, nCtx: 4 }),
    distribution: parenthesesWords(6, 4),
  },
  "parentheses, the shortest": {
    task: parentheses({ dVocab: 4, nCtx: 2 }),
    distribution: parenthesesWords(4, 2),
  },
  "reversal, 3 tokens, length 4": {
    task: reversal({ dVocab: 3, nCtx: 4 }),
    distribution: reversalWords(3, 4),
    limit: chiSquaredLimit[8],
  },
  "reversal, 3 tokens, length 8": {
    task: reversal({ dVocab: 3, nCtx: 8 }),
    distribution: reversalWords(3, 8),
  },
  "reversal, the shortest": { task: reversal({ dVocab: 2, nCtx: 2 }), distribution: reversalWords(2, 2) },
  "sorting, 3 tokens, length 4": {
    task: sorting({ dVocab: 3, nCtx: 4 }),
    distribution: sortingWords(3, 4),
    limit: chiSquaredLimit[8],
  },
  "sorting, 12 tokens, length 6": {
    task: sorting({ dVocab: 12, nCtx: 6 }),
    distribution: sortingWords(12, 6),
  },
  "addition modulo 3": {
    task: modularAddition({ dVocab: 4 }),
    distribution: additionWords(3),
    limit: chiSquaredLimit[8],
  },
  "addition modulo 7": { task: modularAddition({ dVocab: 8 }), distribution: additionWords(7) },
};

test.each(Object.entries(cases))(
  "The floor, ceiling and marginal of %s are those of all its sequences.",
  (_, of) => {
    const { task, distribution } = of;
    const { nCtx } = task;
    const { scored, ...floor } = task.bayesFloor()!;
    const expected = enumerated(distribution, nCtx, scoredPositions(scored, nCtx - 1));
    const close = (value: number, right: number) => expect(Math.abs(value - right)).toBeLessThan(ROUNDING);
    expect(Object.keys(floor).sort()).toEqual(Object.keys(expected.floor).sort());
    expect(floor.byPosition).toHaveLength(nCtx - 1);
    floor.byPosition.forEach((nats, pos) => {
      close(nats, expected.floor.byPosition[pos]);
    });
    for (const name of ["causal", "leaky", "entropyOfFirst", "entropyOfSequence"] as const)
      close(floor[name], expected.floor[name]);
    close(floor.sequenceSd ** 2, expected.floor.sequenceSd ** 2); // the root of a rounded zero is 1e-8
    task.accuracyCeiling()!.forEach((share, pos) => {
      close(share, expected.ceiling[pos]);
    });
    task.targetMarginal()!.forEach((share, token) => {
      close(share, expected.marginal[token] ?? 0);
    });
  },
);

const counted = Object.entries(cases).filter(([, { limit }]) => limit !== undefined);

test.each(counted)(
  "Samples of %s occur as often as they should (chi-squared over all its sequences).",
  (_, of) => {
    const { task, distribution, limit } = of;
    const count = 20000;
    const sample = task.sample(randomStream("test", task.name, "frequencies"), count);
    const seen = new Map<string, number>();
    for (let n = 0; n < count; n++) {
      const word = tokensOf(sample, n).join();
      seen.set(word, (seen.get(word) ?? 0) + 1);
    }
    for (const word of seen.keys()) expect(distribution.has(word)).toBe(true);
    const statistic = chiSquared(
      [...distribution.keys()].map((word) => seen.get(word) ?? 0),
      [...distribution.values()].map((p) => p * count),
    );
    expect(statistic).toBeLessThan(limit as number);
  },
);

test.each(Object.entries(cases))(
  "The loss of the best predictor on samples of %s is −ln of the next token's share.",
  (_, of) => {
    const { task, distribution } = of;
    const count = 50;
    const sample = task.sample(randomStream("test", task.name, "loss"), count);
    const shares = Array.from({ length: task.nCtx }, (_, i) => prefixes(distribution, i + 1));
    const expected = new Float64Array(sample.nPos);
    for (let n = 0; n < count; n++) {
      const tokens = tokensOf(sample, n);
      const share = (length: number) => shares[length - 1].get(tokens.slice(0, length).join()) as number;
      for (let pos = 0; pos < sample.nPos; pos++)
        expected[pos] -= Math.log(share(pos + 2) / share(pos + 1)) / count;
    }
    task.bayesLoss(sample)!.forEach((nats, pos) => {
      expect(Math.abs(nats - expected[pos])).toBeLessThan(ROUNDING);
    });
  },
);

/** Share of right answers at each position of a predictor that is given what came before. */
function rightShares(sample: Sequences, answer: (before: readonly number[]) => number): number[] {
  const right = new Array<number>(sample.nPos).fill(0);
  for (let n = 0; n < sample.count; n++) {
    const tokens = tokensOf(sample, n);
    for (let pos = 0; pos < sample.nPos; pos++)
      if (answer(tokens.slice(0, pos + 1)) === tokens[pos + 1]) right[pos] += 1 / sample.count;
  }
  return right;
}

function expectShares(shares: readonly number[], ceiling: readonly number[], count: number): void {
  shares.forEach((share, pos) => {
    const standardError = Math.sqrt((ceiling[pos] * (1 - ceiling[pos])) / count);
    expect(Math.abs(share - ceiling[pos])).toBeLessThanOrEqual(SIGMAS * standardError + ROUNDING);
  });
}

test("Induction with 16 tokens of length 16: on fresh sequences the best loss is its floor, within the exact error.", () => {
  const task = induction({ dVocab: 16, nCtx: 16 });
  const { causal, sequenceSd } = task.bayesFloor()!;
  const count = 20000;
  const losses = task.bayesLoss(task.sample(randomStream("test", "induction"), count))!;
  const mean = losses.reduce((sum, nats) => sum + nats, 0) / 15;
  expect(sequenceSd).toBeGreaterThan(0);
  expect(Math.abs(mean - causal)).toBeLessThan((SIGMAS * sequenceSd) / Math.sqrt(count));
});

test("Induction with 16 tokens of length 16: who copies what followed last time reaches the ceiling.", () => {
  const task = induction({ dVocab: 16, nCtx: 16 });
  const count = 4000;
  const sample = task.sample(randomStream("test", "copier"), count);
  const copier = (before: readonly number[]) => {
    const last = before.length - 1;
    const earlier = before.indexOf(before[last]);
    if (earlier < last) return before[earlier + 1];
    // nothing has come back: the segment of 4 to 8 may end here, which is likelier than any one of the other tokens
    return before.length >= 4 ? before[0] : [0, 1, 2, 3].find((token) => !before.includes(token))!;
  };
  expectShares(rightShares(sample, copier), task.accuracyCeiling()!, count);
});

test("With a single period the loss is all in the segment: ln V, ln(V − 1) … and then nothing.", () => {
  const { byPosition, sequenceSd } = induction({ dVocab: 16, nCtx: 16, periods: [8] }).bayesFloor()!;
  for (const [pos, nats] of byPosition.entries())
    expect(Math.abs(nats - (pos < 7 ? Math.log(15 - pos) : 0))).toBeLessThan(ROUNDING);
  expect(sequenceSd).toBe(0);
});

test("There are C_n kⁿ balanced sequences, also of 24 tokens, and each of them costs the floor exactly.", () => {
  const task = parentheses({ dVocab: 6, nCtx: 24 });
  const { causal, entropyOfSequence } = task.bayesFloor()!;
  expect(Math.abs(entropyOfSequence - Math.log(208012 * 3 ** 12))).toBeLessThan(ROUNDING); // C_12 = 208012
  const sample = task.sample(randomStream("test", "parentheses"), 200);
  for (let n = 0; n < sample.count; n++) {
    const tokens = tokensOf(sample, n);
    expect(isBalanced(tokens)).toBe(true);
    const alone = {
      count: 1,
      nPos: 23,
      inputs: Int32Array.from(tokens),
      targets: Int32Array.from(tokens.slice(1)),
    };
    const mean = task.bayesLoss(alone)!.reduce((sum, nats) => sum + nats, 0) / 23;
    expect(Math.abs(mean - causal)).toBeLessThan(ROUNDING);
  }
});

test("Parentheses of 24 tokens: who counts the ways to go on reaches the ceiling.", () => {
  const nCtx = 24;
  const task = parentheses({ dVocab: 4, nCtx });
  const known = new Map<string, number>();
  const ways = (height: number, left: number): number => {
    if (height < 0 || height > left) return 0;
    if (left === 0) return 1;
    const key = `${height} ${left}`;
    const found = known.get(key) ?? ways(height + 1, left - 1) * 2 + ways(height - 1, left - 1);
    known.set(key, found);
    return found;
  };
  const counter = (before: readonly number[]) => {
    const open: number[] = [];
    for (const token of before)
      if (token % 2 === 0) open.push(token);
      else open.pop();
    const left = nCtx - before.length - 1;
    const opening = ways(open.length + 1, left);
    const closing = open.length > 0 ? ways(open.length - 1, left) : 0;
    return closing > opening ? open[open.length - 1] + 1 : 0;
  };
  const count = 4000;
  const sample = task.sample(randomStream("test", "counter"), count);
  expectShares(rightShares(sample, counter), task.accuracyCeiling()!, count);
});

test("Reversal, sorting and addition: a program that reads the prompt makes no mistake in the answer.", () => {
  const half = (before: readonly number[]) => before.slice(0, 8);
  const programs: [Task, (before: readonly number[]) => number][] = [
    [reversal({ dVocab: 20, nCtx: 16 }), (before) => before[15 - before.length]],
    [
      sorting({ dVocab: 20, nCtx: 16 }),
      (before) => half(before).toSorted((a, b) => a - b)[before.length - 8],
    ],
    [modularAddition({ dVocab: 114 }), ([a, b]) => (a + b) % 113],
  ];
  for (const [task, program] of programs) {
    const sample = task.sample(randomStream("test", task.name, "program"), 500);
    const shares = rightShares(sample, program);
    const counting = scoredPositions(sample.scored, sample.nPos);
    expect(counting).toEqual(scoredPositions(task.bayesFloor()!.scored, sample.nPos));
    expect(counting[counting.length - 1]).toBe(sample.nPos - 1);
    expect(counting).toHaveLength(task.name === "modularAddition" ? 1 : 8);
    for (const pos of counting) {
      expect(Math.abs(shares[pos] - 1)).toBeLessThan(ROUNDING);
      expect(task.accuracyCeiling()![pos]).toBe(1);
    }
  }
});

test("Answers of 16 tokens name every token equally often, as their marginal says (chi-squared).", () => {
  const count = 2000;
  for (const make of [reversal, sorting]) {
    const task = make({ dVocab: 10, nCtx: 16 });
    // the first halves are independent tokens, and the answers are the same tokens in another order
    const { targets, nPos, scored } = task.sample(randomStream("test", task.name, "marginal"), count);
    const observed = new Array<number>(10).fill(0);
    for (let cell = 0; cell < targets.length; cell++) if (scored![cell % nPos]) observed[targets[cell]]++;
    expect(observed.reduce((a, b) => a + b)).toBe(count * 8);
    const expected = task.targetMarginal()!.map((share) => share * count * 8);
    expect(chiSquared(observed, expected)).toBeLessThan(chiSquaredLimit[9]);
  }
});

test("With permuted targets the prompt stays as it was, and the answers are dealt out among themselves.", () => {
  const task = modularAddition({ dVocab: 8 });
  const permuted = permutedTargets(task);
  const [before, after] = [task, permuted].map((of) => of.sample(randomStream("test"), 300));
  expect(after.inputs).toEqual(before.inputs);
  expect(after.scored).toEqual(Uint8Array.of(0, 0, 1));
  const answers = (from: Sequences) => from.targets.filter((_, cell) => cell % 3 === 2);
  const others = (from: Sequences) => from.targets.filter((_, cell) => cell % 3 !== 2);
  expect(others(after)).toEqual(others(before));
  expect(answers(after)).not.toEqual(answers(before));
  expect(answers(after).sort()).toEqual(answers(before).sort());
  const floor = permuted.bayesFloor()!;
  for (const nats of [floor.causal, floor.leaky, floor.byPosition[2]])
    expect(Math.abs(nats - Math.log(7))).toBeLessThan(ROUNDING);
  expect(floor.byPosition[0]).toBe(task.bayesFloor()!.byPosition[0]);
  expect(permuted.accuracyCeiling()).toEqual([1 / 7, 1, 1 / 7]);
  const [a, sign, sum] = permuted.bayesLoss(after)!;
  expect([a, sign]).toEqual([Number.NaN, Number.NaN]);
  expect(Math.abs(sum - Math.log(7))).toBeLessThan(ROUNDING);
});

test("The tolerance of the leak alarm counts the targets that count.", () => {
  const floor = modularAddition().bayesFloor()!;
  expect(Math.abs(leakTolerance(floor, 1000, { alpha: 0.01 }) - Math.log(200) / 1000)).toBeLessThan(ROUNDING);
});

test.each([
  [2, 2],
  [2, 7],
  [3, 5],
  [4, 6],
  [6, 4],
  [5, 5],
])(
  "The accuracy ceiling of the four patterns is that of all their sequences, with %i tokens and length %i.",
  (dVocab, nCtx) => {
    const { ceiling } = enumerated(generatorDistribution(dVocab, nCtx), nCtx);
    const task = patterns({ dVocab, nCtx });
    expect(task.accuracyCeiling()).toHaveLength(nCtx - 1);
    task.accuracyCeiling()!.forEach((share, pos) => {
      expect(Math.abs(share - ceiling[pos])).toBeLessThan(ROUNDING);
    });
  },
);

test("Sizes that a task cannot have are refused, with what would fit.", () => {
  const refused: [() => unknown, string][] = [
    [() => reversal({ nCtx: 7 }), "sequence reversal: needs an even nCtx; got 7. Use 6 or 8."],
    [() => sorting({ nCtx: 3 }), "sorting: needs an even nCtx; got 3. Use 2 or 4."],
    [() => parentheses({ nCtx: 9 }), "parentheses: needs an even nCtx; got 9. Use 8 or 10."],
    [() => parentheses({ dVocab: 5 }), "parentheses: needs an even dVocab, two tokens for each kind; got 5."],
    [
      () => modularAddition({ nCtx: 8 }),
      "modular addition: needs nCtx 4: a, b, = and their sum; got 8. Use a model with nCtx 4 and dVocab one above the modulus.",
    ],
    [
      () => modularAddition({ dVocab: 2 }),
      "modular addition, dVocab: must be a whole number, at least 3; got 2.",
    ],
    [
      () => induction({ dVocab: 3, nCtx: 16 }),
      "induction: needs segments of 4 different tokens in sequences of 16; got dVocab 3. Use more tokens, shorter sequences, or shorter periods.",
    ],
    [() => induction({ periods: [] }), "induction, periods: needs one or more lengths, each once; got []."],
    [
      () => induction({ periods: [2, 2] }),
      "induction, periods: needs one or more lengths, each once; got [2, 2].",
    ],
    [() => induction({ periods: [8] }), "induction, period: must be a whole number, 1 to 7; got 8."],
    [() => scoredPositions(Uint8Array.of(1, 0), 3), "got [1 0]."],
    [() => scoredPositions(Uint8Array.of(0, 0), 2), "at least one of them 1"],
  ];
  for (const [make, message] of refused) {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  }
  for (const make of [induction, parentheses, reversal, sorting, modularAddition])
    expect(() => make().sample(randomStream("test"), 0)).toThrow(ArgumentError);
});
